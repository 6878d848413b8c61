import type { Session, SessionStore } from "../../../access/access-store.ts";
import { epochMs, type EpochMs } from "../../../core/clock.ts";
import type { SqlDatabase } from "../sql-database.ts";

export class SqlSessionStore implements SessionStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async add({ actor, createdAt, expiresAt }: Session, hash: Uint8Array): Promise<void> {
    await this.#database.queries.insertInto("sessions").values({ hash, actor, created_at: createdAt, expires_at: expiresAt }).execute();
  }

  async find(hash: Uint8Array): Promise<Session | null> {
    const row = await this.#database.queries.selectFrom("sessions").selectAll().where("hash", "=", hash).executeTakeFirst();
    return row === undefined ? null : { actor: row.actor, createdAt: epochMs(row.created_at), expiresAt: epochMs(row.expires_at) };
  }

  async remove(hash: Uint8Array): Promise<boolean> {
    const removed = await this.#database.queries.deleteFrom("sessions").where("hash", "=", hash).returning("actor").executeTakeFirst();
    return removed !== undefined;
  }

  async removeExpired(now: EpochMs): Promise<void> {
    await this.#database.queries.deleteFrom("sessions").where("expires_at", "<=", now).execute();
  }
}
