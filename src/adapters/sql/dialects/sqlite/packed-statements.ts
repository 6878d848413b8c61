import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector } from "kysely";
import type { DatabaseSchema } from "../../database-schema.ts";
import { PackedWrites, type PackedWrite } from "../../packed-writes.ts";
import type { StatementResult } from "./sqlite-protocol.ts";
import { LikeAwareSqliteQueryCompiler } from "./sqlite-query-compiler.ts";
import { kyselyResult, statementOf, type SqliteStatement } from "./sqlite-statement.ts";

/** What the database thread knows of packed writes. It is loaded with the first of them, for a thread is to start fast. */
export class PackedStatements {
  readonly #writes = new PackedWrites(
    new Kysely<DatabaseSchema>({
      dialect: { createAdapter: () => new SqliteAdapter(), createDriver: () => new DummyDriver(), createIntrospector: (queries) => new SqliteIntrospector(queries), createQueryCompiler: () => new LikeAwareSqliteQueryCompiler() },
    }),
  );

  /** As `WriteSteps`, of SQLite's statements and results. */
  *steps(write: PackedWrite): Generator<SqliteStatement[], SqliteStatement[], readonly StatementResult[]> {
    const steps = this.#writes.steps(write);
    let step = steps.next();
    while (step.done !== true) step = steps.next((yield step.value.map(statementOf)).map((result) => kyselyResult(result)));
    return step.value.map(statementOf);
  }
}
