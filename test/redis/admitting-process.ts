import { openRedis, RedisLimitStore } from "../../src/adapters/redis/index.ts";
import { redisScript } from "../../src/adapters/redis/redis-script.ts";
import { systemClock } from "../../src/core/clock.ts";
import { AppError } from "../../src/core/errors.ts";
import { Admission } from "../../src/gateway/limits/index.ts";
import { Limits } from "../../src/gateway/schemas.ts";

/** A replica with callers that all call at once: `node admitting-process.ts URL CALLERS LIMITS REPLICA`. Prints how many were let in, which errors the others met, and the most that were under way at once in all replicas. */
const [url, callers, limits, replica] = process.argv.slice(2) as [string, string, string, string];
const redis = await openRedis({ url, clock: systemClock, commandMs: 30_000, connectMs: 30_000 });
const admission = new Admission({ store: new RedisLimitStore(redis), clock: systemClock, instance: `replica-${replica}`, shared: true });
const key = { id: "key:one", limits: Limits.parse(JSON.parse(limits)) };
const begin = redisScript("return redis.call('INCR', KEYS[1])");
const end = redisScript("return redis.call('DECR', KEYS[1])");

let [admitted, most] = [0, 0];
const refused: Record<string, number> = {};
async function call(number: number): Promise<void> {
  try {
    const ticket = await admission.enter({ key, tokens: 10, deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal, priority: number % 3 });
    admitted++;
    most = Math.max(most, Number(await redis.run(begin, ["under way"], [])));
    // A call of its own that takes a trip to Redis and back.
    await redis.run(end, ["under way"], []);
    ticket.settle(number % 2 === 0 ? 10 : 0);
    ticket.leave();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    refused[error.code] = (refused[error.code] ?? 0) + 1;
  }
}

// All start together.
process.stdout.write("ready\n");
await new Promise((resolve) => { process.stdin.once("data", resolve); });
await Promise.all(Array.from({ length: Number(callers) }, (_, number) => call(number)));
process.stdout.write(`${JSON.stringify({ admitted, refused, most, waiting: admission.waiting })}\n`);
// Its last places are given back before it goes.
await new Promise((resolve) => { process.stdin.once("data", resolve); });
process.stdin.destroy();
await redis.close();
