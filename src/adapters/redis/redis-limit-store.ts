import type { BucketLeft, BucketWant, Entered, LimitStore, Slot, TakenFrom } from "../../gateway/limits/limit-store.ts";
import type { RedisConnection } from "./open-redis.ts";
import { redisScript } from "./redis-script.ts";

/** Of each bucket its key, and of ARGV its capacity, a minute's worth and the amount. A bucket is what is taken of it (`used`, at time `at`), and is gone when it is full again. */
const bucketWords = `
local function usedOf(key, perMinute, now)
  local state = redis.call('HMGET', key, 'used', 'at')
  if not state[1] then return 0 end
  return math.max(0, tonumber(state[1]) - math.max(0, now - tonumber(state[2])) * perMinute / 60000)
end
local function add(key, perMinute, used, amount, now)
  local sum = math.max(0, used + amount)
  if sum == 0 then redis.call('DEL', key) return '0' end
  local text = string.format('%.17g', sum)
  redis.call('HSET', key, 'used', text, 'at', whole(now))
  redis.call('PEXPIRE', key, whole(math.min(sum / perMinute * 60000 + 1000, 1e13)))
  return text
end
-- From these places of KEYS and ARGV on. The place of the bucket that lacks most (0 for none) and milliseconds until it has what is wanted, and then what is taken of each.
local function take(firstKey, firstValue, now)
  local worst, wait, used, answer = 0, 0, {}, {}
  for index = firstKey, #KEYS do
    local at = (index - firstKey) * 3 + firstValue
    local capacity, perMinute = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
    used[index] = usedOf(KEYS[index], perMinute, now)
    local lack = used[index] + math.min(tonumber(ARGV[at + 2]), capacity) - capacity
    local needs = math.ceil(lack * 60000 / perMinute)
    if lack > 1e-6 and needs > wait then worst, wait = index - firstKey + 1, needs end
  end
  answer[1], answer[2] = worst, whole(wait)
  for index = firstKey, #KEYS do
    local at = (index - firstKey) * 3 + firstValue
    local amount = tonumber(ARGV[at + 2])
    if worst == 0 and amount ~= 0 then table.insert(answer, add(KEYS[index], tonumber(ARGV[at + 1]), used[index], amount, now))
    else table.insert(answer, string.format('%.17g', used[index])) end
  end
  return answer
end
`;

const take = redisScript(`${bucketWords}
return take(1, 1, clock())
`);

const adjust = redisScript(`${bucketWords}
local now = clock()
for index = 1, #KEYS do
  local perMinute = tonumber(ARGV[index * 3 - 1])
  add(KEYS[index], perMinute, usedOf(KEYS[index], perMinute, now), tonumber(ARGV[index * 3]), now)
end
`);
/**
 * KEYS: slots, each a set of tickets in the order of their ends, then buckets. ARGV: ticket, length of the lease, how many slots, how many each takes, then of each bucket as above. Answers as `take`, or with less than 0: minus
 * the place of the slot that is full, and milliseconds until the first of its tickets ends. A slot is forgotten long after its last lease; tickets that have ended are dropped where they would be counted.
 */
const enter = redisScript(`${bucketWords}
local now, slots = clock(), tonumber(ARGV[3])
local nowText, ends, lives = whole(now), whole(now + ARGV[2]), whole(math.max(tonumber(ARGV[2]), 3600000))
for index = 1, slots do
  redis.call('ZREMRANGEBYSCORE', KEYS[index], '-inf', nowText)
  if redis.call('ZCARD', KEYS[index]) >= tonumber(ARGV[index + 3]) then
    local first = redis.call('ZRANGE', KEYS[index], 0, 0, 'WITHSCORES')
    return {-index, whole(math.max(1, math.ceil((tonumber(first[2]) or now) - now)))}
  end
end
local answer = take(slots + 1, slots + 4, now)
if answer[1] ~= 0 then return answer end
for index = 1, slots do
  redis.call('ZADD', KEYS[index], ends, ARGV[1])
  redis.call('PEXPIRE', KEYS[index], lives)
end
return answer
`);

const renew = redisScript(`
local now = clock()
for index = 1, #KEYS do
  local ends = redis.call('ZSCORE', KEYS[index], ARGV[1])
  if ends and tonumber(ends) > now then
    redis.call('ZADD', KEYS[index], whole(now + ARGV[2]), ARGV[1])
    redis.call('PEXPIRE', KEYS[index], whole(math.max(tonumber(ARGV[2]), 3600000)))
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
    return wants.length === 0 ? { taken: true, left: [] } : takenOf((await this.#redis.run(take, wants.map(bucketKey), wants.flatMap(valuesOf))) as BucketAnswer, wants);
  }

  async adjust(wants: readonly BucketWant[]): Promise<void> {
    if (wants.length > 0) await this.#redis.run(adjust, wants.map(bucketKey), wants.flatMap(valuesOf));
  }

  async enter(ticket: string, slots: readonly Slot[], leaseMs: number, wants: readonly BucketWant[] = []): Promise<Entered> {
    if (slots.length === 0) return this.take(wants);
    const ids = slots.map(({ id }) => id);
    const answer = (await this.#redis.run(enter, [...ids.map(slotKey), ...wants.map(bucketKey)], [ticket, leaseMs, slots.length, ...slots.map(({ most }) => most), ...wants.flatMap(valuesOf)])) as BucketAnswer;
    if (answer[0] < 0) return { taken: false, id: ids[-answer[0] - 1]!, waitMs: Number(answer[1]), left: null };
    const taken = takenOf(answer, wants);
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

/** As the scripts answer. */
type BucketAnswer = [place: number, waitMs: string, ...used: string[]];

const slotKey = (id: string): string => `slot:${id}`;
const bucketKey = ({ bucket }: BucketWant): string => `bucket:${bucket.id}`;
const valuesOf = ({ bucket: { capacity, perMinute }, amount }: BucketWant): number[] => [capacity, perMinute, amount];

function takenOf([place, waitMs, ...used]: BucketAnswer, wants: readonly BucketWant[]): TakenFrom {
  const left = wants.map(({ bucket: { capacity, perMinute } }, index): BucketLeft => ({ amount: capacity - Number(used[index]), fullInMs: (Number(used[index]) * 60_000) / perMinute }));
  return place === 0 ? { taken: true, left } : { taken: false, id: wants[place - 1]!.bucket.id, waitMs: Number(waitMs), left };
}
