import { sql, type CompiledQuery, type Kysely, type RawBuilder } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import type { TraceKey } from "../../../tracing/trace-store.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Traces that are removed together at most, and spans: on SQLite nobody writes meanwhile. */
const together = { traces: 500, spans: 2000 };

/**
 * Removes traces with all that belongs to them, in parts. A trace of many spans is marked first: from there on nobody sees it, what still comes of it goes with it, and where this is stopped in between, `finishRemovals` goes on.
 * `tells`: whether those who follow feedback read of it. Answers with how many traces were there.
 */
export async function removeTraces(database: SqlDatabase, keys: readonly TraceKey[], now: EpochMs, tells: boolean): Promise<number> {
  const toldAt = tells ? now : null;
  let removed = 0;
  for (let from = 0; from < keys.length; from += together.traces) {
    const some = keys.slice(from, from + together.traces);
    const sizes = await sizesOf(database.queries, some);
    let part: TraceKey[] = [];
    let spans = 0;
    for (const key of some) {
      const size = sizes.get(nameOf(key)) ?? 0;
      if (size > together.spans) {
        await markRemoved(database, key, now, toldAt);
        removed += await removeMarked(database, key);
        continue;
      }
      if (part.length > 0 && spans + size > together.spans) {
        removed += await removeTogether(database, part, toldAt);
        [part, spans] = [[], 0];
      }
      part.push(key);
      spans += size;
    }
    if (part.length > 0) removed += await removeTogether(database, part, toldAt);
  }
  return removed;
}

/** Removes what is left of traces whose removal was stopped. */
export async function finishRemovals(database: SqlDatabase): Promise<number> {
  let removed = 0;
  for (;;) {
    const marked = await database.queries.selectFrom("traces").select(["team", "trace_id"]).where("removed_at", "is not", null).orderBy("removed_at").limit(together.traces).execute();
    for (const { team, trace_id: traceId } of marked) removed += await removeMarked(database, { team, traceId });
    if (marked.length < together.traces) return removed;
  }
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

/** With its feedback, which is told of here: whoever goes on later need not know whether it was to be. */
async function markRemoved(database: SqlDatabase, key: TraceKey, now: EpochMs, toldAt: EpochMs | null): Promise<void> {
  const these = among([key]);
  const { queries } = database;
  // The trace first: who gives feedback holds it.
  const mark = sql`update traces set removed_at = cast(${now} as bigint) where ${these} and removed_at is null`.compile(queries);
  await database.writeBatch([mark, ...tellings(queries, these, toldAt), sql`delete from trace_feedback where ${these}`.compile(queries)], { idempotent: true });
}

/** In parts, each of which looks whether the trace is still the one that was marked: another server may have removed it and taken in a new one of its id. */
async function removeMarked(database: SqlDatabase, { traceId, team }: TraceKey): Promise<number> {
  const { queries } = database;
  const ofTrace = sql`trace_id = ${traceId} and team = ${team}`;
  const isMarked = sql`exists (select 1 from traces t where t.trace_id = ${traceId} and t.team = ${team} and t.removed_at is not null)`;
  const tables = [["trace_spans", sql`span_id`], ["trace_values", sql`key, value`]] as const;
  for (const [table, key] of tables) {
    const statement = sql`delete from ${sql.table(table)} where ${ofTrace} and (${key}) in (select ${key} from ${sql.table(table)} where ${ofTrace} limit ${sql.lit(together.spans)}) and ${isMarked}`.compile(queries);
    for (;;) {
      const [gone] = await database.writeBatch([statement], { idempotent: true });
      if (Number(gone!.numAffectedRows ?? 0n) < together.spans) break;
    }
  }
  // Held, so that nothing of it comes between.
  const hold = sql`update traces set removed_at = removed_at where ${ofTrace} and removed_at is not null`;
  const rest = tables.map(([table]) => sql`delete from ${sql.table(table)} where ${ofTrace} and ${isMarked}`);
  const last = sql`delete from traces where ${ofTrace} and removed_at is not null`;
  const results = await database.writeBatch([hold, ...rest, last].map((statement) => statement.compile(queries)), { idempotent: true });
  return Number(results.at(-1)!.numAffectedRows ?? 0n);
}

async function removeTogether(database: SqlDatabase, keys: readonly TraceKey[], toldAt: EpochMs | null): Promise<number> {
  const these = among(keys);
  const gone = (table: "traces" | "trace_spans" | "trace_values" | "trace_feedback"): CompiledQuery => sql`delete from ${sql.table(table)} where ${these}`.compile(database.queries);
  // The traces first: who gives feedback holds them, and what came until then is told of.
  const [traces] = await database.writeBatch([gone("traces"), ...tellings(database.queries, these, toldAt), gone("trace_spans"), gone("trace_values"), gone("trace_feedback")], { idempotent: true });
  return Number(traces!.numAffectedRows ?? 0n);
}

function tellings(queries: Kysely<DatabaseSchema>, these: RawBuilder<unknown>, toldAt: EpochMs | null): CompiledQuery[] {
  return toldAt === null ? [] : [
    sql`insert into trace_feedback_removals (team, trace_id, id, revision, removed_at)
      select team, trace_id, id, max(revision), cast(${toldAt} as bigint) from trace_feedback where ${these} group by team, trace_id, id
      on conflict (trace_id, team, id) do update set revision = excluded.revision, removed_at = excluded.removed_at`.compile(queries),
  ];
}
