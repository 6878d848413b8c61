import { openRedis, RedisBudgetStore } from "../../src/adapters/redis/index.ts";
import { epochMs, systemClock } from "../../src/core/clock.ts";

/** A replica with callers that all call at once: `node spending-process.ts URL CALLERS LIMIT REPLICA`. Prints what they were let spend. */
const [url, callers, limit, replica] = process.argv.slice(2) as [string, string, string, string];
const redis = await openRedis({ url, clock: systemClock, commandMs: 30_000, connectMs: 30_000 });
const store = new RedisBudgetStore({ redis });
const scopes = [
  { id: "key:one/day", limit: Number(limit), endsAt: epochMs(systemClock.now() + 60_000) },
  { id: "team:one/month", limit: 2 * Number(limit), endsAt: epochMs(systemClock.now() + 60_000) },
];

let [spent, admitted] = [0, 0];
async function call(number: number): Promise<void> {
  const reservation = `${replica}-${number}`;
  // A tenth to seven tenths of a dollar, to the last billionth.
  const amount = 100_000_007 * (1 + (number % 7));
  if (!(await store.reserve(reservation, scopes, amount, 60_000)).reserved) return;
  if (number % 10 === 0) {
    await store.release(reservation);
    return;
  }
  admitted++;
  const actual = number % 3 === 0 ? amount : Math.floor(amount / 2);
  spent += actual;
  await store.settle(reservation, scopes, actual);
}

// All three start together.
process.stdout.write("ready\n");
await new Promise((resolve) => { process.stdin.once("data", resolve); });
await Promise.all(Array.from({ length: Number(callers) }, (_, number) => call(number)));
process.stdout.write(`${JSON.stringify({ spent, admitted })}\n`);
process.stdin.destroy();
await redis.close();
