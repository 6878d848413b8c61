import type { Attributes, Span } from "./span.ts";

export interface RedactionRules {
  /** Keys of attributes whose values are not kept; `*` stands for anything. */
  keys: readonly string[];
  /** Whether what went into models and tools and came out of them is kept. */
  content: boolean;
}

const removed = "[redacted]";
const contentKeys = ["gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.retrieval.documents", "gen_ai.prompt*", "gen_ai.completion*", "input.value", "output.value",
  "llm.input_messages*", "llm.output_messages*", "llm.prompts*", "ai.prompt*", "ai.response.text", "ai.response.object", "ai.response.toolCalls", "ai.toolCall.args", "ai.toolCall.result", "ai.value*", "ai.embedding*", "mlflow.spanInputs", "mlflow.spanOutputs",
  "traceloop.entity.input", "traceloop.entity.output", "retrieval.documents*", "tool.parameters", "exception.message", "exception.stacktrace"];
const contentEvents = /^gen_ai\.(?:content\.|system\.message|user\.message|assistant\.message|tool\.message|choice|client\.inference)/;

/** Takes out of spans what must not be kept, before anything else looks at them: of every dialect alike. */
export class SpanRedaction {
  readonly #hidden: (key: string) => boolean;
  readonly #content: boolean;
  readonly #isOn: boolean;

  constructor({ keys, content }: RedactionRules) {
    this.#content = content;
    this.#isOn = keys.length > 0 || !content;
    this.#hidden = matcher(content ? keys : [...keys, ...contentKeys]);
  }

  apply(span: Span): Span {
    if (!this.#isOn) return span;
    return {
      ...span,
      attributes: this.#shown(span.attributes), resource: this.#shown(span.resource),
      events: span.events.filter(({ name }) => this.#content || !contentEvents.test(name)).map((event) => ({ ...event, attributes: this.#shown(event.attributes) })),
      links: span.links.map((link) => ({ ...link, attributes: this.#shown(link.attributes) })),
      status: this.#content ? span.status : { ...span.status, message: "" },
    };
  }

  #shown(attributes: Attributes): Attributes {
    const keys = Object.keys(attributes).filter(this.#hidden);
    return keys.length === 0 ? attributes : { ...attributes, ...Object.fromEntries(keys.map((key) => [key, removed])) };
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
