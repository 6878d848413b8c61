import { createHash } from "node:crypto";
import { z } from "zod";
import type { Caller } from "../../core/caller.ts";
import { AppError } from "../../core/errors.ts";
import type { SearchCondition } from "../../core/search-condition.ts";
import type { StopSignal } from "../../core/stop-signal.ts";
import type { TracedService } from "../run-directory.ts";
import type { Feedback } from "../schemas.ts";
import type { StoredSpan } from "../stored-span.ts";
import type { TraceService } from "../trace-service.ts";
import type { StoredTrace } from "../trace-store.ts";
import { foundByFilter } from "./found-by-filter.ts";
import { RunsOfTrace, uuidOf } from "./run-facts.ts";
import { runFilterOf, type RunPredicate } from "./run-filter.ts";
import { hexOf, nanosecondsOf } from "./runs.ts";
import { wireRun } from "./wire-run.ts";

type Json = Record<string, unknown>;

const Uuid = z.string().refine((text) => hexOf(text) !== null, "a UUID");
const Uuids = z.array(Uuid).max(1000);
const Filter = z.string().max(10_000);
const said = <Schema extends z.ZodType>(schema: Schema) => schema.nullish().transform((value) => value ?? undefined);

/** What `list_runs` asks, without what is null. */
export const RunQuery = z.strictObject({
  session: said(Uuids), session_id: said(Uuid), trace: said(Uuid), id: said(z.union([Uuids, Uuid.transform((id) => [id])])), parent_run: said(Uuid), is_root: said(z.union([z.boolean(), z.number().transform((flag) => flag !== 0)])),
  run_type: said(z.string().max(64)), error: said(z.boolean()), start_time: said(z.string().max(64)), end_time: said(z.string().max(64)), filter: said(Filter), trace_filter: said(Filter), tree_filter: said(Filter),
  order: said(z.enum(["asc", "desc"])), select: said(z.array(z.string().max(64)).max(100)), limit: said(z.number().int().min(1)), cursor: said(z.string().max(20_000)),
});
export type RunQuery = z.infer<typeof RunQuery>;

/** Where a page ended: traces that were begun or found already, behind which run of the first, and the place of the rest. */
const Cursor = z.strictObject({ open: z.array(z.tuple([z.string(), z.string()])).max(100), last: z.string().nullable(), next: z.string().nullable() });
type Cursor = z.infer<typeof Cursor>;

const mostRuns = 100;
const tracesAtOnce = 20;
/** A search is long that has looked through so much, or for so long: its page ends where it has found something. */
const longSearch = { spans: 50_000, milliseconds: 3000 };
/** Clients take a page without runs for the end, so a request that has found nothing goes on for so long. They wait a minute and more. */
const longestSearchMs = 30_000;

/** The id of a project: it follows from its name, for nothing is kept of projects themselves. */
function projectIdOf(name: string): string {
  const hex = createHash("sha256").update(`project ${name}`).digest("hex");
  return uuidOf(`${hex.slice(0, 12)}8${hex.slice(13, 16)}8${hex.slice(17, 32)}`);
}

/** Traces as the runs that LangSmith's clients read. */
export class RunReader {
  readonly #traces: ReadTraces;
  readonly #monotonic: () => number;
  /** Ends with the turn of the last long search in line. */
  #lastTurn: Promise<void> = Promise.resolve();

  /** `monotonic`: milliseconds. */
  constructor(traces: ReadTraces, monotonic: () => number) {
    this.#traces = traces;
    this.#monotonic = monotonic;
  }

  /** Throws TRACE_NOT_FOUND. */
  async read(caller: Caller, id: string): Promise<Json> {
    const hex = hexOf(id);
    const found = hex === null ? [] : await this.#traces.tracesOfRuns(caller, [hex]);
    for (const { team, traceId } of found) {
      const { items } = await this.#traces.find(caller, { attributes: {}, order: "start", limit: 1, team, conditions: [idsCondition([traceId])] });
      for (const trace of items) {
        const runs = new RunsOfTrace(trace, await this.#traces.spans(trace.summary));
        const span = runs.spans.find((each) => runs.idOf(each) === id.toLowerCase()) ?? (traceId === hex ? runs.root : undefined);
        if (span !== undefined) return this.#wire(runs, [span], undefined).then(([run]) => run!);
      }
    }
    throw new AppError("TRACE_NOT_FOUND", `There is no run ${JSON.stringify(id.slice(0, 64))}.`);
  }

  /**
   * Trace by trace, the newest first, and in each the newest run first; the other way round where that is asked for; at most `most` on a page. A search that has found nothing for long goes on in turns with others of its
   * kind: together they take from everybody else what one does. Throws INVALID_REQUEST, NOT_SUPPORTED.
   */
  async query(caller: Caller, asked: RunQuery, { most = mostRuns, signal }: { most?: number; signal: StopSignal }): Promise<RunPage> {
    const search = await this.searchOf(caller, asked);
    const limit = Math.min(asked.limit ?? mostRuns, most);
    const state: Looking = { caller, asked, search, predicates: predicatesOf(asked), limit, signal, began: this.#monotonic(), found: [], looked: 0, cursor: asked.cursor === undefined ? null : cursorOf(asked.cursor) };
    for (;;) {
      const end = this.#isLong(state) ? await this.#turn() : null;
      try {
        const page = await this.#lookOn(state);
        if (page !== null) return page;
      } finally {
        end?.();
      }
    }
  }

  /** Looks through the next traces; answers with the page where it is complete. */
  async #lookOn(state: Looking): Promise<RunPage | null> {
    const { caller, asked, search, predicates: { meets, treeMeets, rootMeets }, limit, found, cursor } = state;
    const onlyRoots = asked.is_root === true && asked.tree_filter === undefined;
    const { items, next } = await this.#tracesAt(caller, search, cursor, onlyRoots ? limit - found.length : tracesAtOnce);
    let last = cursor?.open.length ? cursor.last : null;
    for (const [index, trace] of items.entries()) {
      const spans = await this.#traces.spans(trace.summary, onlyRoots ? 1 : undefined);
      // The first span is the root, but where another of it came late or not at all.
      const runs = new RunsOfTrace(trace, onlyRoots && spans[0]?.parentSpanId !== null ? await this.#traces.spans(trace.summary) : spans);
      state.looked += 1 + runs.spans.length;
      const isLookedAt = (rootMeets === null || (runs.root !== undefined && rootMeets(runs.factsOf(runs.root)))) && (treeMeets === null || runs.spans.some((span) => treeMeets(runs.factsOf(span))));
      const matching = isLookedAt ? inOrder(runs.spans.filter((span) => meets(runs.factsOf(span))), asked.order === "asc") : [];
      const after = last;
      const rest = after === null ? matching : matching.filter((span) => (asked.order === "asc" ? placeOf(span) > after : placeOf(span) < after));
      const taken = rest.slice(0, limit - found.length);
      found.push(...(await this.#wire(runs, taken, asked.select)));
      if (rest.length > taken.length) {
        const ended = taken.at(-1);
        return { runs: found, cursors: { next: nameOf({ open: items.slice(index).map(({ summary }) => [summary.traceId, summary.team]), last: ended === undefined ? after : placeOf(ended), next }) } };
      }
      if (found.length === 0) this.#assertMayGoOn(state, trace.summary.start);
      last = null;
    }
    if (next === null) return { runs: found, cursors: { next: null } };
    state.cursor = { open: [], last: null, next };
    if (found.length === limit || (found.length > 0 && this.#isLong(state))) return { runs: found, cursors: { next: nameOf(state.cursor) } };
    this.#assertMayGoOn(state, null);
    return null;
  }

  #isLong({ looked, began }: Looking): boolean {
    return looked > longSearch.spans || this.#monotonic() - began >= longSearch.milliseconds;
  }

  /** `reached`: milliseconds since 1970. Throws CALLER_GONE, INVALID_REQUEST. */
  #assertMayGoOn({ signal, began, looked }: Looking, reached: number | null): void {
    if (signal.aborted) throw new AppError("CALLER_GONE", "The caller left.");
    if (this.#monotonic() - began < longestSearchMs) return;
    throw new AppError("INVALID_REQUEST", `${looked} runs were looked through${reached === null ? "" : `, to those of ${new Date(reached).toISOString()}`}, and none is like that. Narrow it by start_time, end_time, project, trace or error.`);
  }

  /** Answers when those before in line have had theirs, with what ends this one. */
  async #turn(): Promise<() => void> {
    const before = this.#lastTurn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastTurn = promise;
    await before;
    return resolve;
  }

  /** Services of traces, the one with the newest first. */
  async projects(caller: Caller, asked: { ids?: readonly string[] | undefined; name?: string | undefined; part?: string | undefined }): Promise<Json[]> {
    const { ids, name, part } = asked;
    const services = await this.#traces.services(caller, name === undefined ? undefined : [name]);
    const wanted = ids?.map((id) => id.toLowerCase());
    return services
      .filter((service) => (wanted === undefined || wanted.includes(projectIdOf(service.name))) && (part === undefined || service.name.toLowerCase().includes(part.toLowerCase())))
      .sort((one, other) => other.last - one.last || (one.name < other.name ? -1 : 1)).map(wireProject);
  }

  /** A page of the search, or what is left of one. */
  async #tracesAt(caller: Caller, search: Search, cursor: Cursor | null, limit: number): Promise<{ items: StoredTrace[]; next: string | null }> {
    if (cursor === null || cursor.open.length === 0) return this.#traces.find(caller, { ...search, limit: Math.min(limit, tracesAtOnce * 5), ...(cursor?.next ? { after: cursor.next } : {}) });
    const open = new Set(cursor.open.map(([traceId, team]) => `${traceId} ${team}`));
    const { items } = await this.#traces.find(caller, { ...search, limit: 500, conditions: [...(search.conditions ?? []), idsCondition(cursor.open.map(([traceId]) => traceId))] });
    return { items: items.filter(({ summary }) => open.has(`${summary.traceId} ${summary.team}`)), next: cursor.next };
  }

  /** What of the query a trace answers by itself. */
  async searchOf(caller: Caller, { session, session_id: sessionId, trace, id, parent_run: parent, error, start_time: from, end_time: to, order, filter, tree_filter: tree, trace_filter: ofRoot }: RunQuery): Promise<Search> {
    const conditions: SearchCondition[] = [];
    const projects = [...(session ?? []), ...(sessionId === undefined ? [] : [sessionId])];
    if (projects.length > 0) {
      const wanted = new Set(projects.map((project) => project.toLowerCase()));
      const names = (await this.#traces.services(caller)).map(({ name }) => name).filter((name) => wanted.has(projectIdOf(name)));
      conditions.push({ kind: "attribute", key: "service", operator: "IN", value: names });
    }
    if (trace !== undefined) conditions.push(idsCondition([hexOf(trace)!]));
    const named = [...(id ?? []), ...(parent === undefined ? [] : [parent])].map((run) => hexOf(run)!);
    if (named.length > 0) conditions.push(idsCondition((await this.#traces.tracesOfRuns(caller, named)).map(({ traceId }) => traceId)));
    const milliseconds = (text: string): number => Number(timeOf(text) / 1_000_000n);
    const known = [filter, tree, ofRoot].filter((text) => text !== undefined).map(foundByFilter);
    conditions.push(...known.flatMap((found) => found.conditions));
    const isFailed = error === true || known.some(({ failed }) => failed);
    const thread = filter === undefined ? null : known[0]!.thread;
    return {
      attributes: {}, order: "start", ascending: order === "asc", conditions, ...(isFailed ? { errors: true } : {}), ...(from === undefined ? {} : { from: milliseconds(from) }), ...(to === undefined ? {} : { to: milliseconds(to) + 1 }),
      ...(thread === null ? {} : { session: thread }),
    };
  }

  async #wire(runs: RunsOfTrace, spans: readonly StoredSpan[], select: readonly string[] | undefined): Promise<Json[]> {
    const { summary } = runs.trace;
    const feedback: Feedback[] = spans.length === 0 || summary.feedback === 0 ? [] : await this.#traces.feedback(summary);
    const project = summary.service === null ? null : projectIdOf(summary.service);
    return spans.map((span) => wireRun(runs, { span, project, feedback, select }));
  }
}

/** What runs are read from. */
export type ReadTraces = Pick<TraceService, "find" | "spans" | "feedback" | "services" | "tracesOfRuns">;
export type RunPage = { runs: Json[]; cursors: { next: string | null } };

/** A page under way. */
interface Looking {
  readonly caller: Caller;
  readonly asked: RunQuery;
  readonly search: Search;
  readonly predicates: ReturnType<typeof predicatesOf>;
  readonly limit: number;
  readonly signal: StopSignal;
  /** Monotonic, in milliseconds. */
  readonly began: number;
  readonly found: Json[];
  /** Spans and traces. */
  looked: number;
  cursor: Cursor | null;
}

type Search = Omit<Parameters<TraceService["find"]>[1], "limit">;

function idsCondition(traceIds: readonly string[]): SearchCondition {
  return { kind: "attribute", key: "id", operator: "IN", value: traceIds };
}

function timeOf(text: string): bigint {
  const time = nanosecondsOf(text);
  if (time === null) throw new AppError("INVALID_REQUEST", `${JSON.stringify(text)} is no time such as 2026-01-31T00:00:00Z.`);
  return time;
}

/** Which runs are meant, which traces by one of their runs, and which by their root. */
function predicatesOf({ id, parent_run: parent, is_root: isRoot, run_type: type, error, start_time: from, end_time: to, filter, tree_filter: tree, trace_filter: ofRoot }: RunQuery): { meets: RunPredicate; treeMeets: RunPredicate | null; rootMeets: RunPredicate | null } {
  const ids = id === undefined ? null : new Set(id.map((each) => each.toLowerCase()));
  const [first, last] = [from === undefined ? null : timeOf(from), to === undefined ? null : timeOf(to)];
  const filtered = filter === undefined ? null : runFilterOf(filter);
  const meets: RunPredicate = (run) =>
    (ids === null || ids.has(run.id)) && (parent === undefined || run.parent_run_id === parent.toLowerCase()) && (isRoot === undefined || run.is_root === isRoot) && (type === undefined || run.run_type === type) &&
    (error === undefined || (run.status === "error") === error) && (first === null || run.start_time >= first) && (last === null || run.start_time <= last) && (filtered === null || filtered(run));
  return { meets, treeMeets: tree === undefined ? null : runFilterOf(tree), rootMeets: ofRoot === undefined ? null : runFilterOf(ofRoot) };
}

/** Sorts as the runs of a trace do. */
function placeOf({ start, spanId }: StoredSpan): string {
  return `${String(start).padStart(20, "0")} ${spanId}`;
}

function inOrder(spans: readonly StoredSpan[], ascending: boolean): StoredSpan[] {
  const sign = ascending ? 1 : -1;
  return spans.map((span) => ({ span, place: placeOf(span) })).sort((one, other) => (one.place < other.place ? -sign : sign)).map(({ span }) => span);
}

function nameOf(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString("base64url");
}

function cursorOf(text: string): Cursor {
  try {
    return Cursor.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", "The cursor is the next of no page.", { cause });
  }
}

function wireProject({ name, first, last }: TracedService): Json {
  const time = (milliseconds: number): string => new Date(milliseconds).toISOString();
  return { id: projectIdOf(name), name, tenant_id: "00000000-0000-0000-0000-000000000000", start_time: time(first), end_time: null, last_run_start_time: time(last), description: null, extra: null, reference_dataset_id: null, trace_tier: null };
}
