import type { SpanFacts, SpanRecord } from "../../tracing/stored-span.ts";
import { contentOf } from "./sql-span-content.ts";

/** A span as its rows need it. */
export interface SpanToWrite {
  team: string;
  experiment: string | null;
  traceId: string;
  spanId: string;
  isRoot: boolean;
  name: string;
  /** Nanoseconds since 1970. */
  start: bigint;
  end: bigint | null;
  facts: SpanFacts;
  /** JSON that is stored as it is. */
  content: string;
}

/** In the order of `packSpan`. */
type Head = [
  team: string, experiment: string | null, traceId: string, spanId: string, isRoot: boolean, name: string, start: string, end: string | null, failed: boolean, inputTokens: number | null, outputTokens: number | null, cost: number | null,
  session: string | null, user: string | null, service: string | null, inputPreview: string | null, outputPreview: string | null, indexed: SpanFacts["indexed"],
];

/** Two lines of JSON: what goes into columns, and the rest. */
export function packSpan({ team, experiment, span, facts }: SpanRecord): string {
  const head: Head = [
    team, experiment, span.traceId, span.spanId, span.parentSpanId === null, stored(span.name), String(span.start), span.end === null ? null : String(span.end), facts.failed, facts.inputTokens, facts.outputTokens, facts.cost,
    facts.session, facts.user, facts.service, facts.inputPreview, facts.outputPreview, facts.indexed,
  ];
  return `${JSON.stringify(head)}\n${contentOf(span)}`;
}

export function unpackSpan(text: string): SpanToWrite {
  const end = text.indexOf("\n");
  const [team, experiment, traceId, spanId, isRoot, name, startText, endText, failed, inputTokens, outputTokens, cost, session, user, service, inputPreview, outputPreview, indexed] = JSON.parse(text.slice(0, end)) as Head;
  return {
    team, experiment, traceId, spanId, isRoot, name, start: BigInt(startText), end: endText === null ? null : BigInt(endText),
    facts: { failed, inputTokens, outputTokens, cost, session, user, service, inputPreview, outputPreview, indexed }, content: text.slice(end + 1),
  };
}

/** Databases take neither NUL nor half a surrogate pair. */
function stored(text: string): string {
  return text.replaceAll("\0", "").toWellFormed();
}
