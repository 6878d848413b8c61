import type { PackedWrite } from "../../packed-writes.ts";
import { SqlError } from "../../sql-error.ts";
import { sqliteError } from "./sqlite-error.ts";
import type { BatchGroup, BatchStatement, StatementResult } from "./sqlite-protocol.ts";
import type { SqliteStatement } from "./sqlite-statement.ts";
import { RequestFailure, type SqliteRequester } from "./sqlite-thread.ts";
import { SqliteTransaction } from "./sqlite-transaction.ts";

interface QueuedBatch {
  work: readonly SqliteStatement[] | PackedWrite;
  resolve(results: StatementResult[]): void;
  reject(error: SqlError): void;
}

interface QueuedTransaction {
  resolve(transaction: SqliteTransaction): void;
  reject(error: SqlError): void;
}

/** One commit carries no more than this, so that nobody waits long for the work of others. */
const maximumStatementsPerCommit = 4096;
const maximumTransactionsPerCommit = 32;
/** A packed write counts as so many. */
const statementsOfPackedWrite = 128;

/**
 * The only way to write: one thing after the other, in the order of arrival, with group commit. A durable commit waits
 * for the disk; what arrives meanwhile shares the next one: batches with batches (in one round trip to the thread),
 * transactions with transactions. Each is a savepoint of its own, so that one that fails does not undo the others. An
 * answer comes only after the commit.
 */
export class SqliteWriter {
  readonly #thread: SqliteRequester;
  readonly #queue: (QueuedBatch | QueuedTransaction)[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(thread: SqliteRequester) {
    this.#thread = thread;
  }

  /** All statements or none. A packed write has no results. */
  batch(work: QueuedBatch["work"]): Promise<StatementResult[]> {
    return new Promise((resolve, reject) => this.#enqueue({ work, resolve, reject }));
  }

  /** Answers when it is the transaction's turn; nobody else writes until it has ended. */
  begin(): Promise<SqliteTransaction> {
    return new Promise((resolve, reject) => this.#enqueue({ resolve, reject }));
  }

  /** Waits for what was queued before it. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    await this.#thread.close();
  }

  #enqueue(entry: QueuedBatch | QueuedTransaction): void {
    if (this.#closed) {
      entry.reject(new SqlError("closed", "The database is closed."));
      return;
    }
    this.#queue.push(entry);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      if (isBatch(this.#queue[0]!)) await this.#runBatches(this.#takeBatches());
      else await this.#runTransactions();
    }
    // In the same turn as the last look at the queue, so that nothing is queued in between and forgotten.
    this.#running = undefined;
  }

  #takeBatches(): QueuedBatch[] {
    const batches: QueuedBatch[] = [];
    let statements = 0;
    for (const entry of this.#queue) {
      if (!isBatch(entry)) break;
      statements += isPacked(entry.work) ? statementsOfPackedWrite : entry.work.length;
      if (batches.length > 0 && statements > maximumStatementsPerCommit) break;
      batches.push(entry);
    }
    this.#queue.splice(0, batches.length);
    return batches;
  }

  async #runBatches(batches: readonly QueuedBatch[]): Promise<void> {
    try {
      const { answer } = await this.#thread.request("batches", groupOf(batches));
      for (const [index, outcome] of answer.entries()) {
        if ("results" in outcome) batches[index]!.resolve(outcome.results);
        else batches[index]!.reject(sqliteError(outcome.failure));
      }
    } catch (failure) {
      for (const batch of batches) batch.reject(errorOf(failure));
    }
  }

  async #runTransactions(): Promise<void> {
    const committed: SqliteTransaction[] = [];
    let before = { command: "begin immediate", inTransaction: false };
    for (let count = 0; count < maximumTransactionsPerCommit; count++) {
      const entry = this.#queue[0];
      if (entry === undefined || isBatch(entry)) break;
      this.#queue.shift();
      const transaction = new SqliteTransaction(this.#thread);
      try {
        await this.#thread.request("commands", { commands: [before.command, "savepoint unit"], inTransaction: before.inTransaction });
      } catch (failure) {
        entry.reject(errorOf(failure));
        return this.#abandon(committed, failure);
      }
      entry.resolve(transaction);
      const end = await transaction.ended;
      if (end === "lost") {
        transaction.settle(transaction.loss);
        for (const other of committed) other.settle(transaction.loss);
        return;
      }
      if (end === "committed") committed.push(transaction);
      before = { command: "release unit", inTransaction: true };
    }
    try {
      await this.#thread.request("commands", { commands: [before.command, "commit"], inTransaction: before.inTransaction });
      for (const transaction of committed) transaction.settle(null);
    } catch (failure) {
      await this.#abandon(committed, failure);
    }
  }

  /** After a failure between transactions: nothing of what shared the commit is there. */
  async #abandon(committed: readonly SqliteTransaction[], failure: unknown): Promise<void> {
    if (failure instanceof RequestFailure && failure.inTransaction) {
      // When even this fails, the connection is beyond use: end it, and SQLite rolls back.
      await this.#thread.request("commands", { commands: ["rollback"], inTransaction: true }).catch(() => this.#thread.kill());
    }
    for (const transaction of committed) transaction.settle(errorOf(failure));
  }
}

function isBatch(entry: QueuedBatch | QueuedTransaction): entry is QueuedBatch {
  return "work" in entry;
}

function isPacked(work: QueuedBatch["work"]): work is PackedWrite {
  return "kind" in work;
}

function errorOf(failure: unknown): SqlError {
  if (failure instanceof RequestFailure) return failure.error;
  return new SqlError("other", "The database request could not be sent.", { cause: failure });
}

function groupOf(batches: readonly QueuedBatch[]): BatchGroup {
  const texts = new Map<string, number>();
  const statementOf = ({ sql, parameters }: SqliteStatement): BatchStatement => {
    const text = texts.get(sql) ?? texts.size;
    texts.set(sql, text);
    return { text, parameters };
  };
  const grouped = batches.map(({ work }) => (isPacked(work) ? work : work.map(statementOf)));
  return { texts: [...texts.keys()], batches: grouped };
}
