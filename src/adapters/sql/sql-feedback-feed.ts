import type { EpochMs } from "../../core/clock.ts";
import type { ArrivedFeedback, FeedbackFeed, FeedbackPlace } from "../../tracing/feedback-feed.ts";
import { Feedback } from "../../tracing/schemas.ts";
import type { SqlDatabase } from "./sql-database.ts";

/** Feedback on traces in the order of its arrival, from SQL. */
export class SqlFeedbackFeed implements FeedbackFeed {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async readSince(receivedAt: EpochMs, after: FeedbackPlace | null, limit: number): Promise<ArrivedFeedback[]> {
    let query = this.#database.queries.selectFrom("trace_feedback").select(["content_json", "received_at"]).where("received_at", ">=", receivedAt);
    if (after !== null) {
      const { traceId, id, revision } = after;
      query = query.where(({ and, eb, or }) =>
        or([
          eb("received_at", ">", receivedAt), eb("trace_id", ">", traceId), and([eb("trace_id", "=", traceId), eb("id", ">", id)]), and([eb("trace_id", "=", traceId), eb("id", "=", id), eb("revision", ">", revision)]),
        ]));
    }
    const rows = await query.orderBy("received_at").orderBy("trace_id").orderBy("id").orderBy("revision").limit(limit).execute();
    return rows.map(({ content_json: content, received_at: arrived }) => ({ feedback: Feedback.parse(JSON.parse(content)), receivedAt: arrived }));
  }
}
