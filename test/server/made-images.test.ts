import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerEvents, answerJson, GatewayUpstream, speakOpenAi } from "./gateway-upstream.ts";

type Json = Record<string, unknown>;
interface Part { text?: string; inlineData?: { mimeType: string; data: string }; thoughtSignature?: string }

const question = "Draw a ship.";
/** One pixel, and what stands for another. */
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const jpeg = "/9j/4AAQSkZJRg==";
const [pngUrl, jpegUrl] = [`data:image/png;base64,${png}`, `data:image/jpeg;base64,${jpeg}`];
const note = /The model made an image, for which this protocol has no place/;

describe("images that a model makes", () => {
  let server: BorrowedServer;
  const usageMetadata = { promptTokenCount: 5, candidatesTokenCount: 1300 };
  const piece = (parts: object[], more: object = {}): object => ({ responseId: "r1", modelVersion: "gemini-3-pro-image", candidates: [{ index: 0, content: { role: "model", parts }, ...more }], usageMetadata });
  const drawn = [
    [{ inlineData: { mimeType: "image/png", data: "RHJhZnQ=" }, thought: true }, { text: "Here: " }], [{ inlineData: { mimeType: "image/png", data: png }, thoughtSignature: "c2ln" }], [{ inlineData: { mimeType: "image/jpeg", data: jpeg } }],
  ];
  const upstream = new GatewayUpstream((call, response) => {
    if (call.path.startsWith("/openai")) return speakOpenAi(call, response);
    if (call.path.includes("stream")) return answerEvents(response, drawn.map((parts, index) => `data: ${JSON.stringify(piece(parts, index === 2 ? { finishReason: "STOP" } : {}))}\r\n\r\n`));
    answerJson(response, piece(drawn.flat(), { finishReason: "STOP" }));
  });

  before(async () => {
    server = await borrowServer();
    const address = await upstream.start();
    const put = (what: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${what}`, { revision: 0, settings });
    await put("providers/gemini-here", { kind: "gemini", baseUrl: `${address}/gemini` });
    await put("providers/openai-here", { kind: "openai", baseUrl: `${address}/openai/v1` });
    await put("routes/drawing", { targets: [{ provider: "gemini-here", model: "gemini-3-pro-image" }], guardrails: [{ kind: "pii", on: "output", types: ["email"], action: "redact" }] });
  });
  after(async () => {
    await server.giveBack();
    upstream.stop();
  });

  async function ask(path: string, body: object, model = "gemini-here/gemini-3-pro-image"): Promise<{ text: string; headers: Headers; document: Json }> {
    const reply = await fetch(server.url + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model, ...body }) });
    const text = await reply.text();
    assert.equal(reply.status, 200, text);
    return { text, headers: reply.headers, document: text.startsWith("{") ? (JSON.parse(text) as Json) : {} };
  }

  const eventsIn = (text: string): Json[] => [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data!) as Json);
  const messages = [{ role: "user", content: question }];
  const bare = (images: Json[]): unknown[] => images.map(({ image_url: image, extra_content: extra }) => [(image as Json).url, extra]);
  const expected = [[pngUrl, { google: { thought_signature: "c2ln" } }], [jpegUrl, undefined]];

  it("stand beside the content of a chat completion, whole and streamed, behind a guardrail too", async () => {
    for (const model of ["gemini-here/gemini-3-pro-image", "drawing"]) {
      const { document } = await ask("/v1/chat/completions", { messages, modalities: ["image", "text"] }, model);
      const [{ message }] = document.choices as [{ message: Json }];
      assert.deepEqual([message.content, bare(message.images as Json[])], ["Here: ", expected]);
      assert.deepEqual((upstream.calls.at(-1)!.body.generationConfig as Json).responseModalities, ["IMAGE", "TEXT"]);
      const streamed = await ask("/v1/chat/completions", { messages, stream: true }, model);
      const deltas = eventsIn(streamed.text).map(({ choices }) => (choices as { delta: Json }[])[0]!.delta);
      assert.deepEqual(bare(deltas.flatMap(({ images }) => (images ?? []) as Json[])), expected);
      assert.deepEqual([deltas.map(({ content }) => content ?? "").join(""), streamed.text.includes("RHJhZnQ=")], ["Here: ", false]);
      assert.equal("responseModalities" in (upstream.calls.at(-1)!.body.generationConfig as Json), false);
    }
  });

  it("are items of a response, whole and streamed", async () => {
    const { document } = await ask("/v1/responses", { input: question });
    const items = document.output as Json[];
    assert.deepEqual(items.map(({ type, result }) => [type, result]), [["message", undefined], ["image_generation_call", png], ["image_generation_call", jpeg]]);
    const streamed = eventsIn((await ask("/v1/responses", { input: question, stream: true })).text);
    const done = streamed.filter(({ type }) => type === "response.output_item.done").map(({ item }) => item as Json);
    assert.deepEqual(done.map(({ type, result, status }) => [type, result, status]), [["message", undefined, "completed"], ["image_generation_call", png, "completed"], ["image_generation_call", jpeg, "completed"]]);
    assert.deepEqual((streamed.at(-1)!.response as { output: Json[] }).output, done);
  });

  it("are said to be missing where a protocol has no place for them", async () => {
    for (const stream of [false, true]) {
      assert.match((await ask("/v1/messages", { max_tokens: 99, messages, stream })).text, note);
      assert.match((await ask("/v1/completions", { prompt: question, stream })).text, note);
    }
  });

  it("go back to the model that made them, and are named where another cannot take them", async () => {
    const { document } = await ask("/v1/chat/completions", { messages });
    const { message } = (document.choices as [{ message: Json }])[0];
    const further = [...messages, message, { role: "user", content: "Larger." }];
    const made: Part[] = [{ text: "Here: " }, { inlineData: { mimeType: "image/png", data: png }, thoughtSignature: "c2ln" }, { inlineData: { mimeType: "image/jpeg", data: jpeg } }];
    const said = (): Part[] => (upstream.calls.at(-1)!.body.contents as { parts: Part[] }[])[1]!.parts;
    await ask("/v1/chat/completions", { messages: further });
    assert.deepEqual(said(), made);
    const response = await ask("/v1/responses", { input: question });
    const input = [{ role: "user", content: question }, ...(response.document.output as Json[]), { role: "user", content: "Larger." }];
    await ask("/v1/responses", { input });
    assert.deepEqual(said(), made);
    const elsewhere = await ask("/v1/chat/completions", { messages: further }, "openai-here/gpt-5");
    assert.equal(elsewhere.headers.get("x-slipway-dropped"), "messages[1].images");
    assert.deepEqual((upstream.calls.at(-1)!.body.messages as Json[])[1], { role: "assistant", content: "Here: ", refusal: null });
    assert.equal((await ask("/v1/responses", { input }, "openai-here/gpt-5")).headers.get("x-slipway-dropped"), "messages[1].images");
  });
});
