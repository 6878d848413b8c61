/** What went wrong in the database, in the same words for every dialect. */
export type SqlErrorReason =
  | "unique"
  | "foreign_key"
  | "not_null"
  | "check"
  /** A value does not fit the type of its column. */
  | "type"
  /** Another process holds the lock for too long. */
  | "busy"
  | "disk_full"
  /** Reading or writing the disk failed. */
  | "io"
  /** The file is not a database, or its pages contradict each other. */
  | "damaged"
  /** The database cannot be opened or written: missing, or without permission. */
  | "unavailable"
  /** The connection or its transaction ended before the answer. A commit that was under way may have happened or not. */
  | "connection_lost"
  /** The database handle is closed. */
  | "closed"
  /** The program uses the store in a way that it forbids. */
  | "misuse"
  | "other";

/**
 * A failure of the database. What it belongs to was rolled back. Stores turn the reasons that a caller can act on into
 * an AppError; the rest reaches the doors as INTERNAL. `cause` is the engine's own error.
 */
export class SqlError extends Error {
  readonly reason: SqlErrorReason;
  /** Text of the statement, without its values. */
  readonly statement: string | undefined;

  constructor(reason: SqlErrorReason, message: string, options: { cause?: unknown; statement?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SqlError";
    this.reason = reason;
    this.statement = options.statement;
  }
}
