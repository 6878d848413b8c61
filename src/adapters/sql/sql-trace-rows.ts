import { sql, type RawBuilder, type Selectable } from "kysely";
import { TraceSummary } from "../../tracing/schemas.ts";
import type { Attributes, Span } from "../../tracing/span.ts";
import type { StoredSpan } from "../../tracing/stored-span.ts";
import type { StoredTrace } from "../../tracing/trace-store.ts";
import { PackedText, packedRows } from "./packed-text.ts";
import type { TraceRow, TraceSpanRow } from "./tracing-schema.ts";

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

export function spanOf(row: Selectable<TraceSpanRow>): StoredSpan {
  const { p, n, k, s, a, o = {}, t = [], e = [], l = [], r, c } = JSON.parse(row.content_json) as SpanContent;
  return {
    traceId: row.trace_id, spanId: row.span_id, parentSpanId: p, name: n, kind: k, start: BigInt(row.start_ns), end: row.end_ns === null ? null : BigInt(row.end_ns), status: { code: s[0], message: s[1] },
    attributes: a, original: o, translated: t, resource: r, scope: { name: c[0], version: c[1] },
    events: e.map((event) => ({ name: event.n, time: BigInt(event.t), attributes: event.a })),
    links: l.map((link) => ({ traceId: link.t, spanId: link.s, attributes: link.a })),
  };
}

/** A trace's row with its models, packed, and the number of its feedbacks. */
export type SummaryRow = Selectable<TraceRow> & { models: string; feedback: number };

/** What is selected of `traces as o` for a SummaryRow beside its own columns. */
export function summaryColumns(): RawBuilder<unknown> {
  const models = packedRows([sql`v.value`], sql`trace_values v where v.trace_id = o.trace_id and v.team = o.team and v.key = 'model'`);
  return sql`o.*, ${models} as models, (select count(distinct f.id) from trace_feedback f where f.trace_id = o.trace_id and f.team = o.team) as feedback`;
}

/** Milliseconds with the microseconds as their fraction: what a double still tells apart. */
export function millisecondsOf(nanoseconds: number | bigint): number {
  return Number(BigInt(nanoseconds) / 1000n) / 1000;
}

export function traceOf(row: SummaryRow): StoredTrace {
  const packedModels = new PackedText(row.models);
  const [start, end] = row.root_start_ns === null ? [row.start_ns, row.end_ns] : [row.root_start_ns, row.root_end_ns];
  const running = row.root_start_ns === null ? row.told_status === "running" : row.root_end_ns === null && (row.told_status === null || row.told_status === "running");
  const failed = row.told_status === "error" || (row.told_status !== "ok" && (row.root_start_ns === null ? row.errors > 0 : row.root_failed === 1));
  const summary = TraceSummary.parse({
    traceId: row.trace_id, team: row.team, name: row.name, service: row.service, status: running ? "running" : failed ? "error" : "ok",
    start: millisecondsOf(start), durationMs: end === null || running ? null : millisecondsOf(BigInt(end) - BigInt(start)),
    spans: row.spans, errors: row.errors, inputTokens: row.input_tokens, outputTokens: row.output_tokens, cost: row.cost,
    models: packedModels.rows(() => packedModels.next()).sort(), session: row.session, user: row.user_name, inputPreview: row.input_preview, outputPreview: row.output_preview,
    experiment: row.experiment, tags: JSON.parse(row.tags_json), feedback: row.feedback,
  });
  return { summary, metadata: JSON.parse(row.metadata_json) as Record<string, string> };
}
