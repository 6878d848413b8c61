import { formatDollars } from "../../core/dollars.ts";
import { AppError } from "../../core/errors.ts";
import type { GuardrailSettings } from "../schemas.ts";
import type { PersonalDataType } from "./find-personal-data.ts";
import type { LinearPattern } from "./linear-pattern.ts";

/** One call's surroundings. */
export interface GuardContext {
  /** What the call may cost at worst, in US dollars; null where its price is not known, which a `max-cost` takes for too much. */
  worstCost: number | null;
  /** Monotonic milliseconds. */
  monotonic(): number;
  /** Asks a model that is served here. What it throws ends the call: a guard that cannot be asked lets nothing pass. */
  classify(model: string, text: string): Promise<{ label?: string; score?: number }>;
}

/** What one guardrail did, for the trace: never what it found. */
export interface GuardReport {
  /** The settings' name, or its kind. */
  name: string;
  kind: GuardrailSettings["kind"];
  on: "input" | "output";
  /** Monotonic milliseconds, at which it began. */
  since: number;
  ms: number;
  findings: number;
  action: "none" | "redacted" | "blocked";
}

/** Settings made ready. */
export type Guard = { name: string; onInput: boolean; onOutput: boolean } & (
  | { kind: "pii"; action: "redact" | "block"; types: ReadonlySet<PersonalDataType> }
  | { kind: "patterns"; patterns: readonly LinearPattern[] }
  | { kind: "classifier"; model: string; blockLabels: ReadonlySet<string>; blockAbove: number | null }
  | { kind: "max-cost"; dollars: number }
);

/** The refusal says which guardrail it was, and nothing of what it found. */
export function blocked(guard: Guard, on: GuardReport["on"]): AppError {
  const what = on === "input" ? "request" : "answer";
  return new AppError("CONTENT_BLOCKED", guard.kind === "max-cost" ? `The guardrail max-cost refused the request: it may cost more than ${formatDollars(guard.dollars, 9)}, or its price is not known.` : `The guardrail ${guard.name} refused the ${what}.`);
}
