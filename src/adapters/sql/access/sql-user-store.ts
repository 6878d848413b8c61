import type { Selectable } from "kysely";
import type { ChangeBy, UserStore } from "../../../access/access-store.ts";
import type { User } from "../../../access/schemas.ts";
import type { Grant } from "../../../core/caller.ts";
import type { EpochMs } from "../../../core/clock.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { UserRow } from "../database-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { revokeKeysOf } from "./sql-key-store.ts";

export class SqlUserStore implements UserStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  async find(id: string): Promise<User | null> {
    const row = await this.#database.queries.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : userOf(row);
  }

  async list(): Promise<User[]> {
    const rows = await this.#database.queries.selectFrom("users").selectAll().orderBy("name").orderBy("id").execute();
    return rows.map(userOf);
  }

  async signIn({ id, issuer, subject, name, email, grants }: Parameters<UserStore["signIn"]>[0], now: EpochMs): Promise<User> {
    const changed = { name, email, grants_json: JSON.stringify(grants), signed_in_at: now };
    const row = await this.#database.queries
      .insertInto("users")
      .values({ id, issuer, subject, created_at: now, disabled_at: null, ...changed })
      .onConflict((conflict) => conflict.columns(["issuer", "subject"]).doUpdateSet(changed))
      .returningAll()
      .executeTakeFirstOrThrow();
    return userOf(row);
  }

  setDisabled(id: string, disabled: boolean, by: ChangeBy): Promise<{ user: User; revokedKeys: string[] } | null> {
    return this.#database.transaction(async (transaction) => {
      const row = await transaction
        .updateTable("users")
        // Who is disabled already stays so since then.
        .set(({ fn, val }) => ({ disabled_at: disabled ? fn.coalesce("disabled_at", val(by.now as number)) : null }))
        .where("id", "=", id)
        .returningAll()
        .executeTakeFirst();
      if (row === undefined) return null;
      if (!disabled) return { user: userOf(row), revokedKeys: [] };
      await transaction.deleteFrom("sessions").where("actor", "=", `user:${id}`).execute();
      return { user: userOf(row), revokedKeys: await revokeKeysOf(transaction, this.#ids, `user:${id}`, by) };
    });
  }
}

function userOf(row: Selectable<UserRow>): User {
  return {
    id: row.id, name: row.name, email: row.email, issuer: row.issuer, grants: JSON.parse(row.grants_json) as Grant[],
    createdAt: row.created_at, signedInAt: row.signed_in_at, disabledAt: row.disabled_at,
  };
}
