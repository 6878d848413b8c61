import { sql, type Transaction } from "kysely";
import { AppError } from "../../../core/errors.ts";
import { assertFeedbackFits } from "../../../tracing/index.ts";
import { Feedback } from "../../../tracing/schemas.ts";
import type { TraceKey } from "../../../tracing/trace-store.ts";
import type { DatabaseSchema } from "../database-schema.ts";

/** Databases take neither NUL nor half a surrogate pair. */
export function clean(text: string): string {
  return text.replaceAll("\0", "").toWellFormed();
}

/** Nobody else writes feedback of the trace until the transaction ends: revisions are counted one after the other. Throws TRACE_NOT_FOUND. */
export async function holdTrace(transaction: Transaction<DatabaseSchema>, { team, traceId }: TraceKey): Promise<void> {
  const held = await transaction
    .updateTable("traces").set(({ ref }) => ({ received_at: ref("received_at") })).where("trace_id", "=", traceId).where("team", "=", team).where("removed_at", "is", null).returning("trace_id").executeTakeFirst();
  if (held === undefined) throw new AppError("TRACE_NOT_FOUND", `There is no trace ${traceId.slice(0, 64)}.`);
}

/** Of a trace that is held. Throws INVALID_PARAMETER where it has no room. */
export async function writeFeedback(transaction: Transaction<DatabaseSchema>, { team, traceId }: TraceKey, feedback: Omit<Feedback, "revision">): Promise<Feedback> {
  const { rows: [kept] } = await sql<{ count: number; bytes: number | null }>`select count(*) as count, cast(sum(octet_length(content_json)) as bigint) as bytes from trace_feedback where trace_id = ${traceId} and team = ${team}`.execute(transaction);
  const last = await transaction
    .selectFrom("trace_feedback").select(["revision", "content_json"]).where("trace_id", "=", traceId).where("team", "=", team).where("id", "=", feedback.id).orderBy("revision", "desc").limit(1).executeTakeFirst();
  const gone = await transaction.selectFrom("trace_feedback_removals").select("revision").where("trace_id", "=", traceId).where("team", "=", team).where("id", "=", feedback.id).executeTakeFirst();
  const createdAt = last === undefined ? feedback.createdAt : Feedback.parse(JSON.parse(last.content_json)).createdAt;
  const written = Feedback.parse({ ...feedback, createdAt, revision: Math.max(last?.revision ?? 0, gone?.revision ?? 0) + 1 });
  const content = JSON.stringify(written);
  assertFeedbackFits(Number(kept!.count) + 1, Number(kept!.bytes ?? 0) + Buffer.byteLength(content));
  await transaction.insertInto("trace_feedback").values({ team, trace_id: traceId, id: written.id, revision: written.revision, name: clean(written.name), content_json: content, received_at: written.updatedAt }).execute();
  return written;
}
