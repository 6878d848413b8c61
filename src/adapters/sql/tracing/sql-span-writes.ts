import { sql, type CompiledQuery, type Kysely, type RawBuilder } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import { ChunkedStatement } from "../chunked-statement.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { unpackSpan, type SpanToWrite } from "./packed-span.ts";

type Row = readonly unknown[];

/** As the number of its spans, within a write: the sums of the trace are to be those of all its spans. */
const unsummed = -1;
/** So many spans of one trace are summed up anew where folding does not tell its sums: few enough that one write takes milliseconds, and that the greatest numbers of so many stay within 64 bits. */
const mostSummed = 1000;

/**
 * The statements that add many spans. The rows of their traces are written first, with what came added to their sums, and stay held to the end: whoever adds to the same trace at the same time waits.
 * Then what the sums had of spans that are replaced is taken back, so that a span costs the same however many its trace has. All are in one order, so that nobody waits in a circle.
 */
export class SqlSpanWrites {
  readonly #traces: ChunkedStatement;
  readonly #takenBack: ChunkedStatement;
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
      queries, ["text", "text", "text", "text", "bigint", "bigint", "bigint", "text", "text", "text", "text", "text", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "text"],
      (rows) => sql`insert into traces (team, trace_id, name, service, root_start_ns, root_end_ns, root_failed, session, user_name, input_preview, output_preview, experiment, received_at,
          spans, errors, start_ns, end_ns, input_tokens, output_tokens, cost, caller, tags_json, metadata_json)
        select v.*, '{}', '{}' from ${rows} where 1 = 1
        on conflict (trace_id, team) do update set ${sql.join([
          ...["name", "root_failed", "root_end_ns", "root_start_ns"].map(ofRoot), ...["service", "session", "user_name", "input_preview", "output_preview", "experiment"].map(rootsFirst), sql`received_at = excluded.received_at`,
          ...addedSums(), sql`caller = case when traces.caller = excluded.caller then traces.caller end`,
        ])}`,
    );
    this.#takenBack = new ChunkedStatement(queries, ["text", "text", "text", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint"], takeBack);
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
      (rows) => sql`update traces set spans = a.spans, errors = a.errors, start_ns = a.start_ns, end_ns = a.end_ns, ${sql.join(usage.map((column) => sql`${sql.ref(column)} = ${bounded(sql.ref(`a.${column}`))}`))}
        from (select v.column1 as team, v.column2 as trace_id, count(*) as spans, sum(s.failed) as errors, min(s.start_ns) as start_ns, max(s.end_ns) as end_ns, ${sql.join(usage.map((column) => sql`sum(${sql.ref(`s.${column}`)}) as ${sql.ref(column)}`))}
          from ${rows} join traces t on t.trace_id = v.column2 and t.team = v.column1 and t.spans < 0
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
    const rows = units.flatMap(({ spans }) => spans.map(spanRow));
    return [
      ...this.#traces.statements(units.map((unit) => traceRow(unit, now)), []),
      ...this.#takenBack.statements(rows.map((row) => row.slice(0, -1)), []),
      ...this.#spans.statements(rows, []),
      ...this.#values.statements(units.flatMap(({ all }) => valueRows(all)), []),
      ...this.#sums.statements(units.map(({ all: [first] }) => [first!.team, first!.traceId]), []),
    ];
  }
}

/** Sums that are null where no span tells one. */
const usage = ["input_tokens", "output_tokens", "cost"] as const;

/** What JavaScript has exactly: a sum goes no further, whatever a client says of its tokens. */
function bounded(value: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case when ${value} > ${sql.lit(Number.MAX_SAFE_INTEGER)} then ${sql.lit(Number.MAX_SAFE_INTEGER)} else ${value} end`;
}

function isFull(sum: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`${sum} = ${sql.lit(Number.MAX_SAFE_INTEGER)}`;
}

/** Of a trace that has spans; of one that was only told of, what was told is no part of the sums. */
function addedSums(): RawBuilder<unknown>[] {
  const set = (column: string, both: (own: RawBuilder<unknown>, added: RawBuilder<unknown>) => RawBuilder<unknown>): RawBuilder<unknown> => {
    const [own, added] = [sql.ref(`traces.${column}`), sql.ref(`excluded.${column}`)];
    return sql`${sql.ref(column)} = case when traces.spans = 0 or ${own} is null then ${added} when ${added} is null then ${own} else ${both(own, added)} end`;
  };
  return [
    ...["spans", "errors"].map((column) => set(column, (own, added) => sql`${own} + ${added}`)), ...usage.map((column) => set(column, (own, added) => bounded(sql`(${own} + ${added})`))),
    set("start_ns", (own, added) => sql`case when ${added} < ${own} then ${added} else ${own} end`), set("end_ns", (own, added) => sql`case when ${added} > ${own} then ${added} else ${own} end`),
  ];
}

/**
 * Of each span that is there already, what it added before, or what it adds now where it stays as it was. What sums alone do not tell is summed up anew in a trace of few spans: when the first span starts
 * later or the last one ends earlier than before, whether any other tells usage, and by how much a sum went beyond its bound. In a longer trace the start then stays at the earliest that was told and the end at the latest, usage is 0,
 * and the sum stays at its bound.
 */
function takeBack(rows: RawBuilder<unknown>): RawBuilder<unknown> {
  const [start, end, failed, ...own] = [4, 5, 6, 7, 8, 9].map((column) => sql.ref(`v.column${column}`)) as [RawBuilder<unknown>, RawBuilder<unknown>, RawBuilder<unknown>, ...RawBuilder<unknown>[]];
  const wins = sql`(${end} is not null or s.end_ns is null)`;
  const gone = (before: RawBuilder<unknown>, now: RawBuilder<unknown>): RawBuilder<unknown> => sql`sum(case when ${wins} then ${before} else ${now} end)`;
  const told = usage.map((column, index) => ({ column, before: sql.ref(`s.${column}`), now: own[index]! }));
  const isUnsure = sql.join([
    sql`(${wins} and s.start_ns < ${start} and s.start_ns <= t.start_ns)`, sql`(not ${wins} and ${start} < s.start_ns and ${start} <= t.start_ns)`, sql`(${wins} and s.end_ns > ${end} and s.end_ns >= t.end_ns)`,
    ...usage.map((column) => isFull(sql.ref(`t.${column}`))), ...told.map(({ before, now }) => sql`(${wins} and ${before} is not null and ${now} is null)`), ...told.map(({ before, now }) => sql`(not ${wins} and ${before} is null and ${now} is not null)`),
  ], sql` or `);
  return sql`update traces set
      spans = case when traces.spans < 0 then traces.spans when a.unsure > 0 and traces.spans - a.spans <= ${sql.lit(mostSummed)} then ${sql.lit(unsummed)} else traces.spans - a.spans end,
      errors = traces.errors - a.errors, ${sql.join(told.map(({ column }) => sql`${sql.ref(column)} = case when ${sql.ref(`a.${column}`)} is null or ${isFull(sql.ref(`traces.${column}`))} then ${sql.ref(`traces.${column}`)}
        when ${sql.ref(`traces.${column}`)} > ${sql.ref(`a.${column}`)} then ${sql.ref(`traces.${column}`)} - ${sql.ref(`a.${column}`)} else 0 end`))}
    from (select v.column1 as team, v.column2 as trace_id, count(*) as spans, ${gone(sql`s.failed`, failed)} as errors, ${sql.join(told.map(({ column, before, now }) => sql`${gone(before, now)} as ${sql.ref(column)}`))},
        sum(case when ${isUnsure} then 1 else 0 end) as unsure
      from ${rows} join trace_spans s on s.trace_id = v.column2 and s.team = v.column1 and s.span_id = v.column3 join traces t on t.trace_id = v.column2 and t.team = v.column1 group by v.column1, v.column2) a
    where traces.trace_id = a.trace_id and traces.team = a.team`;
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

/** What some spans of one trace say of it, and what they add to its sums. */
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
    ...sumsOf(spans), all.every(({ caller }) => caller === first.caller) ? first.caller : null,
  ];
}

function sumsOf(spans: readonly SpanToWrite[]): Row {
  let [errors, start] = [0, spans[0]!.start];
  let end: bigint | null = null;
  let [inputTokens, outputTokens, cost]: [number | null, number | null, number | null] = [null, null, null];
  const plus = (sum: number | null, value: number | null): number | null => (value === null ? sum : Math.min((sum ?? 0) + value, Number.MAX_SAFE_INTEGER));
  for (const { start: own, end: ownEnd, facts } of spans) {
    if (facts.failed) errors++;
    if (own < start) start = own;
    if (ownEnd !== null && (end === null || ownEnd > end)) end = ownEnd;
    [inputTokens, outputTokens, cost] = [plus(inputTokens, facts.inputTokens), plus(outputTokens, facts.outputTokens), plus(cost, facts.cost)];
  }
  return [spans.length, errors, start, end, inputTokens, outputTokens, cost];
}
