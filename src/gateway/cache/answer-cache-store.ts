type MaybePromise<Value> = Value | Promise<Value>;

/** Values by key for a time, in this process or of all replicas. May forget at any moment. `answer-cache-store.conformance.ts` holds what both promise. */
export interface AnswerCacheStore {
  get(key: string): MaybePromise<string | null>;
  set(key: string, value: string, ttlMs: number): MaybePromise<void>;
  delete(key: string): MaybePromise<void>;
}
