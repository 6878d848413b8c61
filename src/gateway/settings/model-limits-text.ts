import { AppError } from "../../core/errors.ts";
import type { Limits } from "../schemas.ts";

const fields = ["requestsPerMinute", "tokensPerMinute", "concurrency", "queue", "queueMs"] as const;
type ModelLimits = Record<string, Partial<Limits>>;

const form = "write MODEL=FIELD:NUMBER,FIELD:NUMBER, such as gpt-5=tokensPerMinute:30000,concurrency:8; fields are " + fields.join(", ") + "; * is each model that is not named";

/**
 * Limits of models as a person writes them, one model a line. Names of models may have colons, and no equals signs. `none` is null: the model has no limits of its own any more. Throws INVALID_REQUEST.
 */
export function modelLimitsOf(lines: readonly string[]): Record<string, ModelLimits[string] | null> {
  const found: Record<string, ModelLimits[string] | null> = {};
  for (const line of lines) {
    const equals = line.lastIndexOf("=");
    const model = line.slice(0, Math.max(0, equals)).trim();
    if (model === "") throw new AppError("INVALID_REQUEST", `${JSON.stringify(line)} is no limit of a model: ${form}.`);
    found[model] = line.slice(equals + 1).trim() === "none" ? null : limitsOf(line, line.slice(equals + 1));
  }
  return found;
}

function limitsOf(line: string, text: string): Partial<Limits> {
  const limits: Partial<Limits> = {};
  for (const part of text.split(",")) {
    const [, name, amount] = /^\s*([A-Za-z]+)\s*:\s*(\d{1,12}(?:\.\d+)?)\s*$/.exec(part) ?? [];
    const field = fields.find((each) => each === name);
    if (field === undefined) throw new AppError("INVALID_REQUEST", `${JSON.stringify(line)} is no limit of a model: ${form}.`);
    limits[field] = Number(amount);
  }
  return limits;
}
