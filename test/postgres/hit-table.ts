import type { Kysely } from "kysely";
import type { Migration } from "../../src/adapters/sql/migrations/migration.ts";
import type { SqlDatabase } from "../../src/adapters/sql/sql-database.ts";

export interface HitSchema {
  /** Without a key: what is written twice is there twice. */
  hits: { work: number; part: number };
  registers: { name: string; value: number };
}

export const hitMigration: Migration = {
  number: 1,
  name: "hits",
  async up(database, { columnTypes: { text, integer }, tableEnding }) {
    await database.schema
      .createTable("hits")
      .addColumn("work", integer, (column) => column.notNull())
      .addColumn("part", integer, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await database.schema
      .createTable("registers")
      .addColumn("name", text, (column) => column.primaryKey().notNull())
      .addColumn("value", integer, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
  },
};

export function hitsOf(database: SqlDatabase): Kysely<HitSchema> {
  return database.queries as unknown as Kysely<HitSchema>;
}

export const partsOfWork = 3;
export type WorkKind = "single" | "batch" | "transaction";

/** Writes all parts of one piece of work, in one of the three ways there are. */
export async function writeWork(database: SqlDatabase, kind: WorkKind, work: number): Promise<void> {
  const hits = hitsOf(database);
  const rows = Array.from({ length: partsOfWork }, (_, part) => ({ work, part }));
  if (kind === "single") await hits.insertInto("hits").values(rows).execute();
  else if (kind === "batch") await database.writeBatch(rows.map((row) => hits.insertInto("hits").values(row).compile()));
  else {
    await database.transaction(async (transaction) => {
      for (const row of rows) await (transaction as unknown as Kysely<HitSchema>).insertInto("hits").values(row).execute();
    });
  }
}

/** What contradicts the answers: work that is there in part or twice, or that was answered and is not there. */
export function contradictions(rows: readonly HitSchema["hits"][], answered: ReadonlySet<number>): string[] {
  const found: string[] = [];
  const byWork = Map.groupBy(rows, ({ work }) => work);
  for (const [work, parts] of byWork) {
    const seen = parts.map(({ part }) => part).sort();
    if (seen.join() !== Array.from({ length: partsOfWork }, (_, part) => part).join()) found.push(`work ${work} left the parts ${seen.join()}`);
  }
  for (const work of answered) if (!byWork.has(work)) found.push(`work ${work} was answered and is not there`);
  return found;
}
