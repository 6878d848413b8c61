import { AppError } from "../../../core/errors.ts";
import type { MappingTarget } from "../provider-mapping.ts";

/** What differs between generations of models, judged by their names. A name that is not known counts as of the newest. */
export interface GeminiAbilities {
  /** Functions and answers by JSON Schema; older ones take OpenAPI's subset. */
  jsonSchema: boolean;
  /** Thinking by level (3 and later), by a budget of tokens (2.5), or not at all. */
  thinking: "level" | "budget" | "none";
  /** Images inside of function responses, functions together with an answer by schema, and signatures of calls that must come back. */
  thirdGeneration: boolean;
  /** Whether thinking can be switched off. */
  thinkingOptional: boolean;
}

export function geminiAbilities({ model }: MappingTarget): GeminiAbilities {
  const old = /(^|\/)(gemini-(1\.|2\.0|pro|exp)|gemma|learnlm)/.test(model);
  const second = /(^|\/)gemini-2\.5/.test(model);
  return {
    jsonSchema: !old,
    thinking: old ? "none" : second ? "budget" : "level",
    thirdGeneration: !old && !second,
    thinkingOptional: second && !model.includes("pro"),
  };
}

/** `/v1beta/models/MODEL:METHOD`; a tuned model keeps its own collection. Throws INVALID_REQUEST for a name that is none. */
export function geminiPath({ model, settings }: MappingTarget, method: string): string {
  return `/${settings.apiVersion ?? "v1beta"}/${geminiResource(model)}:${method}`;
}

/** A model's name within its collection, such as `models/gemini-2.5-flash`. */
export function geminiResource(model: string): string {
  const [, collection = "models", name = ""] = /^(?:(models|tunedModels)\/)?(.*)$/s.exec(model) ?? [];
  if (!/^[\w.-]+$/.test(name)) throw new AppError("INVALID_REQUEST", "This is not the name of a Gemini model.", { problems: [{ path: "model", message: "letters, digits, dots, dashes and underscores" }] });
  return `${collection}/${name}`;
}
