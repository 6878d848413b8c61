import { factsOf } from "../../../tracing/span-facts.ts";
import type { SpanFacts, SpanRecord } from "../../../tracing/stored-span.ts";
import { contentOf, readContent } from "./sql-span-content.ts";

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
  /** Whose call it is a part of; null where that is nobody, or not known. */
  caller: string | null;
  /** JSON that is stored as it is. */
  content: string;
}

/** What does not stand in the content. */
type Head = [team: string, experiment: string | null, traceId: string, spanId: string, start: string, end: string | null, isOwn: boolean, counts: boolean, caller: string | null];

/** Two lines of JSON: whose span it is and when it was, and the rest. What its trace is found by is read out of these where the rows are made. */
export function packSpan({ team, experiment, span, isOwn, counts, caller }: SpanRecord): string {
  const head: Head = [team, experiment, span.traceId, span.spanId, String(span.start), span.end === null ? null : String(span.end), isOwn, counts, caller ?? null];
  return `${JSON.stringify(head)}\n${contentOf(span)}`;
}

export function unpackSpan(text: string): SpanToWrite {
  const end = text.indexOf("\n");
  const [team, experiment, traceId, spanId, startText, endText, isOwn, counts, caller] = JSON.parse(text.slice(0, end)) as Head;
  const content = text.slice(end + 1);
  const span = readContent(content);
  return {
    team, experiment, traceId, spanId, isRoot: span.parentSpanId === null, name: stored(span.name), start: BigInt(startText), end: endText === null ? null : BigInt(endText), facts: factsOf({ span, isOwn, counts }), caller, content,
  };
}

/** Databases take neither NUL nor half a surrogate pair. */
function stored(text: string): string {
  return text.replaceAll("\0", "").toWellFormed();
}
