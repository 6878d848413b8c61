import type { ErrorCode } from "../../core/error-catalogue.ts";
import { AppError, type Problem } from "../../core/errors.ts";
import type { RouteTarget } from "../schemas.ts";
import type { AttemptFailure } from "./call-attempt.ts";
import { targetName } from "./target-name.ts";

/** Why a target did not answer: its last attempt, or what kept it from being asked. */
export interface TargetTrouble {
  target: RouteTarget;
  kind:
    | AttemptFailure["outcome"]
    /** Its breaker is open. */
    | "left-alone"
    /** The call cannot be put into its form. */
    | "unfit"
    /** Its own limits are reached. */
    | "busy"
    /** No such provider is set up. */
    | "absent";
  message: string;
  retryAfterMs: number | null;
  thrown: unknown;
}

/** What the caller is told where all troubles are of these kinds. */
const codes: Readonly<Record<TargetTrouble["kind"], ErrorCode>> = {
  invalid: "PROVIDER_REFUSED", "content-filter": "PROVIDER_REFUSED", "not-found": "PROVIDER_REFUSED", "context-length": "CONTEXT_TOO_LONG", unfit: "GATEWAY_FIELD_UNSUPPORTED",
  unauthorized: "PROVIDER_UNAUTHORIZED", quota: "PROVIDER_LIMITED", "rate-limited": "PROVIDER_LIMITED", busy: "RATE_LIMITED", timeout: "PROVIDER_TIMEOUT", "broken-answer": "PROVIDER_ANSWER_INVALID",
  overloaded: "PROVIDER_UNAVAILABLE", failed: "PROVIDER_UNAVAILABLE", unreachable: "PROVIDER_UNAVAILABLE", "left-alone": "PROVIDER_UNAVAILABLE", absent: "PROVIDER_UNAVAILABLE", cancelled: "CALLER_GONE",
};

/** Of one trouble alone. */
export function codeOfTrouble(kind: TargetTrouble["kind"]): ErrorCode {
  return codes[kind];
}

/** What may be over when the caller asks again. */
const passing: ReadonlySet<TargetTrouble["kind"]> = new Set(["rate-limited", "busy", "timeout", "broken-answer", "overloaded", "failed", "unreachable", "left-alone"]);
/** Of what stays as it is, what tells the caller most. */
const telling: readonly TargetTrouble["kind"][] = ["context-length", "unfit", "not-found", "unauthorized", "quota", "absent"];

/**
 * The error of a call that no target answered. Troubles of one code keep it; where some of different kinds may pass, it is PROVIDER_UNAVAILABLE; else the most telling one counts. Each target's trouble stands in
 * the message and in `problems`.
 */
export function callFailure(troubles: readonly TargetTrouble[]): AppError {
  const [first, ...others] = troubles;
  if (first === undefined) return new AppError("PROVIDER_TIMEOUT", "The deadline of the call was over before any target could be asked.");
  const code = codeOf(troubles);
  // Errors that were made for callers go to them as they are.
  if (others.length === 0 && first.thrown instanceof AppError && (first.kind === "unfit" || first.kind === "busy" || first.thrown.code === "EGRESS_REFUSED")) return copyOf(first.thrown);
  const problems = problemsOf(troubles);
  const waits = troubles.flatMap(({ kind, retryAfterMs }) => (passing.has(kind) && retryAfterMs !== null ? [retryAfterMs] : []));
  const passes = troubles.some(({ kind }) => passing.has(kind)) && (code === "PROVIDER_UNAVAILABLE" || code === "PROVIDER_LIMITED" || code === "RATE_LIMITED");
  const cause = troubles.findLast(({ thrown }) => thrown !== null)?.thrown;
  const retryAfterSeconds = waits.length === 0 ? 1 : Math.max(1, Math.ceil(Math.min(...waits) / 1000));
  return new AppError(code, textOf(problems), { problems, cause, ...(passes ? { retryAfterSeconds } : {}) });
}

/** The error of a call whose budgets had no room for another attempt while there were targets that it had not asked: they are why it failed, whatever the others had. */
export function refusedFailure(refusal: AppError, troubles: readonly TargetTrouble[]): AppError {
  const problems = problemsOf(troubles);
  const { code, retryAfterSeconds } = refusal;
  return new AppError(code, `${textOf(problems)} No other target was asked: ${refusal.message}`, { problems, cause: refusal, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
}

function codeOf(troubles: readonly TargetTrouble[]): ErrorCode {
  const code = ownCode(troubles[0]!);
  if (troubles.every((trouble) => ownCode(trouble) === code)) return code;
  if (troubles.some(({ kind }) => passing.has(kind))) return "PROVIDER_UNAVAILABLE";
  const kind = telling.find((candidate) => troubles.some((trouble) => trouble.kind === candidate));
  return ownCode(troubles.find((trouble) => trouble.kind === kind) ?? troubles[0]!);
}

function ownCode({ kind, thrown }: TargetTrouble): ErrorCode {
  const own = thrown instanceof AppError && (kind === "unfit" || kind === "busy" || thrown.code === "EGRESS_REFUSED");
  return own ? thrown.code : codes[kind];
}

/** A target that was asked again after others says the same twice. */
function problemsOf(troubles: readonly TargetTrouble[]): Problem[] {
  const told = new Map(troubles.map(({ target, message }) => [`${targetName(target)}\n${message}`, { path: targetName(target), message }]));
  return [...told.values()];
}

function textOf(problems: readonly Problem[]): string {
  return problems.map(({ path, message }, index) => `${path}: ${message}${index < problems.length - 1 && !/[.!?]$/.test(message) ? "." : ""}`).join(" ");
}

/** Attempts are remembered by the error, so no two calls may share one. */
function copyOf(error: AppError): AppError {
  const { code, message, problems, retryAfterSeconds } = error;
  return new AppError(code, message, { problems, cause: error, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
}

/** Of a target whose provider is not there; `whereabouts` of those that are looked for. */
export function absence(whereabouts: string | null): string {
  return whereabouts === null ? "No provider of this name is set up." : `Its provider ${whereabouts}`;
}

/** With what the provider's support asks for. Of a 404 many servers say two words, which are no word of what was not found. */
export function toldMessage({ message: own, requestId, outcome, status }: Pick<AttemptFailure, "message" | "requestId" | "outcome" | "status">): string {
  const message = outcome === "not-found" ? `The provider has no such model or path${status === null ? "" : ` (${status})`}: ${own}` : own;
  return requestId === undefined || requestId === null || message.includes(requestId) ? message : `${message} (its request ${requestId})`;
}
