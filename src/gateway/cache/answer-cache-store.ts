type MaybePromise<Value> = Value | Promise<Value>;

/** Values by key for a time, in this process or of all replicas. May forget at any moment. `answer-cache-store.conformance.ts` holds what both promise. */
export interface AnswerCacheStore {
  get(key: string): MaybePromise<Uint8Array | null>;
  set(key: string, value: Uint8Array, ttlMs: number): MaybePromise<void>;
  delete(key: string): MaybePromise<void>;
}
