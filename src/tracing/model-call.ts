import { wholeOf } from "./span-facts.ts";
import type { Attributes } from "./span.ts";
import type { StoredSpan } from "./stored-span.ts";

/** Tokens as a span tells them; input includes what came from or went to a cache. */
export interface ToldUsage {
  inputTokens: number | null;
  outputTokens: number | null;
  cacheReadTokens: number | null;
  cacheWriteTokens: number | null;
}

/** A call of a model's provider, as a span tells of it. */
export interface ModelCall {
  /** As the span names it; empty where it names none. */
  provider: string;
  /** Names of its model, the most exact first. */
  models: readonly [string, ...string[]];
  usage: ToldUsage;
}

/** An operation that is no call of a model, or sums up others. */
const otherOperations: ReadonlySet<string> = new Set(["invoke_agent", "invoke_workflow", "create_agent", "execute_tool", "retrieval"]);
const longestName = 256;
/** Answers that are longer are not searched for their id. */
const longestAnswer = 1 << 20;

/** Null for a span that has not ended, is no call of a model, or tells no model or no tokens. */
export function modelCallOf({ attributes, end }: StoredSpan): ModelCall | null {
  if (end === null) return null;
  const inputTokens = wholeOf(attributes["gen_ai.usage.input_tokens"]);
  const outputTokens = wholeOf(attributes["gen_ai.usage.output_tokens"]);
  if ((inputTokens === null && outputTokens === null) || otherOperations.has(String(attributes["gen_ai.operation.name"]))) return null;
  const models = [textOf(attributes, "gen_ai.response.model"), textOf(attributes, "gen_ai.request.model")].filter((name) => name !== "");
  if (models.length === 0) return null;
  return {
    provider: textOf(attributes, "gen_ai.provider.name"), models: [...new Set(models)] as [string, ...string[]],
    usage: {
      inputTokens, outputTokens, cacheReadTokens: wholeOf(attributes["gen_ai.usage.cache_read.input_tokens"]), cacheWriteTokens: wholeOf(attributes["gen_ai.usage.cache_creation.input_tokens"]),
    },
  };
}

/** No provider gives these answers an id: what stands there is the program's own. */
const operationsWithoutId: ReadonlySet<string> = new Set(["embeddings", "embedding"]);

/** The id of the answer that a span of a call tells, or has in what came out of it; null where it has none. */
export function answerIdOf({ attributes, original }: StoredSpan): string | null {
  if (operationsWithoutId.has(String(attributes["gen_ai.operation.name"]))) return null;
  const told = textOf(attributes, "gen_ai.response.id");
  if (told !== "") return told;
  for (const output of [original["mlflow.spanOutputs"], attributes["output.value"], original["output.value"]]) {
    // An id stands in an object of its own: anything else need not be read.
    if (typeof output !== "string" || output.length > longestAnswer || !output.startsWith("{") || !output.includes("\"id\"")) continue;
    try {
      const id = idIn(JSON.parse(output) as LooseAnswer);
      if (typeof id === "string" && id !== "" && id.length <= longestName) return id;
    } catch {
      // No JSON, no id.
    }
  }
  return null;
}

/** A provider's answer, or a result of LangChain, which keeps the answer's id with the message. */
interface LooseAnswer {
  id?: unknown;
  generations?: unknown;
  llm_output?: { id?: unknown } | null;
}

function idIn({ id, generations, llm_output: output }: LooseAnswer): unknown {
  if (!Array.isArray(generations)) return id;
  const [first] = (generations as unknown[]).flat() as { message?: { kwargs?: { response_metadata?: { id?: unknown } } } }[];
  return output?.id ?? first?.message?.kwargs?.response_metadata?.id;
}

function textOf(attributes: Attributes, key: string): string {
  const value = attributes[key];
  return typeof value === "string" && value.length <= longestName ? value : "";
}
