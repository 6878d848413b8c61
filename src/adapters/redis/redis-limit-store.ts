import type { BucketWant, LimitStore, Slot, Taken, TakenFrom } from "../../gateway/limits/limit-store.ts";
import type { RedisConnection } from "./open-redis.ts";
import { redisScript } from "./redis-script.ts";

/** KEYS: a bucket each. ARGV: capacity, a minute's worth, amount of each. A bucket is what is taken of it (`used`, at time `at`), and is gone when it is full again. */
const bucketWords = `
local function usedOf(key, perMinute, now)
  local state = redis.call('HMGET', key, 'used', 'at')
  if not state[1] then return 0 end
  return math.max(0, tonumber(state[1]) - math.max(0, now - tonumber(state[2])) * perMinute / 60000)
end
local function add(index, now)
  local perMinute = tonumber(ARGV[index * 3 - 1])
  local used = math.max(0, usedOf(KEYS[index], perMinute, now) + tonumber(ARGV[index * 3]))
  if used == 0 then redis.call('DEL', KEYS[index]) return used end
  redis.call('HSET', KEYS[index], 'used', string.format('%.17g', used), 'at', string.format('%.17g', now))
  redis.call('PEXPIRE', KEYS[index], string.format('%.0f', math.min(used / perMinute * 60000 + 1000, 1e13)))
  return used
end
`;

/** Answers with the place of the bucket that lacks most (0 for none) and milliseconds until it has what is wanted, and then what is taken of each. */
const take = redisScript(`${bucketWords}
local now, worst, wait = clock(), 0, 0
local used, answer = {}, {}
for index = 1, #KEYS do
  local capacity, perMinute = tonumber(ARGV[index * 3 - 2]), tonumber(ARGV[index * 3 - 1])
  used[index] = usedOf(KEYS[index], perMinute, now)
  local lack = used[index] + math.min(tonumber(ARGV[index * 3]), capacity) - capacity
  local needs = math.ceil(lack * 60000 / perMinute)
  if lack > 1e-6 and needs > wait then worst, wait = index, needs end
end
answer[1], answer[2] = worst, string.format('%.0f', wait)
for index = 1, #KEYS do
  if worst == 0 and tonumber(ARGV[index * 3]) ~= 0 then used[index] = add(index, now) end
  answer[index + 2] = string.format('%.17g', used[index])
end
return answer
`);

const adjust = redisScript(`${bucketWords}
local now = clock()
for index = 1, #KEYS do add(index, now) end
`);

/** KEYS: a slot each, a set of tickets in the order of their ends. ARGV: ticket, length of the lease, then how many each takes. Answers with nothing, or with the place of the slot that is full and milliseconds until the first of its tickets ends. */
const enter = redisScript(`
local now = clock()
for index = 1, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[index], '-inf', now)
  if redis.call('ZCARD', KEYS[index]) >= tonumber(ARGV[index + 2]) then
    local first = redis.call('ZRANGE', KEYS[index], 0, 0, 'WITHSCORES')
    return {index, string.format('%.0f', math.max(1, math.ceil((tonumber(first[2]) or now) - now)))}
  end
end
for index = 1, #KEYS do
  redis.call('ZADD', KEYS[index], string.format('%.17g', now + ARGV[2]), ARGV[1])
  if redis.call('PTTL', KEYS[index]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[index], ARGV[2]) end
end
return {}
`);

const renew = redisScript(`
local now = clock()
for index = 1, #KEYS do
  local ends = redis.call('ZSCORE', KEYS[index], ARGV[1])
  if ends and tonumber(ends) > now then
    redis.call('ZADD', KEYS[index], string.format('%.17g', now + ARGV[2]), ARGV[1])
    if redis.call('PTTL', KEYS[index]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[index], ARGV[2]) end
  end
end
`);

const leave = redisScript("for index = 1, #KEYS do redis.call('ZREM', KEYS[index], ARGV[1]) end");

/** Rates and concurrency of all replicas, by Redis's own clock. Rejects with RedisAwayError; `FallbackLimitStore` decides what then. */
export class RedisLimitStore implements LimitStore {
  readonly #redis: RedisConnection;
  /** Slots of tickets that this process holds. */
  readonly #tickets = new Map<string, readonly string[]>();

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  async take(wants: readonly BucketWant[]): Promise<TakenFrom> {
    if (wants.length === 0) return { taken: true, left: [] };
    const [worst, waitMs, ...used] = (await this.#redis.run(take, keysOf(wants), valuesOf(wants))) as [number, string, ...string[]];
    const left = wants.map(({ bucket: { capacity, perMinute } }, index) => ({ amount: capacity - Number(used[index]), fullInMs: (Number(used[index]) * 60_000) / perMinute }));
    return worst === 0 ? { taken: true, left } : { taken: false, id: wants[worst - 1]!.bucket.id, waitMs: Number(waitMs), left };
  }

  async adjust(wants: readonly BucketWant[]): Promise<void> {
    if (wants.length > 0) await this.#redis.run(adjust, keysOf(wants), valuesOf(wants));
  }

  async enter(ticket: string, slots: readonly Slot[], leaseMs: number): Promise<Taken> {
    if (slots.length === 0) return { taken: true };
    const ids = slots.map(({ id }) => id);
    const taken = takenOf(await this.#redis.run(enter, ids.map(slotKey), [ticket, leaseMs, ...slots.map(({ most }) => most)]), ids);
    if (taken.taken) this.#tickets.set(ticket, ids);
    return taken;
  }

  async renew(ticket: string, leaseMs: number): Promise<void> {
    const ids = this.#tickets.get(ticket);
    if (ids !== undefined) await this.#redis.run(renew, ids.map(slotKey), [ticket, leaseMs]);
  }

  async leave(ticket: string): Promise<void> {
    const ids = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (ids !== undefined) await this.#redis.run(leave, ids.map(slotKey), [ticket]);
  }
}

const slotKey = (id: string): string => `slot:${id}`;

function keysOf(wants: readonly BucketWant[]): string[] {
  return wants.map(({ bucket }) => `bucket:${bucket.id}`);
}

function valuesOf(wants: readonly BucketWant[]): number[] {
  return wants.flatMap(({ bucket, amount }) => [bucket.capacity, bucket.perMinute, amount]);
}

function takenOf(answer: unknown, ids: readonly string[]): Taken {
  const [place, waitMs] = answer as [number?, string?];
  return place === undefined ? { taken: true } : { taken: false, id: ids[place - 1]!, waitMs: Number(waitMs) };
}
