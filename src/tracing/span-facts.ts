import { parsedValue } from "./parsed-value.ts";
import type { AttributeValue } from "./span.ts";
import { splitKey, splitPlaceOf } from "./split-place.ts";
import type { SpanFacts, SpanRecord, StoredSpan } from "./stored-span.ts";

/** Attributes that traces are found by through an index: few values each, or those that people ask for most. */
const indexedAttributes: ReadonlySet<string> = new Set([
  "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.tool.name", "gen_ai.agent.name", "gen_ai.agent.id", "gen_ai.data_source.id", "gen_ai.workflow.name", "error.type", "mcp.method.name", "slipway.provider", "slipway.route", "slipway.model", "http.route", "http.request.method",
  "mlflow.spanType", "openinference.span.kind", "langsmith.run_id",
]);
/**
 * Attributes of spans that traces are found by through the index alone, so that a search by them looks into no spans. Longer values are not in it whole. Of the gateway's own spans, which are most, these alone are indexed: the other
 * attributes only spare a look into the spans of what is found, and that costs less than a row for each call.
 */
export const indexedProviders = { attributes: ["gen_ai.provider.name", "slipway.provider"], mostCharacters: 249 } as const;
/** Of the program, shown as attributes in searches. */
const indexedResource = ["service.name", "service.version", "deployment.environment.name", "deployment.environment"] as const;
const ownResource = ["service.name"] as const;

/** Under this key every model of a trace is indexed. */
const modelKey = "model";
/** Under this key the id of the answer that a call of the gateway gave. */
const answerKey = "slipway.answer";

/** In one US dollar. */
const nanoDollars = 1e9;
const previewCharacters = 300;
const indexedCharacters = 250;
/** Their usage is the sum of their children's. */
const summingOperations = new Set(["invoke_agent", "invoke_workflow", "create_agent"]);
/** Their message is a list of texts: of a reranking the question, and then its documents. */
const listingOperations = new Set(["embeddings", "rerank"]);

/** Reads what a summary needs out of a span in the GenAI conventions. */
export function factsOf({ span, isOwn, counts }: { span: Pick<StoredSpan, "attributes" | "resource" | "status"> } & Pick<SpanRecord, "isOwn" | "counts">): SpanFacts {
  const { attributes, resource } = span;
  const text = (key: string): string | null => textOf(attributes[key], indexedCharacters);
  const isCounted = counts && !summingOperations.has(String(attributes["gen_ai.operation.name"]));
  const indexed: [string, string][] = [];
  for (const key of isOwn && isOfGateway(attributes) ? indexedProviders.attributes : indexedAttributes) {
    const value = text(key);
    if (value !== null) indexed.push([key, value]);
  }
  for (const key of isOwn ? ownResource : indexedResource) {
    const value = textOf(resource[key], indexedCharacters);
    if (value !== null) indexed.push([key, value]);
  }
  // Where another span tells of the same call, that one has the model that answered; this may have the name of a route for it.
  const model = counts ? (text("gen_ai.response.model") ?? text("gen_ai.request.model")) : null;
  if (model !== null) indexed.push([modelKey, model]);
  // Of the gateway's own calls alone: others tell of them too.
  const answer = !isOwn || attributes["slipway.route"] === undefined ? null : text("gen_ai.response.id");
  if (answer !== null) indexed.push([answerKey, answer]);
  const place = isOwn ? splitPlaceOf(span) : null;
  if (place !== null) indexed.push([splitKey, place]);
  return {
    failed: span.status.code === "error",
    inputTokens: isCounted ? wholeOf(attributes["gen_ai.usage.input_tokens"]) : null,
    outputTokens: isCounted ? wholeOf(attributes["gen_ai.usage.output_tokens"]) : null,
    cost: isCounted ? costOf(attributes) : null,
    ...ownersOf(span),
    inputPreview: previewOf(attributes["gen_ai.input.messages"], attributes["input.value"] ?? attributes["gen_ai.tool.call.arguments"], listingOperations.has(String(attributes["gen_ai.operation.name"]))),
    outputPreview: previewOf(attributes["gen_ai.output.messages"], attributes["output.value"] ?? attributes["gen_ai.tool.call.result"]),
    indexed,
  };
}

function isOfGateway(attributes: StoredSpan["attributes"]): boolean {
  return attributes["slipway.route"] !== undefined || attributes["slipway.attempt"] !== undefined;
}

/** For whom a span was. */
export function ownersOf({ attributes, resource }: Pick<StoredSpan, "attributes" | "resource">): Pick<SpanFacts, "session" | "user" | "service"> {
  const text = (key: string): string | null => textOf(attributes[key], indexedCharacters);
  return { session: text("gen_ai.conversation.id") ?? text("session.id"), user: text("user.id") ?? text("enduser.id"), service: textOf(resource["service.name"], indexedCharacters) };
}

/** Billionths of a US dollar: exact where this server priced the call, else what another program told in dollars. */
export function costOf(attributes: StoredSpan["attributes"]): number | null {
  const exact = wholeOf(attributes["slipway.cost_nano_dollars"]);
  if (exact !== null) return exact;
  const dollars = attributes["gen_ai.usage.cost"];
  return typeof dollars === "number" && dollars >= 0 && dollars < 1e6 ? Math.round(dollars * nanoDollars) : null;
}

export function wholeOf(value: AttributeValue | undefined): number | null {
  const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && number >= 0 && number <= Number.MAX_SAFE_INTEGER ? Math.round(number) : null;
}

function textOf(value: AttributeValue | undefined, characters: number): string | null {
  if (value === undefined || typeof value === "object" || value === "") return null;
  return shortened(String(value), characters);
}

/** Databases take neither half a surrogate pair nor NUL. */
function shortened(text: string, characters: number): string {
  return text.slice(0, characters).replaceAll("\0", "").toWellFormed();
}

/** The last text of the messages, where they can be read, or the first of a list of texts; else what there is. */
function previewOf(messages: AttributeValue | undefined, otherwise: AttributeValue | undefined, isList = false): string | null {
  if (typeof messages === "string" && messages.length < 1 << 18) {
    try {
      // A short text holds nobody up, however it is nested.
      const parsed = (messages.length < 1 << 13 ? JSON.parse(messages) : parsedValue(messages)) as { role?: string; parts?: { type?: string; content?: unknown }[] }[];
      const texts = parsed.findLast?.(({ role }) => role === "user" || role === "assistant")?.parts?.filter(({ content }) => typeof content === "string");
      const text = texts?.at(isList ? 0 : -1)?.content;
      if (typeof text === "string") return shortened(text, previewCharacters);
    } catch {
      // Shown as it is.
    }
  }
  return textOf(messages ?? otherwise, previewCharacters);
}
