import type { Caller } from "../../core/caller.ts";
import { AppError } from "../../core/errors.ts";
import type { StopSignal } from "../../core/stop-signal.ts";
import type { TraceSummary } from "../schemas.ts";
import type { TraceService } from "../trace-service.ts";
import { uuidOf } from "./run-facts.ts";
import type { RunQuery, RunReader } from "./run-reader.ts";
import { selectedOf, wireRunV2 } from "./wire-run-v2.ts";

type Json = Record<string, unknown>;
type Page = { items: Json[]; next_cursor: string | null };

/** Traces that are put together to threads for one request: a thread is told whole. */
const mostTraces = 10_000;
const tracesAtOnce = 500;

/** Traces with the same session, as the threads that LangSmith's newer clients read. */
export class ThreadReader {
  readonly #traces: TraceService;
  readonly #runs: RunReader;

  constructor(traces: TraceService, runs: RunReader) {
    this.#traces = traces;
    this.#runs = runs;
  }

  /** The thread with the newest trace first; `after` is the `next_cursor` of the page before. Throws INVALID_REQUEST where there are more traces than are looked through. */
  async threads(caller: Caller, query: RunQuery, { size, after }: { size: number; after: string | undefined }): Promise<Page> {
    const search = await this.#runs.searchOf(caller, query);
    const found: TraceSummary[] = [];
    for (let next: string | null | undefined; next !== null; ) {
      const page = await this.#traces.find(caller, { ...search, limit: tracesAtOnce, ...(next === undefined ? {} : { after: next }) });
      found.push(...page.items.map(({ summary }) => summary));
      ({ next } = page);
      if (next !== null && found.length >= mostTraces) throw new AppError("INVALID_REQUEST", `There are more than ${mostTraces} traces to make threads of. Narrow it by project_id, min_start_time and max_start_time.`);
    }
    const threads = [...Map.groupBy(found.filter(({ session }) => session !== null), ({ session }) => session!)];
    const from = after === undefined ? 0 : threads.findIndex(([thread]) => cursorOf(thread) === after) + 1;
    const page = threads.slice(from, from + size);
    return { items: page.map(([thread, traces]) => wireThread(thread, traces)), next_cursor: from + size < threads.length ? cursorOf(page.at(-1)![0]) : null };
  }

  /** The newest trace first, by its root. */
  async traces(caller: Caller, thread: string, { filter, trace_filter: ofRoot, ...query }: RunQuery, { selects, signal }: { selects: readonly string[]; signal: StopSignal }): Promise<Page> {
    const filters = [`eq(thread_id, ${JSON.stringify(thread)})`, filter, ofRoot].filter((text) => text !== undefined);
    const page = await this.#runs.query(caller, { ...query, is_root: true, filter: `and(${filters.join(", ")})`, trace_filter: undefined, select: selectedOf(selects) }, { signal });
    return {
      items: page.runs.map((run) => {
        const { id: _, latency_seconds: latency, ...told } = wireRunV2(run, ["TRACE_ID", ...selects.map((name) => (name === "LATENCY" ? "LATENCY_SECONDS" : name))]);
        return latency === undefined ? told : { ...told, latency };
      }),
      next_cursor: page.cursors.next,
    };
  }
}

function cursorOf(thread: string): string {
  return Buffer.from(thread).toString("base64url");
}

/** `traces`: one at least, the newest first. */
function wireThread(thread: string, traces: readonly TraceSummary[]): Json {
  const [newest, oldest] = [traces[0]!, traces.at(-1)!];
  const time = (milliseconds: number): string => new Date(milliseconds).toISOString();
  const sum = (values: readonly (number | null)[]): number => values.reduce<number>((all, value) => all + (value ?? 0), 0);
  const seconds = traces.flatMap(({ durationMs }) => (durationMs === null ? [] : [durationMs / 1000])).toSorted((one, other) => one - other);
  const failed = traces.filter(({ status }) => status === "error");
  return {
    thread_id: thread, trace_id: uuidOf(newest.traceId), first_trace_id: uuidOf(oldest.traceId), last_trace_id: uuidOf(newest.traceId), count: traces.length, num_errored_turns: failed.length,
    start_time: time(newest.start), min_start_time: time(oldest.start), max_start_time: time(newest.start), first_inputs: oldest.inputPreview, last_outputs: newest.outputPreview, last_error: failed.length === 0 ? null : "error",
    latency_p50: quantile(seconds, 0.5), latency_p99: quantile(seconds, 0.99), total_tokens: sum(traces.flatMap(({ inputTokens, outputTokens }) => [inputTokens, outputTokens])), total_cost: sum(traces.map(({ cost }) => cost)) / 1e9,
  };
}

/** The nearest rank of sorted numbers. */
function quantile(sorted: readonly number[], part: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? null;
}
