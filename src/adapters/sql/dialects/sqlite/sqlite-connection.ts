import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { PackedWrite } from "../../packed-writes.ts";
import { sqlInteger } from "../../sql-integer.ts";
import type { SqlParameter } from "../../sql-parameter.ts";
import type { PackedStatements } from "./packed-statements.ts";
import type { BatchGroup, BatchOutcome, SqliteFailure, SqliteThreadOptions, StatementResult } from "./sqlite-protocol.ts";
import type { SqliteStatement } from "./sqlite-statement.ts";

interface PreparedStatement {
  statement: StatementSync;
  columns: readonly string[];
}

const maximumPreparedStatements = 256;
const schemaChange = /^\s*(create|alter|drop)\b/i;

class TransactionLost extends Error {}

/** One open database file; lives in a database thread, where it may block. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  /** In order of last use. */
  readonly #prepared = new Map<string, PreparedStatement>();
  #marksInMemory = false;

  constructor({ path, mode, busyTimeoutMs }: SqliteThreadOptions) {
    this.#database = new DatabaseSync(path, { readOnly: mode === "read", timeout: busyTimeoutMs });
    try {
      // KiB, taken as they are needed: walks along an index beside its table want more than the default of 2 MB.
      this.#database.exec("pragma cache_size = -32768");
      if (mode === "write") this.#prepareForWriting();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /**
   * WAL lets the reader read while the writer writes. FULL syncs the log before a commit answers: the promise that
   * acknowledged changes survive power loss. fullfsync makes that true on macOS, whose fsync stops at the drive's cache.
   */
  #prepareForWriting(): void {
    const mode = this.#database.prepare("pragma journal_mode = wal").get()?.["journal_mode"];
    if (mode !== "wal") throw new Error(`The file system does not allow a write-ahead log (journal mode ${String(mode)}).`);
    this.#database.exec("pragma synchronous = full; pragma fullfsync = on; pragma foreign_keys = on; pragma journal_size_limit = 67108864");
  }

  get inTransaction(): boolean {
    return this.#database.isOpen && this.#database.isTransaction;
  }

  assertTransaction(expected: boolean): void {
    if (this.inTransaction !== expected) throw new TransactionLost(expected ? "The transaction is gone." : "Another transaction is open.");
  }

  run(sql: string, given: readonly SqlParameter[]): StatementResult {
    const { statement, columns } = this.#prepare(sql);
    const parameters = given.some(isNoBytes) ? given.map((parameter) => (isNoBytes(parameter) ? noBytes : parameter)) : given;
    if (columns.length > 0) {
      const rows = statement.all(...parameters) as unknown as unknown[][];
      for (const row of rows) {
        for (let index = 0; index < row.length; index++) {
          const value = row[index];
          if (typeof value === "bigint") row[index] = sqlInteger(value);
        }
      }
      return { columns, rows, changes: 0 };
    }
    const { changes } = statement.run(...parameters);
    if (schemaChange.test(sql)) this.#prepared.clear();
    return { columns, rows: [], changes: Number(changes) };
  }

  command(sql: string): void {
    this.#database.exec(sql);
  }

  /** Throws when the shared transaction is lost: then nothing of any batch is there. `packed`: needed where one of them is a packed write. */
  runBatches({ texts, batches }: BatchGroup, packed?: PackedStatements): BatchOutcome[] {
    this.#keepMarksInMemory();
    this.#database.exec("begin immediate");
    try {
      const outcomes = batches.map((batch) => ("kind" in batch ? this.#runUnit(true, (run) => this.#runPacked(packed!, batch, run)) : this.#runUnit(batch.length > 1, (run) => batch.map(({ text, parameters }) => run(texts[text]!, parameters)))));
      this.#database.exec("commit");
      return outcomes;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("rollback");
      throw error;
    }
  }

  /**
   * What a savepoint, or one statement, would go back to is copied page by page, to a file by default: a thousand metrics
   * wrote four times as much there as to the log. Not from the start, for migrations may sort a whole table.
   */
  #keepMarksInMemory(): void {
    if (this.#marksInMemory) return;
    this.#database.exec("pragma temp_store = memory");
    this.#marksInMemory = true;
  }

  /** `marked`: a single statement undoes itself when it fails; more need a mark to go back to. */
  #runUnit(marked: boolean, work: (run: SqliteConnection["run"]) => StatementResult[]): BatchOutcome {
    let running: string | undefined;
    try {
      if (marked) this.#database.exec("savepoint batch");
      const results = work((sql, parameters) => this.run((running = sql), parameters));
      if (marked) this.#database.exec("release batch");
      return { results };
    } catch (error) {
      // After a full disk or a failed read SQLite may have rolled back everything, the batches before included.
      if (!this.#database.isTransaction) throw error;
      if (marked) this.#database.exec("rollback to batch; release batch");
      return { failure: describeFailure(error, running) };
    }
  }

  #runPacked(packed: PackedStatements, write: PackedWrite, run: SqliteConnection["run"]): StatementResult[] {
    const runAll = (statements: readonly SqliteStatement[]): StatementResult[] => statements.map(({ sql, parameters }) => run(sql, parameters));
    const steps = packed.steps(write);
    let step = steps.next();
    while (step.done !== true) step = steps.next(runAll(step.value));
    runAll(step.value);
    return [];
  }

  #prepare(sql: string): PreparedStatement {
    const found = this.#prepared.get(sql);
    if (found !== undefined) {
      this.#prepared.delete(sql);
      this.#prepared.set(sql, found);
      return found;
    }
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    const prepared = { statement, columns: statement.columns().map((column) => column.name) };
    this.#prepared.set(sql, prepared);
    if (this.#prepared.size > maximumPreparedStatements) {
      const [oldest] = this.#prepared.keys();
      this.#prepared.delete(oldest!);
    }
    return prepared;
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }
}

// Node 22 binds no bytes as NULL when they lie nowhere, as they do after the way between threads; these lie somewhere.
const noBytes = new Uint8Array(1).subarray(0, 0);

function isNoBytes(parameter: SqlParameter): boolean {
  return typeof parameter === "object" && parameter?.length === 0;
}

export function describeFailure(error: unknown, statement?: string): SqliteFailure {
  const { message, errcode } = error as { message?: unknown; errcode?: unknown };
  return {
    message: typeof message === "string" ? message : String(error),
    resultCode: typeof errcode === "number" ? errcode : undefined,
    transactionLost: error instanceof TransactionLost,
    statement,
  };
}
