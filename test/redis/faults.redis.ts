import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { openRedis, RedisAnswerCache, RedisBudgetStore, RedisLimitStore, type RedisConnection, type RedisOptions } from "../../src/adapters/redis/index.ts";
import { epochMs, systemClock } from "../../src/core/clock.ts";
import { Admission, FallbackLimitStore, MemoryLimitStore } from "../../src/gateway/limits/index.ts";
import { Limits } from "../../src/gateway/schemas.ts";
import { makeCertificate } from "../kit/certificates.ts";
import { RedisServer, type RedisServerOptions } from "./redis-server.ts";

const lease = 60_000;
/** They outlast all tests of this file. */
const scopes = [{ id: "budget", limit: 1000, endsAt: epochMs(systemClock.now() + 3_600_000) }];

describe("Redis that goes away", () => {
  const left: (() => Promise<void>)[] = [];
  afterEach(async () => { for (const end of left.splice(0).reverse()) await end(); });

  async function start(options?: RedisServerOptions): Promise<RedisServer> {
    const server = await RedisServer.start(options);
    left.push(() => server.remove());
    return server;
  }

  /** With what it tells of itself. */
  async function open(server: RedisServer, options: Partial<RedisOptions> = {}): Promise<RedisConnection & { became(ready: boolean): Promise<void> }> {
    let [isReady, changed] = [false, Promise.withResolvers<void>()];
    const redis = await openRedis({
      url: server.url(), clock: systemClock, commandMs: 10_000, connectMs: 10_000, ...options,
      onChange: ({ ready }) => {
        isReady = ready;
        changed.resolve();
        changed = Promise.withResolvers<void>();
      },
    });
    left.push(() => redis.close());
    return Object.assign(Object.create(redis) as RedisConnection, {
      async became(ready: boolean) { while (isReady !== ready) await changed.promise; },
    });
  }

  it("fails at once while it is gone, and goes on by itself when it is back", async () => {
    const server = await start();
    const redis = await open(server);
    const cache = new RedisAnswerCache(redis);
    await cache.set("a", "1", lease);
    await server.kill();
    await redis.became(false);
    await assert.rejects(async () => cache.get("a"), { name: "RedisAwayError" });
    await assert.rejects(async () => new RedisLimitStore(redis).take([{ bucket: { id: "b", capacity: 1, perMinute: 1 }, amount: 1 }]), { name: "RedisAwayError" });
    await server.restart();
    await redis.became(true);
    // A Redis that has forgotten everything, scripts too.
    assert.equal(await cache.get("a"), null);
    assert.deepEqual(await new RedisLimitStore(redis).take([{ bucket: { id: "b", capacity: 1, perMinute: 1 }, amount: 1 }]), { taken: true, left: [{ amount: 0, fullInMs: 60_000 }] });
  });

  it("does not hold calls up when it is frozen", async () => {
    const server = await start();
    await new RedisAnswerCache(await open(server)).set("a", "1", lease);
    const cache = new RedisAnswerCache(await open(server, { commandMs: 50 }));
    server.pause();
    await assert.rejects(cache.get("a"), { name: "RedisAwayError", message: "Redis did not answer in time." });
    // Asked within the same turn, however long the machine takes for what is between.
    await assert.rejects(cache.get("a").catch(() => cache.get("a")), { name: "RedisAwayError", message: "Redis did not answer a moment ago." });
    server.resume();
    for (;;) {
      const value = await cache.get("a").catch(() => undefined);
      if (value === undefined) await new Promise((resolve) => { setTimeout(resolve, 20); });
      else {
        assert.equal(value, "1");
        break;
      }
    }
  });

  it("is not taken for silent by a process that was too busy itself to send or to read", async () => {
    const server = await start();
    const cache = new RedisAnswerCache(await open(server, { commandMs: 1000 }));
    await cache.set("a", "1", lease);
    const answers = Array.from({ length: 3 }, () => cache.get("a"));
    const until = performance.now() + 1100;
    while (performance.now() < until);
    assert.deepEqual(await Promise.all(answers), ["1", "1", "1"]);
  });

  it("closes though it is frozen", async () => {
    const server = await start();
    const redis = await openRedis({ url: server.url(), clock: systemClock, commandMs: 50, connectMs: 10_000 });
    server.pause();
    await assert.rejects(redis.get("a"), { name: "RedisAwayError", message: "Redis did not answer in time." });
    await redis.close();
    assert.equal(redis.isReady, false);
  });

  it("opens without it, and says of a wrong address that it is one", async () => {
    const server = await start();
    await server.kill();
    const redis = await open(server, { connectMs: 100 });
    assert.equal(redis.isReady, false);
    await assert.rejects(async () => redis.get("a"), { name: "RedisAwayError" });
    await server.restart();
    await redis.became(true);
    assert.equal(await redis.get("a"), null);
    for (const url of ["localhost:6379", "http://localhost:6379", "redis"]) await assert.rejects(openRedis({ url, clock: systemClock }), { code: "CONFIG_INVALID" });
  });

  it("takes a password and TLS from the address", async () => {
    const folder = await mkdtemp(join(tmpdir(), "slipway-redis-tls-"));
    left.push(() => rm(folder, { recursive: true }));
    const { certificate, key } = makeCertificate(["127.0.0.1"]);
    const paths = { certificate: join(folder, "certificate.pem"), key: join(folder, "key.pem") };
    await writeFile(paths.certificate, certificate);
    await writeFile(paths.key, key);
    const server = await start({ tls: paths, settings: ["--requirepass", "secret"] });
    const redis = await open(server, { url: server.url({ password: "secret" }), certificateAuthority: certificate });
    await redis.set("a", "kept", lease);
    assert.equal(await redis.get("a"), "kept");
    const causes: unknown[] = [];
    // Opening takes all of this time; the handshake must be over by then.
    const distrusting = await openRedis({ url: server.url({ password: "secret" }), clock: systemClock, connectMs: 3000, onChange: ({ cause }) => void causes.push(cause) });
    left.push(() => distrusting.close());
    assert.equal(distrusting.isReady, false);
    assert.match(String(causes[0]), /self-signed|certificate/i);
  });

  it("tells when it is there and when it is gone, and nothing of being closed", async () => {
    const server = await start();
    const told: boolean[] = [];
    const redis = await openRedis({ url: server.url(), clock: systemClock, connectMs: 10_000, onChange: ({ ready }) => void told.push(ready) });
    await redis.close();
    assert.deepEqual(told, [true]);
  });

  it("refuses calls under a budget while it is away, and settles afterwards what they cost", async () => {
    const server = await start();
    const redis = await open(server);
    const store = new RedisBudgetStore({ redis, spentBefore: () => 100 });
    await store.reserve("a", scopes, 500, lease);
    await server.kill();
    await redis.became(false);
    await assert.rejects(store.reserve("b", scopes, 1, lease), { code: "BUDGET_UNAVAILABLE", retryAfterSeconds: 5 });
    assert.deepEqual(await store.settle("a", scopes, 300), []);
    assert.deepEqual(await store.states(scopes), []);
    await store.release("unknown");
    await store.renew("unknown", lease);
    assert.equal(store.unsettled, 1);
    await server.restart();
    await redis.became(true);
    while (store.unsettled > 0) await store.reserve("c", scopes, 1, lease).catch(() => undefined);
    await store.release("c");
    assert.deepEqual(await store.states(scopes), [{ id: "budget", spent: 400, reserved: 0 }]);
  });

  it("admits them where it is told to, and counts them afterwards", async () => {
    const server = await start();
    const redis = await open(server);
    const store = new RedisBudgetStore({ redis, whenAway: "admit" });
    await server.kill();
    await redis.became(false);
    assert.deepEqual(await store.reserve("a", scopes, 5000, lease), { reserved: true });
    await store.settle("a", scopes, 2000);
    await server.restart();
    await redis.became(true);
    while (store.unsettled > 0) await store.reserve("b", scopes, 1, lease);
    assert.equal((await store.reserve("c", scopes, 1, lease)).reserved, false);
  });

  it("keeps to its share of the limits meanwhile", async () => {
    const server = await start();
    const redis = await open(server);
    const store = new FallbackLimitStore({ shared: new RedisLimitStore(redis), local: new MemoryLimitStore({ clock: systemClock }), share: () => 1 / 2 });
    const admission = new Admission({ store, clock: systemClock, instance: "here", shared: true });
    const enter = async (): Promise<boolean> => {
      const limited = admission.enter({ key: { id: "a", limits: Limits.parse({ concurrency: 4 }) }, tokens: 1, deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal });
      return Promise.resolve(limited).then(() => true, () => false);
    };
    assert.deepEqual([await enter(), await enter(), await enter()], [true, true, true]);
    await server.kill();
    await redis.became(false);
    assert.deepEqual([await enter(), await enter(), await enter()], [true, true, false]);
  });
});
