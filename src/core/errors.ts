import { errorCatalogue, type ErrorCode } from "./error-catalogue.ts";

/** Where a problem sits, for messages that name every problem of one input. */
export interface Problem {
  /** Path in the caller's own terms, such as `inputs[0].shape` or `columns.age`. */
  path: string;
  message: string;
}

/**
 * A failure that a caller can see. The code decides status and hint (see the catalogue); the message says what was
 * wrong in this case and never carries a path of the machine, a stack or a library's text. `cause` keeps those for the log.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  /** Seconds after which a retry makes sense; sent as Retry-After. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; problems?: readonly Problem[]; retryAfterSeconds?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.problems = options.problems ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return errorCatalogue[this.code].status;
  }

  get hint(): string {
    return errorCatalogue[this.code].hint;
  }
}

/** An adapter's error that knows what a caller may be told of it. */
export interface CallerFacing {
  toCallerError(): AppError;
}

/** Turns anything thrown into an AppError; what says nothing for callers becomes INTERNAL with the original as its cause. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof Error) {
    if ("toCallerError" in thrown) return (thrown as unknown as CallerFacing).toCallerError();
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") return new AppError("STORAGE_FULL", "The disk of the data directory is full.", { cause: thrown });
  }
  return new AppError("INTERNAL", "Slipway failed to do this; the log has the cause under the request id.", { cause: thrown });
}
