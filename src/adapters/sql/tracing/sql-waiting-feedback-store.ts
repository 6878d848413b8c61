import type { EpochMs } from "../../../core/clock.ts";
import { assertFeedbackFits } from "../../../tracing/index.ts";
import type { Feedback } from "../../../tracing/schemas.ts";
import type { TraceKey } from "../../../tracing/trace-store.ts";
import type { WaitingDraft, WaitingFeedbackStore } from "../../../tracing/waiting-feedback-store.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { holdTrace, writeFeedback } from "./sql-feedback-writes.ts";

interface WaitingRow {
  id: string;
  team: string;
  trace_id: string;
  content_json: string;
}

const columns = ["w.id", "w.team", "w.trace_id", "w.content_json"] as const;

/** Feedback that waits for its trace, in SQL. */
export class SqlWaitingFeedbackStore implements WaitingFeedbackStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async keep({ id, key: { team, traceId }, draft }: WaitingDraft, now: EpochMs): Promise<void> {
    const content = JSON.stringify(draft);
    assertFeedbackFits(1, Buffer.byteLength(content));
    await this.#database.queries.insertInto("waiting_feedback").values({ id, team, trace_id: traceId, content_json: content, received_at: now }).execute();
  }

  async of({ team, traceId }: TraceKey): Promise<WaitingDraft[]> {
    const rows = await this.#database.queries.selectFrom("waiting_feedback as w").select(columns).where("w.trace_id", "=", traceId).where("w.team", "=", team).orderBy("w.id").execute();
    return rows.map(waitingOf);
  }

  async arrived(limit: number): Promise<WaitingDraft[]> {
    const rows = await this.#database.queries
      .selectFrom("waiting_feedback as w").innerJoin("traces as t", (join) => join.onRef("t.trace_id", "=", "w.trace_id").onRef("t.team", "=", "w.team"))
      .select(columns).where("t.removed_at", "is", null).orderBy("w.id").limit(limit).execute();
    return rows.map(waitingOf);
  }

  write({ id, key }: Pick<WaitingDraft, "id" | "key">, feedback: Omit<Feedback, "revision">): Promise<void> {
    return this.#database.transaction(async (transaction) => {
      await holdTrace(transaction, key);
      const taken = await transaction.deleteFrom("waiting_feedback").where("id", "=", id).returning("id").executeTakeFirst();
      if (taken !== undefined) await writeFeedback(transaction, key, feedback);
    });
  }

  async forget(id: string): Promise<void> {
    await this.#database.queries.deleteFrom("waiting_feedback").where("id", "=", id).execute();
  }

  async prune(before: EpochMs, most: number): Promise<void> {
    const { queries } = this.#database;
    await queries.deleteFrom("waiting_feedback").where("received_at", "<", before).execute();
    const { count } = await queries.selectFrom("waiting_feedback").select(({ fn }) => fn.countAll<number>().as("count")).executeTakeFirstOrThrow();
    const over = Number(count) - most;
    if (over > 0) await queries.deleteFrom("waiting_feedback").where("id", "in", queries.selectFrom("waiting_feedback").select("id").orderBy("id").limit(over)).execute();
  }
}

function waitingOf({ id, team, trace_id: traceId, content_json: content }: WaitingRow): WaitingDraft {
  return { id, key: { team, traceId }, draft: JSON.parse(content) as WaitingDraft["draft"] };
}
