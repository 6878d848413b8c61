import { sql, type CompiledQuery, type Kysely, type RawBuilder } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import type { TraceKey } from "../../../tracing/trace-store.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Traces that are removed together at most, and spans: on SQLite nobody writes meanwhile. */
const together = { traces: 500, spans: 2000 };

/**
 * Removes traces with all that belongs to them, in parts. Of a trace of many spans, these go first: whoever is stopped in between leaves a trace that can be removed again. `toldAt`: when those who follow feedback read of it; null tells
 * nobody. Answers with how many traces were there.
 */
export async function removeTraces(database: SqlDatabase, keys: readonly TraceKey[], toldAt: EpochMs | null): Promise<number> {
  let removed = 0;
  for (let from = 0; from < keys.length; from += together.traces) {
    const some = keys.slice(from, from + together.traces);
    const sizes = await sizesOf(database.queries, some);
    let part: TraceKey[] = [];
    let spans = 0;
    for (const key of some) {
      const size = sizes.get(nameOf(key)) ?? 0;
      if (size > together.spans) await removeSpans(database, key);
      const left = Math.min(size, together.spans);
      if (part.length > 0 && spans + left > together.spans) {
        removed += await removeTogether(database, part, toldAt);
        [part, spans] = [[], 0];
      }
      part.push(key);
      spans += left;
    }
    removed += await removeTogether(database, part, toldAt);
  }
  return removed;
}

function nameOf({ traceId, team }: TraceKey): string {
  return `${traceId} ${team}`;
}

function among(keys: readonly TraceKey[]): RawBuilder<unknown> {
  return sql`(trace_id, team) in (values ${sql.join(keys.map(({ traceId, team }) => sql`(${traceId}, ${team})`))})`;
}

async function sizesOf(queries: Kysely<DatabaseSchema>, keys: readonly TraceKey[]): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ trace_id: string; team: string; spans: number }>`select trace_id, team, spans from traces where ${among(keys)}`.execute(queries);
  return new Map(rows.map(({ trace_id: traceId, team, spans }) => [nameOf({ traceId, team }), spans]));
}

/** Until less than a part is left. */
async function removeSpans(database: SqlDatabase, { traceId, team }: TraceKey): Promise<void> {
  const ofTrace = sql`trace_id = ${traceId} and team = ${team}`;
  const statement = sql`delete from trace_spans where ${ofTrace} and span_id in (select span_id from trace_spans where ${ofTrace} limit ${sql.lit(together.spans)})`.compile(database.queries);
  for (;;) {
    const [gone] = await database.writeBatch([statement], { idempotent: true });
    if (Number(gone!.numAffectedRows ?? 0n) < together.spans) break;
  }
}

async function removeTogether(database: SqlDatabase, keys: readonly TraceKey[], toldAt: EpochMs | null): Promise<number> {
  const these = among(keys);
  const statements = (["traces", "trace_spans", "trace_values", "trace_feedback"] as const).map((table): CompiledQuery => sql`delete from ${sql.table(table)} where ${these}`.compile(database.queries));
  const told = toldAt === null ? [] : [
    sql`insert into trace_feedback_removals (team, trace_id, id, revision, removed_at)
      select team, trace_id, id, max(revision), cast(${toldAt} as bigint) from trace_feedback where ${these} group by team, trace_id, id
      on conflict (trace_id, team, id) do update set revision = excluded.revision, removed_at = excluded.removed_at`.compile(database.queries),
  ];
  const traces = (await database.writeBatch([...told, ...statements], { idempotent: true }))[told.length];
  return Number(traces!.numAffectedRows ?? 0n);
}
