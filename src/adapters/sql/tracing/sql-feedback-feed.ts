import { sql } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import type { ArrivedFeedback, FeedbackFeed, FeedbackPlace, RemovedFeedback } from "../../../tracing/feedback-feed.ts";
import { Feedback } from "../../../tracing/schemas.ts";
import { readSplitPlace, splitKey, type SplitPlace } from "../../../tracing/index.ts";
import type { TraceKey } from "../../../tracing/trace-store.ts";
import type { SqlDatabase } from "../sql-database.ts";

const askedAtOnce = 500;

/** Feedback on traces in the order of its arrival, from SQL. */
export class SqlFeedbackFeed implements FeedbackFeed {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async readSince(receivedAt: EpochMs, after: FeedbackPlace | null, limit: number): Promise<ArrivedFeedback[]> {
    let query = this.#database.queries.selectFrom("trace_feedback").select(["team", "content_json", "received_at"]).where("received_at", ">=", receivedAt);
    if (after !== null) {
      const { traceId, id, revision } = after;
      query = query.where(({ and, eb, or }) =>
        or([
          eb("received_at", ">", receivedAt), eb("trace_id", ">", traceId), and([eb("trace_id", "=", traceId), eb("id", ">", id)]), and([eb("trace_id", "=", traceId), eb("id", "=", id), eb("revision", ">", revision)]),
        ]));
    }
    const rows = await query.orderBy("received_at").orderBy("trace_id").orderBy("id").orderBy("revision").limit(limit).execute();
    return rows.map(({ team, content_json: content, received_at: arrived }) => ({ team, feedback: Feedback.parse(JSON.parse(content)), receivedAt: arrived }));
  }

  async removedSince(removedAt: EpochMs, after: Pick<FeedbackPlace, "traceId" | "id"> | null, limit: number): Promise<RemovedFeedback[]> {
    let query = this.#database.queries.selectFrom("trace_feedback_removals").selectAll().where("removed_at", ">=", removedAt);
    if (after !== null) {
      const { traceId, id } = after;
      query = query.where(({ and, eb, or }) => or([eb("removed_at", ">", removedAt), eb("trace_id", ">", traceId), and([eb("trace_id", "=", traceId), eb("id", ">", id)])]));
    }
    const rows = await query.orderBy("removed_at").orderBy("trace_id").orderBy("id").limit(limit).execute();
    return rows.map(({ trace_id: traceId, removed_at: removed, ...row }) => ({ ...row, traceId, removedAt: removed }));
  }

  async splitPlaces(traces: readonly TraceKey[]): Promise<(TraceKey & { place: SplitPlace })[]> {
    const found: (TraceKey & { place: SplitPlace })[] = [];
    for (let from = 0; from < traces.length; from += askedAtOnce) {
      const asked = sql.join(traces.slice(from, from + askedAtOnce).map(({ traceId, team }) => sql`(${traceId}, ${team})`));
      const { rows } = await sql<{ team: string; trace_id: string; value: string }>`
        select team, trace_id, value from trace_values where (trace_id, team) in (values ${asked}) and key = ${splitKey}`.execute(this.#database.queries);
      for (const { team, trace_id: traceId, value } of rows) found.push({ team, traceId, place: readSplitPlace(value) });
    }
    return found;
  }
}
