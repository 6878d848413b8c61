import type { Caller } from "../core/caller.ts";
import { epochMs, type Clock, type EpochMs } from "../core/clock.ts";
import { toAppError } from "../core/errors.ts";
import { RecentMap } from "../core/recent-map.ts";
import type { AccessStore, Session } from "./access-store.ts";
import type { KnownKeys } from "./known-keys.ts";
import { hashBytes, newSecret, secretHash, sessionPrefix } from "./secret-text.ts";

export const sessionSeconds = 12 * 3600;
/** How long a session that was read is taken as it was: in this time one that ended in another process goes on here. */
const trustMs = 5000;
const maxKept = 10_000;

interface KeptSession {
  session: Session | null;
  /** Of a user; a key's comes from the known keys each time. */
  user: Caller | null;
  readAt: number;
}

/** Console sessions. A session may what its key or its user may now; it ends with them, and 12 hours after its start. */
export class SessionService {
  readonly #store: AccessStore;
  readonly #known: KnownKeys;
  readonly #clock: Clock;
  readonly #kept = new RecentMap<string, KeptSession>(maxKept);
  /** Goes up when something ends: what was read before is then not kept. */
  #ended = 0;

  constructor(parts: { store: AccessStore; known: KnownKeys; clock: Clock }) {
    this.#store = parts.store;
    this.#known = parts.known;
    this.#clock = parts.clock;
  }

  /** Starts a session of `key:<id>` or `user:<id>`; the answer is the cookie's value, and its only copy. */
  async start(actor: string, now: EpochMs): Promise<string> {
    const secret = newSecret(sessionPrefix);
    await this.#store.sessions.add({ actor, createdAt: now, expiresAt: epochMs(now + sessionSeconds * 1000) }, hashBytes(secretHash(secret)));
    return secret;
  }

  async end(secret: string): Promise<void> {
    const hash = secretHash(secret);
    await this.#store.sessions.remove(hashBytes(hash));
    this.#ended++;
    this.#kept.delete(hash);
  }

  /** Null for a session that is unknown, over, or whose key or user is no longer good. */
  identify(secret: string, now: EpochMs): Caller | null | Promise<Caller | null> {
    const hash = secretHash(secret);
    const kept = this.#kept.get(hash);
    if (kept !== undefined && this.#clock.monotonic() - kept.readAt <= trustMs) return this.#callerOf(kept, now);
    return this.#read(hash).then((read) => this.#callerOf(read, now));
  }

  /** After a change of a user: their sessions are read again. */
  forgetAll(): void {
    this.#ended++;
    this.#kept.clear();
  }

  removeExpired(now: EpochMs): Promise<void> {
    return this.#store.sessions.removeExpired(now);
  }

  async #read(hash: string): Promise<KeptSession> {
    const readAt = this.#clock.monotonic();
    const ended = this.#ended;
    const session = await this.#store.sessions.find(hashBytes(hash));
    const [kind, id = ""] = session?.actor.split(":") ?? [];
    const user = kind === "user" ? await this.#store.users.find(id) : null;
    const kept: KeptSession = {
      session,
      user: user === null || user.disabledAt !== null ? null : { actor: `user:${user.id}`, name: user.name, grants: user.grants },
      readAt,
    };
    if (ended === this.#ended) this.#kept.set(hash, kept);
    return kept;
  }

  #callerOf({ session, user }: KeptSession, now: EpochMs): Caller | null | Promise<Caller | null> {
    if (session === null || now >= session.expiresAt) return null;
    if (!session.actor.startsWith("key:")) return user;
    try {
      const caller = this.#known.byId(session.actor.slice(4), now);
      return caller instanceof Promise ? caller.catch(withoutSession) : caller;
    } catch (thrown) {
      return withoutSession(thrown);
    }
  }
}

/** A revoked or expired key ends its sessions; whoever shows one of them is nobody, and may sign in again. */
function withoutSession(thrown: unknown): null {
  const error = toAppError(thrown);
  if (error.code === "UNAUTHENTICATED") return null;
  throw error;
}
