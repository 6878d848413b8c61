import type { PackedWrite } from "../../packed-writes.ts";
import type { SqlParameter } from "../../sql-parameter.ts";

/** What the main thread asks of a database thread. Requests of one thread are answered in order. */
export interface SqliteRequests {
  /** Opens the database file; every other request does so too when it is the first. */
  open: { request: Record<never, never>; answer: null };
  /** One statement, in the transaction that is open, or in its own. */
  statement: { request: { sql: string; parameters: readonly SqlParameter[] } & TransactionExpectation; answer: StatementResult };
  /** Commands that begin and end transactions, in order, up to the first that fails. */
  commands: { request: { commands: readonly string[] } & TransactionExpectation; answer: null };
  /** Batches that share one transaction. A batch that fails leaves nothing and does not touch the others. */
  batches: { request: BatchGroup; answer: BatchOutcome[] };
  /** Closes the file and ends the thread. */
  close: { request: Record<never, never>; answer: null };
}

/**
 * Whether the sender believes that a transaction is open. When a thread has died and a new one took its place, that is
 * no longer true; the request is refused then, instead of running, and lasting, outside of any transaction.
 */
interface TransactionExpectation {
  inTransaction: boolean;
}

export type RequestKind = keyof SqliteRequests;

/** Each different SQL text goes over once; statements point at it. */
export interface BatchGroup {
  texts: readonly string[];
  batches: readonly (readonly BatchStatement[] | PackedWrite)[];
}

export interface BatchStatement {
  /** Index into `texts`. */
  text: number;
  parameters: readonly SqlParameter[];
}

export interface StatementResult {
  /** Empty for a statement that returns no rows. */
  columns: readonly string[];
  /** Values in the order of the columns. */
  rows: readonly (readonly unknown[])[];
  /** Rows inserted, updated or deleted by a statement without RETURNING. */
  changes: number;
}

export type BatchOutcome = { results: StatementResult[] } | { failure: SqliteFailure };

/** An error of node:sqlite as plain data. */
export interface SqliteFailure {
  message: string;
  /** Extended result code of SQLite; undefined when the error is not SQLite's. */
  resultCode: number | undefined;
  /** The transaction that the request was for is gone. */
  transactionLost: boolean;
  statement: string | undefined;
}

export interface RequestMessage {
  id: number;
  kind: RequestKind;
  request: unknown;
}

export interface AnswerMessage {
  id: number;
  /** Whether a transaction is open after the request; SQLite ends one by itself after some errors. */
  inTransaction: boolean;
  answer?: unknown;
  failure?: SqliteFailure;
}

export interface SqliteThreadOptions {
  path: string;
  mode: "read" | "write";
  /** How long to wait for the lock of another process, in milliseconds. */
  busyTimeoutMs: number;
}
