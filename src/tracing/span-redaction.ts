import { dialects } from "./dialects/dialect-tables.ts";
import type { Span } from "./span.ts";
import type { TraceFacts } from "./trace-store.ts";

export interface RedactionRules {
  /** Keys of attributes whose values are not kept; `*` stands for anything. */
  keys: readonly string[];
  /** Whether what went into models and tools and came out of them is kept. */
  content: boolean;
}

const removed = "[redacted]";
/** Content as the conventions have it; what a dialect has for one of these is content too. */
const contentKeys = [
  "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.retrieval.documents", "gen_ai.retrieval.query*", "input.value", "output.value", "exception.message", "exception.stacktrace",
  // What is not translated, and older spellings.
  "gen_ai.prompt*", "gen_ai.completion*", "gen_ai.event.content", "llm.prompts*", "llm.prompt_template*", "llm.choices*", "llm.input_messages*", "llm.output_messages*", "retrieval.documents*", "reranker.query", "reranker.input_documents*", "reranker.output_documents*", "embedding.text", "embedding.vector", "embedding.embeddings*",
  "ai.prompt*", "ai.result*", "ai.response.text", "ai.response.object", "ai.response.toolCalls", "ai.response.reasoning*", "ai.response.files", "ai.value*", "ai.embedding*", "ai.documents", "llm.*.messages", "llm.*.input", "llm.*.choices", "llm.*.content", "events", "all_messages_events", "request_data", "response_data", "gcp.vertex.agent.data", "mlflow.chat.messages", "mlflow.chunk.value", "mlflow.traceInputs", "mlflow.traceOutputs",
];
const contentEvents = /^gen_ai\.(?:content\.|system\.message|user\.message|assistant\.message|tool\.message|choice|client\.inference)|^new_token$/;

/** What LangSmith's clients say in their metadata stands under its own name too. */
const langsmith = { flat: [], rules: [["user_id", "user.id"], ["session_id", "gen_ai.conversation.id"], ["thread_id", "gen_ai.conversation.id"], ["conversation_id", "gen_ai.conversation.id"]].map(([name, to]) => ({ from: `langsmith.metadata.${name}`, to: to! })) };

/** Takes out of spans what must not be kept, before anything else looks at them: of every dialect alike. A key of the conventions stands for what the dialects have for it too. */
export class SpanRedaction {
  readonly #hidden: (key: string) => boolean;
  readonly #content: boolean;
  readonly #messages: boolean;
  readonly #isOn: boolean;

  constructor({ keys, content }: RedactionRules) {
    const own = content ? keys : [...keys, ...contentKeys];
    const named = matcher(own);
    this.#hidden = matcher([...own, ...[...dialects, langsmith].flatMap(({ rules, flat = [] }) => [...rules.filter(({ to }) => named(to)).map(({ from }) => from), ...flat.filter(({ to }) => named(to)).map(({ prefix }) => `${prefix}*`)])]);
    this.#content = content;
    this.#messages = !named("gen_ai.input.messages") && !named("gen_ai.output.messages");
    this.#isOn = keys.length > 0 || !content;
  }

  apply(span: Span): Span {
    if (!this.#isOn) return span;
    return {
      ...span,
      attributes: this.#shown(span.attributes), resource: this.#shown(span.resource),
      events: span.events.filter(({ name }) => this.#messages || !contentEvents.test(name)).map((event) => ({ ...event, attributes: this.#shown(event.attributes) })),
      links: span.links.map((link) => ({ ...link, attributes: this.#shown(link.attributes) })),
      status: this.#content ? span.status : { ...span.status, message: "" },
    };
  }

  /** What is said of a trace beside its spans: its previews are content, its tags and metadata have keys as attributes have. */
  applyToFacts(facts: TraceFacts): TraceFacts {
    if (!this.#isOn) return facts;
    const { inputPreview, outputPreview, session, user, tags, metadata, ...others } = facts;
    const shows = (...keys: readonly string[]): boolean => !keys.some(this.#hidden);
    return {
      ...others,
      ...(inputPreview !== undefined && shows("gen_ai.input.messages", "input.value") ? { inputPreview } : {}), ...(outputPreview !== undefined && shows("gen_ai.output.messages", "output.value") ? { outputPreview } : {}),
      ...(session === undefined ? {} : { session: shows("gen_ai.conversation.id", "session.id", "mlflow.trace.session") ? session : removed }), ...(user === undefined ? {} : { user: shows("user.id", "mlflow.trace.user") ? user : removed }),
      ...(tags === undefined ? {} : { tags: this.#shown(tags) }), ...(metadata === undefined ? {} : { metadata: this.#shown(metadata) }),
    };
  }

  /** What is null is taken away, and stays so. */
  #shown<Values extends Readonly<Record<string, unknown>>>(values: Values): Values {
    const keys = Object.keys(values).filter((key) => values[key] !== null && this.#hidden(key));
    return keys.length === 0 ? values : { ...values, ...Object.fromEntries(keys.map((key) => [key, removed])) };
  }
}

/** Known keys are judged once: there are few of them, and many spans. */
function matcher(patterns: readonly string[]): (key: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes("*")));
  const parts = patterns.filter((pattern) => pattern.includes("*")).map((pattern) => pattern.split("*"));
  return (key) => exact.has(key) || parts.some((pieces) => matches(key, pieces));
}

/** Each piece is looked for once, from left to right: linear, whatever the pattern. */
function matches(key: string, pieces: readonly string[]): boolean {
  const [first, ...rest] = pieces as [string, ...string[]];
  const last = rest.pop()!;
  if (!key.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = key.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return key.length - last.length >= at && key.endsWith(last);
}
