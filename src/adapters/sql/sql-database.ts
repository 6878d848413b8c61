import { Kysely, type CompiledQuery, type QueryResult, type Transaction } from "kysely";
import type { EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { DatabaseSchema } from "./database-schema.ts";
import { migrate } from "./migrations/migrate.ts";
import { migrations as allMigrations } from "./migrations/index.ts";
import type { Migration } from "./migrations/migration.ts";
import { assertOutsideTransaction, insideTransaction } from "./open-transaction.ts";
import { PackedWrites, type PackedWrite } from "./packed-writes.ts";
import type { SqlDialect } from "./sql-dialect.ts";
import { SqlError } from "./sql-error.ts";
import type { WriteSteps } from "./write-steps.ts";

/** The handle that all SQL stores share. Whatever has answered is durable; whatever has failed left nothing. */
export interface SqlDatabase {
  /** Reads, and writes of one statement. A read sees every write that was answered before it began. */
  readonly queries: Kysely<DatabaseSchema>;
  /**
   * Everything that `work` does through its argument, or nothing. A row that it has written waits for its end before
   * anybody else writes it; rows that it has only read may change. After a statement that failed it cannot commit.
   * `work` must be short and must write through its argument alone: a write past it throws. It may run several times, each
   * time from nothing, when transactions got into each other's way or the connection was lost before the commit: what it
   * does beside the database must bear that. On SQLite one transaction runs at a time; on Postgres they are read committed.
   */
  transaction<Result>(work: (transaction: Transaction<DatabaseSchema>) => Promise<Result>): Promise<Result>;
  /**
   * The fast way to write: all statements or none, in one round trip. `idempotent` says that writing all of it twice leaves
   * the same as writing it once; then a lost connection, after which nobody knows, is no failure yet.
   */
  writeBatch(queries: readonly CompiledQuery[], options?: { idempotent?: boolean }): Promise<QueryResult<unknown>[]>;
  /** All of it or nothing; may be done twice when the connection was lost. */
  writePacked(write: PackedWrite): Promise<void>;
  /** False when the database has not answered for seconds. */
  isReachable(): boolean;
  /** Reads the state of one moment while others go on writing; for backups. */
  snapshot<Result>(read: (queries: Kysely<DatabaseSchema>) => Promise<Result>): Promise<Result>;
  /** Waits for the work under way. Everything after it fails. */
  close(): Promise<void>;
}

/**
 * Opens the database and brings its schema to this release. `now` marks the migrations. Throws DATABASE_NEWER,
 * DATA_DIRECTORY_IN_USE when another process holds its lock, DATABASE_DAMAGED, DATABASE_UNAVAILABLE.
 */
export async function openSqlDatabase(
  dialect: SqlDialect,
  options: { now: EpochMs; migrations?: readonly Migration[] },
): Promise<SqlDatabase> {
  const queries = new Kysely<DatabaseSchema>({ dialect });
  try {
    await migrate(queries as Kysely<unknown>, dialect, options.migrations ?? allMigrations, options.now);
  } catch (error) {
    await queries.destroy().catch(() => undefined);
    throw openingError(error);
  }
  const transaction: SqlDatabase["transaction"] = (work) => insideTransaction(() => dialect.repeatTransaction(() => queries.transaction().execute(work)));
  const writeBatch: SqlDatabase["writeBatch"] = async (batch, options) => {
    assertOutsideTransaction();
    return dialect.writeBatch(batch, options);
  };
  const packedWrites = dialect.writePacked === undefined ? new PackedWrites(queries) : null;
  return {
    queries,
    transaction,
    writeBatch,
    writePacked: async (write) => {
      assertOutsideTransaction();
      if (packedWrites === null) return dialect.writePacked!(write);
      const first = startSteps(packedWrites, write);
      if (first.step.done === true) return void (await writeBatch(first.step.value, { idempotent: true }));
      let begun: StartedSteps | null = first;
      await transaction((open) => {
        // A transaction that is repeated begins anew.
        const started = begun ?? startSteps(packedWrites, write);
        begun = null;
        return runSteps(started, open);
      });
    },
    isReachable: () => dialect.isReachable(),
    snapshot: (read) => dialect.snapshot(queries, read),
    close: () => queries.destroy(),
  };
}

interface StartedSteps {
  steps: WriteSteps;
  step: ReturnType<WriteSteps["next"]>;
}

function startSteps(packedWrites: PackedWrites, write: PackedWrite): StartedSteps {
  const steps = packedWrites.steps(write);
  return { steps, step: steps.next() };
}

/** One statement after the other. */
async function runSteps({ steps, step: first }: StartedSteps, transaction: Transaction<DatabaseSchema>): Promise<void> {
  const run = async (statements: readonly CompiledQuery[]): Promise<QueryResult<unknown>[]> => {
    const results: QueryResult<unknown>[] = [];
    for (const statement of statements) results.push(await transaction.executeQuery(statement));
    return results;
  };
  let step = first;
  while (step.done !== true) step = steps.next(await run(step.value));
  await run(step.value);
}

function openingError(error: unknown): unknown {
  if (!(error instanceof SqlError)) return error;
  if (error.reason === "busy") return new AppError("DATA_DIRECTORY_IN_USE", "Another process holds the lock of the database.", { cause: error });
  return error.toCallerError();
}
