import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

interface Row { cost: number; calls: number; group: Record<string, unknown> }

/** Of a call, in billionths of a dollar. */
const [cheap, dear] = [10_000_000, 100_000_000];

describe("what the shadow of a route's calls costs", { timeout: 120_000 }, () => {
  let server: SecuredServer;
  const ask = async <Answer = unknown>(method: string, path: string, body?: object): Promise<Answer> => {
    const reply = await server.asAdmin(method, path, body);
    assert.ok(reply.status < 300, reply.body);
    return JSON.parse(reply.body) as Answer;
  };
  const rows = async (by: string): Promise<[unknown, number, number][]> =>
    (await ask<{ rows: Row[] }>("GET", `/api/costs?by=${by}`)).rows.map(({ group, calls, cost }) => [group[by], calls, cost]);

  before(async () => {
    server = await startSecuredServer();
    for (const [name, outputTokens] of [["cheap", 10], ["dear", 100]] as const) {
      await ask("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: { kind: "scripted", script: [{ text: name, inputTokens: 100, outputTokens }] } });
      await ask("POST", "/api/prices", { provider: name, model: "m", rates: { input: 0, output: 1000 } });
    }
    await ask("POST", "/api/teams", { name: "search" });
    await ask("PUT", "/api/gateway/routes/chat", { revision: 0, team: "search", settings: { targets: [{ provider: "cheap", model: "m" }] } });
  });
  after(() => server.stop());

  it("is the route's, the team's and the project's, and in no budget and no sum of who called", async () => {
    const { id, key } = await ask<{ id: string; key: string }>("POST", "/api/keys", { name: "service", grants: [{ role: "viewer", team: "search", routes: ["chat"] }] });
    await ask("PUT", `/api/gateway/keys/${id}`, { revision: 0, settings: { budget: { day: 100 }, project: "p" } });
    const { id: rollout } = await ask<{ id: string }>("POST", "/api/gateway/routes/chat/rollouts", {
      settings: { targets: [{ provider: "dear", model: "m" }] }, plan: { phases: [{ phase: "shadow", weight: 0, shadow: 1, minSamples: 1000, gates: [] }, { phase: "full", weight: 1, gates: [] }] },
    });
    const mirrored = async (): Promise<number> => (await rows("tag:slipway.shadow")).find(([tag]) => tag === rollout)?.[1] ?? 0;
    let calls = 0;
    // Until its phase has begun nothing is mirrored.
    while ((await mirrored()) < 2) {
      const { status, body } = await server.send("POST", "/v1/chat/completions", [`Host: ${server.host}`, `Authorization: Bearer ${key}`, "Content-Type: application/json", "X-Slipway-Session: s", "X-Slipway-Agent-Run: r"], JSON.stringify({ model: "chat", user: "ada", messages: [{ role: "user", content: "Hi" }] }));
      assert.equal(status, 200, body);
      assert.match(body, /cheap/);
      calls++;
      await betweenLooks();
    }
    const own = calls * cheap;
    // The last of the shadows may come while this is read.
    for (const [by, name, other] of [["key", `key:${id}`, "rollouts"], ["user", "ada", null], ["session", "s", null], ["agentRun", "r", null]] as const) {
      const found = new Map((await rows(by)).map(([group, count, cost]) => [group, [count, cost]]));
      assert.deepEqual([[...found.keys()].length, found.get(name)], [2, [calls, own]], by);
      const [count, cost] = found.get(other)!;
      assert.deepEqual([count! >= 2, cost], [true, count! * dear], by);
    }
    for (const by of ["route", "team", "project"]) for (const [, count, cost] of await rows(by)) assert.equal(cost, own + (count - calls) * dear, by);
    // Who sees its own calls alone sees no shadow of them.
    const seen = async (): Promise<string> => (await server.send("GET", "/api/traces?limit=200", [`Host: ${server.host}`, `Authorization: Bearer ${key}`])).body;
    let traces: { cost: number }[] = [];
    while (traces.length < calls) ({ traces } = JSON.parse(await seen()) as { traces: typeof traces });
    assert.deepEqual(traces.map(({ cost }) => cost), Array.from({ length: calls }, () => cheap));
    const { callBudgets } = await ask<{ callBudgets: { name: string; use: { spent: number }[] }[] }>("GET", "/api/budgets");
    assert.deepEqual(callBudgets.map(({ name, use }) => [name, use.map(({ spent }) => spent)]), [[id, [own]]]);
  });
});
