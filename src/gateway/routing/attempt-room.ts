import { AppError } from "../../core/errors.ts";
import { callFailure, refusedFailure, type TargetTrouble } from "./call-failure.ts";
import type { AttemptRecord, AttemptWatch } from "./call-plan.ts";

/** Whether the budgets of a call have room for one attempt after another. */
export class AttemptRoom {
  readonly #watch: Pick<AttemptWatch, "lost"> | undefined;
  #refusal: AppError | null = null;

  constructor(watch: Pick<AttemptWatch, "lost"> | undefined) {
    this.#watch = watch;
  }

  /** Whether there may be another attempt in the place of one that failed, which may have cost something. */
  async isLeftBeside(lost: AttemptRecord): Promise<boolean> {
    try {
      const reserved = this.#watch?.lost(lost);
      if (reserved instanceof Promise) await reserved;
      return true;
    } catch (thrown) {
      if (!(thrown instanceof AppError) || (thrown.code !== "BUDGET_EXCEEDED" && thrown.code !== "BUDGET_UNAVAILABLE")) throw thrown;
      this.#refusal ??= thrown;
      return false;
    }
  }

  /** Why a call got no answer. `leftOut`: there are targets that it did not ask; where a budget is why, it is why the call failed. */
  failure(troubles: readonly TargetTrouble[], leftOut: boolean): AppError {
    return this.#refusal !== null && leftOut ? refusedFailure(this.#refusal, troubles) : callFailure(troubles);
  }
}
