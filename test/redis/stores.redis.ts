import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { openRedis, RedisAnswerCache, RedisLimitStore, type RedisConnection } from "../../src/adapters/redis/index.ts";
import { systemClock } from "../../src/core/clock.ts";
import { answerCacheStoreConformance } from "../../src/gateway/cache/answer-cache-store.conformance.ts";
import { limitStoreConformance } from "../../src/gateway/limits/limit-store.conformance.ts";
import { RedisServer } from "./redis-server.ts";

describe("stores on Redis", () => {
  let server: RedisServer;
  let redis: RedisConnection;
  before(async () => {
    server = await RedisServer.start();
    redis = await openRedis({ url: server.url(), clock: systemClock, commandMs: 10_000, connectMs: 10_000 });
  });
  after(async () => {
    await redis.close();
    await server.remove();
  });
  const pass = (milliseconds: number): Promise<void> => wait(milliseconds + 2);

  limitStoreConformance("Redis", () => Promise.resolve({ store: new RedisLimitStore(redis), ownClock: true, pass }));
  answerCacheStoreConformance("Redis", () => Promise.resolve({ store: new RedisAnswerCache(redis), pass }));

  it("holds limits of several replicas together", async () => {
    const other = await openRedis({ url: server.url(), clock: systemClock, commandMs: 10_000, connectMs: 10_000 });
    const [here, there] = [new RedisLimitStore(redis), new RedisLimitStore(other)];
    const slots = [{ id: "together", most: 5 }];
    const entered = await Promise.all(Array.from({ length: 20 }, (_, call) => (call % 2 === 0 ? here : there).enter(`call-${call}`, slots, 60_000)));
    assert.equal(entered.filter(({ taken }) => taken).length, 5);
    await Promise.all(Array.from({ length: 20 }, (_, call) => (call % 2 === 0 ? here : there).leave(`call-${call}`)));
    assert.equal((await there.enter("next", slots, 60_000)).taken, true);
    await other.close();
  });
});
