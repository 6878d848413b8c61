import type { Selectable } from "kysely";
import type { ChangeBy, KeyStore } from "../../access/access-store.ts";
import type { ApiKey } from "../../access/schemas.ts";
import type { Grant } from "../../core/caller.ts";
import { epochMs, type EpochMs } from "../../core/clock.ts";
import type { DomainEvent } from "../../core/domain-event.ts";
import type { IdGenerator } from "../../core/ids.ts";
import type { ApiKeyRow } from "./database-schema.ts";
import { holdTeam } from "./hold-team.ts";
import type { SqlDatabase } from "./sql-database.ts";
import { writeEvents } from "./write-events.ts";

const objectPrefix = "key:";

/** API keys in SQL. What was revoked is read from the outbox, whose order is the order of commits. */
export class SqlKeyStore implements KeyStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  async add(key: ApiKey, hash: Uint8Array): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      await holdTeam(transaction, key.team);
      await transaction.insertInto("api_keys").values(rowOf(key, hash)).execute();
      await writeEvents(transaction, this.#ids, [eventOf("key.created", key, { actor: key.createdBy, now: epochMs(key.createdAt) })]);
    });
  }

  async findByHash(hash: Uint8Array): Promise<ApiKey | null> {
    const row = await this.#database.queries.selectFrom("api_keys").selectAll().where("hash", "=", hash).executeTakeFirst();
    return row === undefined ? null : apiKeyOf(row);
  }

  async find(id: string): Promise<ApiKey | null> {
    const row = await this.#database.queries.selectFrom("api_keys").selectAll().where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : apiKeyOf(row);
  }

  async list(): Promise<ApiKey[]> {
    const rows = await this.#database.queries.selectFrom("api_keys").selectAll().orderBy("created_at", "desc").orderBy("id", "desc").execute();
    return rows.map(apiKeyOf);
  }

  revoke(id: string, by: ChangeBy): Promise<ApiKey | null> {
    return this.#database.transaction(async (transaction) => {
      const revoked = await transaction
        .updateTable("api_keys").set({ revoked_at: by.now }).where("id", "=", id).where("revoked_at", "is", null).returningAll().executeTakeFirst();
      if (revoked !== undefined) {
        const key = apiKeyOf(revoked);
        await writeEvents(transaction, this.#ids, [eventOf("key.revoked", key, by)]);
        return key;
      }
      const already = await transaction.selectFrom("api_keys").selectAll().where("id", "=", id).executeTakeFirst();
      return already === undefined ? null : apiKeyOf(already);
    });
  }

  async noteUses(uses: readonly { id: string; usedAt: EpochMs }[]): Promise<void> {
    const { queries } = this.#database;
    await this.#database.writeBatch(
      uses.map(({ id, usedAt }) =>
        queries
          .updateTable("api_keys")
          .set({ last_used_at: usedAt })
          .where("id", "=", id)
          .where(({ eb, or }) => or([eb("last_used_at", "is", null), eb("last_used_at", "<", usedAt)]))
          .compile(),
      ),
    );
  }

  async revokedSince(position: number | null): Promise<{ position: number; ids: string[] }> {
    const { queries } = this.#database;
    // Read first: every event up to this one is committed.
    const { value } = await queries.selectFrom("sequences").select("value").where("name", "=", "outbox").executeTakeFirstOrThrow();
    if (position === null || position === value) return { position: value, ids: [] };
    const rows = await queries
      .selectFrom("outbox").select("object").where("sequence", ">", position).where("sequence", "<=", value).where("type", "=", "key.revoked").execute();
    return { position: value, ids: rows.map(({ object }) => object.slice(objectPrefix.length)) };
  }

  async hasServerAdmin(now: EpochMs): Promise<boolean> {
    const rows = await this.#database.queries
      .selectFrom("api_keys")
      .select("grants_json")
      .where("revoked_at", "is", null)
      .where(({ eb, or }) => or([eb("expires_at", "is", null), eb("expires_at", ">", now)]))
      .execute();
    return rows.some(({ grants_json: text }) =>
      (JSON.parse(text) as Grant[]).some(({ role, team, models, experiments }) => role === "admin" && team === "*" && models === undefined && experiments === undefined),
    );
  }
}

function eventOf(type: string, { id, name, team }: ApiKey, { actor, now }: ChangeBy): DomainEvent {
  return { type, object: `${objectPrefix}${id}`, team, actor, time: now, payload: { key: id, name } };
}

function rowOf(key: ApiKey, hash: Uint8Array): ApiKeyRow {
  return {
    id: key.id, name: key.name, hash, hint: key.hint, grants_json: JSON.stringify(key.grants), team: key.team, created_by: key.createdBy,
    created_at: key.createdAt, expires_at: key.expiresAt, revoked_at: key.revokedAt, last_used_at: key.lastUsedAt,
  };
}

function apiKeyOf(row: Selectable<ApiKeyRow>): ApiKey {
  return {
    id: row.id, name: row.name, hint: row.hint, grants: JSON.parse(row.grants_json) as Grant[], team: row.team, createdBy: row.created_by,
    createdAt: row.created_at, expiresAt: row.expires_at, revokedAt: row.revoked_at, lastUsedAt: row.last_used_at,
  };
}
