import { createHash, randomBytes } from "node:crypto";
import { mayOnServer, type Grant } from "../core/caller.ts";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { denial } from "../core/request-gate.ts";
import type { KeyStore, UserStore } from "./access-store.ts";
import type { AccessMode, NewKey } from "./schemas.ts";
import type { SetupStore } from "./setup-store.ts";

const prefix = "sst_";
const tokenBytes = 32;
const lifetimeMs = 60 * 60 * 1000;

/** What the first admin may do. */
const firstGrants: readonly Grant[] = [{ role: "admin", team: "*" }];

export interface SetupParts {
  mode: AccessMode;
  store: SetupStore;
  keys: Pick<KeyStore, "hasServerAdmin">;
  users: Pick<UserStore, "list">;
  /** The provider whose users can sign in; admins of another one cannot. */
  issuer: string | null;
  makeKey: (made: { name: string; grants: readonly Grant[]; actor: string }, now: EpochMs) => Promise<NewKey>;
}

/**
 * The way in to a server that nobody administers yet: whoever reads its standard error gets a token that makes one admin
 * key. There is no default password that somebody could forget to change.
 */
export class SetupService {
  readonly #parts: SetupParts;
  /** Once there was an admin, this process asks no more. */
  #closed: boolean;

  constructor(parts: SetupParts) {
    this.#parts = parts;
    this.#closed = parts.mode === "open";
  }

  /** At the start of the server: voids what earlier starts gave out. A token for the person at the machine, or null when there is an admin. */
  async begin(now: EpochMs): Promise<string | null> {
    if (!(await this.isOpen(now))) {
      await this.#parts.store.removeAll();
      return null;
    }
    const token = `${prefix}${randomBytes(tokenBytes).toString("base64url")}`;
    await this.#parts.store.replace({ hash: hashOf(token), createdAt: now, expiresAt: epochMs(now + lifetimeMs) });
    return token;
  }

  /** Whether the server asks for keys and nobody who could give one can come in. */
  async isOpen(now: EpochMs): Promise<boolean> {
    this.#closed ||= await this.#hasAdmin(now);
    return !this.#closed;
  }

  /**
   * Makes the first admin key, once. The token is looked up by its hash, so the time of a comparison says nothing about
   * it. Throws SETUP_CLOSED, SETUP_TOKEN_INVALID.
   */
  async finish({ token, name }: { token: string; name: string }, now: EpochMs): Promise<NewKey> {
    if (!(await this.isOpen(now))) throw new AppError("SETUP_CLOSED", "This server is set up already.");
    const taken = await this.#parts.store.take(hashOf(token), now);
    if (taken === null) throw denial(new AppError("SETUP_TOKEN_INVALID", "This is not the token of this server, or it was used, or it has expired."));
    try {
      const key = await this.#parts.makeKey({ name, grants: firstGrants, actor: "setup" }, now);
      this.#closed = true;
      return key;
    } catch (error) {
      // Whoever sets the server up may try again.
      await this.#parts.store.replace(taken);
      throw error;
    }
  }

  async #hasAdmin(now: EpochMs): Promise<boolean> {
    const { keys, users, issuer } = this.#parts;
    if (await keys.hasServerAdmin(now)) return true;
    if (issuer === null) return false;
    return (await users.list()).some((user) => user.issuer === issuer && user.disabledAt === null && mayOnServer({ actor: `user:${user.id}`, name: user.name, grants: user.grants }, "admin"));
  }
}

function hashOf(token: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(token).digest());
}
