import type { FieldReport } from "../field-report.ts";
import type { MappingTarget } from "../provider-mapping.ts";
import type { Fields } from "../wire-value.ts";

/** How a provider that speaks OpenAI's chat completions differs from OpenAI. */
export interface OpenAIDialect {
  /** For messages to callers. */
  name: string;
  path(target: MappingTarget): string;
  /** The field that holds the most tokens of an answer. Reasoning models refuse `max_tokens`; older servers do not know `max_completion_tokens`. */
  maxTokens(target: MappingTarget): "max_tokens" | "max_completion_tokens";
  seed: "seed" | "random_seed";
  /** The word for "some tool must be called"; null where a tool cannot be forced. */
  toolRequired: "required" | "any" | null;
  /** The schema of a tool's parameters as the provider takes it. */
  toolSchema(schema: Fields): Fields;
  /** Whether `parallel_tool_calls` is there. */
  parallelToolCalls: boolean;
  /** Whether streams tell their usage only when `stream_options.include_usage` asks for it. */
  asksForUsage: boolean;
  user: boolean;
  topK: boolean;
  /** Whether `cache_control` stays on parts, for the servers behind proxies that know it. */
  cacheMarks: boolean;
  /** Whether images may be addresses that the provider fetches. */
  imageUrls: boolean;
  /** Whether images of other types than PNG, JPEG, GIF and WebP are worth asking for. */
  anyImageType: boolean;
  /** `file`: OpenAI's part with data. `document_url`: Mistral's. */
  documents: "file" | "document_url" | null;
  /** `object`: data and format; `text`: data alone. */
  audio: "object" | "text" | null;
  /** Whether results of tools may hold images; else these follow as a message of the user. */
  imagesInToolResults: boolean;
  /** Where thinking of earlier turns goes: nowhere, into `reasoning_content`, or between the other content. */
  thinking: "dropped" | "reasoning_content" | "content";
  /** Servers that fill templates parse the arguments of earlier calls: malformed ones would fail the whole request. */
  parsesArguments: boolean;
  /** Ids of tool calls in the only form that the provider takes. */
  toolCallId(id: string): string;
  /** Whether messages may have a name, and those of the assistant a refusal: what is not known is refused by some. */
  namesAndRefusals: boolean;
  /** Whether a last message of the assistant is marked to be continued. */
  prefixMark: boolean;
  reasoning(value: { effort?: string; budgetTokens?: number }, body: Record<string, unknown>, report: FieldReport): void;
  /** Fields of the caller that the provider knows beyond the typed ones; `all` lets it judge for itself. */
  extra: "all" | ReadonlySet<string>;
  /** Takes what is almost the protocol: no finish before `[DONE]`, no ids. */
  lenient: boolean;
}

/** Words of the other protocols, which OpenAI's chat completions has nothing for: they are judged here, where it can be told which are harmless. */
const otherProtocols: ReadonlySet<string> = new Set([
  "truncation", "background", "include", "previous_response_id", "conversation", "prompt", "max_tool_calls", "text", "container", "mcp_servers", "context_management", "inference_geo", "speed", "output_config",
  "thinking", "cache_control", "diagnostics", "best_of", "echo", "suffix", "client_metadata", "prompt_cache_options", "betas", "google_search",
]);

/** Puts into the body what the provider may know, and has the rest named. */
export function takeExtra(extra: Readonly<Record<string, unknown>>, passes: OpenAIDialect["extra"], body: Record<string, unknown>, report: FieldReport): void {
  const foreign: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(extra)) {
    const known = passes === "all" ? !otherProtocols.has(name) : passes.has(name);
    // What has a typed place is said there.
    if (known && !Object.hasOwn(body, name)) body[name] = value;
    // The gateway honours it for its caller by itself.
    else if (name !== "stream_options") foreign[name] = value;
  }
  report.foreign(foreign);
}

/** Tokens of thinking in the words of effort: the thresholds that OpenAI-compatible proxies use, 1k, 4k and 16k. */
function effortOfBudget(tokens: number): "minimal" | "low" | "medium" | "high" {
  return tokens < 1024 ? "minimal" : tokens <= 4096 ? "low" : tokens <= 16_384 ? "medium" : "high";
}

/** `reasoning_effort`, into which a budget of tokens is translated. */
export function reasoningEffort(value: { effort?: string; budgetTokens?: number }, body: Record<string, unknown>, report: FieldReport): void {
  if (value.effort !== undefined) {
    body.reasoning_effort = value.effort;
    if (value.budgetTokens !== undefined) report.drop("thinking.budget_tokens");
  } else if (value.budgetTokens !== undefined) {
    body.reasoning_effort = effortOfBudget(value.budgetTokens);
    report.emulate("thinking.budget_tokens", "as reasoning_effort");
  }
}
