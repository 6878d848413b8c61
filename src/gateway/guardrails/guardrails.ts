import { AppError } from "../../core/errors.ts";
import type { GuardrailSettings } from "../schemas.ts";
import { GuardedCall } from "./guarded-call.ts";
import type { Guard, GuardContext } from "./guard.ts";
import { LinearPattern } from "./linear-pattern.ts";
import { PatternError } from "./parse-pattern.ts";

/** The guardrails of one route, in their order. Made once for its settings; throws INVALID_REQUEST with the place of each pattern that cannot be used. */
export class Guardrails {
  readonly #guards: readonly Guard[];

  constructor(settings: readonly GuardrailSettings[]) {
    this.#guards = settings.map(guardOf);
  }

  /** Whether requests must be read, and may be changed. */
  get guardsInput(): boolean {
    return this.#guards.some(({ onInput }) => onInput);
  }

  /** Whether they read what requests say: then what they cannot read does not go out. */
  get readsInput(): boolean {
    return this.#guards.some(({ kind, onInput }) => onInput && kind !== "max-cost");
  }

  /** Whether answers must be read, and may be changed: then no bytes pass untouched. */
  get guardsOutput(): boolean {
    return this.#guards.some(({ onOutput }) => onOutput);
  }

  begin(context: GuardContext): GuardedCall {
    return new GuardedCall(this.#guards, context);
  }
}

function guardOf(settings: GuardrailSettings, index: number): Guard {
  if (settings.kind === "max-cost") return { kind: "max-cost", name: "max-cost", onInput: true, onOutput: false, dollars: settings.dollars };
  const sides = { onInput: settings.on !== "output", onOutput: settings.on !== "input" };
  switch (settings.kind) {
    case "pii":
      return { kind: "pii", name: "pii", ...sides, action: settings.action, types: new Set(settings.types) };
    case "patterns":
      return { kind: "patterns", name: settings.name, ...sides, patterns: settings.patterns.map((source, at) => patternOf(source, `guardrails[${index}].patterns[${at}]`)) };
    case "classifier":
      return { kind: "classifier", name: settings.name, ...sides, model: settings.model, blockLabels: new Set(settings.blockLabels), blockAbove: settings.blockAbove ?? null };
  }
}

function patternOf(source: string, path: string): LinearPattern {
  try {
    return new LinearPattern(source);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new AppError("INVALID_REQUEST", `A pattern of a guardrail cannot be used: ${error.message}.`, { problems: [{ path, message: error.message }] });
  }
}
