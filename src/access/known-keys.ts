import type { Caller } from "../core/caller.ts";
import { epochMs, type Clock, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { RecentMap } from "../core/recent-map.ts";
import type { KeyStore } from "./access-store.ts";
import type { ApiKey } from "./schemas.ts";
import { hashBytes } from "./secret-text.ts";

/** Revocations of other processes are asked for when the last answer is older than this, beside the requests. */
const refreshMs = 1000;
/** Older than this, a request waits for the answer, */
const trustMs = 5000;
/** this long: then the database is taken not to answer. */
const patienceMs = 1000;
/** While the database does not answer, what was known is trusted this long: nobody can revoke a key then either. */
const outageMs = 60_000;
/** Older than this, everything is forgotten and read again: the store may have dropped what is asked for. */
const forgetMs = 3_600_000;
const unknownMs = 5000;
const useIntervalMs = 60_000;
const maxKnown = 100_000;
const maxUnknown = 10_000;

interface KnownKey {
  key: ApiKey;
  caller: Caller;
  /** When a use was last noted. */
  notedAt: number;
}

/**
 * The keys that are in use, in memory: a request of a known key waits for nothing. A key revoked in this process is
 * gone at once (`forget`), one revoked in another within `trustMs`. Time of that is monotonic, so a clock that jumps
 * keeps nothing alive.
 */
export class KnownKeys {
  readonly #store: KeyStore;
  readonly #clock: Clock;
  readonly #byHash = new RecentMap<string, KnownKey>(maxKnown);
  readonly #byId = new RecentMap<string, KnownKey>(maxKnown);
  readonly #unknown = new RecentMap<string, number>(maxUnknown);
  #uses = new Map<string, EpochMs>();
  #position: number | null = null;
  #refreshedAt = -Infinity;
  #refreshing: Promise<void> | undefined;
  /** Why the last question was not answered. */
  #failure: unknown;
  /** Goes up with every key that is forgotten: what was read before is then read again before it is kept. */
  #forgotten = 0;

  constructor(store: KeyStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The caller with the key of this hash; null when there is none. Throws UNAUTHENTICATED for a key that is revoked or has expired. */
  byHash(hash: string, now: EpochMs): Caller | null | Promise<Caller | null> {
    const monotonic = this.#clock.monotonic();
    const known = this.#ofHash(hash);
    if (known !== undefined && this.#isFresh(monotonic)) return this.#use(known, now);
    const unknownUntil = this.#unknown.get(hash);
    if (unknownUntil !== undefined && monotonic < unknownUntil) return null;
    return this.#load(() => this.#ofHash(hash), () => this.#store.findByHash(hashBytes(hash))).then((found) => {
      if (found === null) this.#unknown.set(hash, this.#clock.monotonic() + unknownMs);
      else this.#byHash.set(hash, found);
      return found === null ? null : this.#use(found, now);
    });
  }

  /** Whether `byHash` answers from memory. */
  has(hash: string): boolean {
    return this.#ofHash(hash) !== undefined;
  }

  byId(id: string, now: EpochMs): Caller | null | Promise<Caller | null> {
    const known = this.#byId.get(id);
    if (known !== undefined && this.#isFresh(this.#clock.monotonic())) return this.#use(known, now);
    return this.#load(() => this.#byId.get(id), () => this.#store.find(id)).then((found) => (found === null ? null : this.#use(found, now)));
  }

  /** After a change of the key: the next request reads it again. */
  forget(id: string): void {
    this.#forgotten++;
    this.#byId.delete(id);
  }

  /** Writes down when keys were used last, as far as that changed. */
  async flush(): Promise<void> {
    if (this.#uses.size === 0) return;
    const uses = [...this.#uses].map(([id, usedAt]) => ({ id, usedAt }));
    this.#uses = new Map();
    await this.#store.noteUses(uses);
  }

  /** An entry counts only while it is the one of its id. */
  #ofHash(hash: string): KnownKey | undefined {
    const known = this.#byHash.get(hash);
    return known !== undefined && this.#byId.get(known.key.id) === known ? known : undefined;
  }

  #use(known: KnownKey, now: EpochMs): Caller {
    const { key } = known;
    if (key.revokedAt !== null) throw new AppError("UNAUTHENTICATED", "The API key was revoked.");
    if (key.expiresAt !== null && now >= key.expiresAt) throw new AppError("UNAUTHENTICATED", "The API key has expired.");
    if (now - known.notedAt >= useIntervalMs) {
      known.notedAt = now;
      this.#uses.set(key.id, now);
    }
    return known.caller;
  }

  #isFresh(monotonic: number): boolean {
    const age = monotonic - this.#refreshedAt;
    if (age > (this.#failure === undefined ? trustMs : outageMs)) return false;
    // What fails here fails again, and is told, when a request has to wait for it.
    if (age > refreshMs) this.#refresh().catch(() => undefined);
    return true;
  }

  async #load(kept: () => KnownKey | undefined, read: () => Promise<ApiKey | null>): Promise<KnownKey | null> {
    const age = this.#clock.monotonic() - this.#refreshedAt;
    if (age > outageMs) await this.#refresh();
    else if (age > trustMs) await this.#refreshSoon();
    const known = kept();
    if (known !== undefined) return known;
    for (;;) {
      const forgotten = this.#forgotten;
      const key = await read();
      if (forgotten === this.#forgotten) return key === null ? null : this.#keep(key);
    }
  }

  #keep(key: ApiKey): KnownKey {
    const made: KnownKey = {
      key,
      caller: { actor: `key:${key.id}`, name: key.name, grants: key.grants, ...(key.expiresAt === null ? {} : { expiresAt: epochMs(key.expiresAt) }) },
      notedAt: key.lastUsedAt ?? -Infinity,
    };
    // One that a request beside this has read stays: there is one entry for a key, so forgetting that forgets the key.
    const known = this.#byId.get(key.id) ?? made;
    this.#byId.set(key.id, known);
    return known;
  }

  /** One at a time; who comes meanwhile shares it, as its question is not older than theirs by more than it takes. */
  #refresh(): Promise<void> {
    return (this.#refreshing ??= this.#readRevoked().finally(() => (this.#refreshing = undefined)));
  }

  /** Comes back without an answer where the database does not give one soon. */
  async #refreshSoon(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#failure ??= new AppError("DATABASE_UNAVAILABLE", "The database does not answer at present.");
        resolve();
      }, patienceMs);
    });
    await Promise.race([this.#refresh().catch(() => undefined), late]);
    clearTimeout(timer);
  }

  async #readRevoked(): Promise<void> {
    const startedAt = this.#clock.monotonic();
    if (startedAt - this.#refreshedAt > forgetMs) {
      this.#position = null;
      this.#byHash.clear();
      this.#byId.clear();
      this.#forgotten++;
    }
    const { position, ids } = await this.#store.revokedSince(this.#position).catch((error: unknown) => {
      this.#failure = error;
      throw error;
    });
    this.#failure = undefined;
    this.#position = position;
    for (const id of ids) this.forget(id);
    this.#refreshedAt = startedAt;
  }
}
