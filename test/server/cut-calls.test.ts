import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream, type UpstreamCall } from "./gateway-upstream.ts";

interface Entry {
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
    const { messages, stream } = call.body as { messages: { content: string }[]; stream?: boolean };
    if (messages.length === 1 && messages[0]!.content === "broken") return answerJson(response, { id: "c1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "no document" }, finish_reason: "stop" }], usage });
    if (stream === true) response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { role: "assistant", content: "so" } }] })}\n\n`);
    if (messages[0]!.content === "reset") return void setImmediate(() => response.destroy());
    waiting(call);
  });
  let server: RunningServer;

  before(async () => {
    const baseUrl = `${await upstream.start()}/v1`;
    server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
    const { api } = server.client;
    await api.send("PUT", "/api/gateway/providers/searching", { revision: 0, settings: { kind: "compatible", baseUrl } });
    await api.send("POST", "/api/prices", { provider: "searching", model: "m", rates: { input: 1, output: 1, webSearches: 10 } });
    const routes = { free: {}, held: { budget: { month: 1000 } }, hurried: { deadlineMs: 1000, attempts: 1 } };
    for (const [name, more] of Object.entries(routes)) await api.send("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: { targets: [{ provider: "searching", model: "m" }], ...more } });
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  /** The entry of a call that ends as `end` says. Entries are written behind the answer: asked for until it is there. */
  async function entryOf(model: string, content: string, more: object, end: "leave" | "wait"): Promise<Entry> {
    const trace = randomBytes(16).toString("hex");
    const leave = new AbortController();
    waiting = () => { if (end === "leave") leave.abort(); };
    const body = JSON.stringify({ model, messages: [{ role: "user", content }], max_tokens: 100, ...more });
    await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json", traceparent: `00-${trace}-${randomBytes(8).toString("hex")}-01` }, body, signal: leave.signal }).then((answer) => answer.text()).catch(() => undefined);
    for (;;) {
      const { entries } = await server.client.api.get<{ entries: Entry[] }>("/api/costs/entries?limit=1000");
      const entry = entries.find(({ attribution }) => attribution.traceId === trace);
      if (entry !== undefined) return entry;
    }
  }

  const searching = { web_search_options: {} };

  it("cost one search of the web, by estimate: the caller left, the deadline was over, the provider broke off", async () => {
    for (const [model, content, more, end, outcome] of [
      ["free", "wait", {}, "leave", "cancelled"], ["hurried", "wait", {}, "wait", "failed"], ["free", "reset", { stream: true }, "wait", "failed"], ["free", "wait", { stream: true }, "leave", "cancelled"],
    ] as const) {
      const entry = await entryOf(model, content, { ...more, ...searching }, end);
      const tokens = 1000 * ((entry.tokens.input ?? 0) + (entry.tokens.output ?? 0));
      assert.deepEqual([entry.outcome, entry.estimated, entry.units, entry.cost], [outcome, true, { webSearches: 1 }, tokens + fee]);
      assert.equal((await entryOf(model, content, more, end)).units, undefined);
    }
  });

  it("count the round of repair whose caller left, under a budget", async () => {
    const format = { response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } } };
    const held = await entryOf("held", "broken", format, "leave");
    assert.ok(held.estimated && held.tokens.input! > 2 * usage.prompt_tokens && held.tokens.output! > usage.completion_tokens, JSON.stringify(held));
    const free = await entryOf("free", "broken", format, "leave");
    assert.deepEqual([free.outcome, free.estimated, free.tokens.input, free.tokens.output], ["cancelled", false, usage.prompt_tokens, usage.completion_tokens]);
  });
});
