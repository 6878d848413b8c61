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
  /** Who shows the secret from before the last rotation. */
  former: Caller;
  /** When a use was last noted. */
  notedAt: number;
}

/** A key as it was shown: by its present secret, or by the one before. */
interface ShownSecret {
  known: KnownKey;
  isFormer: boolean;
}

/**
 * The keys that are in use, in memory: a request of a known key waits for nothing. A key revoked or rotated in this
 * process is read again at once (`forget`), one of another within `trustMs`. Time of that is monotonic, so a clock that jumps
 * keeps nothing alive.
 */
export class KnownKeys {
  readonly #store: KeyStore;
  readonly #clock: Clock;
  readonly #byHash = new RecentMap<string, ShownSecret>(maxKnown);
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

  /** The caller with the key of this hash; null when there is none. Throws UNAUTHENTICATED for a key that is revoked, has expired, or was given another secret. */
  byHash(hash: string, now: EpochMs): Caller | null | Promise<Caller | null> {
    const monotonic = this.#clock.monotonic();
    const shown = this.#ofHash(hash);
    if (shown !== undefined && this.#isFresh(monotonic)) return this.#use(shown.known, now, shown.isFormer);
    const unknownUntil = this.#unknown.get(hash);
    if (unknownUntil !== undefined && monotonic < unknownUntil) return null;
    return this.#load(() => this.#ofHash(hash), () => this.#store.findByHash(hashBytes(hash)), ({ key, isFormer }) => ({ known: this.#keep(key), isFormer })).then((found) => {
      if (found === null) this.#unknown.set(hash, this.#clock.monotonic() + unknownMs);
      else this.#byHash.set(hash, found);
      return found === null ? null : this.#use(found.known, now, found.isFormer);
    });
  }

  /** Whether `byHash` answers from memory. */
  has(hash: string): boolean {
    return this.#ofHash(hash) !== undefined;
  }

  byId(id: string, now: EpochMs): Caller | null | Promise<Caller | null> {
    const known = this.#byId.get(id);
    if (known !== undefined && this.#isFresh(this.#clock.monotonic())) return this.#use(known, now);
    return this.#load(() => this.#byId.get(id), () => this.#store.find(id), (key) => this.#keep(key)).then((found) => (found === null ? null : this.#use(found, now)));
  }

  /** After a change of the key: the next request reads it again. */
  forget(id: string): void {
    this.#forgotten++;
    this.#byId.delete(id);
  }

  /** Writes down when keys were used last, as far as that changed. */
  async flush(): Promise<void> {
    if (this.#uses.size === 0) return;
    const uses = this.#uses;
    this.#uses = new Map();
    try {
      await this.#store.noteUses([...uses].map(([id, usedAt]) => ({ id, usedAt })));
    } catch (error) {
      // Noted with the next ones: a key that is used no more would stay as one that never was.
      this.#uses = new Map([...uses, ...this.#uses]);
      throw error;
    }
  }

  /** An entry counts only while it is the one of its id. */
  #ofHash(hash: string): ShownSecret | undefined {
    const shown = this.#byHash.get(hash);
    return shown !== undefined && this.#byId.get(shown.known.key.id) === shown.known ? shown : undefined;
  }

  #use(known: KnownKey, now: EpochMs, isFormer = false): Caller {
    const { key } = known;
    if (key.revokedAt !== null) throw new AppError("UNAUTHENTICATED", "The API key was revoked.");
    if (key.expiresAt !== null && now >= key.expiresAt) throw new AppError("UNAUTHENTICATED", "The API key has expired.");
    if (isFormer && (key.formerUntil === null || now >= key.formerUntil)) throw new AppError("UNAUTHENTICATED", "The API key was rotated: this secret has ended, and another one is in its place.");
    if (now - known.notedAt >= useIntervalMs) {
      known.notedAt = now;
      this.#uses.set(key.id, now);
    }
    return isFormer ? known.former : known.caller;
  }

  #isFresh(monotonic: number): boolean {
    const age = monotonic - this.#refreshedAt;
    if (age > (this.#failure === undefined ? trustMs : outageMs)) return false;
    // What fails here fails again, and is told, when a request has to wait for it.
    if (age > refreshMs) this.#refresh().catch(() => undefined);
    return true;
  }

  async #load<Read, Kept>(kept: () => Kept | undefined, read: () => Promise<Read | null>, keep: (read: Read) => Kept): Promise<Kept | null> {
    const age = this.#clock.monotonic() - this.#refreshedAt;
    if (age > outageMs) await this.#refresh();
    else if (age > trustMs) await this.#refreshSoon();
    const known = kept();
    if (known !== undefined) return known;
    for (;;) {
      const forgotten = this.#forgotten;
      const found = await read();
      if (forgotten === this.#forgotten) return found === null ? null : keep(found);
    }
  }

  #keep(key: ApiKey): KnownKey {
    const caller: Caller = { actor: `key:${key.id}`, name: key.name, grants: key.grants, ...(key.expiresAt === null ? {} : { expiresAt: epochMs(key.expiresAt) }) };
    const made: KnownKey = {
      key,
      caller,
      former: { ...caller, expiresAt: epochMs(Math.min(key.formerUntil ?? 0, key.expiresAt ?? Infinity)), replaced: true },
      notedAt: key.lastUsedAt ?? -Infinity,
    };
    // One that a request beside this has read stays: there is one entry for a key, so forgetting that forgets the key.
    const known = this.#byId.get(key.id) ?? made;
    this.#byId.set(key.id, known);
    return known;
  }

  /** One at a time; who comes meanwhile shares it, as its question is not older than theirs by more than it takes. */
  #refresh(): Promise<void> {
    return (this.#refreshing ??= this.#readChanged().finally(() => (this.#refreshing = undefined)));
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

  async #readChanged(): Promise<void> {
    const startedAt = this.#clock.monotonic();
    if (startedAt - this.#refreshedAt > forgetMs) {
      this.#position = null;
      this.#byHash.clear();
      this.#byId.clear();
      this.#forgotten++;
    }
    const { position, ids } = await this.#store.changedSince(this.#position).catch((error: unknown) => {
      this.#failure = error;
      throw error;
    });
    this.#failure = undefined;
    this.#position = position;
    for (const id of ids) this.forget(id);
    this.#refreshedAt = startedAt;
  }
}
