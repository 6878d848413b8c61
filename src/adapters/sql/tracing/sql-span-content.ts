import type { Selectable } from "kysely";
import type { Attributes, Span } from "../../../tracing/span.ts";
import type { StoredSpan } from "../../../tracing/stored-span.ts";
import type { TraceSpanRow } from "./tracing-schema.ts";

/** What of a span stands in no column of its own; short names, for there are many. */
interface SpanContent {
  p: string | null;
  n: string;
  k: Span["kind"];
  s: [code: Span["status"]["code"], message: string];
  a: Attributes;
  o?: Attributes;
  t?: readonly string[];
  e?: { n: string; t: string; a: Attributes }[];
  l?: { t: string; s: string; a: Attributes }[];
  r: Attributes;
  c: [name: string, version: string];
}

export function contentOf(span: StoredSpan): string {
  const content: SpanContent = {
    p: span.parentSpanId, n: span.name, k: span.kind, s: [span.status.code, span.status.message], a: span.attributes, r: span.resource, c: [span.scope.name, span.scope.version],
    ...(span.translated.length === 0 ? {} : { o: span.original, t: span.translated }),
    ...(span.events.length === 0 ? {} : { e: span.events.map(({ name, time, attributes }) => ({ n: name, t: String(time), a: attributes })) }),
    ...(span.links.length === 0 ? {} : { l: span.links.map(({ traceId, spanId, attributes }) => ({ t: traceId, s: spanId, a: attributes })) }),
  };
  return hasBigInt(span) ? JSON.stringify(content, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)) : JSON.stringify(content);
}

/** Few spans have one, and to look at each value while writing takes several times as long as to write. */
function hasBigInt({ attributes, original, resource, events, links }: StoredSpan): boolean {
  const isIn = (given: Attributes): boolean => {
    for (const key in given) if (typeof given[key] === "bigint") return true;
    return false;
  };
  return isIn(attributes) || isIn(original) || isIn(resource) || events.some((event) => isIn(event.attributes)) || links.some((link) => isIn(link.attributes));
}

/** Of what `contentOf` made. */
export function readContent(content: string): Omit<StoredSpan, "traceId" | "spanId" | "start" | "end"> {
  const { p, n, k, s, a, o = {}, t = [], e = [], l = [], r, c } = JSON.parse(content) as SpanContent;
  return {
    parentSpanId: p, name: n, kind: k, status: { code: s[0], message: s[1] }, attributes: a, original: o, translated: t, resource: r, scope: { name: c[0], version: c[1] },
    events: e.map((event) => ({ name: event.n, time: BigInt(event.t), attributes: event.a })),
    links: l.map((link) => ({ traceId: link.t, spanId: link.s, attributes: link.a })),
  };
}

export function spanOf(row: Selectable<TraceSpanRow>): StoredSpan {
  return { traceId: row.trace_id, spanId: row.span_id, start: BigInt(row.start_ns), end: row.end_ns === null ? null : BigInt(row.end_ns), ...readContent(row.content_json) };
}
