import type { z } from "zod";
import { AppError } from "../../core/errors.ts";
import type { GuardrailSettings } from "../schemas.ts";

const form = "write pii, pii=redact, pii=block, pii=block:email+card, max-cost=DOLLARS such as max-cost=0.05, patterns:NAME=EXPRESSION, classifier:NAME=MODEL:LABEL+LABEL or classifier:NAME=MODEL>SCORE; what else a guardrail has is said in JSON, with --file";

/** A guardrail as a person writes it; fields that are not said take their default, and the server judges the rest. Throws INVALID_REQUEST. */
export function guardrailOf(text: string): z.input<typeof GuardrailSettings> {
  const [, kind, name, value] = /^([a-z-]+)(?::([^=]+))?(?:=([^]+))?$/.exec(text.trim()) ?? [];
  const found = kind === "pii" && name === undefined ? piiOf(value) : kind === "max-cost" && name === undefined ? maxCostOf(value) : kind === "patterns" ? patternsOf(name, value) : kind === "classifier" ? classifierOf(name, value) : null;
  if (found === null) throw new AppError("INVALID_REQUEST", `${JSON.stringify(text)} is no guardrail: ${form}.`);
  return found;
}

type Found = z.input<typeof GuardrailSettings> | null;

function piiOf(value = "redact"): Found {
  const [, action, types] = /^(redact|block)(?::(.+))?$/.exec(value) ?? [];
  if (action === undefined) return null;
  return { kind: "pii", action: action as "redact" | "block", ...(types === undefined ? {} : { types: types.split("+") as "email"[] }) };
}

function maxCostOf(value = ""): Found {
  return /^\d*\.?\d+$/.test(value) ? { kind: "max-cost", dollars: Number(value) } : null;
}

/** All behind the equals sign is the expression: it may have any character. */
function patternsOf(name: string | undefined, value: string | undefined): Found {
  return name === undefined || value === undefined ? null : { kind: "patterns", name, patterns: [value] };
}

function classifierOf(name: string | undefined, value = ""): Found {
  const [, model, labels, score] = /^([^:>]+)(?::(.+)|>(-?\d*\.?\d+))$/.exec(value) ?? [];
  if (name === undefined || model === undefined) return null;
  return { kind: "classifier", name, model, ...(labels === undefined ? { blockAbove: Number(score) } : { blockLabels: labels.split("+") }) };
}
