import type { AnswerCacheStore } from "../../gateway/cache/answer-cache-store.ts";
import type { RedisConnection } from "./open-redis.ts";

/** Answers of all replicas. Redis forgets them when their time is over, or earlier as its `maxmemory-policy` says. Rejects with RedisAwayError. */
export class RedisAnswerCache implements AnswerCacheStore {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  get(key: string): Promise<string | null> {
    return this.#redis.get(`answer:${key}`);
  }

  set(key: string, value: string, ttlMs: number): Promise<void> {
    return this.#redis.set(`answer:${key}`, value, ttlMs);
  }

  delete(key: string): Promise<void> {
    return this.#redis.delete(`answer:${key}`);
  }
}
