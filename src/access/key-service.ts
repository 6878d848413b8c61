import { grantWithin, mayInTeam, maySeeTeam, type Caller, type Grant } from "../core/caller.ts";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { denial } from "../core/request-gate.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { AccessStore } from "./access-store.ts";
import type { KnownKeys } from "./known-keys.ts";
import { grantNotes, type NamedObjects } from "./grant-notes.ts";
import { defaultTeam, type ApiKey, type KeyRequest, type NewKey } from "./schemas.ts";
import { hashBytes, keyPrefix, newSecret, secretHash } from "./secret-text.ts";
import { teamNotFound } from "./team-service.ts";

const dayMs = 86_400_000;
/** Digits of a key that stay readable, to tell keys apart; the 39 others are more than anybody guesses. */
const hintDigits = 4;

/** Makes, shows and revokes keys. What a caller may not see is not there for it. */
export class KeyService {
  readonly #store: AccessStore;
  readonly #known: KnownKeys;
  readonly #ids: IdGenerator;
  readonly #objects: NamedObjects;

  constructor(parts: { store: AccessStore; known: KnownKeys; ids: IdGenerator; objects: NamedObjects }) {
    this.#store = parts.store;
    this.#known = parts.known;
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
    return { ...(await this.issue(maker, { name: request.name, grants: request.grants, team, expiresAt: expiryOf(maker, request, now) }, now)), notes };
  }

  /** Makes a key without asking whether the maker may: for the first one of a server. Throws TEAM_NOT_FOUND. */
  async issue(maker: Pick<Caller, "actor">, wanted: { name: string; grants: readonly Grant[]; team: string; expiresAt: EpochMs | null }, now: EpochMs): Promise<NewKey> {
    const secret = newSecret(keyPrefix);
    const key: ApiKey = {
      id: this.#ids.next("key"), name: wanted.name, hint: secret.slice(0, keyPrefix.length + hintDigits), grants: [...wanted.grants], team: wanted.team,
      createdBy: maker.actor, createdAt: now, expiresAt: wanted.expiresAt, revokedAt: null, lastUsedAt: null,
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
    const missing = new AppError("KEY_NOT_FOUND", `There is no key ${JSON.stringify(id.slice(0, 140))}.`);
    const key = await this.#store.keys.find(id);
    if (key === null) throw missing;
    if (!maySeeKey(caller, key)) throw denial(missing);
    if (!mayRevokeKey(caller, key)) throw new AppError("FORBIDDEN", "This key may more than you: an admin of the whole server may revoke it.");
    const revoked = await this.#store.keys.revoke(id, { actor: caller.actor, now });
    if (revoked === null) throw missing;
    this.#known.forget(id);
    return revoked;
  }
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

/** The one team that all grants name. */
function teamOf(grants: readonly Grant[]): string {
  const [team = "*", ...others] = new Set(grants.map((grant) => grant.team));
  return team === "*" || others.length > 0 ? defaultTeam : team;
}

/** A key does not outlive the key that made it: who has one for a day cannot make one for ever. */
function expiryOf(maker: Caller, { expiresInDays }: KeyRequest, now: EpochMs): EpochMs | null {
  const wanted = expiresInDays === null ? null : epochMs(now + expiresInDays * dayMs);
  if (maker.expiresAt === undefined) return wanted;
  return wanted === null || wanted > maker.expiresAt ? maker.expiresAt : wanted;
}

function grantText({ role, team, models, experiments, routes }: Grant): string {
  const only = [...(models ?? []), ...(experiments ?? []), ...(routes ?? [])];
  return `${role} on ${only.length > 0 ? `${only.join(", ")} of ` : ""}${team === "*" ? "all teams" : `the team ${team}`}`;
}
