import type { CompiledQuery, Dialect, Kysely, QueryResult, RawBuilder, Transaction } from "kysely";
import type { PackedWrite } from "./packed-writes.ts";

type ColumnType = RawBuilder<unknown>;

/** How a dialect spells what the migrations need; differences are data, not branches. */
export interface SqlCapabilities {
  readonly columnTypes: {
    /** Unicode text that compares and sorts by code point. */
    readonly text: ColumnType;
    /** 64-bit signed. Times (milliseconds since 1970), counters and booleans (0, 1). */
    readonly integer: ColumnType;
    /** IEEE 754 binary64, infinities included; no NaN, and -0 is 0. */
    readonly double: ColumnType;
    readonly bytes: ColumnType;
    /** JSON kept as the text that was written: it is hashed, so nothing may reformat it. */
    readonly json: ColumnType;
  };
  /** Goes behind the closing bracket of CREATE TABLE. */
  readonly tableEnding: RawBuilder<unknown>;
  /** The same for tables of small rows that are read by their primary key alone: where it can, the database keeps them in its order. */
  readonly clusteredTableEnding: RawBuilder<unknown>;
  /** Statements after which the rows of a table can be added and read, and neither changed nor removed. */
  readonly appendOnly: (table: string) => readonly RawBuilder<unknown>[];
}

/**
 * One kind of database: Kysely's dialect, and what the stores need beyond it. What they may rely on is stated by
 * `sql-values.conformance.ts` and `sql-writes.conformance.ts`, which every dialect runs.
 */
export interface SqlDialect extends Dialect {
  readonly capabilities: SqlCapabilities;
  /**
   * Runs the statements in order, all or none, and answers when they are durable. Independent batches may share a
   * commit; one that fails does not touch the others. What is `idempotent` may be written again when the connection was
   * lost before the answer.
   */
  writeBatch(queries: readonly CompiledQuery[], options?: { idempotent?: boolean }): Promise<QueryResult<unknown>[]>;
  /** Absent where the statements of packed writes are made in this thread. */
  writePacked?(write: PackedWrite): Promise<void>;
  /** Runs the attempt again as long as it fails with a SqlError that `mayRepeat`, for a bounded time. */
  repeatTransaction<Result>(attempt: () => Promise<Result>): Promise<Result>;
  /** False when the database has not answered for seconds. */
  isReachable(): boolean;
  /** Inside a migration's transaction: waits until no other process migrates. Ends with the transaction. */
  lockMigrations(transaction: Transaction<unknown>): Promise<void>;
  /**
   * Reads through the argument the state of one moment, while others go on writing; nothing can be written through it.
   * `queries` is the Kysely made with this dialect (on Postgres: its transaction, repeatable read and read only).
   */
  snapshot<Schema, Result>(queries: Kysely<Schema>, read: (snapshot: Kysely<Schema>) => Promise<Result>): Promise<Result>;
  /** Whether a table is there. */
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the schema
  hasTable(database: Kysely<any>, table: string): Promise<boolean>;
}
