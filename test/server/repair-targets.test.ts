import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";

interface Entry {
  provider: string;
  outcome: string;
  estimated: boolean;
  cost: number;
  tokens: { input: number | null; output: number | null };
  savedCost?: number | null;
  attribution: { traceId: string };
}

interface Asked {
  answer: Response;
  trace: string;
  usage: { prompt_tokens: number; completion_tokens: number } | undefined;
}

interface TracedSpan {
  attributes: Record<string, unknown>;
}

/** Keeps to no format, and then fails. A token of the one that answers in its place costs ten times as much. */
const cheap = { kind: "scripted", script: [{ text: "no document", inputTokens: 10, outputTokens: 5 }, { status: 503, error: "away" }] };
const format = { type: "json_schema", json_schema: { name: "a", schema: { type: "object", properties: { age: { type: "integer" } }, required: ["age"] } } };

describe("an answer that another target gave in a round of repair", () => {
  let server: BorrowedServer;

  before(async () => {
    server = await borrowServer();
  });
  after(() => server.giveBack());

  /** A call in which the first target answers wrongly and is then away. Its providers are `NAME-cheap` and `NAME-dear`. */
  async function call(name: string, more: object, { body = {}, text = '{"age": 4}' }: { body?: object; text?: string } = {}): Promise<Asked> {
    const { api } = server.client;
    const dear = { kind: "scripted", script: [{ text, inputTokens: 20, outputTokens: 7 }] };
    for (const [provider, settings, price] of [[`${name}-cheap`, cheap, 1], [`${name}-dear`, dear, 10]] as const) {
      await api.send("PUT", `/api/gateway/providers/${provider}`, { revision: 0, settings });
      await api.send("POST", "/api/prices", { provider, model: "m", rates: { input: price, output: price } });
    }
    const targets = [{ provider: `${name}-cheap`, model: "m" }, { provider: `${name}-dear`, model: "m", priority: 1 }];
    await api.send("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: { targets, attempts: 1, ...more } });
    return ask(name, body);
  }

  async function ask(model: string, body: object = {}): Promise<Asked> {
    const trace = randomBytes(16).toString("hex");
    const headers = { "content-type": "application/json", traceparent: `00-${trace}-${randomBytes(8).toString("hex")}-01` };
    const answer = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify({ model, messages: [{ role: "user", content: "how old?" }], response_format: format, ...body }) });
    const { usage } = (await answer.json()) as Pick<Asked, "usage">;
    return { answer, trace, usage };
  }

  /** They are written behind the answer, all at once: asked for until the call's own is there. */
  async function entriesOf(trace: string): Promise<Entry[]> {
    for (;;) {
      const { entries } = await server.client.api.get<{ entries: Entry[] }>(`/api/costs/entries?trace=${trace}`);
      if (entries.some(({ outcome }) => outcome !== "failed-over")) return entries.toSorted((one, other) => one.provider.localeCompare(other.provider));
    }
  }

  it("is billed at that target's price, and what came before at its own, in the ledger, the header and the spans", async () => {
    const { answer, trace, usage } = await call("repaired-elsewhere", {});
    assert.equal(answer.status, 200);
    assert.deepEqual([usage?.prompt_tokens, usage?.completion_tokens], [30, 12], "the answer has all rounds");
    const entries = await entriesOf(trace);
    assert.deepEqual(entries.map(({ provider, outcome, estimated, tokens: { input, output }, cost }) => [provider, outcome, estimated, input, output, cost]), [
      ["repaired-elsewhere-cheap", "failed-over", false, 10, 5, 15_000], ["repaired-elsewhere-dear", "ok", false, 20, 7, 270_000],
    ]);
    assert.equal(Math.round(Number(answer.headers.get("x-slipway-cost")) * 1e9), 285_000);
    assert.deepEqual(["x-slipway-target", "x-slipway-attempts"].map((name) => answer.headers.get(name)), ["repaired-elsewhere-dear/m", "3"]);
    const { spans } = await server.client.api.get<{ spans: TracedSpan[] }>(`/api/traces/${trace}`);
    const told = spans.filter(({ attributes }) => attributes["slipway.cost_nano_dollars"] !== undefined).map(({ attributes }) => [attributes["slipway.cost_nano_dollars"], attributes["gen_ai.usage.input_tokens"]]);
    assert.deepEqual(told, [[15_000, 10], [270_000, 20]]);
  });

  it("is worth to the cache what all rounds cost", async () => {
    await call("repaired-and-kept", { cache: { exact: true, ttlSeconds: 60 } });
    const { answer, trace } = await ask("repaired-and-kept");
    assert.equal(answer.headers.get("x-slipway-cache"), "hit");
    assert.deepEqual((await entriesOf(trace)).map(({ cost, savedCost }) => [cost, savedCost]), [[0, 285_000]]);
  });

  it("is spent of a budget with what came before it", async () => {
    await call("repaired-held", { budget: { month: 1 } }, { body: { max_tokens: 50 } });
    const { callBudgets } = await server.client.api.get<{ callBudgets: { name: string; use: { spent: number }[] }[] }>("/api/budgets");
    assert.deepEqual(callBudgets.filter(({ name }) => name === "repaired-held").map(({ use }) => use.map(({ spent }) => spent)), [[285_000]]);
  });

  it("is refused for its format with each round at its own target's price", async () => {
    const { answer, trace } = await call("repaired-in-vain", {}, { text: "none either" });
    assert.equal(answer.status, 502);
    assert.deepEqual((await entriesOf(trace)).map(({ provider, outcome, cost }) => [provider, outcome, cost]), [["repaired-in-vain-cheap", "failed-over", 15_000], ["repaired-in-vain-dear", "failed", 270_000]]);
  });
});
