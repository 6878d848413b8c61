import { createHash } from "node:crypto";

/** A Lua script, which Redis runs whole before anything else, and the name that Redis knows it by once it has seen it. */
export interface RedisScript {
  text: string;
  sha1: string;
}

/** Whole milliseconds of Redis's own clock, the same for all replicas; fractions would be what is read and written most slowly. `whole`: a number as Redis takes it. */
const words = `
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function whole(number) return string.format('%.0f', number) end
`;

export function redisScript(text: string): RedisScript {
  const whole = words + text;
  return { text: whole, sha1: createHash("sha1").update(whole).digest("hex") };
}
