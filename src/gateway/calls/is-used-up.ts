import type { AppError } from "../../core/errors.ts";

/** Whether a call failed for a quota or a budget that is used up: who asks again gets the same until somebody pays or the month is over. */
export function isUsedUp({ code, retryAfterSeconds }: Pick<AppError, "code" | "retryAfterSeconds">): boolean {
  // Where one of the targets only limits the rate, it says when to come back.
  return code === "BUDGET_EXCEEDED" || (code === "PROVIDER_LIMITED" && retryAfterSeconds === undefined);
}
