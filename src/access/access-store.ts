import type { Grant } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import type { ApiKey, Team, User } from "./schemas.ts";

/**
 * Who may call: keys, teams, users, sessions. Whatever has answered is durable and seen by every read after it; whatever
 * has failed left nothing. Changes that others are told of write their event in the same transaction. Adapters prove
 * themselves with `access-store.conformance.ts`. Secrets come in as SHA-256 hashes (32 bytes) alone.
 */
export interface AccessStore {
  readonly keys: KeyStore;
  readonly teams: TeamStore;
  readonly users: UserStore;
  readonly sessions: SessionStore;
}

/** Whose doing a change is, and when. */
export interface ChangeBy {
  actor: string;
  now: EpochMs;
}

/** A key by one of its secrets. */
export interface ShownKey {
  key: ApiKey;
  /** It is the secret from before the last rotation, which works until the key's `formerUntil`. */
  isFormer: boolean;
}

/** What a rotation gives a key. */
export interface NewSecret {
  hash: Uint8Array;
  hint: string;
  /** Until when the present secret works on. */
  formerUntil: EpochMs;
  expiresAt: EpochMs | null;
}

export interface KeyStore {
  /** Writes the event key.created. Throws TEAM_NOT_FOUND, and UNAUTHENTICATED when its maker is a key that was revoked or a user who was disabled meanwhile. */
  add(key: ApiKey, hash: Uint8Array): Promise<void>;
  /** By its present secret, or by the one before it, also when that has ended. */
  findByHash(hash: Uint8Array): Promise<ShownKey | null>;
  find(id: string): Promise<ApiKey | null>;
  /** Newest first, revoked and expired ones too. */
  list(): Promise<ApiKey[]>;
  /** Writes the event key.revoked, the first time. A key that is revoked already stays as it is. Null when there is none. */
  revoke(id: string, by: ChangeBy): Promise<ApiKey | null>;
  /**
   * The secret becomes the former one, and the former one is nothing any more; the sessions that were started with the key end. Writes the
   * event key.rotated. Null when there is no such key that is not revoked. Throws UNAUTHENTICATED when who rotates was shut out meanwhile.
   */
  rotate(id: string, secret: NewSecret, by: ChangeBy): Promise<ApiKey | null>;
  /** Later uses win; unknown keys are passed over. */
  noteUses(uses: readonly { id: string; usedAt: EpochMs }[]): Promise<void>;
  /**
   * Ids of keys revoked or rotated, by whichever process, after `position`, and the position to ask with the next time; with null, the
   * present position and no ids. Everything committed before the call is in its answer or in an earlier one.
   */
  changedSince(position: number | null): Promise<{ position: number; ids: string[] }>;
  /** Whether some key that is neither revoked nor expired is an admin of the whole server. */
  hasServerAdmin(now: EpochMs): Promise<boolean>;
}

export interface TeamStore {
  /** By name. `now` decides which keys still count. */
  list(now: EpochMs): Promise<Team[]>;
  exists(name: string): Promise<boolean>;
  /** Writes the event team.created. Throws TEAM_EXISTS. */
  add(team: { name: string; description: string }, by: ChangeBy): Promise<void>;
  /**
   * Writes the event team.removed. Throws TEAM_NOT_FOUND, TEAM_NOT_EMPTY while it has models, webhooks, schedules, workflow runs
   * that have not ended or live keys, or while a live key's or a user's grant names it: a later team of the same name must not inherit them.
   */
  remove(name: string, by: ChangeBy): Promise<void>;
}

export interface UserStore {
  find(id: string): Promise<User | null>;
  /** By name, then id. */
  list(): Promise<User[]>;
  /**
   * Somebody has signed in: adds them under `id` when issuer and subject are new, else brings name, email, grants and
   * the time up to date under the id that they have. A disabled user stays disabled, and is answered as such.
   */
  signIn(identity: { id: string; issuer: string; subject: string; name: string; email: string; grants: readonly Grant[] }, now: EpochMs): Promise<User>;
  /**
   * Disabling ends their sessions and revokes the keys that they made or whose secret they know by a rotation, those that these made, and so on, in the same transaction,
   * with the event key.revoked for each; answers with the ids of these keys too. Null when there is no such user.
   */
  setDisabled(id: string, disabled: boolean, by: ChangeBy): Promise<{ user: User; revokedKeys: string[] } | null>;
}

/** A console session: on whose behalf (`key:<id>` or `user:<id>`) and until when. */
export interface Session {
  actor: string;
  createdAt: EpochMs;
  expiresAt: EpochMs;
}

export interface SessionStore {
  add(session: Session, hash: Uint8Array): Promise<void>;
  find(hash: Uint8Array): Promise<Session | null>;
  /** Answers whether there was one. */
  remove(hash: Uint8Array): Promise<boolean>;
  removeExpired(now: EpochMs): Promise<void>;
}
