import type { SetupStore, SetupToken } from "../../../access/index.ts";
import { epochMs, type EpochMs } from "../../../core/clock.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Set-up tokens in SQL. */
export class SqlSetupStore implements SetupStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async replace({ hash, createdAt, expiresAt }: SetupToken): Promise<void> {
    const { queries } = this.#database;
    await this.#database.writeBatch([
      queries.deleteFrom("setup_tokens").compile(),
      queries.insertInto("setup_tokens").values({ hash, created_at: createdAt, expires_at: expiresAt }).compile(),
    ]);
  }

  async take(hash: Uint8Array, now: EpochMs): Promise<SetupToken | null> {
    const row = await this.#database.queries
      .deleteFrom("setup_tokens").where("hash", "=", hash).where("expires_at", ">", now)
      .returning(["created_at", "expires_at"]).executeTakeFirst();
    return row === undefined ? null : { hash, createdAt: epochMs(row.created_at), expiresAt: epochMs(row.expires_at) };
  }

  async removeAll(): Promise<void> {
    await this.#database.queries.deleteFrom("setup_tokens").execute();
  }
}
