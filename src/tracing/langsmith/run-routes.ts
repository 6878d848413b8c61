import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import { route, type Route } from "../../core/route.ts";
import { RunQuery, type RunReader } from "./run-reader.ts";

const tag = "Traces";
const mostProjects = 100;
const Texts = z.array(z.string().max(500)).max(1000).optional();
/** Each as a list: clients repeat them. Others are passed over. */
const ProjectQuery = z.object({
  id: Texts, name: Texts, name_contains: Texts, reference_dataset: Texts, reference_free: Texts, dataset_version: Texts, metadata: Texts,
  limit: z.array(z.coerce.number().int().min(1).max(100)).optional(), offset: z.array(z.coerce.number().int().min(0)).optional(),
});
/** Say how LangSmith's own server is to answer, and nothing of runs. */
const passedOver = new Set(["data_source_type", "skip_pagination", "skip_prev_cursor", "use_experimental_search"]);

/** Runs and projects as LangSmith's clients read them: spans of traces that the caller sees, and their services. */
export function langsmithRunRoutes(reader: RunReader): Route[] {
  return [
    route({
      method: "POST", path: "/langsmith/runs/query", access: "viewer", on: "some", audited: false, operationId: "langsmithQueryRuns", tag, summary: "Runs, as LangSmith's clients list them",
      description: "Spans of traces that the caller sees, trace by trace. start_time and end_time are also those between which their traces began. What is not served is refused by its name.",
      body: { kind: "json", schema: z.record(z.string().max(250), z.unknown()) }, response: z.object({ runs: z.array(z.looseObject({})), cursors: z.object({ next: z.string().nullable() }) }),
      handle: ({ body, caller, signal }) => reader.query(caller, queryOf(body), { signal }),
    }),
    route({
      method: "GET", path: "/langsmith/runs/:run", access: "viewer", on: "some", operationId: "langsmithGetRun", tag, summary: "One run, as LangSmith's clients read it", params: z.strictObject({ run: z.string().max(64) }), response: z.looseObject({}),
      handle: ({ params: { run }, caller }) => reader.read(caller, run),
    }),
    route({
      method: "GET", path: "/langsmith/sessions", aliases: ["/langsmith/api/v1/sessions"], access: "viewer", on: "some", operationId: "langsmithListProjects", tag, summary: "Projects of LangSmith's clients: the services of traces, the one with the newest trace first",
      query: ProjectQuery, repeatedQuery: true, response: z.array(z.looseObject({})),
      handle: async ({ query: { id, name, name_contains: part, limit, offset, ...others }, caller }) => {
        const other = (["reference_dataset", "dataset_version", "metadata"] as const).find((key) => others[key] !== undefined) ?? (others.reference_free?.some((text) => text.toLowerCase() === "false") ? "reference_free" : undefined);
        if (other !== undefined) throw new AppError("NOT_SUPPORTED", `Projects are the services of traces, and not found by ${other} here: by id, name or name_contains.`);
        const found = await reader.projects(caller, { ids: id, name: name?.at(-1), part: part?.at(-1) });
        const from = offset?.at(-1) ?? 0;
        return found.slice(from, from + (limit?.at(-1) ?? mostProjects));
      },
    }),
    route({
      method: "GET", path: "/langsmith/sessions/:session", aliases: ["/langsmith/api/v1/sessions/:session"], access: "viewer", on: "some", operationId: "langsmithGetProject", tag, summary: "One project of LangSmith's clients", params: z.strictObject({ session: z.string().max(64) }), query: z.object({}), response: z.looseObject({}),
      handle: async ({ params: { session }, caller }) => {
        const [project] = await reader.projects(caller, { ids: [session] });
        if (project === undefined) throw new AppError("TRACE_NOT_FOUND", `There is no project ${JSON.stringify(session)}: no trace is there of such a service.`);
        return project;
      },
    }),
  ];
}

/** Throws NOT_SUPPORTED for what runs cannot be found by here, INVALID_REQUEST. */
function queryOf(body: Readonly<Record<string, unknown>>): RunQuery {
  const asked = Object.entries(body).filter(([key, value]) => value !== null && !passedOver.has(key));
  const other = asked.find(([key]) => !Object.hasOwn(RunQuery.shape, key));
  if (other !== undefined) throw new AppError("NOT_SUPPORTED", `Runs are not found by ${other[0]} here: by ${Object.keys(RunQuery.shape).join(", ")}. Texts and attributes of traces: GET /api/traces.`);
  const read = RunQuery.safeParse(Object.fromEntries(asked));
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  throw new AppError("INVALID_REQUEST", `The query of runs cannot be read: ${problems[0]!.path}: ${problems[0]!.message}`, { problems });
}
