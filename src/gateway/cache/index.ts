export { AnswerCache, type CacheLead, type CacheLook } from "./answer-cache.ts";
export { answerKey, semanticQuestion, type AnswerScope } from "./answer-key.ts";
export { cacheControlOf, type CacheControl } from "./cache-control.ts";
export { MemoryAnswerCache } from "./memory-answer-cache.ts";
export { SemanticCache } from "./semantic-cache.ts";
