import { sql, type Kysely } from "kysely";
import { latestFeedback } from "../../../tracing/index.ts";
import { Feedback } from "../../../tracing/schemas.ts";
import type { FoundFeedback, TraceStore } from "../../../tracing/trace-store.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { visibleCondition } from "./sql-trace-search.ts";

/** Feedback is kept by its traces and found by them, or by its id. */
export async function findFeedback(queries: Kysely<DatabaseSchema>, { visible, ids, traceIds, spans }: Parameters<TraceStore["findFeedback"]>[0]): Promise<FoundFeedback[]> {
  const of = [...new Set([...traceIds, ...spans.traceIds])];
  const any = [
    ...(ids.length === 0 ? [] : [sql`f.id in (${sql.join(ids.map(withoutNul))})`]),
    ...(of.length === 0 ? [] : [sql`f.trace_id in (${sql.join(of.map(withoutNul))})`]),
  ];
  if (any.length === 0) return [];
  const conditions = [...visibleCondition(visible), sql`(${sql.join(any, sql` or `)})`];
  const { rows } = await sql<{ team: string; content_json: string }>`
    select f.team, f.content_json from trace_feedback f join traces o on o.trace_id = f.trace_id and o.team = f.team
    where ${sql.join(conditions, sql` and `)} order by f.team, f.trace_id, f.id, f.revision`.execute(queries);
  const revisions = rows.map((row) => ({ team: row.team, feedback: Feedback.parse(JSON.parse(row.content_json)) }));
  return [...Map.groupBy(revisions, ({ team, feedback }) => `${team} ${feedback.traceId}`).values()]
    .flatMap((ofTrace) => latestFeedback(ofTrace.map(({ feedback }) => feedback)).map((feedback) => ({ team: ofTrace[0]!.team, feedback })))
    .filter(({ feedback: { id, traceId, spanId } }) => ids.includes(id) || (spanId === null ? traceIds.includes(traceId) : spans.traceIds.includes(traceId) && spans.spanIds.includes(spanId)));
}

/** Postgres refuses texts that hold it. */
function withoutNul(text: string): string {
  return text.replaceAll("\0", "");
}
