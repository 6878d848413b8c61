export { openRedis, type RedisConnection, type RedisOptions } from "./open-redis.ts";
export { RedisAnswerCache } from "./redis-answer-cache.ts";
export { RedisBudgetStore } from "./redis-budget-store.ts";
export { RedisLimitStore } from "./redis-limit-store.ts";
