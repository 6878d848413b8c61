import type { Selectable, Transaction } from "kysely";
import type { ChangeBy, KeyStore, NewSecret, ShownKey } from "../../../access/access-store.ts";
import type { ApiKey } from "../../../access/schemas.ts";
import type { Grant } from "../../../core/caller.ts";
import { epochMs, type EpochMs } from "../../../core/clock.ts";
import type { DomainEvent } from "../../../core/domain-event.ts";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { ApiKeyRow, DatabaseSchema } from "../database-schema.ts";
import { holdTeam } from "./hold-team.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { writeEvents } from "../events/write-events.ts";

const objectPrefix = "key:";

/** API keys in SQL. What was revoked or rotated is read from the outbox, whose order is the order of commits. */
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
      await holdMaker(transaction, key.createdBy);
      await transaction.insertInto("api_keys").values(rowOf(key, hash)).execute();
      await writeEvents(transaction, this.#ids, [eventOf("key.created", key, { actor: key.createdBy, now: epochMs(key.createdAt) })]);
    });
  }

  async findByHash(hash: Uint8Array): Promise<ShownKey | null> {
    const row = await this.#database.queries
      .selectFrom("api_keys").selectAll().where(({ eb, or }) => or([eb("hash", "=", hash), eb("former_hash", "=", hash)])).executeTakeFirst();
    return row === undefined ? null : { key: apiKeyOf(row), isFormer: !Buffer.from(row.hash).equals(hash) };
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

  rotate(id: string, { hash, hint, formerUntil, expiresAt }: NewSecret, by: ChangeBy): Promise<ApiKey | null> {
    return this.#database.transaction(async (transaction) => {
      await holdMaker(transaction, by.actor);
      const rotated = await transaction
        .updateTable("api_keys")
        .set(({ ref }) => ({ former_hash: ref("hash"), former_until: formerUntil, former_by: ref("rotated_by"), hash, hint, expires_at: expiresAt, rotated_by: by.actor }))
        .where("id", "=", id).where("revoked_at", "is", null).returningAll().executeTakeFirst();
      if (rotated === undefined) return null;
      await transaction.deleteFrom("sessions").where("actor", "=", `${objectPrefix}${id}`).execute();
      const key = apiKeyOf(rotated);
      await writeEvents(transaction, this.#ids, [eventOf("key.rotated", key, by)]);
      return key;
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

  async changedSince(position: number | null): Promise<{ position: number; ids: string[] }> {
    const { queries } = this.#database;
    // Read first: every event up to this one is committed.
    const { value } = await queries.selectFrom("sequences").select("value").where("name", "=", "outbox").executeTakeFirstOrThrow();
    if (position === null || position === value) return { position: value, ids: [] };
    const rows = await queries
      .selectFrom("outbox").select("object").where("sequence", ">", position).where("sequence", "<=", value).where("type", "in", ["key.revoked", "key.rotated"]).execute();
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
      (JSON.parse(text) as Grant[]).some(({ role, team, models, experiments, routes }) => role === "admin" && team === "*" && models === undefined && experiments === undefined && routes === undefined),
    );
  }
}

/** Whoever revokes or disables the maker waits for the new key, and takes it along; or was first. Throws UNAUTHENTICATED. */
async function holdMaker(transaction: Transaction<DatabaseSchema>, actor: string): Promise<void> {
  const [kind, id = ""] = actor.split(":");
  if (kind !== "key" && kind !== "user") return;
  const maker = kind === "key"
    ? await transaction.selectFrom("api_keys").select("revoked_at as endedAt").where("id", "=", id).forShare().executeTakeFirst()
    : await transaction.selectFrom("users").select("disabled_at as endedAt").where("id", "=", id).forShare().executeTakeFirst();
  if (maker !== undefined && maker.endedAt !== null) throw new AppError("UNAUTHENTICATED", "Who makes this key, or rotates it, was shut out meanwhile.");
}

/** Revokes the keys that the actor made, or knows a secret of by rotating them, those that these made, and so on; answers with their ids. Those that were revoked before stay as they are. */
export async function revokeKeysOf(transaction: Transaction<DatabaseSchema>, ids: IdGenerator, actor: string, by: ChangeBy): Promise<string[]> {
  const revoked: ApiKey[] = [];
  const seen = new Set<string>();
  for (let makers = [actor]; makers.length > 0; ) {
    const next: string[] = [];
    for (const maker of makers) {
      const rows = await transaction
        .updateTable("api_keys").set({ revoked_at: by.now })
        .where(({ eb, and, or }) => or([eb("created_by", "=", maker), eb("rotated_by", "=", maker), and([eb("former_by", "=", maker), eb("former_until", ">", by.now)])]))
        .where("revoked_at", "is", null).returningAll().execute();
      revoked.push(...rows.map(apiKeyOf));
      // What a key made that was revoked by itself is still good, and is theirs too.
      const made = await transaction.selectFrom("api_keys").select("id").where("created_by", "=", maker).execute();
      next.push(...made.map(({ id }) => `${objectPrefix}${id}`).filter((key) => !seen.has(key)));
    }
    for (const key of next) seen.add(key);
    makers = next;
  }
  await writeEvents(transaction, ids, revoked.map((key) => eventOf("key.revoked", key, by)));
  return revoked.map(({ id }) => id);
}

function eventOf(type: string, { id, name, team }: ApiKey, { actor, now }: ChangeBy): DomainEvent {
  return { type, object: `${objectPrefix}${id}`, team, actor, time: now, payload: { key: id, name } };
}

function rowOf(key: ApiKey, hash: Uint8Array): ApiKeyRow {
  return {
    id: key.id, name: key.name, hash, former_hash: null, former_until: null, rotated_by: null, former_by: null, hint: key.hint, grants_json: JSON.stringify(key.grants), team: key.team, created_by: key.createdBy,
    created_at: key.createdAt, expires_at: key.expiresAt, revoked_at: key.revokedAt, last_used_at: key.lastUsedAt,
  };
}

function apiKeyOf(row: Selectable<ApiKeyRow>): ApiKey {
  return {
    id: row.id, name: row.name, hint: row.hint, grants: JSON.parse(row.grants_json) as Grant[], team: row.team, createdBy: row.created_by,
    createdAt: row.created_at, expiresAt: row.expires_at, revokedAt: row.revoked_at, lastUsedAt: row.last_used_at, formerUntil: row.former_until,
  };
}
