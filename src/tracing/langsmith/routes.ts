import { z } from "zod";
import type { Caller } from "../../core/caller.ts";
import type { Clock, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { assertJsonBounds, largeBodyBounds } from "../../core/json-bounds.ts";
import { HttpAnswer, route, type Route, type RouteRequest } from "../../core/route.ts";
import { slipwayVersion } from "../../core/version.ts";
import { teamHeader, teamOfSender } from "../trace-access.ts";
import type { TraceService } from "../trace-service.ts";
import { multipartParts } from "./multipart.ts";
import { feedbackOf, type LangsmithFeedback } from "./feedback.ts";
import { langsmithFeedbackRoutes } from "./feedback-routes.ts";
import { OpenRuns, type RunPart } from "./open-runs.ts";
import { refusedLangsmithCalls } from "./refused-calls.ts";
import { RunReader } from "./run-reader.ts";
import { langsmithRunRoutes } from "./run-routes.ts";
import { langsmithV2Routes } from "./routes-v2.ts";
import { spanOfRun, type LangsmithRun } from "./runs.ts";

const tag = "Traces";
const maxBytes = 32 << 20;
/** Of one form: each is a commit of its own, and clients send at most a hundred operations at once. */
const mostFeedbacks = 1000;
const Run = z.looseObject({ id: z.string().max(64) });
const Feedback = z.looseObject({ id: z.string().max(64) });
const accepted = (): HttpAnswer => new HttpAnswer(202, { "content-type": "application/json" }, "{}");
const Accepted = { mediaType: "application/json", description: "An empty object" };

/** What LangSmith's clients send, with `LANGSMITH_ENDPOINT` set to this server's URL and /langsmith. */
export function langsmithRoutes(traces: TraceService, clock: Pick<Clock, "monotonic">): Route[] {
  const open = new OpenRuns();
  const reader = new RunReader(traces, () => clock.monotonic());
  const keep = async ({ caller, headers, now }: Pick<RouteRequest<unknown, unknown, unknown>, "headers"> & { caller: Caller; now: EpochMs }, runs: readonly [RunPart, LangsmithRun][]): Promise<HttpAnswer> => {
    const team = teamOfSender(caller, headers[teamHeader]);
    // Both halves of a run may be in one request: the last state of each counts.
    const merged = new Map(runs.map(([part, run]) => [run.id, open.merge(team, run, part)]));
    await traces.ingest({ team, sender: caller.actor }, [...merged.values()].filter((run) => run !== null).map(spanOfRun), now);
    return accepted();
  };
  const note = async (by: "writeFeedback" | "expectFeedback", { caller, headers, now }: Parameters<typeof keep>[0], given: LangsmithFeedback): Promise<void> => {
    const { traceId, draft } = feedbackOf(given, caller.actor);
    await traces[by]({ team: teamOfSender(caller, headers[teamHeader]), traceId }, draft, now);
  };
  const common = { access: "contributor", on: "some", audited: false, tag, response: Accepted } as const;
  return [
    route({
      method: "GET", path: "/langsmith/info", access: "public", operationId: "langsmithInfo", tag, summary: "What LangSmith's clients ask before they send runs",
      response: z.looseObject({}),
      handle: () => ({
        // Of LangSmith, as its clients compare it with what they need: that of the calls which are served here.
        version: "0.18.0",
        slipway_version: slipwayVersion,
        // Without it Python's client says that it cannot compress, and sends plain.
        instance_flags: { zstd_compression_enabled: true },
        batch_ingest_config: { use_multipart_endpoint: true, scale_up_qsize_trigger: 1000, scale_up_nthreads_limit: 16, scale_down_nempty_trigger: 4, size_limit: 100, size_limit_bytes: 20 << 20 },
      }),
    }),
    route({
      ...common, method: "POST", path: "/langsmith/runs", operationId: "langsmithCreateRun", summary: "A run of LangSmith's clients, as a span", body: { kind: "json", schema: Run, maxBytes },
      handle: (request) => keep(request, [["post", request.body]]),
    }),
    route({
      ...common, method: "PATCH", path: "/langsmith/runs/:run", operationId: "langsmithUpdateRun", summary: "What changed of a run", params: z.strictObject({ run: z.string().max(64) }), body: { kind: "json", schema: z.looseObject({}), maxBytes },
      handle: (request) => keep(request, [["patch", { ...request.body, id: request.params.run }]]),
    }),
    route({
      ...common, method: "POST", path: "/langsmith/runs/batch", operationId: "langsmithBatchRuns", summary: "Runs, and what changed of others",
      body: { kind: "json", schema: z.looseObject({ post: z.array(Run).nullish(), patch: z.array(Run).nullish() }), maxBytes },
      handle: (request) => {
        const of = (part: RunPart): [RunPart, LangsmithRun][] => (request.body[part] ?? []).map((run) => [part, run]);
        return keep(request, [...of("post"), ...of("patch")]);
      },
    }),
    route({
      ...common, method: "POST", path: "/langsmith/runs/multipart", operationId: "langsmithMultipartRuns", summary: "Runs with their fields as parts of a form",
      body: { kind: "buffer", maxBytes, description: "multipart/form-data with parts such as post.ID and post.ID.inputs" },
      handle: async (request) => {
        const parts = multipartParts(request.body, request.headers["content-type"]);
        assertPartsBounds(parts);
        const given = feedbacksOfParts(parts);
        const answer = await keep(request, runsOfParts(parts));
        // Clients put together what has nothing to do with each other: one that cannot be kept must not take the others along. Runs that feedback is on may come after it, and nothing of a form is sent again.
        const refused: unknown[] = [];
        for (const feedback of given) await note("expectFeedback", request, feedback).catch((thrown: unknown) => refused.push(thrown));
        if (refused.length > 0) throw refused[0];
        return answer;
      },
    }),
    route({
      ...common, method: "POST", path: "/langsmith/feedback", operationId: "langsmithCreateFeedback", summary: "Feedback of LangSmith's clients on a run; with an id that is there, its next revision", body: { kind: "json", schema: Feedback, maxBytes },
      handle: async (request) => {
        // Where the run is not there yet, clients try again.
        await note("writeFeedback", request, request.body);
        return accepted();
      },
    }),
    ...langsmithFeedbackRoutes(traces),
    ...langsmithRunRoutes(reader),
    ...langsmithV2Routes(traces, reader),
    ...refusedLangsmithCalls(),
  ];
}

const runPart = /^(post|patch)\.([0-9a-f-]{36})(?:\.([a-z]+))?$/i;
const feedbackPart = /^feedback\.([0-9a-f-]{36})$/i;

/**
 * The parts that are read hold no more together than a body of JSON may: each by itself could be as large as that, and there are thousands. Looked at one by one, and then as one list in the order in
 * which they are read: a part that would hide the next in a text that it does not close is no JSON, and is found to be none before it.
 */
function assertPartsBounds(parts: ReadonlyMap<string, Buffer>): void {
  const comma = Buffer.from(",");
  const read = [feedbackPart, runPart].flatMap((kind) => [...parts].filter(([name]) => kind.test(name)).map(([, content]) => content));
  for (const content of read) assertJsonBounds(content, largeBodyBounds);
  assertJsonBounds(Buffer.concat(read.flatMap((content) => [content, comma])), largeBodyBounds);
}

/** Throws INVALID_REQUEST. */
function feedbacksOfParts(parts: ReadonlyMap<string, Buffer>): LangsmithFeedback[] {
  const given = [...parts].flatMap(([name, content]) => {
    const [, id] = feedbackPart.exec(name) ?? [];
    return id === undefined ? [] : [{ id, content }];
  });
  if (given.length > mostFeedbacks) throw new AppError("INVALID_REQUEST", `A form holds at most ${mostFeedbacks} feedbacks.`);
  return given.map(({ id, content }) => ({ ...objectOf(parsed(content)), id }));
}

/** `post.ID` and `patch.ID` are runs, `post.ID.inputs` a field of one; attachments are passed over. */
function runsOfParts(parts: ReadonlyMap<string, Buffer>): [RunPart, LangsmithRun][] {
  const runs = new Map<string, [RunPart, LangsmithRun]>();
  for (const [name, content] of parts) {
    const [, operation, id, field] = runPart.exec(name) ?? [];
    if (id === undefined) continue;
    const key = `${operation}.${id}`;
    const [, run] = runs.get(key) ?? [null, { id }];
    const value = parsed(content);
    runs.set(key, [operation!.toLowerCase() as RunPart, field === undefined ? { ...objectOf(value), ...run } : { ...run, [field]: value }]);
  }
  return [...runs.values()];
}

function objectOf(value: unknown): object {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function parsed(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString("utf8")) as unknown;
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", "A part of the form is no JSON.", { cause });
  }
}
