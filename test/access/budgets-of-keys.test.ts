import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Grant } from "../../src/core/caller.ts";
import type { BudgetStatus, CallBudget } from "../../src/ledger/index.ts";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

interface Made {
  id: string;
  key: string;
}

describe("budgets of keys and routes", () => {
  let server: SecuredServer;
  const keys: Record<string, Made> = {};
  const send = (who: string, method: string, path: string, body?: object): Promise<RawReply> =>
    server.send(method, path, [`Host: ${server.host}`, `Authorization: Bearer ${keys[who]!.key}`, "Content-Type: application/json"], body === undefined ? "" : JSON.stringify(body));
  const ok = async <Answer>(reply: Promise<RawReply>): Promise<Answer> => {
    const { status, body } = await reply;
    assert.equal(status, 200, body);
    return JSON.parse(body) as Answer;
  };
  const ask = (who: string): Promise<RawReply> => send(who, "POST", "/v1/chat/completions", { model: "chat", max_tokens: 10, messages: [{ role: "user", content: "hello" }] });
  const seen = async (who: string): Promise<CallBudget[]> => (await ok<{ budgets: BudgetStatus[]; callBudgets: CallBudget[] }>(send(who, "GET", "/api/budgets"))).callBudgets;
  const named = async (who: string): Promise<string[]> => (await seen(who)).map(({ scope, name, keyName }) => `${scope} ${name}${keyName === null ? "" : ` ${keyName}`}`).sort();

  before(async () => {
    server = await startSecuredServer();
    for (const team of ["red", "blue"]) await ok(server.asAdmin("POST", "/api/teams", { name: team }));
    const grants: Record<string, Grant> = {
      red: { role: "admin", team: "red" }, blue: { role: "admin", team: "blue" }, caller: { role: "viewer", team: "red", routes: ["chat"] }, other: { role: "viewer", team: "red", routes: ["chat"] }, none: { role: "viewer", team: "red", routes: ["elsewhere"] },
    };
    for (const [name, grant] of Object.entries(grants)) keys[name] = await ok<Made>(server.asAdmin("POST", "/api/keys", { name, grants: [grant], team: grant.team }));
    await ok(server.asAdmin("POST", "/api/prices", { provider: "echo", model: "m", rates: { input: 20_000, output: 20_000 } }));
    await ok(send("red", "PUT", "/api/gateway/routes/chat", { revision: 0, team: "red", settings: { targets: [{ provider: "echo", model: "m" }], budget: { month: 50 } } }));
    for (const who of ["caller", "other"]) await ok(send("red", "PUT", `/api/gateway/keys/${keys[who]!.id}`, { revision: 0, settings: { budget: { day: 0.5, perQuery: 1 } } }));
  });
  after(() => server.stop());

  it("tell how far they are used: to a key of its own and of the routes that it may call, to its team of all of them, to others of none", async () => {
    const own = `key ${keys.caller!.id} caller`;
    assert.deepEqual(await named("caller"), [own, "route chat"]);
    assert.deepEqual(await named("red"), [own, `key ${keys.other!.id} other`, "route chat"].sort());
    assert.deepEqual([await named("blue"), await named("none")], [[], []]);

    let calls = 0;
    let refused: RawReply;
    for (; (refused = await ask("caller")).status === 200; calls++) assert.ok(calls < 100, "the budget ends");
    assert.ok(calls > 0);
    assert.equal(refused.status, 402, refused.body);
    // Where the advice of the refusal leads.
    assert.match(refused.body, /slipway budgets list/);
    const [key, route] = (await seen("caller")).sort((one, another) => (one.scope < another.scope ? -1 : 1));
    const { entries } = await ok<{ entries: { cost: number }[] }>(send("red", "GET", "/api/costs/entries"));
    const spent = entries.reduce((sum, { cost }) => sum + cost, 0);
    assert.ok(spent > 0);
    assert.deepEqual([key!.team, key!.limits, key!.use.map(({ window, limit, spent: used, reserved }) => [window, limit, used, reserved])], ["red", { day: 0.5, perQuery: 1 }, [["day", 500_000_000, spent, 0]]]);
    assert.deepEqual(route!.use.map(({ window, spent: used }) => [window, used]), [["month", spent]]);
    assert.deepEqual((await seen("other")).map(({ scope, use }) => [scope, use[0]!.spent]).sort(), [["key", 0], ["route", spent]]);
  });

  it("alert at 50, 80 and 100 percent, by events that the team's admins see and those of others do not", async () => {
    await ok(server.asAdmin("PUT", "/api/gateway/providers/cents", { revision: 0, settings: { kind: "scripted", script: [{ text: "one cent", inputTokens: 0, outputTokens: 10 }] } }));
    await ok(server.asAdmin("POST", "/api/prices", { provider: "cents", model: "m", rates: { input: 0, output: 1000 } }));
    await ok(send("red", "PUT", "/api/gateway/routes/cents", { revision: 0, team: "red", settings: { targets: [{ provider: "cents", model: "m" }], budget: { month: 0.1 } } }));
    const alerts = async (who: string): Promise<{ object: string; payload: object }[]> => (await ok<{ events: { object: string; payload: object }[] }>(send(who, "GET", "/api/events?type=budget.alert&object=route:cents"))).events;
    let told: { object: string; payload: object }[] = [];
    // They are written behind the answer.
    for (const [calls, expected] of [[4, 0], [1, 1], [2, 1], [1, 2], [1, 2], [1, 3], [1, 3]] as const) {
      for (let call = 0; call < calls; call++) await send("red", "POST", "/v1/chat/completions", { model: "cents", max_tokens: 10, messages: [{ role: "user", content: "hello" }] });
      do told = await alerts("red"); while (told.length < expected);
      assert.equal(told.length, expected);
    }
    const budget = { budget: "route:cents", window: "month", limit: 0.1 };
    assert.deepEqual(told.map(({ payload }) => payload), [{ ...budget, threshold: 100, spent: 0.1 }, { ...budget, threshold: 80, spent: 0.08 }, { ...budget, threshold: 50, spent: 0.05 }]);
    assert.deepEqual([await alerts("blue"), await alerts("none")], [[], []]);
  });

  it("go on where a key is rotated: it has the id, and so the limits, the spend and the refusals", async () => {
    const before = await seen("red");
    const { key } = await ok<Made>(server.asAdmin("POST", `/api/keys/${keys.caller!.id}/rotate`, {}));
    assert.equal((await ask("caller")).status, 401);
    keys.caller = { ...keys.caller!, key };
    assert.equal((await ask("caller")).status, 402);
    const oneMore = (budget: (typeof before)[number]): typeof budget => (budget.keyName === "caller" ? { ...budget, use: budget.use.map((use) => ({ ...use, refused: (use.refused ?? 0) + 1 })) } : budget);
    assert.deepEqual(await seen("red"), before.map(oneMore));
  });
});
