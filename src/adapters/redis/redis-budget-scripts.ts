import { redisScript } from "./redis-script.ts";

/**
 * A scope is a hash: `spent`, `reserved` (the sum), and `of:RESERVATION` for each reservation; beside it, under `KEY:ends`, the ends of their leases. A reservation is the list of its scopes, and is
 * gone with its lease. Amounts are whole numbers as text. Numbers that a script answers with are text too, for they may have more than 53 bits.
 */
const words = `
-- Redis takes -0 for no number.
local function give(key, amount)
  if amount ~= '0' then redis.call('HINCRBY', key, 'reserved', '-' .. amount) end
end
local function dropEnded(key, now)
  local ended = redis.call('ZRANGEBYSCORE', key .. ':ends', '-inf', now)
  for _, reservation in ipairs(ended) do
    local amount = redis.call('HGET', key, 'of:' .. reservation)
    if amount then
      give(key, amount)
      redis.call('HDEL', key, 'of:' .. reservation)
    end
    redis.call('ZREM', key .. ':ends', reservation)
  end
end
local function release(reservationKey, reservation, prefix, now)
  for _, scope in ipairs(redis.call('LRANGE', reservationKey, 0, -1)) do
    local key = prefix .. scope
    dropEnded(key, now)
    local amount = redis.call('HGET', key, 'of:' .. reservation)
    if amount then
      give(key, amount)
      redis.call('HDEL', key, 'of:' .. reservation)
      redis.call('ZREM', key .. ':ends', reservation)
    end
  end
  redis.call('DEL', reservationKey)
end
`;

/** ARGV: reservation, two values of the script, prefix, then limit, end and known spending of each scope. Scopes live until a day after they are needed. */
const scopeWords = `${words}
local function seed(now)
  local unknown = {'unknown'}
  for index = 2, #KEYS do
    dropEnded(KEYS[index], now)
    if redis.call('HEXISTS', KEYS[index], 'spent') == 0 then
      local spent = ARGV[index * 3 + 1]
      if spent == '' then table.insert(unknown, tostring(index - 1))
      else
        redis.call('HSET', KEYS[index], 'spent', spent, 'reserved', '0')
        local lives = math.max(tonumber(ARGV[index * 3]) - now, 0) + 86400000
        redis.call('PEXPIRE', KEYS[index], string.format('%.0f', lives))
      end
    end
  end
  if #unknown > 1 then return unknown end
end
`;

export const budgetScripts = {
  /** Values: amount, lease. */
  reserve: redisScript(`${scopeWords}
local now = clock()
local unknown = seed(now)
if unknown then return unknown end
if redis.call('EXISTS', KEYS[1]) == 1 then return {'reserved'} end
for index = 2, #KEYS do
  local state = redis.call('HMGET', KEYS[index], 'spent', 'reserved')
  if tonumber(state[1]) + tonumber(state[2]) + tonumber(ARGV[2]) > tonumber(ARGV[index * 3 - 1]) then
    return {'exceeded', tostring(index - 1), state[1], state[2]}
  end
end
for index = 2, #KEYS do
  redis.call('HINCRBY', KEYS[index], 'reserved', ARGV[2])
  redis.call('HSET', KEYS[index], 'of:' .. ARGV[1], ARGV[2])
  redis.call('ZADD', KEYS[index] .. ':ends', string.format('%.17g', now + ARGV[3]), ARGV[1])
  redis.call('PEXPIRE', KEYS[index] .. ':ends', string.format('%.0f', math.max(redis.call('PTTL', KEYS[index]), 1)))
  redis.call('RPUSH', KEYS[1], string.sub(KEYS[index], #ARGV[4] + 1))
end
if #KEYS > 1 then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[3])) end
return {'reserved'}
`),

  /** Values: what it cost, nothing. */
  settle: redisScript(`${scopeWords}
local now = clock()
local unknown = seed(now)
if unknown then return unknown end
release(KEYS[1], ARGV[1], ARGV[4], now)
local states = {'settled'}
for index = 2, #KEYS do
  redis.call('HINCRBY', KEYS[index], 'spent', ARGV[2])
  local state = redis.call('HMGET', KEYS[index], 'spent', 'reserved')
  table.insert(states, state[1])
  table.insert(states, state[2])
end
return states
`),

  /** ARGV: reservation, prefix. */
  release: redisScript(`${words}
release(KEYS[1], ARGV[1], ARGV[2], clock())
`),

  /** ARGV: reservation, lease, prefix. One that has ended stays so. */
  renew: redisScript(`${words}
local now = clock()
for _, scope in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local key = ARGV[3] .. scope
  dropEnded(key, now)
  if redis.call('HEXISTS', key, 'of:' .. ARGV[1]) == 1 then redis.call('ZADD', key .. ':ends', string.format('%.17g', now + ARGV[2]), ARGV[1]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
`),

  /** Answers with spent (empty: unknown) and reserved of each scope. */
  states: redisScript(`${words}
local now, states = clock(), {}
for index = 1, #KEYS do
  dropEnded(KEYS[index], now)
  local state = redis.call('HMGET', KEYS[index], 'spent', 'reserved')
  table.insert(states, state[1] or '')
  table.insert(states, state[2] or '0')
end
return states
`),
};
