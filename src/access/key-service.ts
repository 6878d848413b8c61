import { grantWithin, mayInTeam, maySeeTeam, type Caller, type Grant } from "../core/caller.ts";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { denial } from "../core/request-gate.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { AccessStore } from "./access-store.ts";
import type { KnownKeys } from "./known-keys.ts";
import { grantNotes, type NamedObjects } from "./grant-notes.ts";
import { defaultTeam, type ApiKey, type KeyRequest, type KeyRotation, type NewKey } from "./schemas.ts";
import { hashBytes, keyPrefix, newSecret, secretHash } from "./secret-text.ts";
import type { SessionService } from "./session-service.ts";
import { teamNotFound } from "./team-service.ts";

const dayMs = 86_400_000;
/** Digits of a key that stay readable, to tell keys apart; the 39 others are more than anybody guesses. */
const hintDigits = 4;

/** Makes, shows, rotates and revokes keys. What a caller may not see is not there for it. */
export class KeyService {
  readonly #store: AccessStore;
  readonly #known: KnownKeys;
  readonly #sessions: SessionService;
  readonly #ids: IdGenerator;
  readonly #objects: NamedObjects;

  constructor(parts: { store: AccessStore; known: KnownKeys; sessions: SessionService; ids: IdGenerator; objects: NamedObjects }) {
    this.#store = parts.store;
    this.#known = parts.known;
    this.#sessions = parts.sessions;
    this.#ids = parts.ids;
    this.#objects = parts.objects;
  }

  /** Throws SCOPE_TOO_WIDE for what the maker may not do itself, or beyond its own end; TEAM_NOT_FOUND. */
  async create(maker: Caller, request: KeyRequest, now: EpochMs): Promise<NewKey> {
    const tooWide = request.grants.filter((grant) => !grantWithin(grant, maker.grants));
    if (tooWide.length > 0) {
      throw new AppError("SCOPE_TOO_WIDE", `You may not give ${tooWide.map(grantText).join(", ")}.`, {
        problems: tooWide.map((grant) => ({ path: `grants[${request.grants.indexOf(grant)}]`, message: `wider than your own: ${grantText(grant)}` })),
      });
    }
    const team = request.team ?? teamOf(request.grants);
    if (!maySeeTeam(maker, team)) throw teamNotFound(team);
    const notes = await grantNotes(request.grants, maker, this.#objects);
    return { ...(await this.issue(maker, { name: request.name, grants: request.grants, team, expiresAt: expiryOf(maker, request.expiresInDays, now) }, now)), notes };
  }

  /** Makes a key without asking whether the maker may: for the first one of a server. Throws TEAM_NOT_FOUND. */
  async issue(maker: Pick<Caller, "actor">, wanted: { name: string; grants: readonly Grant[]; team: string; expiresAt: EpochMs | null }, now: EpochMs): Promise<NewKey> {
    const secret = newSecret(keyPrefix);
    const key: ApiKey = {
      id: this.#ids.next("key"), name: wanted.name, hint: hintOf(secret), grants: [...wanted.grants], team: wanted.team,
      createdBy: maker.actor, createdAt: now, expiresAt: wanted.expiresAt, revokedAt: null, lastUsedAt: null, formerUntil: null,
    };
    await this.#store.keys.add(key, hashBytes(secretHash(secret)));
    return { ...key, key: secret, notes: [] };
  }

  /** Those that the caller made, or is, and those that belong to the teams whose admin it is, or may do something there. */
  async list(caller: Caller): Promise<ApiKey[]> {
    return (await this.#store.keys.list()).filter((key) => maySeeKey(caller, key));
  }

  /** Takes effect at once here, within seconds in other processes. Throws KEY_NOT_FOUND, FORBIDDEN for a key that may more than the caller. */
  async revoke(caller: Caller, id: string, now: EpochMs): Promise<ApiKey> {
    const key = await this.#seen(caller, id);
    if (isOutlivedBy(caller, key)) throw replacedSecret();
    if (!mayRevokeKey(caller, key)) throw new AppError("FORBIDDEN", "This key may more than you: an admin of the whole server may revoke it.");
    const revoked = await this.#store.keys.revoke(id, { actor: caller.actor, now });
    if (revoked === null) throw missingKey(id);
    this.#known.forget(id);
    return revoked;
  }

  /**
   * Gives the key a new secret; everything else about it stays, so limits, budgets, spend and names go on. The former secret works for the
   * grace, the one before that no more, and sessions that were started with the key end. Takes effect at once here, within seconds in other
   * processes. Throws KEY_NOT_FOUND, KEY_REVOKED, FORBIDDEN for a key that may more than the caller, SCOPE_TOO_WIDE for one that ends later,
   * INVALID_REQUEST for one that has expired.
   */
  async rotate(caller: Caller, id: string, { graceSeconds, expiresInDays }: KeyRotation, now: EpochMs): Promise<NewKey> {
    const key = await this.#seen(caller, id);
    if (isOutlivedBy(caller, key)) throw replacedSecret();
    if (!mayRotateKey(caller, key)) throw new AppError("FORBIDDEN", "This key may more than you: an admin who may all that it may can rotate it.");
    if (expiresInDays === undefined && endsBefore(caller, key)) throw new AppError("SCOPE_TOO_WIDE", "This key ends later than yours: say with expiresInDays (--expires-days) how long it is to be good.");
    const expiresAt = expiresInDays === undefined ? key.expiresAt : expiryOf(caller, expiresInDays, now);
    if (expiresAt !== null && expiresAt <= now) throw new AppError("INVALID_REQUEST", "The key has expired: say with expiresInDays (--expires-days) how long it is to be good.");
    const secret = newSecret(keyPrefix);
    const rotated = await this.#store.keys.rotate(id, { hash: hashBytes(secretHash(secret)), hint: hintOf(secret), formerUntil: epochMs(now + graceSeconds * 1000), expiresAt: expiresAt === null ? null : epochMs(expiresAt) }, { actor: caller.actor, now });
    if (rotated === null) throw new AppError("KEY_REVOKED", "The key was revoked.");
    this.#known.forget(id);
    this.#sessions.forgetAll();
    return { ...rotated, key: secret, notes: [] };
  }

  async #seen(caller: Caller, id: string): Promise<ApiKey> {
    const key = await this.#store.keys.find(id);
    if (key === null) throw missingKey(id);
    if (!maySeeKey(caller, key)) throw denial(missingKey(id));
    return key;
  }
}

function missingKey(id: string): AppError {
  return new AppError("KEY_NOT_FOUND", `There is no key ${JSON.stringify(id.slice(0, 140))}.`);
}

function hintOf(secret: string): string {
  return secret.slice(0, keyPrefix.length + hintDigits);
}

/** Whoever has found the former secret of a key must not shut out those who have the new one. */
function isOutlivedBy(caller: Caller, key: ApiKey): boolean {
  return caller.replaced === true && caller.actor === `key:${key.id}`;
}

function replacedSecret(): AppError {
  return new AppError("FORBIDDEN", "This secret of the key was replaced by a newer one: that alone may change the key.");
}

function isOwnKey(caller: Caller, key: ApiKey): boolean {
  return key.createdBy === caller.actor || `key:${key.id}` === caller.actor;
}

/** What may do something in a team is seen by its admins, whichever team it was put into. */
function maySeeKey(caller: Caller, key: ApiKey): boolean {
  return isOwnKey(caller, key) || [key.team, ...key.grants.map(({ team }) => team)].some((team) => mayInTeam(caller, "admin", team));
}

/** Keys of all teams belong to the team default: its admin must not lock the server's admins out. */
function mayRevokeKey(caller: Caller, key: ApiKey): boolean {
  return isOwnKey(caller, key) || key.grants.every((grant) => grantWithin(grant, caller.grants));
}

/** Who gets its secret may all that it may: also its maker, who may do less by now. The key itself learns nothing that it does not know. */
function mayRotateKey(caller: Caller, key: ApiKey): boolean {
  return `key:${key.id}` === caller.actor || key.grants.every((grant) => grantWithin(grant, caller.grants));
}

/** A new secret is no way around the end of who gets it. */
function endsBefore(caller: Caller, key: ApiKey): boolean {
  return caller.expiresAt !== undefined && caller.expiresAt < (key.expiresAt ?? Infinity);
}

/** The one team that all grants name. */
function teamOf(grants: readonly Grant[]): string {
  const [team = "*", ...others] = new Set(grants.map((grant) => grant.team));
  return team === "*" || others.length > 0 ? defaultTeam : team;
}

/** A key does not outlive the key that made it: who has one for a day cannot make one for ever. */
function expiryOf(maker: Caller, expiresInDays: number | null, now: EpochMs): EpochMs | null {
  const wanted = expiresInDays === null ? null : epochMs(now + expiresInDays * dayMs);
  if (maker.expiresAt === undefined) return wanted;
  return wanted === null || wanted > maker.expiresAt ? maker.expiresAt : wanted;
}

function grantText({ role, team, models, experiments, routes }: Grant): string {
  const only = [...(models ?? []), ...(experiments ?? []), ...(routes ?? [])];
  return `${role} on ${only.length > 0 ? `${only.join(", ")} of ` : ""}${team === "*" ? "all teams" : `the team ${team}`}`;
}
