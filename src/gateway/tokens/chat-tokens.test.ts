import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { threadAtWork, withoutThreads } from "../../../test/kit/faulty-threads.ts";
import type { ChatRequest, ImagePart } from "../conversation/chat-request.ts";
import { estimateChat, mostTokensOfChat, needsOf } from "./chat-tokens.ts";
import { imageSize, imageTokens } from "./image-tokens.ts";
import { TokenCounter } from "./token-counter.ts";

const empty: ChatRequest = {
  messages: [], tools: [], toolChoice: { type: "auto" }, parallelToolCalls: null, output: { type: "text" }, reasoning: null, stream: false, user: null, extra: {},
  sampling: { maxOutputTokens: null, temperature: null, topP: null, topK: null, stop: [], seed: null, frequencyPenalty: null, presencePenalty: null },
};
const user = (text: string): ChatRequest => ({ ...empty, messages: [{ role: "user", parts: [{ type: "text", text }] }] });

function image(mediaType: string, bytes: readonly number[], detail?: string): ImagePart {
  return { type: "image", source: { kind: "data", mediaType, base64: Buffer.from([...bytes, ...new Array<number>(40).fill(0)]).toString("base64") }, ...(detail === undefined ? {} : { detail }) };
}
const png = (width: number, height: number): number[] => [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, ...Buffer.from("IHDR"), 0, 0, width >> 8, width & 255, 0, 0, height >> 8, height & 255];

describe("tokens of a chat", () => {
  const counter = new TokenCounter();
  after(() => counter.close());

  it("counts as OpenAI does: 7 around one short message, in a thread of its own, which starts again when it was closed", async () => {
    const failing = assert.rejects(counter.countText("x", "gpt-4o"), { code: "INTERNAL" });
    await counter.close();
    await failing;
    // "hello world" are 2 tokens; 3 stand around a message, 3 before the answer.
    assert.deepEqual(await counter.countChat(user("hello world"), "gpt-4o"), { tokens: 8, exact: true, encoding: "o200k" });
    // The newer vocabulary has more of other scripts than Latin.
    const [older, newer] = await Promise.all([counter.countText("Привет, мир! Как дела?", "gpt-4"), counter.countText("Привет, мир! Как дела?", "gpt-4o")]);
    assert.ok(older.tokens > newer.tokens, `${older.tokens} and ${newer.tokens}`);
    const [long, text] = await Promise.all([counter.countChat(user("a".repeat(50_000)), "gpt-4o"), counter.countText("<|endoftext|>", "gpt-4o")]);
    assert.equal(long.exact, false);
    assert.ok(text.tokens > 3 && text.exact);
  });

  it("turns away what comes when a thousand wait, and tells it", async () => {
    const full: string[] = [];
    const busy = new TokenCounter({ count: (room) => void full.push(room) });
    const waiting = Array.from({ length: 1000 }, () => busy.countText("hello", "gpt-4o"));
    assert.deepEqual(full, []);
    await assert.rejects(busy.countText("hello", "gpt-4o"), { code: "GATEWAY_OVERLOADED", retryAfterSeconds: 1 });
    assert.deepEqual(full, ["token counts"]);
    assert.deepEqual([...new Set((await Promise.all(waiting)).map(({ tokens }) => tokens))], [1]);
    assert.equal((await busy.countText("hello", "gpt-4o")).tokens, 1);
    await busy.close();
  });

  it("counts in the next thread what waited when one died, once, and fails where there is none", async () => {
    const mortal = new TokenCounter();
    const twice = mortal.countText("hello world", "gpt-4o");
    // Before it has the vocabulary.
    await threadAtWork("token-counter")!.terminate();
    const once = mortal.countText("hello world", "gpt-4o");
    await Promise.all([assert.rejects(twice, { code: "INTERNAL" }), threadAtWork("token-counter")!.terminate()]);
    assert.deepEqual(await once, { tokens: 2, exact: true });
    await mortal.close();
    await withoutThreads(() => assert.rejects(mortal.countText("hello", "gpt-4o"), { code: "INTERNAL" }));
    assert.equal((await mortal.countText("hello", "gpt-4o")).tokens, 1);
    await mortal.close();
  });

  it("adds tools, schemas and media to the estimate, and bounds it by bytes", () => {
    const plain = estimateChat(user("hello"));
    assert.equal(plain, 3 + 3 + 1);
    const tools = { ...user("hello"), tools: [{ name: "weather", description: "Tells the weather", parameters: { type: "object", properties: { city: { type: "string" } } } }] };
    assert.ok(estimateChat(tools) > plain + 20);
    assert.equal(mostTokensOfChat(user("é")), 3 + 3 + 2);
    const pictured: ChatRequest = { ...empty, messages: [{ role: "user", parts: [image("image/png", png(512, 512))] }] };
    assert.equal(estimateChat(pictured), 3 + 3 + 255);
  });

  it("names what a target must be able to do", () => {
    assert.deepEqual([...needsOf(user("x"))], []);
    const request: ChatRequest = {
      ...empty, stream: true, reasoning: { effort: "high" }, output: { type: "schema", name: "o", schema: {}, strict: true },
      messages: [{ role: "user", parts: [image("image/png", []), { type: "audio", mediaType: "audio/wav", base64: "" }, { type: "document", source: { kind: "file", id: "f" } }] }, { role: "assistant", parts: [{ type: "tool-call", id: "c", name: "n", arguments: "" }] }],
    };
    assert.deepEqual([...needsOf(request)].sort(), ["audio", "documents", "images", "reasoning", "schema", "stream", "tools"]);
    assert.deepEqual([...needsOf({ ...empty, reasoning: { effort: "none" } })], []);
  });
});

describe("tokens of an image", () => {
  it("follows OpenAI's published examples", () => {
    assert.equal(imageTokens(image("image/png", png(1024, 1024))), 765);
    assert.equal(imageTokens(image("image/png", png(2048, 4096))), 1105);
    assert.equal(imageTokens(image("image/png", png(4096, 8192), "low")), 85);
    assert.equal(imageTokens({ type: "image", source: { kind: "url", url: "https://example.com/x.png" } }), 765);
  });

  it("reads sizes from the heads of all four formats", () => {
    const size = (bytes: readonly number[]): unknown => imageSize(image("image/x", bytes).source as Parameters<typeof imageSize>[0]);
    assert.deepEqual(size(png(640, 480)), { width: 640, height: 480 });
    assert.deepEqual(size([...Buffer.from("GIF89a"), 0x80, 0x02, 0xe0, 0x01]), { width: 640, height: 480 });
    assert.deepEqual(size([...Buffer.from("RIFF0000WEBPVP8X"), 10, 0, 0, 0, 0, 0, 0, 0, 0x7f, 2, 0, 0xdf, 1, 0]), { width: 640, height: 480 });
    assert.deepEqual(size([...Buffer.from("RIFF0000WEBPVP8 "), 0, 0, 0, 0, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01]), { width: 640, height: 480 });
    const lossless = 639 | (479 << 14);
    assert.deepEqual(size([...Buffer.from("RIFF0000WEBPVP8L"), 0, 0, 0, 0, 0x2f, lossless & 255, (lossless >> 8) & 255, (lossless >> 16) & 255, (lossless >> 24) & 255]), { width: 640, height: 480 });
    assert.deepEqual(size([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 17, 8, 0x01, 0xe0, 0x02, 0x80]), { width: 640, height: 480 });
    assert.equal(size([0xff, 0xd8, 0xff, 0xe0, 0, 0]), null);
    assert.equal(size([1, 2, 3]), null);
    assert.equal(size(png(0, 480)), null);
  });
});
