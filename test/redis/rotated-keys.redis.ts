import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SlipwayClient } from "../../src/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { RedisServer } from "./redis-server.ts";

describe("keys of two servers on one Postgres and one Redis", { timeout: 240_000 }, () => {
  let cluster: PostgresCluster;
  let redis: RedisServer;
  let servers: RunningServer[] = [];
  let admin: SlipwayClient;
  before(async () => {
    [cluster, redis] = await Promise.all([PostgresCluster.start(), RedisServer.start()]);
    const environment = { SLIPWAY_DATABASE_URL: cluster.url(), SLIPWAY_REDIS_URL: redis.url() };
    const first = await startServer({ environment });
    const { key } = await first.client.api.send<{ key: string }>("POST", "/api/keys", { name: "root", grants: [{ role: "admin" }] });
    await first.stop();
    servers = await Promise.all([1, 2].map(() => startServer({ environment, flags: ["--access", "keys"] })));
    admin = new SlipwayClient({ url: servers[0]!.url, apiKey: key });
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await Promise.all([cluster.remove(), redis.remove()]);
  });

  const call = async (server: RunningServer, secret: string): Promise<number> => {
    const answer = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${secret}` }, body: JSON.stringify({ model: "chat", messages: [{ role: "user", content: "hello" }] }) });
    await answer.text();
    return answer.status;
  };
  /** What each server says to the secret: 200, or 401. */
  const taken = (secret: string): Promise<number[]> => Promise.all(servers.map(async ({ url }) => {
    const answer = await fetch(`${url}/api/session`, { headers: { authorization: `Bearer ${secret}` } });
    await answer.text();
    return answer.status;
  }));
  /** Other servers learn of it within seconds. */
  async function refusedByBoth(secret: string): Promise<void> {
    while ((await taken(secret)).some((status) => status !== 401)) await betweenLooks();
  }

  it("are known by a new secret at once, and by a former one as long as its grace; calls with any of them are the key's", async () => {
    await admin.api.send("PUT", "/api/gateway/routes/chat", { revision: 0, settings: { targets: [{ provider: "echo", model: "m" }] } });
    const { id, key: first } = await admin.api.send<{ id: string; key: string }>("POST", "/api/keys", { name: "caller", grants: [{ role: "viewer", team: "default" }] });
    // A limit that nobody reaches, so that each call goes to Redis.
    await admin.api.send("PUT", `/api/gateway/keys/${id}`, { revision: 0, settings: { limits: { requestsPerMinute: 1e6, concurrency: 1000 } } });
    assert.deepEqual(await taken(first), [200, 200]);
    // The second server hears of the route a moment later.
    for (const server of servers) while ((await call(server, first)) !== 200) await betweenLooks();

    const { key: second } = await admin.keys.rotate(id, { graceSeconds: 3600 });
    assert.deepEqual([await taken(second), await taken(first)], [[200, 200], [200, 200]]);
    for (const secret of [first, second]) assert.deepEqual(await Promise.all(servers.map((server) => call(server, secret))), [200, 200]);

    // By the other server, which knows both secrets by now.
    const { key: third } = await new SlipwayClient({ url: servers[1]!.url, apiKey: second }).keys.rotate(id, { graceSeconds: 0 });
    assert.deepEqual(await taken(third), [200, 200]);
    for (const former of [second, first]) {
      await refusedByBoth(former);
      assert.deepEqual(await Promise.all(servers.map((server) => call(server, former))), [401, 401]);
    }
    assert.deepEqual(await Promise.all(servers.map((server) => call(server, third))), [200, 200]);
    // Each server writes its entries by itself, soon.
    const counted = async (): Promise<[string | null, number][]> => (await admin.api.get<{ rows: { group: { key: string }; calls: number }[] }>("/api/costs?by=key")).rows.map(({ group, calls }) => [group.key, calls]);
    for (let rows = await counted(); rows[0]![1] < 8; rows = await counted()) await betweenLooks();
    assert.deepEqual(await counted(), [[`key:${id}`, 8]]);
  });
});
