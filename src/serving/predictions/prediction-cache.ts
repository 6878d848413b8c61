import { createHash } from "node:crypto";
import type { Tensor } from "../../core/tensor.ts";

interface CachedAnswer {
  outputs: Tensor[];
  expiresAt: number;
}

/** Answers to exactly equal inputs, least recently used first out, each for a time to live. One per served version. */
export class PredictionCache {
  readonly #entries = new Map<string, CachedAnswer>();
  readonly #maxEntries: number;
  readonly #ttlMs: number;

  constructor(options: { maxEntries: number; ttlSeconds: number }) {
    this.#maxEntries = options.maxEntries;
    this.#ttlMs = options.ttlSeconds * 1000;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** `now` is monotonic milliseconds. */
  get(key: string, now: number): Tensor[] | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAt <= now) return undefined;
    this.#entries.set(key, entry);
    return entry.outputs;
  }

  /** Copies the outputs: they may be views into a whole batch. */
  set(key: string, outputs: readonly Tensor[], now: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { outputs: outputs.map((output) => ({ ...output, data: output.data.slice() })), expiresAt: now + this.#ttlMs });
    if (this.#entries.size > this.#maxEntries) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
  }
}

/** SHA-256 over names, shapes and values; texts carry their length, so that ("ab", "c") is not ("a", "bc"). */
export function cacheKey(inputs: readonly Tensor[]): string {
  const hash = createHash("sha256");
  for (const input of [...inputs].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(`${input.name.length}:${input.name}|${input.datatype}|${input.shape.join("x")}|`);
    if (Array.isArray(input.data)) for (const text of input.data) hash.update(`${text.length}:${text}`);
    else hash.update(new Uint8Array(input.data.buffer, input.data.byteOffset, input.data.byteLength));
  }
  return hash.digest("base64");
}
