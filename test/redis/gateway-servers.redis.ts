import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SlipwayClient } from "../../src/index.ts";
import type { CallBudget, CostRow, LedgerEntry } from "../../src/ledger/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream } from "../server/gateway-upstream.ts";
import { RedisServer } from "./redis-server.ts";

/** Billionths of a dollar: 10 tokens of output at 1000 dollars a million. */
const cent = 10_000_000;

describe("three servers on one Postgres and one Redis", { timeout: 240_000 }, () => {
  const upstream = new GatewayUpstream(({ body }, response) => {
    answerJson(response, { id: "c1", object: "chat.completion", created: 1, model: body.model, choices: [{ index: 0, message: { role: "assistant", content: "one cent" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 10, total_tokens: 13 } });
  });
  let cluster: PostgresCluster;
  let redis: RedisServer;
  let servers: RunningServer[] = [];
  let admin: SlipwayClient;
  let rootKey: string;
  let callerKey: string;

  before(async () => {
    [cluster, redis] = await Promise.all([PostgresCluster.start(), RedisServer.start()]);
    const environment = { SLIPWAY_DATABASE_URL: cluster.url(), SLIPWAY_REDIS_URL: redis.url(), SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" };
    const open = await startServer({ environment });
    const { api } = open.client;
    ({ key: rootKey } = await api.send<{ key: string }>("POST", "/api/keys", { name: "root", grants: [{ role: "admin" }] }));
    ({ key: callerKey } = await api.send<{ key: string }>("POST", "/api/keys", { name: "caller", grants: [{ role: "viewer", team: "default" }] }));
    await api.send("PUT", "/api/gateway/providers/paid", { revision: 0, settings: { kind: "compatible", baseUrl: `${await upstream.start()}/v1` } });
    await api.send("POST", "/api/prices", { provider: "paid", model: "m", rates: { input: 0, output: 1000 } });
    for (const [name, month] of [["crowded", 1], ["adrift", 0.06], ["forgotten", 0.03]] as const) await api.send("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: { targets: [{ provider: "paid", model: "m" }], budget: { month } } });
    await api.send("PUT", "/api/gateway/routes/chat", { revision: 0, settings: { targets: [{ provider: "echo", model: "m" }] } });
    // Those that serve know all of it from their start.
    await open.stop();
    servers = await Promise.all([1, 2, 3].map(() => startServer({ environment, flags: ["--access", "keys"] })));
    admin = new SlipwayClient({ url: servers[0]!.url, apiKey: rootKey });
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    upstream.stop();
    await Promise.all([cluster.remove(), redis.remove()]);
  });

  /** What each server says to a secret: 200, or 401. */
  const taken = (secret: string): Promise<number[]> => Promise.all(servers.map(async ({ url }) => {
    const answer = await fetch(`${url}/api/session`, { headers: { authorization: `Bearer ${secret}` } });
    await answer.text();
    return answer.status;
  }));
  /** The same of a call. */
  const called = (secret: string): Promise<number[]> => Promise.all(servers.map((server) => ask(server, "chat", { key: secret })));

  /** Asks again after 503 and 408, where it is told to be patient: on a busy machine Redis or Postgres may be late, and so may this process with its request. */
  async function ask(server: RunningServer, model: string, { key = callerKey, tokens = 10, patient = true } = {}): Promise<number> {
    for (;;) {
      const answer = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${key}` }, body: JSON.stringify({ model, max_tokens: tokens, messages: [{ role: "user", content: "hello" }] }) });
      await answer.text();
      if ((answer.status !== 503 && answer.status !== 408) || !patient) return answer.status;
      await betweenLooks();
    }
  }

  /** The use of a route's budget as one server tells it, in billionths of a dollar. */
  async function spentOf(route: string, server: RunningServer): Promise<number> {
    const { api } = new SlipwayClient({ url: server.url, apiKey: rootKey });
    const { callBudgets } = await api.get<{ callBudgets: CallBudget[] }>("/api/budgets");
    return callBudgets.find(({ name }) => name === route)!.use[0]!.spent;
  }

  /** Each server writes its entries by itself, soon. */
  async function costsOf(route: string, count: number): Promise<number[]> {
    for (;;) {
      const { entries } = await admin.api.get<{ entries: LedgerEntry[] }>(`/api/costs/entries?route=${route}&limit=1000`);
      if (entries.length >= count) return entries.map(({ cost }) => cost!);
      await betweenLooks();
    }
  }

  it("let 500 callers at once spend no cent more than a budget for 100 calls has", async () => {
    // At worst a call costs two cents, in the end one.
    const told = await Promise.all(Array.from({ length: 500 }, (_, call) => ask(servers[call % 3]!, "crowded", { tokens: 20 })));
    assert.deepEqual([...new Set(told)].sort(), [200, 402]);
    let paid = told.filter((status) => status === 200).length;
    // What was reserved too much is given back, wherever it is asked for.
    for (let refused = 0, call = 0; refused < 3; call++) {
      const status = await ask(servers[call % 3]!, "crowded");
      refused = status === 402 ? refused + 1 : 0;
      if (status === 200) paid++;
    }
    // Less only where Redis was late, which rather uses a budget up too early.
    assert.ok(paid > 0 && paid <= 100, String(paid));
    assert.ok(upstream.calls.length <= 100, String(upstream.calls.length));
    const costs = await costsOf("crowded", paid);
    assert.ok(costs.length <= 100 && costs.every((cost) => cost === cent), costs.join());
    const spent = await Promise.all(servers.map((server) => spentOf("crowded", server)));
    assert.equal(new Set(spent).size, 1);
    assert.ok(spent[0]! >= paid * cent, String(spent));
  });

  it("spend no more of a budget where Redis has forgotten what they spent, whichever of them is asked first", async () => {
    for (let call = 0; call < 3; call++) assert.equal(await ask(servers[0]!, "forgotten"), 200);
    await costsOf("forgotten", 3);
    await redis.restart();
    assert.equal(await ask(servers[1]!, "forgotten"), 402);
    assert.equal(await spentOf("forgotten", servers[2]!), 3 * cent);
  });

  it("know a key by a new secret at once, and by a former one as long as its grace; calls with any of them are the key's", async () => {
    const { id, key: first } = await admin.api.send<{ key: string; id: string }>("POST", "/api/keys", { name: "rotated", grants: [{ role: "viewer", team: "default" }] });
    // A limit that nobody reaches, so that each call goes to Redis.
    await admin.api.send("PUT", `/api/gateway/keys/${id}`, { revision: 0, settings: { limits: { requestsPerMinute: 1e6, concurrency: 1000 } } });
    const [welcome, refused] = [servers.map(() => 200), servers.map(() => 401)];
    assert.deepEqual([await taken(first), await called(first)], [welcome, welcome]);

    const { key: second } = await admin.keys.rotate(id, { graceSeconds: 3600 });
    for (const secret of [second, first]) assert.deepEqual([await taken(secret), await called(secret)], [welcome, welcome]);

    // By another server, which knows both secrets by now.
    const { key: third } = await new SlipwayClient({ url: servers[1]!.url, apiKey: second }).keys.rotate(id, { graceSeconds: 0 });
    assert.deepEqual(await taken(third), welcome);
    for (const former of [second, first]) {
      // The others learn of it within seconds.
      while ((await taken(former)).some((status) => status !== 401)) await betweenLooks();
      assert.deepEqual(await called(former), refused);
    }
    assert.deepEqual(await called(third), welcome);
    const counted = async (): Promise<[string | null | undefined, number][]> => (await admin.api.get<{ rows: CostRow[] }>(`/api/costs?by=key&key=key:${id}`)).rows.map(({ group, calls }) => [group["key"], calls]);
    let rows = await counted();
    for (; (rows[0]?.[1] ?? 0) < 12; rows = await counted()) await betweenLooks();
    assert.deepEqual(rows, [[`key:${id}`, 12]]);
  });

  it("answer on without Postgres whoever they know, within the budget, and write down afterwards what it cost", async () => {
    const stranger = await admin.api.send<{ key: string }>("POST", "/api/keys", { name: "stranger", grants: [{ role: "viewer", team: "default" }] });
    await cluster.stop("immediate");
    for (const { url } of servers) while ((await fetch(`${url}/ready`)).status !== 503) await betweenLooks();
    const told: number[] = [];
    for (let call = 0; call < 9; call++) told.push(await ask(servers[call % 3]!, "adrift"));
    const paid = told.filter((status) => status === 200).length;
    assert.ok(paid > 0 && paid <= 6, told.join());
    assert.deepEqual(told.slice(-3), [402, 402, 402]);
    // Nobody can say whether this one is a key.
    assert.equal(await ask(servers[1]!, "adrift", { key: stranger.key, patient: false }), 503);
    await cluster.restart();
    for (const { url } of servers) while ((await fetch(`${url}/ready`)).status !== 200) await betweenLooks();
    assert.deepEqual(await costsOf("adrift", paid), Array.from({ length: paid }, () => cent));
    assert.equal(await ask(servers[1]!, "adrift", { key: stranger.key }), 402);
  });
});
