import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream, type UpstreamCall } from "./gateway-upstream.ts";

interface Entry {
  provider: string;
  outcome: string;
  estimated: boolean;
  cost: number;
  tokens: { input: number | null; output: number | null };
  units?: { webSearches?: number };
  attribution: { traceId: string };
}

/** Whole billionths of a dollar: a search costs a cent. */
const fee = 10_000_000;
const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };

describe("calls that are cut before their answer was whole", () => {
  let waiting: (call: UpstreamCall) => void = () => undefined;
  const upstream = new GatewayUpstream((call, response) => {
    const { messages, stream } = call.body as { messages?: { content: string }[]; stream?: boolean };
    if (call.path.startsWith("/other")) return answerJson(response, { id: "c1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "fine" }, finish_reason: "stop" }], usage });
    if (messages?.length === 1 && messages[0]!.content === "broken") return answerJson(response, { id: "c1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "no document" }, finish_reason: "stop" }], usage });
    if (stream === true) response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { role: "assistant", content: "so" } }] })}\n\n`);
    if (messages === undefined) return waiting(call);
    if (messages[0]!.content === "gone") return void response.destroy();
    if (messages[0]!.content === "reset") return void setImmediate(() => response.destroy());
    waiting(call);
  });
  let server: RunningServer;

  before(async () => {
    const address = await upstream.start();
    const baseUrl = `${address}/v1`;
    server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
    const { api } = server.client;
    await api.send("PUT", "/api/gateway/providers/searching", { revision: 0, settings: { kind: "compatible", baseUrl } });
    await api.send("PUT", "/api/gateway/providers/other", { revision: 0, settings: { kind: "compatible", baseUrl: `${address}/other` } });
    await api.send("PUT", "/api/gateway/providers/closed", { revision: 0, settings: { kind: "compatible", baseUrl: "http://127.0.0.1:1/v1" } });
    for (const provider of ["searching", "other", "closed"]) await api.send("POST", "/api/prices", { provider, model: "m", rates: { input: 1, output: 1, webSearches: 10 } });
    const routes = {
      free: {}, held: { budget: { month: 1000 } }, hurried: { deadlineMs: 1000, attempts: 1 }, once: { attempts: 1 }, closed: { targets: [{ provider: "closed", model: "m" }], attempts: 1 },
      both: { targets: [{ provider: "searching", model: "m" }, { provider: "other", model: "m", priority: 1 }], firstByteMs: 300, attempts: 1, budget: { month: 1000 } },
    };
    for (const [name, more] of Object.entries(routes)) await api.send("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: { targets: [{ provider: "searching", model: "m" }], ...more } });
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  interface Ended {
    entries: Entry[];
    /** What the caller was told, in dollars; null where it was told nothing. */
    cost: string | null;
  }

  /** A call that ends as `end` says, and its `count` entries. They are written behind the answer: asked for until they are there. */
  async function call(body: object, end: "leave" | "wait", { path = "chat/completions", count = 1 } = {}): Promise<Ended> {
    const trace = randomBytes(16).toString("hex");
    const leave = new AbortController();
    waiting = () => { if (end === "leave") leave.abort(); };
    const cost = await fetch(`${server.url}/v1/${path}`, { method: "POST", headers: { "content-type": "application/json", traceparent: `00-${trace}-${randomBytes(8).toString("hex")}-01` }, body: JSON.stringify(body), signal: leave.signal })
      .then(async (answer) => (await answer.text(), answer.headers.get("x-slipway-cost"))).catch(() => null);
    for (;;) {
      const { entries } = await server.client.api.get<{ entries: Entry[] }>("/api/costs/entries?limit=1000");
      const own = entries.filter(({ attribution }) => attribution.traceId === trace);
      if (own.length >= count) return { entries: own, cost };
    }
  }

  async function entryOf(model: string, content: string, more: object, end: "leave" | "wait"): Promise<Entry> {
    const { entries } = await call({ model, messages: [{ role: "user", content }], max_tokens: 100, ...more }, end);
    assert.equal(entries.length, 1);
    return entries[0]!;
  }

  const searching = { web_search_options: {} };

  it("cost one search of the web, by estimate: the caller left, the deadline was over, the provider broke off", async () => {
    for (const [model, content, more, end, outcome] of [
      ["free", "wait", {}, "leave", "cancelled"], ["hurried", "wait", {}, "wait", "failed"], ["free", "reset", { stream: true }, "wait", "failed"], ["free", "wait", { stream: true }, "leave", "cancelled"],
    ] as const) {
      const entry = await entryOf(model, content, { ...more, ...searching }, end);
      const tokensOf = ({ tokens }: Entry): number => 1000 * (tokens.input! + tokens.output!);
      assert.deepEqual([entry.outcome, entry.estimated, entry.units, entry.cost], [outcome, true, { webSearches: 1 }, tokensOf(entry) + fee]);
      const plain = await entryOf(model, content, more, end);
      assert.deepEqual([plain.outcome, plain.estimated, plain.units, plain.cost], [outcome, true, undefined, tokensOf(plain)]);
      assert.ok(plain.tokens.input! > 0 && plain.tokens.output! > 0 && plain.tokens.output! <= 100, JSON.stringify(plain));
    }
  });

  it("count the round of repair whose caller left beside the round before it, with a budget or without one", async () => {
    const format = { response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } } };
    for (const model of ["held", "free"]) {
      const { entries } = await call({ model, messages: [{ role: "user", content: "broken" }], max_tokens: 100, ...format }, "leave", { count: 2 });
      const [first, again] = entries.toSorted((one, other) => Number(one.estimated) - Number(other.estimated));
      assert.deepEqual([entries.length, first!.outcome, first!.estimated, first!.tokens.input, first!.tokens.output], [2, "cancelled", false, usage.prompt_tokens, usage.completion_tokens]);
      assert.ok(again!.estimated && again!.tokens.input! > usage.prompt_tokens && again!.tokens.output! > 0 && again!.cost > 0, JSON.stringify(again));
    }
  });

  it("count where the provider had all of the request and closed, and not where it took no connection", async () => {
    const gone = await entryOf("once", "gone", {}, "wait");
    assert.ok(gone.outcome === "failed" && gone.estimated && gone.tokens.input! > 0 && gone.cost > 0, JSON.stringify(gone));
    const closed = await entryOf("closed", "closed", {}, "wait");
    assert.deepEqual([closed.outcome, closed.estimated, closed.tokens.input, closed.tokens.output, closed.cost], ["failed", false, null, null, 0]);
  });

  it("count the provider that was not heard in time beside the one that answered, in what the caller is told too", async () => {
    const { entries, cost } = await call({ model: "both", messages: [{ role: "user", content: "wait" }], max_tokens: 100 }, "wait", { count: 2 });
    const [slow, quick] = entries.toSorted((one, other) => Number(other.estimated) - Number(one.estimated));
    assert.deepEqual([entries.length, slow!.provider, slow!.outcome, slow!.estimated, quick!.provider, quick!.outcome, quick!.estimated, quick!.cost], [2, "searching", "failed-over", true, "other", "ok", false, 12_000]);
    assert.ok(slow!.tokens.input! > 0 && slow!.tokens.output! >= 75 && slow!.tokens.output! <= 100, JSON.stringify(slow));
    assert.equal(Math.round(Number(cost) * 1e9), slow!.cost + quick!.cost);
  });

  it("count the input of embeddings whose caller left", async () => {
    const { entries: [entry] } = await call({ model: "free", input: "a text to embed" }, "leave", { path: "embeddings" });
    assert.ok(entry!.outcome === "cancelled" && entry!.estimated && entry!.tokens.input! > 0 && entry!.tokens.output === 0, JSON.stringify(entry));
  });
});
