import type { AppError } from "../../core/errors.ts";
import type { LedgerEntry } from "../../ledger/index.ts";
import type { TokenUsage } from "../conversation/chat-answer.ts";

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
  /** What each target was asked for: that of the call's own entry last, after those of attempts beside it and of rounds that others answered. Empty where no provider may have worked. */
  uses: readonly EndedUse[];
}

/** Of one target. */
export interface EndedUse {
  provider: string;
  model: string;
  usage: TokenUsage;
  /** As that of the call. */
  cost: number | null;
}

/** `asked`: whose the call's own entry is; null where no provider may have worked on it. */
export function endedUses(beside: readonly EndedUse[], asked: Pick<EndedUse, "provider" | "model"> | null, own: Pick<EndedUse, "usage" | "cost">): readonly EndedUse[] {
  return asked === null ? beside : [...beside, { provider: asked.provider, model: asked.model, ...own }];
}

/** Who follows one call. Neither may throw. */
export interface RecordWatch {
  /** Before anything is given back or written. */
  ending?(outcome: CallOutcome, error: AppError | null): void;
  /** All is written. */
  ended(ending: CallEnding): void;
}
