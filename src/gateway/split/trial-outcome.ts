import type { ErrorCode } from "../../core/error-catalogue.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { StopSignal } from "../../core/stop-signal.ts";
import type { CallEnding } from "../calls/call-ending.ts";
import { attemptsOfFailure } from "../routing/call-plan.ts";
import type { MetLimit } from "./split-observer.ts";

/** Outcome of an arm whose time was over. */
const candidateTimeout = "CANDIDATE_TIMEOUT";

/** What a caller or the server brought about: other settings would do no better, or shall not be asked. */
const notTheSettings = new Set<ErrorCode>(["CALLER_GONE", "CALLER_STALLED", "SHUTTING_DOWN", "GATEWAY_OVERLOADED", "STORAGE_FULL"]);
/** Load, what a caller asks for, or a budget: it is the settings' fault only where others could do the same call. */
const noFaultAlone = new Set<ErrorCode>(["RATE_LIMITED", "BUDGET_EXCEEDED", "PROVIDER_REFUSED", "CONTEXT_TOO_LONG", "GATEWAY_FIELD_UNSUPPORTED", "CONTENT_BLOCKED", "INVALID_REQUEST"]);

/** Providers whose rate limits or used up quotas alone kept a call from being answered, also one whose time went by while they asked to wait; null where something else did. */
function limitingProviders(error: AppError | null): ReadonlySet<string> | null {
  if (error === null || (error.code !== "PROVIDER_LIMITED" && error.code !== "PROVIDER_TIMEOUT")) return null;
  const attempts = attemptsOfFailure.get(error) ?? [];
  const limited = attempts.filter(({ outcome }) => outcome === "rate-limited" || outcome === "quota");
  if (error.code === "PROVIDER_TIMEOUT" && (limited.length === 0 || limited.length < attempts.length)) return null;
  return new Set(limited.map(({ provider }) => provider));
}

/**
 * Whether an account had no room for a call: how much all callers ask of it says nothing of the settings. It is their own trouble where the account that answered the same call for others is none of those; `answering` is
 * its provider, null where none is known. `accountOf`: of a provider, since several may be one account. Undefined where no limit was met.
 */
export function limitOf({ error }: Pick<CallEnding, "error">, answering: string | null, accountOf: (provider: string) => string): MetLimit | undefined {
  const limiting = limitingProviders(error);
  if (limiting === null) return undefined;
  if (answering === null || limiting.size === 0 || limiting.has(answering)) return "shared";
  const account = accountOf(answering);
  return [...limiting].some((provider) => accountOf(provider) === account) ? "shared" : "own";
}

/** The time of an arm was over: why its call is ended from here. */
export function armTimeout(): AppError {
  return new AppError("PROVIDER_TIMEOUT", "The settings that are tried out did not answer in the time that they had.");
}

/** Whether other settings are to be asked the same. */
export function isWorthAnother({ code }: AppError): boolean {
  return !notTheSettings.has(code);
}

/** Whether settings are to blame that were asked alone. What the provider said of the call's own fields is not theirs, but that it has no such model is. */
export function isOwnFailure(error: AppError): boolean {
  if (!isWorthAnother(error)) return false;
  return !noFaultAlone.has(error.code) || (error.code === "PROVIDER_REFUSED" && attemptsOfFailure.get(error)?.at(-1)?.outcome === "not-found");
}

export function outcomeOf({ outcome, error }: Pick<CallEnding, "outcome" | "error">, isLate = false): string {
  if (isLate) return candidateTimeout;
  return outcome === "cancelled" ? "CALLER_GONE" : (error?.code ?? outcome);
}

/** The caller reads nothing, or its key or its right has ended. */
const whyDoorsCut = new Set<ErrorCode>(["CALLER_STALLED", "UNAUTHENTICATED", "FORBIDDEN"]);

/** Why the door ended the call of a caller who is still there; null where it did not. */
export function cutByDoor({ aborted, reason }: Pick<StopSignal, "aborted" | "reason">): AppError | null {
  return aborted && reason instanceof AppError && whyDoorsCut.has(reason.code) ? reason : null;
}

/** How a call ends with what was thrown. Where it was ended from here, the reason says more than what came of it. */
export function endingOf(thrown: unknown, { aborted, reason }: StopSignal): { outcome: "failed" | "cancelled"; error: AppError } {
  const error = toAppError(thrown);
  if (!aborted) return { outcome: "failed", error };
  const cut = cutByDoor({ aborted, reason });
  if (cut !== null) return { outcome: "cancelled", error: cut };
  if (!(reason instanceof AppError) || reason.code !== "PROVIDER_TIMEOUT") return { outcome: "cancelled", error };
  const attempts = attemptsOfFailure.get(error);
  if (attempts !== undefined) attemptsOfFailure.set(reason, attempts);
  return { outcome: "failed", error: reason };
}
