import type { Kysely, Transaction } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import type { SqlDialect } from "../sql-dialect.ts";
import type { Migration } from "./migration.ts";

interface Bookkeeping {
  schema_migrations: { number: number; name: string; applied_at: number };
}

/**
 * Brings the database to the last migration, each in a transaction of its own: a process that dies in between leaves the
 * schema of a whole migration. Several processes may do this at once. Throws DATABASE_NEWER when the database has a
 * migration that this release does not know; nothing is changed then.
 */
export async function migrate(database: Kysely<unknown>, dialect: SqlDialect, migrations: readonly Migration[], now: EpochMs): Promise<void> {
  const known = database as Kysely<Bookkeeping>;
  if (await dialect.hasTable(database, "schema_migrations")) {
    if ((await appliedCount(known, migrations)) === migrations.length) return;
  }
  await inLockedTransaction(known, dialect, async (transaction) => {
    if (await dialect.hasTable(transaction, "schema_migrations")) return;
    const { columnTypes, tableEnding } = dialect.capabilities;
    await transaction.schema
      .createTable("schema_migrations")
      .addColumn("number", columnTypes.integer, (column) => column.primaryKey().notNull())
      .addColumn("name", columnTypes.text, (column) => column.notNull())
      .addColumn("applied_at", columnTypes.integer, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
  });
  for (const migration of migrations) {
    await inLockedTransaction(known, dialect, async (transaction) => {
      if ((await appliedCount(transaction, migrations)) >= migration.number) return;
      await migration.up(transaction, dialect.capabilities);
      await transaction.insertInto("schema_migrations").values({ number: migration.number, name: migration.name, applied_at: now }).execute();
    });
  }
}

async function inLockedTransaction(
  database: Kysely<Bookkeeping>,
  dialect: SqlDialect,
  work: (transaction: Transaction<Bookkeeping>) => Promise<void>,
): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    await dialect.lockMigrations(transaction as Transaction<unknown>);
    await work(transaction);
  });
}

/** How many of the known migrations the database has. */
async function appliedCount(database: Kysely<Bookkeeping>, migrations: readonly Migration[]): Promise<number> {
  const applied = await database.selectFrom("schema_migrations").select(["number", "name"]).orderBy("number").execute();
  for (const [index, row] of applied.entries()) {
    const migration = migrations[index];
    if (migration === undefined) {
      throw new AppError("DATABASE_NEWER", `The database has schema ${applied.length}; this release knows ${migrations.length}.`);
    }
    if (migration.number !== row.number || migration.name !== row.name) {
      throw new AppError("INTERNAL", "The database was made by another program or an unreleased Slipway.", {
        cause: new Error(`migration ${migration.number} is ${migration.name} here and ${row.number} ${row.name} in the database`),
      });
    }
  }
  return applied.length;
}
