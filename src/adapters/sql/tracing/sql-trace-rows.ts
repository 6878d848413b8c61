import { sql, type RawBuilder, type Selectable } from "kysely";
import { TraceSummary } from "../../../tracing/schemas.ts";
import type { StoredTrace } from "../../../tracing/trace-store.ts";
import { PackedText, packedRows } from "../packed-text.ts";
import type { TraceRow } from "./tracing-schema.ts";

/** A trace's row with its models, packed, and the number of its feedbacks. */
export type SummaryRow = Selectable<TraceRow> & { models: string; feedback: number };

/** Models that a summary names: the others are found all the same. */
const mostModels = 100;

/** What is selected of `traces as o` for a SummaryRow beside its own columns. */
export function summaryColumns(): RawBuilder<unknown> {
  const models = packedRows([sql`v.value`], sql`(select value from trace_values t where t.trace_id = o.trace_id and t.team = o.team and t.key = 'model' order by value limit ${sql.lit(mostModels)}) v`);
  return sql`o.*, ${models} as models, (select count(distinct f.id) from trace_feedback f where f.trace_id = o.trace_id and f.team = o.team) as feedback`;
}

/** Milliseconds with the microseconds as their fraction: what a double still tells apart. */
export function millisecondsOf(nanoseconds: number | bigint): number {
  return Number(BigInt(nanoseconds) / 1000n) / 1000;
}

/** A sum that a former release let grow beyond what is exact comes as a bigint. */
function exactOf(sum: number | bigint | null): number | null {
  return typeof sum === "bigint" ? Number.MAX_SAFE_INTEGER : sum;
}

export function traceOf(row: SummaryRow): StoredTrace {
  const packedModels = new PackedText(row.models);
  const [start, end] = row.root_start_ns === null ? [row.start_ns, row.end_ns] : [row.root_start_ns, row.root_end_ns];
  const running = row.root_start_ns === null ? row.told_status === "running" : row.root_end_ns === null && (row.told_status === null || row.told_status === "running");
  const failed = row.told_status === "error" || (row.told_status !== "ok" && (row.root_start_ns === null ? row.errors > 0 : row.root_failed === 1));
  const summary = TraceSummary.parse({
    traceId: row.trace_id, team: row.team, name: row.name, service: row.service, status: running ? "running" : failed ? "error" : "ok",
    start: millisecondsOf(start), durationMs: end === null || running ? null : millisecondsOf(BigInt(end) - BigInt(start)),
    spans: row.spans, errors: row.errors, inputTokens: exactOf(row.input_tokens), outputTokens: exactOf(row.output_tokens), cost: exactOf(row.cost),
    models: packedModels.rows(() => packedModels.next()).sort(), session: row.session, user: row.user_name, inputPreview: row.input_preview, outputPreview: row.output_preview,
    experiment: row.experiment, tags: JSON.parse(row.tags_json), feedback: row.feedback,
  });
  return { summary, metadata: JSON.parse(row.metadata_json) as Record<string, string> };
}
