import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

interface Entry {
  model: string;
  cost: number | null;
  estimated: boolean;
  units?: { webSearches: number };
}

/** In billionths of a dollar. */
const dollars = 1e9;

describe("what a provider bills by more than the tokens of the model that was named", () => {
  let server: BorrowedServer;
  const google = new GatewayUpstream(({ path, body }, response) => {
    const model = /models\/([^:]+):/.exec(path)![1]!;
    const isGrounded = Array.isArray(body.tools);
    const metadata = isGrounded ? { groundingMetadata: { webSearchQueries: ["weather Oslo", "Oslo today"], groundingChunks: [{ web: { uri: "https://a.test" } }] } } : {};
    answerJson(response, { responseId: "r1", modelVersion: model, candidates: [{ content: { role: "model", parts: [{ text: "Sun" }] }, finishReason: "STOP", index: 0, ...metadata }], usageMetadata: { promptTokenCount: 0, candidatesTokenCount: 0 } });
  });
  /** Answers by the first of `models`, as OpenRouter does where the named one fails. */
  const open = new GatewayUpstream(({ body }, response) => {
    const { model, models = [] } = body as { model: string; models?: string[] };
    answerJson(response, { id: "c1", object: "chat.completion", created: 1, model: models[0] ?? model, choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 0, completion_tokens: 1000, total_tokens: 1000 } });
  });

  before(async () => {
    server = await borrowServer();
    const provider = (name: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings });
    await provider("google", { kind: "gemini", baseUrl: await google.start() });
    const openUrl = `${await open.start()}/v1`;
    await provider("openai", { kind: "openai", baseUrl: openUrl });
    await provider("router", { kind: "compatible", baseUrl: openUrl });
    for (const [model, output] of [["cheap", 1], ["dear", 100]] as const) await server.client.api.send("POST", "/api/prices", { provider: "router", model, rates: { input: 0, output } });
    await server.client.api.send("PUT", "/api/gateway/routes/tight", { revision: 0, settings: { targets: [{ provider: "google", model: "gemini-3-flash-preview" }], budget: { perQuery: 0.27 }, addedTokens: 0 } });
  });
  after(async () => {
    await server.giveBack();
    google.stop();
    open.stop();
  });

  const ask = (model: string, more: object = {}, traceId = randomBytes(16).toString("hex")): Promise<Response> =>
    fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json", traceparent: `00-${traceId}-${"1".repeat(16)}-01` }, body: JSON.stringify({ model, max_tokens: 20, messages: [{ role: "user", content: "hello" }], ...more }) });

  /** What the ledger says of a call that was answered. */
  async function entryOf(model: string, more: object = {}): Promise<Entry> {
    const traceId = randomBytes(16).toString("hex");
    const answer = await ask(model, more, traceId);
    assert.equal(answer.status, 200, await answer.text());
    const { entries } = await server.client.api.get<{ entries: Entry[] }>(`/api/costs/entries?trace=${traceId}`);
    assert.equal(entries.length, 1);
    return entries[0]!;
  }

  it("has the fee of Gemini's grounding: once for a prompt of 2.5, for each query of 3, and none without a search", async () => {
    const search = { tools: [{ google_search: {} }] };
    for (const [model, searches, fee] of [["gemini-2.5-flash", 1, 0.035], ["gemini-3-flash-preview", 2, 0.028]] as const) {
      const { units, cost, estimated } = await entryOf(`google/${model}`, search);
      assert.deepEqual([units?.webSearches, cost, estimated], [searches, fee * dollars, false]);
    }
    assert.equal((await entryOf("google/gemini-3-flash-preview")).cost, 0);
  });

  it("reserves as many searches as there may be", async () => {
    assert.equal((await ask("tight")).status, 200);
    const refused = await ask("tight", { tools: [{ google_search: {} }] });
    assert.equal(refused.status, 402);
    assert.match(await refused.text(), /budget/i);
  });

  it("has a search for each call of a model that always searches, as an estimate", async () => {
    const { units, cost, estimated } = await entryOf("openai/gpt-4o-search-preview");
    assert.deepEqual([units?.webSearches, cost, estimated], [1, (0.025 + 0.01) * dollars, true]);
    assert.equal((await entryOf("openai/gpt-4o")).units, undefined);
  });

  it("is priced by the model that answered where the provider chose it, or is an estimate by the one that was named", async () => {
    const of = async (models?: string[]): Promise<unknown[]> => {
      const { model, cost, estimated } = await entryOf("router/cheap", models === undefined ? {} : { models });
      return [model, cost, estimated];
    };
    assert.deepEqual(await of(["dear", "cheap"]), ["dear", 0.1 * dollars, false]);
    assert.deepEqual(await of(["cheap", "dear"]), ["cheap", 0.001 * dollars, false]);
    assert.deepEqual(await of(["unknown"]), ["cheap", 0.001 * dollars, true]);
    assert.deepEqual(await of(), ["cheap", 0.001 * dollars, false]);
  });
});
