import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerEvents, answerJson, GatewayUpstream } from "./gateway-upstream.ts";

interface Entry {
  outcome: string;
  estimated: boolean;
  tokens: { input: number; output: number };
}
type Usage = Record<string, unknown>;

const words = "Zwölf Grad und Regen.";
const chunk = (delta: object, finish: string | null): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

describe("answers of which the provider tells no tokens", () => {
  let server: BorrowedServer;
  let texts: string[] = [];
  const upstream = new GatewayUpstream(({ path, body }, response) => {
    if (path.endsWith("/embeddings")) return answerJson(response, { object: "list", model: "m", data: [{ object: "embedding", index: 0, embedding: [1, 2] }] });
    if (body.stream === true) return answerEvents(response, [chunk({ role: "assistant", content: words }, null), chunk({}, "stop"), "data: [DONE]\n\n"]);
    answerJson(response, { id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: texts.shift() ?? words }, finish_reason: "stop" }] });
  });

  before(async () => {
    server = await borrowServer();
    const baseUrl = `${await upstream.start()}/v1`;
    await server.client.api.send("PUT", "/api/gateway/providers/silent", { revision: 0, settings: { kind: "mistral", baseUrl } });
    await server.client.api.send("PUT", "/api/gateway/routes/silent", { revision: 0, settings: { targets: [{ provider: "silent", model: "m" }], repair: 1, cache: { exact: true, ttlSeconds: 60 } } });
  });
  after(async () => {
    await server.giveBack();
    upstream.stop();
  });

  async function ask(path: string, body: object): Promise<{ text: string; cache: string | null; entry: Entry }> {
    const trace = randomBytes(16).toString("hex");
    const headers = { "content-type": "application/json", traceparent: `00-${trace}-${randomBytes(8).toString("hex")}-01` };
    const reply = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify({ model: "silent", ...body }) });
    const text = await reply.text();
    assert.equal(reply.status, 200, text);
    const { entries } = await server.client.api.get<{ entries: Entry[] }>(`/api/costs/entries?trace=${trace}`);
    assert.equal(entries.length, 1);
    return { text, cache: reply.headers.get("x-slipway-cache"), entry: entries[0]! };
  }

  const usageOf = (text: string): Usage | undefined => (JSON.parse(text) as { usage?: Usage }).usage;
  const weather = { max_tokens: 100, messages: [{ role: "user", content: "How is the weather in Köln?" }] };

  it("are told to Anthropic's clients with the ledger's estimate, whole, in a stream and from the cache", async () => {
    const whole = await ask("/v1/messages", weather);
    const { input, output } = whole.entry.tokens;
    assert.ok(whole.entry.estimated && input > 5 && output > 4, JSON.stringify(whole.entry));
    const expected = { input_tokens: input, output_tokens: output, estimated: true };
    assert.deepEqual(usageOf(whole.text), expected);
    const cached = await ask("/v1/messages", weather);
    assert.equal(cached.cache, "hit");
    assert.deepEqual(usageOf(cached.text), expected);
    const streamed = await ask("/v1/messages", { ...weather, messages: [{ role: "user", content: "How is the weather in Bonn?" }], stream: true });
    const events = streamed.text.split("\n").filter((line) => line.startsWith("data: ")).map((line) => JSON.parse(line.slice(6)) as { type: string; usage?: Usage; message?: { usage: Usage } });
    const { tokens } = streamed.entry;
    assert.deepEqual(events.find(({ type }) => type === "message_delta")!.usage, { input_tokens: tokens.input, output_tokens: tokens.output, estimated: true });
    assert.deepEqual(events[0]!.message!.usage, { input_tokens: tokens.input, output_tokens: 0 });
  });

  it("are told without a usage where the protocol can leave it out", async () => {
    assert.equal(usageOf((await ask("/v1/chat/completions", { messages: [{ role: "user", content: "hello" }] })).text), undefined);
    assert.equal(usageOf((await ask("/v1/responses", { input: "hello" })).text), null);
  });

  it("are told for embeddings with the ledger's estimate, for their clients need a figure", async () => {
    const { text, entry: { tokens } } = await ask("/v1/embeddings", { input: "How is the weather in Köln?" });
    assert.ok(tokens.input > 5);
    assert.deepEqual(usageOf(text), { prompt_tokens: tokens.input, total_tokens: tokens.input, estimated: true });
  });

  it("are told with the sum of all rounds of repair, which their caller could not count", async () => {
    texts = ['{"age": "I do not know"}', '{"age": 4}'];
    const format = { type: "json_schema", json_schema: { name: "a", schema: { type: "object", properties: { age: { type: "integer" } }, required: ["age"] } } };
    const { text, entry: { tokens, estimated } } = await ask("/v1/chat/completions", { messages: [{ role: "user", content: "how old?" }], response_format: format });
    assert.equal(texts.length, 0, "it was asked for again");
    assert.ok(estimated);
    assert.deepEqual(usageOf(text), { prompt_tokens: tokens.input, completion_tokens: tokens.output, total_tokens: tokens.input + tokens.output, estimated: true });
  });
});
