import { sql } from "kysely";
import { mostServices, type RunDirectory, type TracedService } from "../../../tracing/index.ts";
import type { TraceKey, VisibleTraces } from "../../../tracing/trace-store.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { millisecondsOf } from "../tracing/sql-trace-rows.ts";
import { visibleCondition } from "../tracing/sql-trace-search.ts";

const runsAtOnce = 100;

export class SqlRunDirectory implements RunDirectory {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async services(visible: VisibleTraces, names?: readonly string[]): Promise<TracedService[]> {
    if (names?.length === 0) return [];
    // From each name to the next one in the index: a distinct would read every trace.
    const known = names === undefined
      ? sql`named(name) as (select min(service) from traces union all select (select min(t.service) from traces t where t.service > named.name) from named where named.name is not null)`
      : sql`named(name) as (values ${sql.join(names.map((name) => sql`(${name.replaceAll("\0", "")})`))})`;
    const start = (direction: "asc" | "desc") => sql`(select o.start_ns from traces o where ${sql.join([sql`o.service = named.name`, ...visibleCondition(visible)], sql` and `)} order by o.start_ns ${sql.raw(direction)} limit 1)`;
    const { rows } = await sql<{ name: string; first_ns: bigint | number | null; last_ns: bigint | number | null }>`
      with recursive ${known} select name, ${start("asc")} as first_ns, ${start("desc")} as last_ns from named where name is not null limit ${mostServices}`.execute(this.#database.queries);
    return rows.flatMap(({ name, first_ns: first, last_ns: last }) => (first === null || last === null ? [] : [{ name, first: millisecondsOf(first), last: millisecondsOf(last) }])).sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async tracesOf(runs: readonly string[], visible: VisibleTraces): Promise<TraceKey[]> {
    const found = new Map<string, TraceKey>();
    for (let from = 0; from < runs.length; from += runsAtOnce) {
      const these = runs.slice(from, from + runsAtOnce).filter((run) => /^[0-9a-f]{32}$/.test(run));
      if (these.length === 0) continue;
      // The key stands in the text: only then the index of these values is used.
      const sent = sql`select team, trace_id from trace_values where key = ${sql.lit("langsmith.run_id")} and value in (${sql.join(these.map(uuidOf))})`;
      const made = these.map((run) => sql`select team, trace_id from trace_spans where trace_id >= ${run.slice(0, 16)} and trace_id < ${`${run.slice(0, 16)}g`} and span_id = ${run.slice(16)}`);
      const whole = sql`select team, trace_id from traces where trace_id in (${sql.join(these)})`;
      const { rows } = await sql<{ team: string; trace_id: string }>`
        select o.team, o.trace_id from (${sql.join([whole, sent, ...made], sql` union all `)}) f join traces o on o.trace_id = f.trace_id and o.team = f.team
        where ${sql.join([sql`1 = 1`, ...visibleCondition(visible)], sql` and `)} order by o.trace_id, o.team`.execute(this.#database.queries);
      for (const { team, trace_id: traceId } of rows) found.set(`${traceId} ${team}`, { team, traceId });
    }
    return [...found.values()];
  }
}

function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
