import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createClient } from "@redis/client";
import { openRedis } from "../../src/adapters/redis/index.ts";
import { systemClock } from "../../src/core/clock.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream } from "../server/gateway-upstream.ts";
import { RedisServer } from "./redis-server.ts";

describe("a Redis of its own for cached answers", { timeout: 120_000 }, () => {
  const upstream = new GatewayUpstream(({ body }, response) => {
    answerJson(response, { id: "c1", object: "chat.completion", created: 1, model: body.model, choices: [{ index: 0, message: { role: "assistant", content: "y".repeat(20_000) }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 10, total_tokens: 13 } });
  });
  let budgets: RedisServer;
  let answers: RedisServer;
  let server: RunningServer;

  before(async () => {
    [budgets, answers] = await Promise.all([RedisServer.start(), RedisServer.start({ settings: ["--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru"] })]);
    server = await startServer({ environment: { SLIPWAY_REDIS_URL: budgets.url(), SLIPWAY_CACHE_REDIS_URL: answers.url(), SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
    const { api } = server.client;
    await api.send("PUT", "/api/gateway/providers/paid", { revision: 0, settings: { kind: "compatible", baseUrl: `${await upstream.start()}/v1` } });
    await api.send("POST", "/api/prices", { provider: "paid", model: "m", rates: { input: 0, output: 1000 } });
    await api.send("PUT", "/api/gateway/routes/chat", { revision: 0, settings: { targets: [{ provider: "paid", model: "m" }], budget: { month: 100 }, limits: { requestsPerMinute: 1000 }, cache: { ttlSeconds: 600 } } });
  });
  after(async () => {
    await server.stop();
    upstream.stop();
    await Promise.all([budgets.remove(), answers.remove()]);
  });

  async function ask(question: string): Promise<string | null> {
    const answer = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model: "chat", max_tokens: 10, messages: [{ role: "user", content: question }] }) });
    assert.equal(answer.status, 200, await answer.text());
    return answer.headers.get("x-slipway-cache");
  }

  async function keysOf(redis: RedisServer): Promise<string[]> {
    const client = createClient({ url: redis.url() });
    await client.connect();
    const keys = await client.keys("*");
    client.destroy();
    return keys.map((key) => key.split(":")[1]!);
  }

  it("has the answers, forgets what it has no room for, and leaves what is spent to the other", async () => {
    assert.equal(await ask("first"), "miss");
    while (await ask("first") !== "hit") await betweenLooks();
    const count = 200;
    for (let call = 0; call < count; call++) await ask(`question ${call}`);
    const [kept, spent] = [await keysOf(answers), await keysOf(budgets)];
    assert.ok(kept.length > 0 && kept.length < count, String(kept.length));
    assert.deepEqual([...new Set(kept)], ["answer"]);
    assert.ok(!spent.includes("answer") && spent.includes("budget"), spent.join(" "));
    const { callBudgets } = await server.client.api.get<{ callBudgets: { use: { spent: number }[] }[] }>("/api/budgets");
    // A cent for each.
    assert.equal(callBudgets[0]!.use[0]!.spent, upstream.calls.length * 10_000_000);
  });

  it("says what it does when it is full, for the doctor", async () => {
    const [bounded, usual] = await Promise.all([answers, budgets].map((redis) => openRedis({ url: redis.url(), clock: systemClock, commandMs: 10_000, connectMs: 10_000 })));
    assert.deepEqual([await bounded!.room(), await usual!.room()], [{ policy: "allkeys-lru", mostBytes: 3 << 20 }, { policy: "noeviction", mostBytes: 0 }]);
    await Promise.all([bounded!.close(), usual!.close()]);
  });

  it("may be away without holding a call up or letting one past its budget", async () => {
    await answers.kill();
    const before = upstream.calls.length;
    for (let call = 0; call < 3; call++) assert.notEqual(await ask("first"), "hit");
    assert.equal(upstream.calls.length, before + 3);
    await answers.restart();
    while (await ask("after") !== "hit") await betweenLooks();
  });
});
