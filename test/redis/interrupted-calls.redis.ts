import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openRedis, RedisBudgetStore, type RedisConnection } from "../../src/adapters/redis/index.ts";
import { redisScript } from "../../src/adapters/redis/redis-script.ts";
import { epochMs, systemClock } from "../../src/core/clock.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream } from "../server/gateway-upstream.ts";
import { RedisServer } from "./redis-server.ts";

const forget = redisScript("redis.call('FLUSHDB')");

describe("budgets on Redis of calls that were under way when a server was killed", () => {
  const upstream = new GatewayUpstream(({ body }, response) => {
    const [{ content }] = body.messages as [{ content: string }];
    if (content === "quick") answerJson(response, { id: "c1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 } });
  });
  let redisServer: RedisServer;
  let redis: RedisConnection;
  let server: RunningServer;
  let environment: Record<string, string>;
  const asked: Promise<unknown>[] = [];

  before(async () => {
    redisServer = await RedisServer.start();
    redis = await openRedis({ url: redisServer.url(), clock: systemClock, commandMs: 30_000, connectMs: 30_000 });
    environment = { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1", SLIPWAY_REDIS_URL: redisServer.url() };
    server = await startServer({ environment });
    const { api } = server.client;
    await api.send("PUT", "/api/gateway/providers/slow", { revision: 0, settings: { kind: "compatible", baseUrl: `${await upstream.start()}/v1` } });
    await api.send("POST", "/api/prices", { provider: "slow", model: "m", rates: { input: 1, output: 1000 } });
    await api.send("PUT", "/api/gateway/routes/chat", { revision: 0, settings: { targets: [{ provider: "slow", model: "m" }], budget: { month: 1000 } } });
  });
  after(async () => {
    upstream.stop();
    await server.stop();
    await Promise.allSettled(asked);
    await redis.close();
    await redisServer.remove();
  });

  const ask = (content: string, trace = randomBytes(16).toString("hex")): Promise<number | null> =>
    fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json", traceparent: `00-${trace}-${randomBytes(8).toString("hex")}-01` }, body: JSON.stringify({ model: "chat", messages: [{ role: "user", content }], max_tokens: 100 }) }).then(async (response) => (await response.text(), response.status), () => null);

  async function noted(): Promise<string> {
    const folder = join(server.directory, "data", "ledger-journal");
    const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".calls"));
    return (await Promise.all(files.map((name) => readFile(join(folder, name), "utf8").catch(() => "")))).join("");
  }

  it("are settled by the next server, once, whether Redis knows of them or has forgotten everything", async () => {
    for (const forgets of [false, true]) {
      assert.equal(await ask("quick"), 200);
      const traces = Array.from({ length: 5 }, () => randomBytes(16).toString("hex"));
      const waiting = traces.map((trace) => ask("wait", trace));
      asked.push(...waiting);
      for (let notes = ""; !traces.every((trace) => notes.includes(trace)); ) [notes] = [await noted(), await betweenLooks()];
      await server.kill();
      assert.deepEqual(await Promise.all(waiting), [null, null, null, null, null]);
      if (forgets) await redis.run(forget, [], []);
      server = await startServer({ directory: server.directory, environment });
      const { entries } = await server.client.api.get<{ entries: { time: number; cost: number; outcome: string }[] }>("/api/costs/entries?limit=100");
      assert.equal(entries.filter(({ outcome }) => outcome === "interrupted").length, forgets ? 10 : 5);
      const month = new Date(entries[0]!.time).toISOString().slice(0, 7);
      const scope = { id: `route:chat/month/${month}`, limit: 1e12, endsAt: epochMs(systemClock.now() + 60_000) };
      const spent = entries.filter(({ time }) => new Date(time).toISOString().startsWith(month)).reduce((sum, { cost }) => sum + cost, 0);
      assert.deepEqual(await new RedisBudgetStore({ redis }).states([scope]), [{ id: scope.id, spent, reserved: 0 }]);
    }
  });
});
