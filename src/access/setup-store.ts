import type { EpochMs } from "../core/clock.ts";

/** Tokens that make the first admin key, as SHA-256 hashes (32 bytes). Adapters prove themselves with `setup-store.conformance.ts`. */
export interface SetupStore {
  /** Keeps this token alone: every earlier one is void. */
  replace(token: SetupToken): Promise<void>;
  /** Takes the token away and answers with it, or null when there is none, or when it has expired: of several that ask at once, one gets it. */
  take(hash: Uint8Array, now: EpochMs): Promise<SetupToken | null>;
  removeAll(): Promise<void>;
}

export interface SetupToken {
  hash: Uint8Array;
  createdAt: EpochMs;
  expiresAt: EpochMs;
}
