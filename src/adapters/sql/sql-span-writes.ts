import { sql, type CompiledQuery, type Kysely } from "kysely";
import type { EpochMs } from "../../core/clock.ts";
import { ChunkedStatement } from "./chunked-statement.ts";
import type { DatabaseSchema } from "./database-schema.ts";
import { unpackSpan, type SpanToWrite } from "./packed-span.ts";

type Row = readonly unknown[];

/** As the number of its spans, within a write: the trace was there before, so its sums are those of all its spans. */
const unsummed = -1;

/**
 * The statements that add many spans. The rows of their traces are written first and stay held to the end: whoever adds to the same trace at the same time waits,
 * and then sums up what both wrote. All are in one order, so that nobody waits in a circle.
 */
export class SqlSpanWrites {
  readonly #traces: ChunkedStatement;
  readonly #spans: ChunkedStatement;
  readonly #values: ChunkedStatement;
  readonly #sums: ChunkedStatement;

  constructor(queries: Kysely<DatabaseSchema>) {
    // The earliest root names the trace; one that has ended is not taken back.
    const isRoot = sql`(excluded.root_start_ns is not null and (traces.root_start_ns is null or excluded.root_start_ns < traces.root_start_ns
      or (excluded.root_start_ns = traces.root_start_ns and (excluded.root_end_ns is not null or traces.root_end_ns is null))))`;
    const ofRoot = (column: string) => sql`${sql.ref(column)} = case when ${isRoot} then excluded.${sql.ref(column)} else traces.${sql.ref(column)} end`;
    const rootsFirst = (column: string) => sql`${sql.ref(column)} = case when ${isRoot} then coalesce(excluded.${sql.ref(column)}, traces.${sql.ref(column)}) else coalesce(traces.${sql.ref(column)}, excluded.${sql.ref(column)}) end`;
    this.#traces = new ChunkedStatement(
      queries, ["text", "text", "text", "text", "bigint", "bigint", "bigint", "text", "text", "text", "text", "text", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint"],
      (rows) => sql`insert into traces (team, trace_id, name, service, root_start_ns, root_end_ns, root_failed, session, user_name, input_preview, output_preview, experiment, received_at,
          spans, errors, start_ns, end_ns, input_tokens, output_tokens, cost, tags_json, metadata_json)
        select v.*, '{}', '{}' from ${rows} where 1 = 1
        on conflict (trace_id, team) do update set ${sql.join([
          ...["name", "root_failed", "root_end_ns", "root_start_ns"].map(ofRoot), ...["service", "session", "user_name", "input_preview", "output_preview", "experiment"].map(rootsFirst), sql`received_at = excluded.received_at`,
          sql`spans = ${sql.lit(unsummed)}`,
        ])}`,
    );
    this.#spans = new ChunkedStatement(
      queries, ["text", "text", "text", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "text"],
      (rows) => sql`insert into trace_spans (team, trace_id, span_id, start_ns, end_ns, failed, input_tokens, output_tokens, cost, content_json)
        select * from ${rows} where 1 = 1
        on conflict (trace_id, team, span_id) do update set start_ns = excluded.start_ns, end_ns = excluded.end_ns, failed = excluded.failed, input_tokens = excluded.input_tokens,
          output_tokens = excluded.output_tokens, cost = excluded.cost, content_json = excluded.content_json
        where excluded.end_ns is not null or trace_spans.end_ns is null`,
    );
    this.#values = new ChunkedStatement(
      queries, ["text", "text", "text", "text"],
      (rows) => sql`insert into trace_values (team, trace_id, key, value) select * from ${rows} where 1 = 1 on conflict do nothing`,
    );
    this.#sums = new ChunkedStatement(
      queries, ["text", "text"],
      (rows) => sql`update traces set spans = a.spans, errors = a.errors, start_ns = a.start_ns, end_ns = a.end_ns, input_tokens = a.input_tokens, output_tokens = a.output_tokens, cost = a.cost
        from (select v.column1 as team, v.column2 as trace_id, count(*) as spans, sum(s.failed) as errors, min(s.start_ns) as start_ns, max(s.end_ns) as end_ns,
            sum(s.input_tokens) as input_tokens, sum(s.output_tokens) as output_tokens, sum(s.cost) as cost
          from ${rows} join traces t on t.trace_id = v.column2 and t.team = v.column1 and t.spans = ${sql.lit(unsummed)}
            join trace_spans s on s.trace_id = v.column2 and s.team = v.column1 group by v.column1, v.column2) a
        where traces.trace_id = a.trace_id and traces.team = a.team`,
    );
  }

  /** `texts`: as `packSpan` makes them. */
  statements(texts: readonly string[], now: EpochMs): CompiledQuery[] {
    const traces = new Map<string, TraceUnit>();
    for (const text of texts) {
      const span = unpackSpan(text);
      const key = `${span.traceId} ${span.team}`;
      const unit = traces.get(key);
      if (unit === undefined) traces.set(key, { all: [span], spans: [span] });
      else {
        unit.all.push(span);
        addSpan(unit.spans, span);
      }
    }
    const units = [...traces.keys()].sort().map((key) => traces.get(key)!);
    return [
      ...this.#traces.statements(units.map((unit) => traceRow(unit, now)), []),
      ...this.#spans.statements(units.flatMap(({ spans }) => spans.map(spanRow)), []),
      ...this.#values.statements(units.flatMap(({ all }) => valueRows(all)), []),
      ...this.#sums.statements(units.map(({ all: [first] }) => [first!.team, first!.traceId]), []),
    ];
  }
}

/** What came of one trace. */
interface TraceUnit {
  all: SpanToWrite[];
  /** Each span once. */
  spans: SpanToWrite[];
}

/** Beyond so many, looking each up is quicker than looking through all. */
const fewSpans = 32;
const placesOf = new WeakMap<SpanToWrite[], Map<string, number>>();

/** A statement may touch a row once: of two of one span, the one that has ended. */
function addSpan(spans: SpanToWrite[], span: SpanToWrite): void {
  const { spanId, end } = span;
  let place: number | undefined;
  if (spans.length < fewSpans) place = spans.findIndex((other) => other.spanId === spanId);
  else {
    let places = placesOf.get(spans);
    if (places === undefined) placesOf.set(spans, (places = new Map(spans.map((other, index) => [other.spanId, index]))));
    place = places.get(spanId) ?? -1;
    if (place < 0) places.set(spanId, spans.length);
  }
  if (place < 0) spans.push(span);
  else if (end !== null || spans[place]!.end === null) spans[place] = span;
}

/** Each value of a trace once, in their order. */
function valueRows(spans: readonly SpanToWrite[]): Row[] {
  const { team, traceId } = spans[0]!;
  const values = new Map<string, Set<string>>();
  for (const { facts } of spans) {
    for (const [name, value] of facts.indexed) {
      const known = values.get(name);
      if (known === undefined) values.set(name, new Set([value]));
      else known.add(value);
    }
  }
  const rows: Row[] = [];
  for (const name of [...values.keys()].sort()) {
    const of = values.get(name)!;
    for (const value of of.size === 1 ? of : [...of].sort()) rows.push([team, traceId, name, value]);
  }
  return rows;
}

function spanRow({ team, traceId, spanId, start, end, facts, content }: SpanToWrite): Row {
  return [team, traceId, spanId, start, end, facts.failed, facts.inputTokens, facts.outputTokens, facts.cost, content];
}

/** What some spans of one trace say of it; its sums, where they are all that there are. */
function traceRow({ all, spans }: TraceUnit, now: EpochMs): Row {
  const root = all.filter(({ isRoot }) => isRoot).reduce<SpanToWrite | undefined>((first, span) => {
    if (first === undefined || span.start < first.start) return span;
    return span.start === first.start && (span.end !== null || first.end === null) ? span : first;
  }, undefined);
  const [first] = all as [SpanToWrite];
  const ordered = root === undefined ? all : [root, ...all];
  const told = <Value>(of: (span: SpanToWrite) => Value | null): Value | null => {
    for (const span of ordered) {
      const value = of(span);
      if (value !== null) return value;
    }
    return null;
  };
  return [
    first.team, first.traceId, (root ?? first).name, told(({ facts }) => facts.service), root?.start ?? null, root?.end ?? null, root?.facts.failed ?? false,
    told(({ facts }) => facts.session), told(({ facts }) => facts.user), told(({ facts }) => facts.inputPreview), told(({ facts }) => facts.outputPreview), told(({ experiment }) => experiment), now,
    ...sumsOf(spans),
  ];
}

/** As the statement of the sums has them. */
function sumsOf(spans: readonly SpanToWrite[]): Row {
  let [errors, start] = [0, spans[0]!.start];
  let end: bigint | null = null;
  let [inputTokens, outputTokens, cost]: [number | null, number | null, number | null] = [null, null, null];
  const plus = (sum: number | null, value: number | null): number | null => (value === null ? sum : (sum ?? 0) + value);
  for (const { start: own, end: ownEnd, facts } of spans) {
    if (facts.failed) errors++;
    if (own < start) start = own;
    if (ownEnd !== null && (end === null || ownEnd > end)) end = ownEnd;
    [inputTokens, outputTokens, cost] = [plus(inputTokens, facts.inputTokens), plus(outputTokens, facts.outputTokens), plus(cost, facts.cost)];
  }
  return [spans.length, errors, start, end, inputTokens, outputTokens, cost];
}
