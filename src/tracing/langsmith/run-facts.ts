import type { AttributeValue } from "../span.ts";
import { costOf, wholeOf } from "../span-facts.ts";
import type { StoredSpan } from "../stored-span.ts";
import type { StoredTrace } from "../trace-store.ts";
import { hexOf } from "./runs.ts";

/** What runs are looked for by. */
export interface RunFacts {
  id: string;
  name: string;
  run_type: string;
  status: "success" | "error" | "pending";
  error: string | null;
  /** Nanoseconds since 1970. */
  start_time: bigint;
  end_time: bigint | null;
  /** Seconds. */
  latency: number | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  total_tokens: number | null;
  /** US dollars. */
  total_cost: number | null;
  tags: readonly string[];
  is_root: boolean;
  trace_id: string;
  parent_run_id: string | null;
  thread_id: string | null;
  metadata: Readonly<Record<string, unknown>>;
}

/** Under this key a span keeps the id of its run: its own is half of that. */
const runIdKey = "langsmith.run_id";
const metadataPrefix = "langsmith.metadata.";
const runTypes: Readonly<Record<string, string>> = {
  chat: "llm", text_completion: "llm", generate_content: "llm", embeddings: "embedding", execute_tool: "tool", retrieval: "retriever",
};
/** Said elsewhere in a run. */
const elsewhere = /^(?:langsmith\.|gen_ai\.usage\.|(?:gen_ai\.)?(?:input|output)\.|gen_ai\.tool\.call\.|gen_ai\.(?:operation\.name|system_instructions)$)/;
/** Of a chain of parents the nearest ones are told, and the root: a trace can nest thousands deep. */
const mostParents = 100;

export function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * The spans of a trace as LangSmith's runs. The root has the trace's id. Another has the id that it was sent with, or the first half of the trace's and its own. A span whose parent is not there stands below the root, for
 * in a trace of LangSmith all do.
 */
export class RunsOfTrace {
  readonly trace: StoredTrace;
  readonly #spans: ReadonlyMap<string, StoredSpan>;
  readonly #root: StoredSpan | undefined;

  /** `spans`: by their start. Of a search for roots the first is enough, where it has no parent. */
  constructor(trace: StoredTrace, spans: readonly StoredSpan[]) {
    this.trace = trace;
    this.#spans = new Map(spans.map((span) => [span.spanId, span]));
    this.#root = spans.find(({ parentSpanId }) => parentSpanId === null) ?? spans[0];
  }

  get spans(): StoredSpan[] {
    return [...this.#spans.values()];
  }

  get root(): StoredSpan | undefined {
    return this.#root;
  }

  idOf(span: StoredSpan): string {
    const sent = span.attributes[runIdKey];
    if (hexOf(sent) !== null) return String(sent).toLowerCase();
    return uuidOf(span === this.#root ? span.traceId : `${span.traceId.slice(0, 16)}${span.spanId}`);
  }

  /** The root first, the parent last; without the middle where they are very many. */
  parentsOf(span: StoredSpan): StoredSpan[] {
    const parents: StoredSpan[] = [];
    const seen = new Set([span]);
    for (let at = this.#parentOf(span); at !== undefined && !seen.has(at) && parents.length < mostParents; at = this.#parentOf(at)) {
      seen.add(at);
      parents.push(at);
    }
    if (this.#root !== undefined && span !== this.#root && parents.at(-1) !== this.#root) parents.push(this.#root);
    return parents.reverse();
  }

  factsOf(span: StoredSpan): RunFacts {
    const { attributes, status, start, end } = span;
    const isRoot = span === this.#root;
    const { summary } = this.trace;
    const text = (key: string): string | null => (typeof attributes[key] === "string" ? attributes[key] : null);
    // What LangSmith says of a root is said of all that happened below it.
    const [input, output, cost] = isRoot ? [summary.inputTokens, summary.outputTokens, summary.cost] : [wholeOf(attributes["gen_ai.usage.input_tokens"]), wholeOf(attributes["gen_ai.usage.output_tokens"]), costOf(attributes)];
    const parent = this.#parentOf(span);
    return {
      id: this.idOf(span), name: span.name, run_type: text("langsmith.run_type") ?? text("langsmith.span.kind")?.toLowerCase() ?? runTypes[text("gen_ai.operation.name") ?? ""] ?? "chain",
      status: status.code === "error" ? "error" : end === null ? "pending" : "success", error: status.code === "error" ? status.message || "error" : null,
      start_time: start, end_time: end, latency: end === null ? null : Number(end - start) / 1e9,
      prompt_tokens: input, completion_tokens: output, total_tokens: input === null && output === null ? null : (input ?? 0) + (output ?? 0), total_cost: cost === null ? null : cost / 1e9,
      tags: tagsOf(attributes["langsmith.tags"] ?? attributes["langsmith.span.tags"]), is_root: isRoot, trace_id: uuidOf(span.traceId), parent_run_id: parent === undefined ? null : this.idOf(parent),
      thread_id: text("gen_ai.conversation.id") ?? text("session.id") ?? (isRoot ? summary.session : null), metadata: metadataOf(span),
    };
  }

  #parentOf(span: StoredSpan): StoredSpan | undefined {
    if (span === this.#root) return undefined;
    const parent = span.parentSpanId === null || span.parentSpanId === span.spanId ? undefined : this.#spans.get(span.parentSpanId);
    return parent ?? this.#root;
  }
}

/** A list, or with LangSmith's OTLP a text with commas. */
function tagsOf(value: AttributeValue | undefined): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "string" && value !== "" ? value.split(", ") : [];
}

/** What LangSmith's clients sent as metadata; of other programs their attributes. */
function metadataOf({ attributes }: StoredSpan): Record<string, unknown> {
  const told: [string, unknown][] = [];
  const isRun = attributes["langsmith.run_type"] !== undefined;
  for (const [key, value] of Object.entries(attributes)) {
    const shown = typeof value === "bigint" ? String(value) : value;
    if (key.startsWith(metadataPrefix)) told.push([key.slice(metadataPrefix.length), shown]);
    else if (!isRun && !elsewhere.test(key)) told.push([key, shown]);
  }
  const named = (name: string, value: unknown): [string, unknown][] => (value === undefined || isRun ? [] : [[name, value]]);
  return Object.fromEntries([...named("ls_provider", attributes["gen_ai.provider.name"]), ...named("ls_model_name", attributes["gen_ai.request.model"]), ...told]);
}
