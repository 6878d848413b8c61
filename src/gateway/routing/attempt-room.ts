import { AppError } from "../../core/errors.ts";
import { callFailure, refusedFailure, type TargetTrouble } from "./call-failure.ts";
import type { AttemptRecord, CallOrder } from "./call-plan.ts";

/** Whether the budgets of a call have room for one attempt after another. */
export class AttemptRoom {
  readonly #reserve: CallOrder<unknown>["lost"];
  #refusal: AppError | null = null;

  constructor(reserve: CallOrder<unknown>["lost"]) {
    this.#reserve = reserve;
  }

  /** Whether there may be another attempt in the place of one that failed, which may have cost something. */
  async isLeftBeside(lost: AttemptRecord): Promise<boolean> {
    try {
      const reserved = this.#reserve?.(lost);
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
