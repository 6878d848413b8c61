import { createHash } from "node:crypto";

/** A Lua script, which Redis runs whole before anything else, and the name that Redis knows it by once it has seen it. */
export interface RedisScript {
  text: string;
  sha1: string;
}

/** Milliseconds of Redis's own clock, the same for all replicas. */
const clock = "local function clock() local time = redis.call('TIME') return time[1] * 1000 + time[2] / 1000 end\n";

export function redisScript(text: string): RedisScript {
  const whole = clock + text;
  return { text: whole, sha1: createHash("sha1").update(whole).digest("hex") };
}
