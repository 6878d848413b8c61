import { redisScript } from "./redis-script.ts";

/**
 * A scope is a hash: `spent`, `reserved` (the sum), and `of:RESERVATION` for each reservation; beside it, under `KEY:ends`, the ends of their leases. A reservation is the list of its scopes, and is
 * gone with its lease. Amounts are whole numbers as text.
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
local function release(reservationKey, reservation, prefix, now, but)
  for _, scope in ipairs(redis.call('LRANGE', reservationKey, 0, -1)) do
    local key = prefix .. scope
    if not but[key] then
      dropEnded(key, now)
      local amount = redis.call('HGET', key, 'of:' .. reservation)
      if amount then
        give(key, amount)
        redis.call('HDEL', key, 'of:' .. reservation)
        redis.call('ZREM', key .. ':ends', reservation)
      end
    end
  end
  redis.call('DEL', reservationKey)
end
`;

/**
 * ARGV: reservation, two values of the script, prefix, then limit, end and known spending of each scope. Scopes live until a day after they are needed. Each command costs Redis, which does all of all replicas one after the
 * other, so that nothing of a scope is read or written twice.
 */
const scopeWords = `${words}
local function lives(index, now) return whole(math.max(tonumber(ARGV[index * 3]) - now, 0) + 86400000) end
-- Of each scope what is spent, what is reserved, and what of that is of this reservation; or nothing, and the places of those that are unknown.
local function scopes(now)
  local unknown, states = {'unknown'}, {}
  for index = 2, #KEYS do
    local state = redis.call('HMGET', KEYS[index], 'spent', 'reserved', 'of:' .. ARGV[1])
    if not state[1] then
      local spent = ARGV[index * 3 + 1]
      if spent == '' then table.insert(unknown, tostring(index - 1))
      else
        redis.call('HSET', KEYS[index], 'spent', spent, 'reserved', '0')
        redis.call('PEXPIRE', KEYS[index], lives(index, now))
        state = {spent, '0', false}
      end
    end
    states[index] = state
  end
  if #unknown > 1 then return nil, unknown end
  return states
end
`;

export const budgetScripts = {
  /** Values: amount, lease. */
  reserve: redisScript(`${scopeWords}
local now = clock()
local nowText, ends = whole(now), whole(now + ARGV[3])
for index = 2, #KEYS do dropEnded(KEYS[index], nowText) end
local states, unknown = scopes(now)
if unknown then return unknown end
if redis.call('EXISTS', KEYS[1]) == 1 then return {'reserved'} end
for index = 2, #KEYS do
  local state = states[index]
  if tonumber(state[1]) + tonumber(state[2]) + tonumber(ARGV[2]) > tonumber(ARGV[index * 3 - 1]) then
    return {'exceeded', tostring(index - 1), state[1], state[2]}
  end
end
local held = {}
for index = 2, #KEYS do
  redis.call('HSET', KEYS[index], 'reserved', whole(tonumber(states[index][2]) + tonumber(ARGV[2])), 'of:' .. ARGV[1], ARGV[2])
  redis.call('ZADD', KEYS[index] .. ':ends', ends, ARGV[1])
  if states[index][2] == '0' then redis.call('PEXPIRE', KEYS[index] .. ':ends', lives(index, now)) end
  held[index - 1] = string.sub(KEYS[index], #ARGV[4] + 1)
end
if #held > 0 then
  redis.call('RPUSH', KEYS[1], unpack(held))
  redis.call('PEXPIRE', KEYS[1], whole(ARGV[3]))
end
return {'reserved'}
`),

  /** Values: what it cost, nothing. What is reserved may have reservations in it whose lease has ended: the next that reserves gives it back. */
  settle: redisScript(`${scopeWords}
local now = clock()
local states, unknown = scopes(now)
if unknown then return unknown end
local settled, own = {'settled'}, {}
for index = 2, #KEYS do
  local reserved, amount = states[index][2], states[index][3]
  table.insert(settled, redis.call('HINCRBY', KEYS[index], 'spent', ARGV[2]))
  if amount then
    if amount ~= '0' then reserved = redis.call('HINCRBY', KEYS[index], 'reserved', '-' .. amount) end
    redis.call('HDEL', KEYS[index], 'of:' .. ARGV[1])
    redis.call('ZREM', KEYS[index] .. ':ends', ARGV[1])
  end
  table.insert(settled, reserved)
  own[KEYS[index]] = true
end
release(KEYS[1], ARGV[1], ARGV[4], whole(now), own)
return settled
`),

  /** ARGV: reservation, prefix. */
  release: redisScript(`${words}
release(KEYS[1], ARGV[1], ARGV[2], whole(clock()), {})
`),

  /** ARGV: reservation, lease, prefix. One that has ended stays so. */
  renew: redisScript(`${words}
local now = clock()
local nowText, ends = whole(now), whole(now + ARGV[2])
for _, scope in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local key = ARGV[3] .. scope
  dropEnded(key, nowText)
  if redis.call('HEXISTS', key, 'of:' .. ARGV[1]) == 1 then redis.call('ZADD', key .. ':ends', ends, ARGV[1]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
`),

  /** Answers with spent (empty: unknown) and reserved of each scope. */
  states: redisScript(`${words}
local now, states = whole(clock()), {}
for index = 1, #KEYS do
  dropEnded(KEYS[index], now)
  local state = redis.call('HMGET', KEYS[index], 'spent', 'reserved')
  table.insert(states, state[1] or '')
  table.insert(states, state[2] or '0')
end
return states
`),
};
