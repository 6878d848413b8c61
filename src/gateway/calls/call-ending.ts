import type { AppError } from "../../core/errors.ts";
import type { LedgerEntry } from "../../ledger/index.ts";

/** What this process may say of a call: one that is interrupted is told of by the next. */
export type CallOutcome = Exclude<LedgerEntry["outcome"], "interrupted" | "failed-over" | "outrun">;

/** How a call ended. */
export interface CallEnding {
  outcome: CallOutcome;
  error: AppError | null;
  /** Milliseconds. */
  totalMs: number;
  /** Whole billionths of a US dollar; null where the price is not known. */
  cost: number | null;
}

/** Who follows one call. Neither may throw. */
export interface RecordWatch {
  /** Before anything is given back or written. */
  ending?(outcome: CallOutcome, error: AppError | null): void;
  /** All is written. */
  ended(ending: CallEnding): void;
}
