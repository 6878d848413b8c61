import { z } from "zod";
import type { EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { route, type Route, type RouteRequest } from "../../core/route.ts";
import type { TraceService } from "../trace-service.ts";
import { RunQuery, type RunReader } from "./run-reader.ts";
import { ThreadReader } from "./thread-reader.ts";
import { runSelects, selectedOf, wireRunV2 } from "./wire-run-v2.ts";

const tag = "Traces";
const dayMs = 86_400_000;
/** Runs of one trace that are told at once, as many as `GET /api/traces/TRACE` shows. */
const mostOfTrace = 10_000;

const Selects = z.array(z.enum(runSelects)).max(100).optional();
const Id = z.string().max(64);
const Ids = z.array(Id).max(1000).optional();
const Text = z.string().max(20_000).optional();
const PageSize = z.number().int().min(1).max(1000).optional();
const Body = z.record(z.string().max(250), z.unknown());
const range = { min_start_time: Text, max_start_time: Text };
const RunsBody = z.strictObject({
  ...range, project_ids: Ids, ids: Ids, trace_id: Text, is_root: z.boolean().optional(), run_type: z.string().max(64).optional(), has_error: z.boolean().optional(), filter: Text, trace_filter: Text, tree_filter: Text, cursor: Text, page_size: PageSize, selects: Selects,
  include_subtree_usage: z.literal(false).optional(),
});
const TracesBody = z.strictObject({ ...range, project_id: Text, trace_ids: Ids, trace_filter: Text, tree_filter: Text, cursor: Text, page_size: PageSize, selects: Selects });
const ThreadsBody = z.strictObject({ ...range, project_id: Text, cursor: Text, page_size: PageSize });
/** Each as a list: clients repeat them. */
const one = z.array(z.string().max(20_000)).max(1).optional().transform((values) => values?.[0]);
const RunQueryString = z.object({ selects: Selects });
const TraceQueryString = z.object({ selects: Selects, filter: one, min_start_time: one, max_start_time: one });
const ThreadQueryString = z.object({ project_id: one, cursor: one, filter: one, trace_filter: one, tree_filter: one, page_size: z.array(z.coerce.number().int().min(1).max(100)).max(1).optional().transform((values) => values?.[0]), selects: z.array(z.string().max(64)).max(100).optional() });
const Items = z.object({ items: z.array(z.looseObject({})), next_cursor: z.string().nullable() });
type Asked = Pick<RouteRequest<unknown, unknown, unknown>, "headers" | "now">;

/** The second version of what LangSmith's clients read: runs, traces and threads, of which they say what they want to know. */
export function langsmithV2Routes(traces: TraceService, runs: RunReader): Route[] {
  const threads = new ThreadReader(traces, runs);
  const common = { access: "viewer", on: "some", tag } as const;
  return [
    route({
      ...common, method: "POST", path: "/langsmith/api/v2/runs/query", audited: false, operationId: "langsmithQueryRunsV2", summary: "Runs, as newer clients of LangSmith list them",
      description: "Of the last day where no min_start_time, ids or trace_id is said. What is not served is refused by its name.", body: { kind: "json", schema: Body }, response: Items,
      handle: async (request) => {
        const { project_ids: session, ids: id, trace_id: trace, is_root, run_type: type, has_error: error, page_size: limit, cursor, selects = [], ...asked } = bodyOf(RunsBody, request);
        const { filter, trace_filter, tree_filter } = asked;
        const isNamed = id !== undefined || trace !== undefined;
        const page = await runs.query(request.caller, queryOf({ ...timesOf(asked, isNamed ? null : request.now), session, id, trace, is_root, run_type: type?.toLowerCase(), error, filter, trace_filter, tree_filter, limit, cursor, select: selectedOf(selects) }), request);
        return { items: page.runs.map((run) => wireRunV2(run, selects)), next_cursor: page.cursors.next };
      },
    }),
    route({
      ...common, method: "GET", path: "/langsmith/api/v2/runs/:run", operationId: "langsmithGetRunV2", summary: "One run, as newer clients of LangSmith read it", params: z.strictObject({ run: Id }), query: RunQueryString, repeatedQuery: true, response: z.looseObject({}),
      handle: async ({ params: { run }, query: { selects = [] }, caller }) => wireRunV2(await runs.read(caller, run), selects),
    }),
    route({
      ...common, method: "POST", path: "/langsmith/api/v2/traces/query", audited: false, operationId: "langsmithQueryTracesV2", summary: "Traces by their root runs, as newer clients of LangSmith list them",
      description: "Of the last day where neither min_start_time nor trace_ids are said. What is not served is refused by its name.", body: { kind: "json", schema: Body }, response: Items,
      handle: async (request) => {
        const { project_id: project, trace_ids: id, trace_filter: filter, tree_filter, cursor, page_size: limit, selects = [], ...asked } = bodyOf(TracesBody, request);
        const times = timesOf(asked, id === undefined ? request.now : null);
        const page = await runs.query(request.caller, queryOf({ ...times, session_id: project, id, is_root: true, filter, tree_filter, cursor, limit, select: selectedOf(selects) }), request);
        const sums = selects.some((name) => name === "TOTAL_TOKENS" || name === "TOTAL_COST" || name === "FIRST_TOKEN_TIME");
        // What is said of a root is said of its whole trace.
        const items = page.runs.map((run) => ({ root_run: wireRunV2(run, selects), ...(sums ? { trace_aggregates: { total_tokens: run.total_tokens, total_cost: run.total_cost, first_token_time: null } } : {}) }));
        return { items, next_cursor: page.cursors.next };
      },
    }),
    route({
      ...common, method: "GET", path: "/langsmith/api/v2/traces/:trace/runs", operationId: "langsmithListTraceRunsV2", summary: "The runs of a trace, the first to start first", params: z.strictObject({ trace: Id }), query: TraceQueryString, repeatedQuery: true,
      response: z.object({ items: z.array(z.looseObject({})) }),
      handle: async ({ params: { trace }, query: { selects = [], filter, ...asked }, caller, headers, signal }) => {
        refuseStream(headers);
        const page = await runs.query(caller, queryOf({ ...timesOf(asked, null), trace, filter, order: "asc", select: selectedOf(selects), limit: mostOfTrace }), { most: mostOfTrace, signal });
        return { items: page.runs.map((run) => wireRunV2(run, selects)) };
      },
    }),
    route({
      ...common, method: "POST", path: "/langsmith/api/v2/threads/query", audited: false, operationId: "langsmithQueryThreadsV2", summary: "Threads of a project, as newer clients of LangSmith list them: sessions of traces",
      description: "Of the last day where no min_start_time is said. What is not served is refused by its name.", body: { kind: "json", schema: Body }, response: Items,
      handle: async (request) => {
        const { project_id: session_id, cursor: after, page_size: size = 20, ...asked } = bodyOf(ThreadsBody, request);
        return threads.threads(request.caller, queryOf({ ...timesOf(asked, request.now), session_id }), { size: Math.min(size, 100), after });
      },
    }),
    route({
      ...common, method: "GET", path: "/langsmith/api/v2/threads/:thread/traces", operationId: "langsmithListThreadTracesV2", summary: "The traces of a thread, the newest first", params: z.strictObject({ thread: z.string().max(250) }), query: ThreadQueryString, repeatedQuery: true, response: Items,
      handle: ({ params: { thread }, query: { project_id: session_id, cursor, filter, trace_filter, tree_filter, page_size: limit = 20, selects = [] }, caller, signal }) =>
        threads.traces(caller, thread, queryOf({ session_id, is_root: true, filter, trace_filter, tree_filter, cursor, limit }), { selects, signal }),
    }),
  ];
}

/** Throws NOT_SUPPORTED for what is not served, INVALID_REQUEST. */
function bodyOf<Schema extends z.ZodObject>(schema: Schema, { body, headers }: Asked & { body: z.infer<typeof Body> }): z.infer<Schema> {
  refuseStream(headers);
  const asked = Object.entries(body).filter(([, value]) => value !== null);
  const other = asked.find(([key, value]) => !Object.hasOwn(schema.shape, key) || (key === "include_subtree_usage" && value === true))?.[0];
  if (other !== undefined) throw new AppError("NOT_SUPPORTED", `${other} is not served here: ${Object.keys(schema.shape).join(", ")} are. Texts and attributes of traces: GET /api/traces.`);
  return parsed(schema, Object.fromEntries(asked));
}

function refuseStream({ accept }: Asked["headers"]): void {
  if (String(accept).includes("text/event-stream")) throw new AppError("NOT_SUPPORTED", "Runs are not streamed here: ask for them page by page, without `streaming`.");
}

function queryOf(asked: Readonly<Record<string, unknown>>): RunQuery {
  return parsed(RunQuery, asked);
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  throw new AppError("INVALID_REQUEST", `The query cannot be read: ${problems[0]!.path}: ${problems[0]!.message}`, { problems });
}

/** `now`: the end of the day that is meant where none is said; null where all of the past is. */
function timesOf({ min_start_time: from, max_start_time: to }: { min_start_time?: string | undefined; max_start_time?: string | undefined }, now: EpochMs | null): { start_time: string | undefined; end_time: string | undefined } {
  return { start_time: from ?? (now === null ? undefined : new Date(now - dayMs).toISOString()), end_time: to };
}
