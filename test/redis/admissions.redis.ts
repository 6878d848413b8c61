import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { openRedis, RedisLimitStore, type RedisConnection } from "../../src/adapters/redis/index.ts";
import { redisScript } from "../../src/adapters/redis/redis-script.ts";
import { systemClock } from "../../src/core/clock.ts";
import { Admission } from "../../src/gateway/limits/index.ts";
import { Limits } from "../../src/gateway/schemas.ts";
import { RedisServer } from "./redis-server.ts";

interface Result {
  admitted: number;
  refused: Record<string, number>;
  most: number;
  waiting: number;
}

const forget = redisScript("redis.call('FLUSHDB')");
const places = redisScript("local count = 0 for _, key in ipairs(redis.call('KEYS', '*slot:*')) do count = count + redis.call('ZCARD', key) end return count");

describe("limits of three processes on one Redis", () => {
  let server: RedisServer;
  let redis: RedisConnection;
  before(async () => {
    server = await RedisServer.start();
    redis = await openRedis({ url: server.url(), clock: systemClock, commandMs: 30_000, connectMs: 30_000 });
  });
  after(async () => {
    await redis.close();
    await server.remove();
  });

  /** What becomes of so many callers of each, all at once. `between` looks while all are done and none has gone. */
  async function run(callers: number, limits: object, between: () => Promise<void> = () => Promise.resolve()): Promise<Result[]> {
    await redis.run(forget, [], []);
    const processes = [0, 1, 2].map((replica) => {
      const child = spawn(process.execPath, [new URL("./admitting-process.ts", import.meta.url).pathname, server.url(), String(callers), JSON.stringify(limits), String(replica)], { stdio: ["pipe", "pipe", "inherit"] });
      return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](), exited: new Promise((resolve) => child.once("exit", resolve)) };
    });
    try {
      for (const { lines } of processes) assert.equal((await lines.next()).value, "ready");
      for (const { child } of processes) child.stdin.write("go\n");
      const results = await Promise.all(processes.map(async ({ lines }) => JSON.parse(String((await lines.next()).value)) as Result));
      await between();
      for (const { child } of processes) child.stdin.write("end\n");
      await Promise.all(processes.map(({ exited }) => exited));
      return results;
    } finally {
      for (const { child } of processes) child.kill();
      await Promise.all(processes.map(({ exited }) => exited));
    }
  }

  const admittedBy = (results: readonly Result[]): number => results.reduce((sum, { admitted }) => sum + admitted, 0);

  it("let everybody who waits in turn, and never more at once than the limit", async () => {
    const results = await run(40, { concurrency: 4, queue: 1000, queueMs: 120_000 }, async () => {
      // Given back behind the answer.
      while (Number(await redis.run(places, [], [])) > 0) await new Promise((resolve) => { setImmediate(resolve); });
    });
    assert.deepEqual(results.map(({ admitted, refused, waiting }) => [admitted, refused, waiting]), [[40, {}, 0], [40, {}, 0], [40, {}, 0]]);
    const most = Math.max(...results.map((result) => result.most));
    assert.ok(most >= 1 && most <= 4, `${most} at once`);
  });

  it("refuse those for whom the queue has no place, and lose nobody", async () => {
    const results = await run(40, { concurrency: 2, queue: 10, queueMs: 120_000 });
    for (const { admitted, refused, most } of results) {
      const away = Object.values(refused).reduce((sum, count) => sum + count, 0);
      assert.equal(admitted + away, 40);
      assert.deepEqual(Object.keys(refused), ["GATEWAY_OVERLOADED"]);
      assert.ok(most <= 2);
      // Each process has a queue of its own, from which all are let in.
      assert.ok(admitted >= 10 && admitted <= 40, String(admitted));
    }
  });

  it("let in as many as a minute's worth, to the last one, and as many more as the time that it took refills", async () => {
    const since = systemClock.monotonic();
    const admitted = admittedBy(await run(60, { requestsPerMinute: 50 }));
    const refilled = Math.ceil(((systemClock.monotonic() - since) * 50) / 60_000);
    assert.ok(admitted >= 50 && admitted <= 50 + refilled, `${admitted} of 50 and ${refilled}`);
  });

  it("give tokens back that calls did not use: in the end what all of them used is taken, and no more", async () => {
    const results = await run(30, { tokensPerMinute: 600, queue: 1000, queueMs: 600_000 });
    // Half of 90 calls used their ten tokens.
    assert.equal(admittedBy(results), 90);
    const admission = new Admission({ store: new RedisLimitStore(redis), clock: systemClock, instance: "last", shared: true });
    const enter = (tokens: number) => admission.enter({ key: { id: "key:one", limits: Limits.parse({ tokensPerMinute: 600 }) }, tokens, deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal });
    // At least 150 are left, of which nobody else takes any.
    (await enter(150)).leave();
  });

  it("have nothing taken by calls that are not made after all, and all of those that are", async () => {
    await redis.run(forget, [], []);
    const key = { id: "key:one", limits: Limits.parse({ requestsPerMinute: 50, concurrency: 100 }) };
    const replicas = ["one", "two", "three"].map((instance) => new Admission({ store: new RedisLimitStore(redis), clock: systemClock, instance, shared: true }));
    const enter = async (call: number) => replicas[call % 3]!.enter({ key, tokens: 10, deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal });
    const allLeft = async (): Promise<void> => {
      while (Number(await redis.run(places, [], [])) > 0) await new Promise((resolve) => { setImmediate(resolve); });
    };
    // Redis knows all scripts then, and does what it is asked in turn.
    (await enter(0)).giveBack();
    await allLeft();
    const since = systemClock.monotonic();
    const tickets = await Promise.all(Array.from({ length: 90 }, (_, call) => enter(call).catch((error: { code: string }) => error.code)));
    const letIn = tickets.filter((ticket) => typeof ticket !== "string");
    assert.ok(letIn.length >= 50, String(letIn.length));
    for (const [index, ticket] of letIn.entries()) {
      if (index < 9) ticket.leave();
      else ticket.giveBack();
    }
    await allLeft();
    const ticket = await enter(0);
    const refilled = Math.ceil(((systemClock.monotonic() - since) * 50) / 60_000);
    const { remaining } = ticket.left().requests!;
    assert.ok(remaining >= 40 && remaining <= Math.min(49, 40 + refilled), `${remaining} of 40 and ${refilled}`);
    ticket.giveBack();
  });
});
