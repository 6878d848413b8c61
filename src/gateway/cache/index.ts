export { AnswerCache, type CacheLead, type CacheLook } from "./answer-cache.ts";
export type { AnswerCacheStore } from "./answer-cache-store.ts";
export { answerKey, semanticQuestion } from "./answer-key.ts";
export { cacheControlOf, type CacheControl } from "./cache-control.ts";
export { MemoryAnswerCache } from "./memory-answer-cache.ts";
export { SemanticCache, type Embed } from "./semantic-cache.ts";
