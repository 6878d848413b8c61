import { AppError } from "../../../core/errors.ts";
import { claudeModel } from "../anthropic/claude-models.ts";
import type { MappingTarget } from "../provider-mapping.ts";

/** What differs between the families of models behind one API, judged by their names (also within ARNs and profiles of several regions). */
export interface BedrockAbilities {
  family: "claude" | "nova" | "titan" | "cohere" | "mistral" | "openai" | "other";
  /** Marks up to which the conversation is cached. */
  cachePoints: boolean;
  /** `outputConfig` with a JSON Schema, and strict tools. */
  schemas: boolean;
  /** A tool can be demanded. */
  forcedTools: boolean;
  /** Results of tools can be errors. */
  errorResults: boolean;
  /** Claude from 4.6 on decides by itself how much it thinks. */
  adaptiveThinking: boolean;
  thinking: boolean;
  /** Temperature, top_p and top_k; later models of Claude refuse them wherever they are served. */
  sampling: boolean;
  /** Temperature and top_p in one request. */
  bothSamplings: boolean;
  /** Marks that say for how long is kept; models that are not known for it refuse the whole request. */
  cacheTimes: boolean;
}

const families: readonly [BedrockAbilities["family"], RegExp][] = [["claude", /anthropic\.claude/], ["nova", /amazon\.nova/], ["titan", /amazon\.titan/], ["cohere", /cohere\./], ["mistral", /mistral\./], ["openai", /openai\./]];

export function bedrockAbilities(model: string): BedrockAbilities {
  const family = families.find(([, pattern]) => pattern.test(model))?.[0] ?? "other";
  const isClaude = family === "claude";
  const isOldClaude = /claude-(v2|instant|3-|3-5)/.test(model) && !/claude-3-7/.test(model);
  const { sampling, bothSamplings } = isClaude ? claudeModel(model) : { sampling: true, bothSamplings: true };
  return {
    family, sampling, bothSamplings, cacheTimes: isClaude && /claude-(opus|sonnet|haiku)-4-5(?!\d)/.test(model),
    cachePoints: (isClaude && !/claude-(v2|instant|3-(sonnet|haiku|opus))/.test(model)) || family === "nova",
    schemas: (isClaude && /claude-(opus|sonnet|haiku)-(4-[5-9]|[5-9])/.test(model)) || /(qwen3|gpt-oss|deepseek\.v3|minimax|kimi|nemotron|gemma-3)/.test(model),
    forcedTools: isClaude || family === "nova" || family === "mistral",
    errorResults: isClaude || family === "nova",
    adaptiveThinking: isClaude && /claude-(opus|sonnet|haiku)-(4-[6-9]|[5-9])/.test(model),
    thinking: (isClaude && !isOldClaude) || /nova-2/.test(model) || family === "openai",
  };
}

/** `/model/MODEL/OPERATION`. Ids, ARNs and profiles stay one segment. Throws INVALID_REQUEST for a name that is none. */
export function bedrockPath({ model }: MappingTarget, operation: string): string {
  if (!/^[\w:./-]+$/.test(model) || /^\.+$/.test(model)) throw new AppError("INVALID_REQUEST", "This is not the id of a Bedrock model.", { problems: [{ path: "model", message: "a model's id, an inference profile or an ARN" }] });
  return `/model/${encodeURIComponent(model)}/${operation}`;
}
