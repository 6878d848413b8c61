import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { after, before, beforeEach, describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import fc from "../kit/fast-check.ts";
import { openRedis, RedisBudgetStore, type RedisConnection } from "../../src/adapters/redis/index.ts";
import { redisScript } from "../../src/adapters/redis/redis-script.ts";
import { epochMs, systemClock } from "../../src/core/clock.ts";
import { budgetStoreConformance } from "../../src/ledger/budget-store.conformance.ts";
import type { BudgetScope } from "../../src/ledger/index.ts";
import { RedisServer } from "./redis-server.ts";

let count = 0;
const scopeOf = (limit: number, id = `scope-${++count}`): BudgetScope => ({ id, limit, endsAt: epochMs(systemClock.now() + 60_000) });
const lease = 60_000;

const forget = redisScript("redis.call('FLUSHDB')");
/** Keys that never end. */
const eternal = redisScript("local found = {} for _, key in ipairs(redis.call('KEYS', '*')) do if redis.call('PTTL', key) < 0 then table.insert(found, key) end end return found");
/** Lets every lease end earlier by this, for Redis's own clock cannot be moved. */
const shorten = redisScript(`
for _, key in ipairs(redis.call('KEYS', '*')) do
  if string.find(key, ':ends$') then
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -ARGV[1], member) end
  elseif string.find(key, 'reservation:', 1, true) then
    redis.call('PEXPIRE', key, string.format('%.0f', math.max(0, redis.call('PTTL', key) - ARGV[1])))
  end
end
`);

describe("budgets on Redis", () => {
  let server: RedisServer;
  let redis: RedisConnection;
  let store: RedisBudgetStore;
  before(async () => {
    server = await RedisServer.start();
    redis = await openRedis({ url: server.url(), clock: systemClock, commandMs: 10_000, connectMs: 10_000 });
  });
  beforeEach(() => { store = new RedisBudgetStore({ redis }); });
  after(async () => {
    await redis.close();
    await server.remove();
  });

  budgetStoreConformance("Redis", async (spentBefore) => {
    await redis.run(forget, [], []);
    return { store: new RedisBudgetStore({ redis, spentBefore }), passTime: async (milliseconds) => void (await redis.run(shorten, [], [milliseconds])) };
  });

  it("reserves up to the limit and to the last billionth, settles and releases", async () => {
    const scope = scopeOf(1_000_000_000_000_001);
    const all = 1_000_000_000_000_000;
    assert.deepEqual(await store.reserve("a", [scope], all, lease), { reserved: true });
    assert.deepEqual(await store.reserve("b", [scope], 2, lease), { reserved: false, scope: { id: scope.id, spent: 0, reserved: all } });
    assert.deepEqual(await store.reserve("c", [scope], 1, lease), { reserved: true });
    await store.release("c");
    assert.deepEqual(await store.settle("a", [scope], 7), [{ id: scope.id, spent: 7, reserved: 0 }]);
    assert.deepEqual(await store.settle("unknown", [scope], 3), [{ id: scope.id, spent: 10, reserved: 0 }]);
    await store.release("unknown");
    assert.deepEqual(await store.states([scope]), [{ id: scope.id, spent: 10, reserved: 0 }]);
  });

  it("reserves in all scopes or in none, and the same reservation once", async () => {
    const [roomy, narrow] = [scopeOf(100), scopeOf(10)];
    assert.deepEqual(await store.reserve("d", [roomy, narrow], 11, lease), { reserved: false, scope: { id: narrow.id, spent: 0, reserved: 0 } });
    assert.deepEqual(await store.reserve("d", [roomy, narrow], 6, lease), { reserved: true });
    assert.deepEqual(await store.reserve("d", [roomy, narrow], 6, lease), { reserved: true });
    assert.deepEqual((await store.states([roomy, narrow])).map(({ reserved }) => reserved), [6, 6]);
    assert.deepEqual(await store.settle("d", [roomy, narrow], 20), [{ id: roomy.id, spent: 20, reserved: 0 }, { id: narrow.id, spent: 20, reserved: 0 }]);
    assert.equal((await store.reserve("e", [narrow], 0, lease)).reserved, false);
  });

  it("takes amounts of nothing and of parts of a billionth", async () => {
    const scope = scopeOf(10);
    await store.reserve("nothing", [scope], 0, lease);
    assert.deepEqual(await store.settle("nothing", [scope], 0), [{ id: scope.id, spent: 0, reserved: 0 }]);
    await store.reserve("ended", [scope], 0, 1);
    await wait(5);
    await store.reserve("part", [scope], 0.5, lease);
    assert.deepEqual(await store.states([scope]), [{ id: scope.id, spent: 0, reserved: 1 }]);
    assert.deepEqual(await store.settle("part", [scope], 1.5), [{ id: scope.id, spent: 2, reserved: 0 }]);
    assert.equal(store.unsettled, 0);
  });

  it("leaves nothing in Redis for ever", async () => {
    await store.reserve("left", [scopeOf(10), scopeOf(10)], 5, lease);
    await store.settle("other", [scopeOf(10)], 5);
    assert.deepEqual(await redis.run(eternal, [], []), []);
  });

  it("gives back what a holder that died had reserved, and keeps that of one that renews", async () => {
    const scope = scopeOf(10);
    await store.reserve("dead", [scope], 6, 20_000);
    await store.reserve("living", [scope], 4, 20_000);
    await store.renew("living", lease);
    await redis.run(shorten, [], [30_000]);
    assert.deepEqual(await store.states([scope]), [{ id: scope.id, spent: 0, reserved: 4 }]);
    await store.renew("dead", lease);
    assert.deepEqual(await store.settle("dead", [scope], 5), [{ id: scope.id, spent: 5, reserved: 4 }]);
  });

  it("begins with what the ledger knows, once", async () => {
    const asked: string[] = [];
    const known = new RedisBudgetStore({ redis, spentBefore: (id) => { asked.push(id); return Promise.resolve(id.endsWith("x") ? 90 : 5); } });
    const scopes = [scopeOf(100, "seed-x"), scopeOf(100, "seed-y")];
    assert.deepEqual(await known.states(scopes), [{ id: "seed-x", spent: 90, reserved: 0 }, { id: "seed-y", spent: 5, reserved: 0 }]);
    assert.deepEqual(await known.reserve("f", scopes, 11, lease), { reserved: false, scope: { id: "seed-x", spent: 90, reserved: 0 } });
    assert.equal((await known.reserve("f", scopes, 10, lease)).reserved, true);
    const before = asked.length;
    assert.deepEqual(await known.settle("f", scopes, 10), [{ id: "seed-x", spent: 100, reserved: 0 }, { id: "seed-y", spent: 15, reserved: 0 }]);
    assert.equal(asked.length, before);
    assert.deepEqual(await known.settle("g", [scopeOf(100, "unmet-x")], 1), [{ id: "unmet-x", spent: 91, reserved: 0 }]);
  });

  it("never lets settled and reserved amounts exceed a limit, whatever comes at once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 50 }), fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 20 }), async (limit, amounts) => {
        const scope = scopeOf(limit);
        const reserved = await Promise.all(amounts.map((amount, call) => store.reserve(`${scope.id}-${call}`, [scope], amount, lease)));
        const sum = amounts.reduce((total, amount, call) => total + (reserved[call]!.reserved ? amount : 0), 0);
        assert.ok(sum <= limit);
        assert.deepEqual(await store.states([scope]), [{ id: scope.id, spent: 0, reserved: sum }]);
        // First come, first served: the first that fits alone is in.
        assert.equal(reserved[0]!.reserved, amounts[0]! <= limit);
      }),
      { numRuns: 25 },
    );
  });

  it("lets 500 callers of three processes spend not a billionth more than 100 dollars", async () => {
    const limit = 100_000_000_000;
    const processes = [0, 1, 2].map((replica) => {
      const child = spawn(process.execPath, [new URL("./spending-process.ts", import.meta.url).pathname, server.url(), String(replica === 0 ? 168 : 166), String(limit), String(replica)], { stdio: ["pipe", "pipe", "inherit"] });
      return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](), exited: new Promise((resolve) => child.once("exit", resolve)) };
    });
    try {
      for (const { lines } of processes) assert.equal((await lines.next()).value, "ready");
      for (const { child } of processes) child.stdin.write("go\n");
      const results = await Promise.all(processes.map(async ({ lines }) => JSON.parse(String((await lines.next()).value)) as { spent: number; admitted: number }));
      const spent = results.reduce((sum, result) => sum + result.spent, 0);
      const [state] = await store.states([scopeOf(limit, "key:one/day")]);
      assert.deepEqual(state, { id: "key:one/day", spent, reserved: 0 });
      assert.ok(spent <= limit && spent > limit / 2, String(spent));
      // They wanted more than there was: 450 would have spent 120 dollars.
      assert.ok(results.reduce((sum, result) => sum + result.admitted, 0) < 450);
    } finally {
      for (const { child } of processes) child.kill();
      await Promise.all(processes.map(({ exited }) => exited));
    }
  });
});
