import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import type { LedgerEntry } from "../../src/ledger/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";
import { answerEvents, answerJson, GatewayUpstream, type UpstreamCall } from "./gateway-upstream.ts";

type Name = "slow" | "quick";

const names: readonly Name[] = ["slow", "quick"];
const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };
const chunk = (delta: object, finish: string | null = null): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

describe("a hedged call", () => {
  let server: SecuredServer;
  const held: Record<Name, { call: UpstreamCall; response: ServerResponse }[]> = { slow: [], quick: [] };
  const upstreams = names.map((name) => new GatewayUpstream((call, response) => void held[name].push({ call, response })));

  before(async () => {
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    for (const [index, name] of names.entries()) {
      await send("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: { kind: "compatible", baseUrl: await upstreams[index]!.start() } });
      await send("POST", "/api/prices", { provider: name, model: "m", rates: { input: 1, output: 10 } });
    }
    await send("PUT", "/api/gateway/routes/hedged", { revision: 0, settings: { targets: names.map((provider, priority) => ({ provider, model: "m", priority })), hedgeAfterMs: 1, budget: { month: 100 } } });
  });
  after(async () => {
    await server.stop();
    for (const upstream of upstreams) upstream.stop();
  });

  async function send<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const reply = await server.asAdmin(method, path, body);
    assert.ok(reply.status < 300, reply.body);
    return JSON.parse(reply.body) as Answer;
  }

  /** The call, when both were asked and one of them has answered; and that the other was ended. */
  async function hedged(stream: boolean, winner: Name): Promise<RawReply> {
    const reply = server.asAdmin("POST", "/v1/chat/completions", { model: "hedged", stream, max_tokens: 50, messages: [{ role: "user", content: "hello" }] });
    while (held.slow.length === 0 || held.quick.length === 0) await betweenLooks();
    const { response } = held[winner].shift()!;
    const { call } = held[winner === "slow" ? "quick" : "slow"].shift()!;
    if (stream) answerEvents(response, [chunk({ content: "one two" }), chunk({}, "stop"), `data: ${JSON.stringify({ id: "c", choices: [], usage })}\n\n`, "data: [DONE]\n\n"]);
    else answerJson(response, { id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "one two" }, finish_reason: "stop" }], usage });
    await call.abandoned;
    return reply;
  }

  it("costs each provider's own in the ledger, in the budget and in the metrics, whoever is quicker", async () => {
    for (const stream of [false, true]) {
      for (const winner of names) {
        const { status, headers } = await hedged(stream, winner);
        assert.deepEqual([status, headers["x-slipway-target"], headers["x-slipway-attempts"]], [200, [`${winner}/m`], ["2"]]);
      }
    }
    const { entries } = await send<{ entries: LedgerEntry[] }>("GET", "/api/costs/entries?route=hedged");
    assert.deepEqual(entries.map(({ provider, outcome }) => `${provider} ${outcome}`).toSorted(), ["quick ok", "quick ok", "quick outrun", "quick outrun", "slow ok", "slow ok", "slow outrun", "slow outrun"]);
    const { body } = await server.asAdmin("GET", "/metrics");
    const metric = (name: string, labels: string): number => Number([...body.matchAll(new RegExp(`^${name}\\{([^}]*)\\} (\\S+)$`, "gm"))].find(([, of]) => of!.includes(labels))?.[2]);
    for (const provider of names) {
      const own = entries.filter((entry) => entry.provider === provider);
      const sum = (of: (entry: LedgerEntry) => number): number => own.reduce((all, entry) => all + of(entry), 0);
      assert.equal(Math.round(metric("slipway_gateway_cost_dollars_total", `provider="${provider}"`) * 1e9), sum(({ cost }) => cost!), provider);
      assert.equal(metric("slipway_gateway_tokens_total", `provider="${provider}",model="m",type="input"`), sum(({ tokens }) => tokens.input!), provider);
      assert.equal(metric("slipway_gateway_tokens_total", `provider="${provider}",model="m",type="output"`), sum(({ tokens }) => tokens.output!), provider);
      // Only answers are calls.
      assert.equal(metric("slipway_gateway_requests_total", `provider="${provider}",model="m",outcome="ok"`), 2);
    }
    const { callBudgets } = await send<{ callBudgets: { name: string; use: { spent: number; reserved: number }[] }[] }>("GET", "/api/budgets");
    const { spent, reserved } = callBudgets.find(({ name }) => name === "hedged")!.use[0]!;
    assert.deepEqual([spent, reserved], [entries.reduce((all, { cost }) => all + cost!, 0), 0]);
  });
});
