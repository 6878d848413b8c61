import { z } from "zod";
import type { Caller } from "../../core/caller.ts";
import type { EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { assertJsonBounds, largeBodyBounds } from "../../core/json-bounds.ts";
import { HttpAnswer, route, type Route, type RouteRequest } from "../../core/route.ts";
import { slipwayVersion } from "../../core/version.ts";
import { teamHeader, teamOfSender } from "../trace-access.ts";
import type { TraceService } from "../trace-service.ts";
import { multipartParts } from "./multipart.ts";
import { OpenRuns } from "./open-runs.ts";
import { spanOfRun, type LangsmithRun } from "./runs.ts";

const tag = "Traces";
const maxBytes = 32 << 20;
const Run = z.looseObject({ id: z.string().max(64) });
const accepted = (): HttpAnswer => new HttpAnswer(202, { "content-type": "application/json" }, "{}");
const Accepted = { mediaType: "application/json", description: "An empty object" };

/** What LangSmith's clients send, with `LANGSMITH_ENDPOINT` set to this server's URL and /langsmith. */
export function langsmithRoutes(traces: TraceService): Route[] {
  const open = new OpenRuns();
  const keep = async ({ caller, headers, now }: Pick<RouteRequest<unknown, unknown, unknown>, "headers"> & { caller: Caller; now: EpochMs }, runs: readonly LangsmithRun[]): Promise<HttpAnswer> => {
    const team = teamOfSender(caller, headers[teamHeader]);
    // Both halves of a run may be in one request: the last state of each counts.
    const merged = new Map(runs.map((run) => [run.id, open.merge(team, run)]));
    await traces.ingest({ team, sender: caller.actor }, [...merged.values()].map(spanOfRun), now);
    return accepted();
  };
  const common = { access: "contributor", on: "some", audited: false, tag, response: Accepted } as const;
  return [
    route({
      method: "GET", path: "/langsmith/info", access: "public", operationId: "langsmithInfo", tag, summary: "What LangSmith's clients ask before they send runs",
      response: z.looseObject({}),
      handle: () => ({
        version: slipwayVersion,
        batch_ingest_config: { use_multipart_endpoint: true, scale_up_qsize_trigger: 1000, scale_up_nthreads_limit: 16, scale_down_nempty_trigger: 4, size_limit: 100, size_limit_bytes: 20 << 20 },
      }),
    }),
    route({
      ...common, method: "POST", path: "/langsmith/runs", operationId: "langsmithCreateRun", summary: "A run of LangSmith's clients, as a span", body: { kind: "json", schema: Run, maxBytes },
      handle: (request) => keep(request, [request.body]),
    }),
    route({
      ...common, method: "PATCH", path: "/langsmith/runs/:run", operationId: "langsmithUpdateRun", summary: "What changed of a run", params: z.strictObject({ run: z.string().max(64) }), body: { kind: "json", schema: z.looseObject({}), maxBytes },
      handle: (request) => keep(request, [{ ...request.body, id: request.params.run }]),
    }),
    route({
      ...common, method: "POST", path: "/langsmith/runs/batch", operationId: "langsmithBatchRuns", summary: "Runs, and what changed of others",
      body: { kind: "json", schema: z.looseObject({ post: z.array(Run).nullish(), patch: z.array(Run).nullish() }), maxBytes },
      handle: (request) => keep(request, [...(request.body.post ?? []), ...(request.body.patch ?? [])]),
    }),
    route({
      ...common, method: "POST", path: "/langsmith/runs/multipart", operationId: "langsmithMultipartRuns", summary: "Runs with their fields as parts of a form",
      body: { kind: "buffer", maxBytes, description: "multipart/form-data with parts such as post.ID and post.ID.inputs" },
      handle: (request) => keep(request, runsOfParts(multipartParts(request.body, request.headers["content-type"]))),
    }),
  ];
}

/** `post.ID` and `patch.ID` are runs, `post.ID.inputs` a field of one; attachments and feedback are passed over. */
function runsOfParts(parts: ReadonlyMap<string, Buffer>): LangsmithRun[] {
  const runs = new Map<string, LangsmithRun>();
  for (const [name, content] of parts) {
    const [, operation, id, field] = /^(post|patch)\.([0-9a-f-]{36})(?:\.([a-z]+))?$/i.exec(name) ?? [];
    if (id === undefined) continue;
    const key = `${operation}.${id}`;
    const run = runs.get(key) ?? { id };
    const value = parsed(content);
    runs.set(key, field === undefined ? { ...(value as object), ...run } : { ...run, [field]: value });
  }
  return [...runs.values()];
}

function parsed(content: Buffer): unknown {
  assertJsonBounds(content, largeBodyBounds);
  try {
    return JSON.parse(content.toString("utf8")) as unknown;
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", "A part of the form is no JSON.", { cause });
  }
}
