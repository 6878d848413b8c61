import { sql, type Selectable } from "kysely";
import { defaultTeam } from "../../../access/index.ts";
import { systemClock, type EpochMs } from "../../../core/clock.ts";
import type { Page } from "../../../core/search-condition.ts";
import { assertFactsFit } from "../../../tracing/index.ts";
import { Feedback, type TraceSession } from "../../../tracing/schemas.ts";
import type { PackedSpans, SpanRecord, StoredSpan } from "../../../tracing/stored-span.ts";
import type { FoundFeedback, KeptSpan, SpanName, StoredTrace, TraceFacts, TraceKey, TracePage, TraceSearch, TraceStore, VisibleTraces } from "../../../tracing/trace-store.ts";
import { packSpan } from "./packed-span.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { findFeedback } from "./sql-feedback-search.ts";
import { clean, holdTrace, writeFeedback } from "./sql-feedback-writes.ts";
import { spanOf } from "./sql-span-content.ts";
import { finishRemovals, removeTraces } from "./sql-trace-removal.ts";
import { summaryColumns, traceOf, type SummaryRow } from "./sql-trace-rows.ts";
import { searchTraces, visibleCondition } from "./sql-trace-search.ts";
import { listSessions } from "./sql-trace-sessions.ts";
import type { TraceSpanRow } from "./tracing-schema.ts";

interface Waiting {
  spans: PackedSpans;
  now: EpochMs;
  resolve(): void;
  reject(error: unknown): void;
}

const mostSpans = 4096;
const prunedAtOnce = 500;
/** Of a span that is read by its name: its callers ask for several. */
const mostNamedBytes = 1 << 20;

/** Traces in SQL. What many callers write while a commit is on its way shares the next one. */
export class SqlTraceStore implements TraceStore {
  readonly #database: SqlDatabase;
  readonly #monotonic: () => number;
  #waiting: Waiting[] = [];
  #running = false;

  /** `monotonic`: milliseconds, by which searches are kept short. */
  constructor(database: SqlDatabase, monotonic: () => number = () => systemClock.monotonic()) {
    this.#database = database;
    this.#monotonic = monotonic;
  }

  write(records: readonly SpanRecord[], now: EpochMs): Promise<void> {
    return this.writePacked(this.pack(records), now);
  }

  pack(records: readonly SpanRecord[]): PackedSpans {
    return records.map(packSpan);
  }

  writePacked(spans: PackedSpans, now: EpochMs): Promise<void> {
    if (spans.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ spans, now, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      queueMicrotask(() => void this.#run());
    });
  }

  async describe({ team, traceId }: TraceKey, facts: TraceFacts, now: EpochMs): Promise<void> {
    const start = facts.start === undefined ? null : nanoseconds(facts.start);
    const end = start === null || facts.durationMs === undefined || facts.durationMs === null ? null : start + nanoseconds(facts.durationMs);
    await this.#database.transaction(async (transaction) => {
      const row = await transaction
        .insertInto("traces")
        .values({
          team, trace_id: traceId, name: clean(facts.name ?? ""), start_ns: start ?? BigInt(now) * 1_000_000n, end_ns: end, root_failed: 0, spans: 0, errors: 0, tags_json: "{}", metadata_json: "{}", received_at: now,
        })
        .onConflict((conflict) => conflict.columns(["trace_id", "team"]).doUpdateSet({ received_at: now, caller: null }))
        .returning(["tags_json", "metadata_json", "spans", "name"])
        .executeTakeFirstOrThrow();
      await transaction
        .updateTable("traces")
        .set({
          tags_json: merged("tags", row.tags_json, facts.tags), metadata_json: merged("metadata", row.metadata_json, facts.metadata),
          ...(row.spans > 0 ? {} : { ...(start === null ? {} : { start_ns: start }), ...(end === null ? {} : { end_ns: end }) }),
          ...(facts.name === undefined || (row.name !== "" && row.spans > 0) ? {} : { name: clean(facts.name) }),
          ...(facts.status === undefined ? {} : { told_status: facts.status }),
          ...(facts.session === undefined ? {} : { session: clean(facts.session) }),
          ...(facts.user === undefined ? {} : { user_name: clean(facts.user) }),
          ...(facts.inputPreview === undefined ? {} : { input_preview: clean(facts.inputPreview) }),
          ...(facts.outputPreview === undefined ? {} : { output_preview: clean(facts.outputPreview) }),
          ...(facts.experiment === undefined ? {} : { experiment: facts.experiment }),
        })
        .where("trace_id", "=", traceId).where("team", "=", team)
        .execute();
    });
  }

  search(search: TraceSearch): Promise<TracePage> {
    return searchTraces(this.#database.queries, search, this.#monotonic);
  }

  async find(traceId: string, visible: VisibleTraces, team?: string): Promise<StoredTrace | null> {
    const conditions = sql.join([sql`o.trace_id = ${traceId}`, ...visibleCondition(visible), ...(team === undefined ? [] : [sql`o.team = ${team}`])], sql` and `);
    const { rows } = await sql<SummaryRow>`select ${summaryColumns()} from traces o where ${conditions} order by case when o.team = ${defaultTeam} then 0 else 1 end, o.team limit 1`.execute(this.#database.queries);
    return rows[0] === undefined ? null : traceOf(rows[0]);
  }

  async spans({ team, traceId }: TraceKey, limit: number, mostBytes?: number): Promise<StoredSpan[]> {
    if (mostBytes !== undefined && limit > 1) {
      const { rows: [fitting] } = await sql<{ spans: number }>`select count(*) as spans from (
        select sum(size) over (order by start_ns, span_id rows unbounded preceding) as bytes
        from (select start_ns, span_id, octet_length(content_json) as size from trace_spans where trace_id = ${traceId} and team = ${team} order by start_ns, span_id limit ${sql.lit(limit)}) f) b where bytes <= ${sql.lit(mostBytes)}`.execute(this.#database.queries);
      limit = Math.min(limit, Math.max(1, Number(fitting!.spans)));
    }
    const ofTrace = this.#database.queries.selectFrom("trace_spans").where("trace_id", "=", traceId).where("team", "=", team).orderBy("start_ns").orderBy("span_id");
    // What is sorted is short: a trace may have very many spans, and long ones.
    const rows = await ofTrace.selectAll().where("span_id", "in", ofTrace.select("span_id").limit(limit)).execute();
    return rows.map(spanOf);
  }

  async named(names: readonly SpanName[]): Promise<KeptSpan[]> {
    if (names.length === 0) return [];
    const values = sql.join(names.map(({ traceId, team, spanId }) => sql`(${traceId}, ${team}, ${spanId})`));
    const { rows } = await sql<Selectable<TraceSpanRow>>`select s.* from trace_spans s where (s.trace_id, s.team, s.span_id) in (values ${values}) and octet_length(s.content_json) <= ${sql.lit(mostNamedBytes)}`.execute(this.#database.queries);
    return rows.map((row) => ({ team: row.team, span: spanOf(row) }));
  }

  async answered(answerIds: readonly string[]): Promise<ReadonlyMap<string, TraceKey>> {
    const found = new Map<string, TraceKey>();
    for (let from = 0; from < answerIds.length; from += prunedAtOnce) {
      // Texts with NUL are nowhere, and Postgres refuses them.
      const ids = answerIds.slice(from, from + prunedAtOnce).map(clean);
      // The key stands in the text: only then the index of these values is used.
      const { rows } = await sql<{ value: string; team: string; trace_id: string }>`select value, team, trace_id from trace_values where key = ${sql.lit("slipway.answer")} and value in (${sql.join(ids)})`.execute(this.#database.queries);
      for (const { value, team, trace_id: traceId } of rows) found.set(value, { team, traceId });
    }
    return found;
  }

  sessions(request: Parameters<TraceStore["sessions"]>[0]): Promise<Page<TraceSession>> {
    return listSessions(this.#database.queries, request);
  }

  remove(keys: readonly TraceKey[], now: EpochMs): Promise<number> {
    return removeTraces(this.#database, keys, now, true);
  }

  async prune(before: EpochMs, now: EpochMs): Promise<number> {
    const traces = this.#database.queries.selectFrom("traces").select(["team", "trace_id"]).orderBy("start_ns").limit(prunedAtOnce);
    let removed = await finishRemovals(this.#database);
    for (const past of [traces.where("start_ns", "<", nanoseconds(before)), traces.where("start_ns", ">", nanoseconds(now)).where("received_at", "<", before)]) {
      for (;;) {
        const old = await past.execute();
        // Age takes no opinion back.
        removed += await removeTraces(this.#database, old.map(({ team, trace_id: traceId }) => ({ team, traceId })), now, false);
        if (old.length < prunedAtOnce) break;
      }
    }
    await this.#database.queries.deleteFrom("trace_feedback_removals").where("removed_at", "<", before).execute();
    return removed;
  }

  addFeedback(key: TraceKey, feedback: Omit<Feedback, "revision">): Promise<Feedback> {
    return this.#database.transaction(async (transaction) => {
      await holdTrace(transaction, key);
      return writeFeedback(transaction, key, feedback);
    });
  }

  async feedback({ team, traceId }: TraceKey): Promise<Feedback[]> {
    const rows = await this.#database.queries
      .selectFrom("trace_feedback").select("content_json").where("trace_id", "=", traceId).where("team", "=", team).orderBy("id").orderBy("revision").execute();
    return rows.map((row) => Feedback.parse(JSON.parse(row.content_json)));
  }

  findFeedback(search: Parameters<TraceStore["findFeedback"]>[0]): Promise<FoundFeedback[]> {
    return findFeedback(this.#database.queries, search);
  }

  removeFeedback({ team, traceId }: TraceKey, id: string, now: EpochMs): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      // Held, so that no revision comes between.
      await transaction.updateTable("traces").set(({ ref }) => ({ received_at: ref("received_at") })).where("trace_id", "=", traceId).where("team", "=", team).execute();
      const gone = await transaction.deleteFrom("trace_feedback").where("trace_id", "=", traceId).where("team", "=", team).where("id", "=", id).returning("revision").execute();
      if (gone.length === 0) return false;
      const revision = Math.max(...gone.map((row) => row.revision));
      await transaction
        .insertInto("trace_feedback_removals").values({ team, trace_id: traceId, id, revision, removed_at: now })
        .onConflict((conflict) => conflict.columns(["trace_id", "team", "id"]).doUpdateSet({ revision, removed_at: now })).execute();
      return true;
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      let count = 0;
      let taken = 0;
      while (taken < this.#waiting.length && (taken === 0 || count + this.#waiting[taken]!.spans.length <= mostSpans)) count += this.#waiting[taken++]!.spans.length;
      const units = this.#waiting.splice(0, taken);
      try {
        await this.#commit(units);
      } catch (error) {
        if (units.length === 1) units[0]!.reject(error);
        // One that cannot be written must not fail the others.
        else for (const unit of units) await this.#commit([unit]).catch(unit.reject);
      }
    }
    this.#running = false;
  }

  async #commit(units: readonly Waiting[]): Promise<void> {
    const now = units.at(-1)!.now;
    await this.#database.writePacked({ kind: "spans", spans: units.length === 1 ? units[0]!.spans : units.flatMap(({ spans }) => spans), now });
    for (const unit of units) unit.resolve();
  }
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(Math.round(milliseconds * 1000)) * 1000n;
}

function merged(kind: "tags" | "metadata", json: string, changes: Readonly<Record<string, string | null>> | undefined): string {
  if (changes === undefined) return json;
  const entries = new Map(Object.entries(JSON.parse(json) as Record<string, string>));
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) entries.delete(key);
    else entries.set(key, value);
  }
  const changed = JSON.stringify(Object.fromEntries(entries));
  // What a former release took in may still become less.
  if (changed.length > json.length) assertFactsFit(kind, changed);
  return changed;
}
