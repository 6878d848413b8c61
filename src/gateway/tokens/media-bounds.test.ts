import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { mostAudioSeconds, mostMediaTokens, type ChatMedia } from "./media-bounds.ts";
import { pdfPages } from "./pdf-pages.ts";

const images = (...sizes: readonly ([number, number] | null)[]): ChatMedia => ({ images: sizes.map((size) => ({ size: size === null ? null : { width: size[0], height: size[1] }, low: false })), pages: 0, audioSeconds: 0 });
const most = (media: ChatMedia, kind: string, model: string): number => mostMediaTokens(media, kind, model).tokens;

describe("the most tokens of an image", () => {
  it("is what the examples of the providers' pages say", () => {
    assert.equal(most(images([1024, 1024]), "openai", "gpt-4o"), 765);
    assert.equal(most(images([2048, 4096]), "openai", "gpt-4o-2024-11-20"), 1105);
    assert.equal(most(images([1024, 1024]), "openai", "gpt-4o-mini"), 2833 + 4 * 5667);
    assert.equal(most(images([1024, 1024]), "openai", "gpt-4.1-mini"), Math.ceil(1024 * 1.62));
    assert.equal(most(images([4000, 4000]), "azure", "gpt-5-nano"), Math.ceil(1536 * 2.46));
    assert.equal(most(images([1092, 1092]), "anthropic", "claude-sonnet-4-5"), 1590);
    assert.equal(most(images([8000, 8000]), "anthropic", "claude-sonnet-4-5"), 1600);
    assert.equal(most(images([8000, 8000]), "anthropic", "claude-opus-4-8"), 4784);
    assert.equal(most(images([8000, 8000]), "bedrock", "us.anthropic.claude-3-5-sonnet-20241022-v2:0"), 1600);
    assert.equal(most(images([960, 540]), "gemini", "gemini-2.5-flash"), 6 * 258);
    assert.equal(most(images([300, 300]), "gemini", "gemini-2.5-flash"), 4 * 258);
    assert.equal(most(images([9000, 9000]), "gemini", "gemini-3-pro-preview"), 2240);
  });

  it("is that of the largest image where the size or the model is not known, and adds up", () => {
    for (const [kind, model] of [["openai", "gpt-4o"], ["openai", "gpt-5.5"], ["azure", "my-deployment"], ["anthropic", "claude-opus-5"], ["gemini", "gemini-2.0-flash"], ["mistral", "pixtral-large"], ["compatible", "llava"]] as const) {
      const unknown = most(images(null), kind, model);
      for (const size of [[1, 1], [512, 512], [4096, 256], [256, 4096], [9999, 9999]] as const) assert.ok(most(images([...size]), kind, model) <= unknown, `${kind}/${model} ${size.join("x")}`);
      assert.equal(most(images(null, null), kind, model), 2 * unknown);
    }
    assert.ok(most(images(null), "openai", "gpt-7") >= most(images(null), "openai", "gpt-4o-mini"));
    assert.equal(most({ images: [{ size: { width: 4096, height: 4096 }, low: true }], pages: 0, audioSeconds: 0 }, "openai", "gpt-4o"), 85);
  });

  it("is joined by pages and audio", () => {
    assert.equal(most({ images: [], pages: 3, audioSeconds: 0 }, "anthropic", "claude-sonnet-4-5"), 3 * (3000 + 1600));
    assert.deepEqual(mostMediaTokens({ images: [], pages: 0, audioSeconds: 2.05 }, "openai", "gpt-audio"), { tokens: 21, audio: 21 });
    assert.deepEqual(mostMediaTokens({ images: [], pages: 0, audioSeconds: 10 }, "gemini", "gemini-2.5-flash"), { tokens: 320, audio: 320 });
  });
});

describe("seconds of audio", () => {
  it("follow from the bytes a second of WAV, and from the least that other formats have", () => {
    const head = Buffer.alloc(44);
    head.write("RIFF", 0, "latin1");
    head.write("WAVEfmt ", 8, "latin1");
    head.writeUInt32LE(32_000, 28);
    assert.equal(Math.round(mostAudioSeconds({ type: "audio", mediaType: "audio/wav", base64: Buffer.concat([head, Buffer.alloc(64_000)]).toString("base64") })), 2);
    assert.equal(mostAudioSeconds({ type: "audio", mediaType: "audio/mp3", base64: Buffer.alloc(3000).toString("base64") }), 3);
  });
});

describe("pages of a PDF", () => {
  const pdf = (body: string): string => Buffer.from(`%PDF-1.7\n${body}\n%%EOF`, "latin1").toString("base64");
  const packed = (text: string): string => `5 0 obj\n<< /Type /ObjStm /N 2 /First 10 /Filter /FlateDecode >>\nstream\n${deflateSync(Buffer.from(text)).toString("latin1")}\nendstream\nendobj`;

  it("are those that the file names, also in packed objects, or that its tree counts", () => {
    assert.equal(pdfPages(pdf("<< /Type /Pages /Kids [1 0 R 2 0 R] /Count 2 >> << /Type /Page >> << /Type/Page/Parent 3 0 R >>")), 2);
    assert.equal(pdfPages(pdf("<< /Type /Pages /Count 40 >> << /Type /Page >>")), 40);
    assert.equal(pdfPages(pdf(packed("<</Type/Pages/Count 3>> <</Type/Page>> <</Type/Page>> <</Type/Page>>"))), 3);
  });

  it("are not known of what cannot be read", () => {
    assert.equal(pdfPages(pdf("<< /Type /Page >> << /Encrypt 4 0 R >>")), null);
    assert.equal(pdfPages(pdf("<< /Type /ObjStm >>\nstream\nnot packed\nendstream")), null);
    assert.equal(pdfPages(pdf(packed("x".repeat(9 << 20)))), null);
    assert.equal(pdfPages(pdf("nothing")), null);
    assert.equal(pdfPages(Buffer.from("no PDF << /Type /Page >>").toString("base64")), null);
  });
});
