import type { ErrorCode } from "../../core/error-catalogue.ts";
import { AppError, type CallerFacing } from "../../core/errors.ts";

/** What went wrong in the database, in the same words for every dialect. */
export type SqlErrorReason =
  | "unique"
  | "foreign_key"
  | "not_null"
  | "check"
  /** A value does not fit the type of its column. */
  | "type"
  /** Another process holds the lock of the database for too long. */
  | "busy"
  /** Transactions got into each other's way, and this one gave way. */
  | "conflict"
  /** The statement, or its wait for a lock, took too long. */
  | "timeout"
  /** More wait for a connection than are let in. */
  | "overloaded"
  | "disk_full"
  /** Reading or writing the disk failed. */
  | "io"
  /** The file is not a database, or its pages contradict each other. */
  | "damaged"
  /** The database cannot be opened or written: missing, or without permission. */
  | "unavailable"
  /** The server will not have this user, password, database or certificate, whatever the number of attempts. */
  | "refused"
  /** The connection or its transaction ended before the answer. A commit that was under way may have happened or not. */
  | "connection_lost"
  /** The database handle is closed. */
  | "closed"
  /** The program uses the store in a way that it forbids. */
  | "misuse"
  | "other";

/**
 * A failure of the database. What it belongs to was rolled back. Stores turn the reasons that they expect into an
 * AppError of their own; the rest reaches the doors as `toCallerError` says. `cause` is the engine's own error.
 */
export class SqlError extends Error implements CallerFacing {
  readonly reason: SqlErrorReason;
  /** Text of the statement, without its values. */
  readonly statement: string | undefined;
  /** Surely nothing of it was done, and the same again may succeed. */
  readonly mayRepeat: boolean;

  constructor(reason: SqlErrorReason, message: string, options: { cause?: unknown; statement?: string | undefined; mayRepeat?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SqlError";
    this.reason = reason;
    this.statement = options.statement;
    this.mayRepeat = options.mayRepeat ?? false;
  }

  toCallerError(): AppError {
    const told = tellable[this.reason];
    if (told === undefined) return new AppError("INTERNAL", "The database refused what Slipway asked of it; the log has the cause.", { cause: this });
    return new AppError(told.code, told.message, { cause: this, ...(told.code === "DATABASE_UNAVAILABLE" ? { retryAfterSeconds: 1 } : {}) });
  }
}

const unavailable = { code: "DATABASE_UNAVAILABLE", message: "The database does not answer at present." } as const;
const busy = { code: "DATABASE_UNAVAILABLE", message: "The database has too much to do at present." } as const;

/** What a caller, or the person who starts the server, can act on. */
const tellable: Partial<Record<SqlErrorReason, { code: ErrorCode; message: string }>> = {
  busy: unavailable,
  conflict: busy,
  timeout: busy,
  overloaded: busy,
  connection_lost: unavailable,
  closed: unavailable,
  io: unavailable,
  unavailable: { code: "DATABASE_UNAVAILABLE", message: "The database cannot be opened or written." },
  refused: { code: "DATABASE_UNAVAILABLE", message: "The database server and the database URL do not agree about user, password, database or TLS." },
  damaged: { code: "DATABASE_DAMAGED", message: "The database is damaged, or is not a database." },
  disk_full: { code: "STORAGE_FULL", message: "The disk of the database is full." },
};
