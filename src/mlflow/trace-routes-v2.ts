import { z } from "zod";
import type { Caller } from "../core/caller.ts";
import type { Route } from "../core/route.ts";
import { newTraceId } from "../core/trace-context.ts";
import type { StoredTrace } from "../tracing/index.ts";
import { traceFilter, traceOrder } from "./filter/index.ts";
import { mlflowRoute } from "./mlflow-route.ts";
import { readPageToken, writePageToken } from "./page-token.ts";
import { experimentId, int64, list, message, queryMessage, requiredText, text } from "./request-fields.ts";
import { requiredTraceId, statusOf, traceSearch, type FoundTrace, type MlflowTraceParts } from "./trace-requests.ts";
import { artifactLocationTag, artifactsOf, wireTraceId } from "./wire-traces.ts";
import { resultLimit } from "./wire-limits.ts";

const tag = "MLflow";
const Answer = z.looseObject({});
const Pairs = list(message({ key: text, value: text }));
const TraceOf = z.object({ trace: z.string().max(100) });

/** Traces as MLflow's clients before 3.0 begin, end and search them; their spans come as a file among the artifacts of the experiment. */
export function mlflowTraceRoutesV2({ traces, changeable, ...parts }: MlflowTraceParts & { changeable(caller: Caller, wireId: string): Promise<FoundTrace> }): Route[] {
  const found = (caller: Caller, wireId: string): Promise<StoredTrace> => traces.trace(caller, requiredTraceId(wireId));
  return [
    mlflowRoute({
      method: "POST", path: "/traces", access: "contributor", audited: false, tag, operationId: "mlflowStartTraceV2", summary: "Begin a trace, which gets its id",
      body: { kind: "json", schema: message({ experiment_id: experimentId, timestamp_ms: int64, request_metadata: Pairs, tags: Pairs }) }, response: Answer,
      handle: async ({ body, caller, now }) => {
        const traceId = newTraceId(now);
        const key = { team: await parts.teamOfExperiment(caller, body.experiment_id), traceId };
        const tags = textsOf(body.tags);
        await traces.describe(key, {
          experiment: body.experiment_id, start: body.timestamp_ms ?? now, status: "running", metadata: textsOf(body.request_metadata),
          tags: { ...tags, [artifactLocationTag]: artifactsOf(body.experiment_id, wireTraceId(traceId)) }, ...namesOf(tags),
        }, now);
        return { trace_info: infoOf(await found(caller, traceId)) };
      },
    }),
    mlflowRoute({
      method: "PATCH", path: "/traces/:trace", access: "contributor", audited: false, tag, operationId: "mlflowEndTraceV2", summary: "End a trace",
      params: TraceOf, body: { kind: "json", schema: message({ request_id: text, timestamp_ms: int64, status: text, request_metadata: Pairs, tags: Pairs }) }, response: Answer,
      handle: async ({ params, body, caller, now }) => {
        const trace = await changeable(caller, params.trace);
        const before = await found(caller, params.trace);
        const [metadata, tags] = [textsOf(body.request_metadata), textsOf(body.tags)];
        const status = statusOf(body.status);
        const isKept = await traces.describeEnded(trace, {
          start: trace.start, metadata, tags, ...namesOf(tags), ...(body.timestamp_ms === undefined ? {} : { durationMs: Math.max(0, body.timestamp_ms - trace.start) }), ...(status === undefined ? {} : { status }),
          ...(metadata["mlflow.traceInputs"] === undefined ? {} : { inputPreview: metadata["mlflow.traceInputs"] }), ...(metadata["mlflow.traceOutputs"] === undefined ? {} : { outputPreview: metadata["mlflow.traceOutputs"] }),
        }, now);
        return { trace_info: infoOf(isKept ? await found(caller, params.trace) : { ...before, summary: { ...before.summary, status: status ?? before.summary.status } }) };
      },
    }),
    mlflowRoute({
      method: "GET", path: "/traces/:trace/info", access: "viewer", tag, operationId: "mlflowGetTraceInfoV2", summary: "What is known of a trace",
      params: TraceOf, query: queryMessage({ request_id: text }), response: Answer,
      handle: async ({ params, caller }) => ({ trace_info: infoOf(await found(caller, params.trace)) }),
    }),
    mlflowRoute({
      method: "GET", path: "/traces", access: "viewer", tag, operationId: "mlflowSearchTracesV2", summary: "Search the traces of experiments",
      query: queryMessage({ experiment_ids: list(requiredText), filter: text, max_results: int64, order_by: list(requiredText), page_token: text }, ["experiment_ids", "order_by"]), response: Answer,
      handle: async ({ query, caller }) => {
        const { experiment_ids: experiments } = query;
        const mark = ["traces", experiments, query.filter, query.order_by];
        const after = readPageToken(query.page_token, mark);
        const page = await traces.find(caller, {
          ...traceSearch(traceFilter(query.filter), traceOrder(query.order_by)), experiments, limit: resultLimit(query.max_results, { otherwise: 100, max: 500 }), ...(after === null ? {} : { after }),
        });
        return { traces: page.items.map(infoOf), next_page_token: writePageToken(page.next, mark) };
      },
    }),
  ];
}

function textsOf(pairs: readonly { key?: string | undefined; value?: string | undefined }[]): Record<string, string> {
  return Object.fromEntries(pairs.flatMap(({ key, value = "" }) => (key === undefined || key === "" ? [] : [[key, value]])));
}

function namesOf({ "mlflow.traceName": name }: Record<string, string>): { name?: string } {
  return name === undefined ? {} : { name };
}

/** TraceInfo of the second version, whose maps are lists of pairs. */
function infoOf({ summary, metadata }: StoredTrace): object {
  const experiment = summary.experiment ?? "0";
  // These clients stop at a trace that says no place; what nobody uploaded there is made of the spans.
  const tags = { [artifactLocationTag]: artifactsOf(experiment, wireTraceId(summary.traceId)), "mlflow.traceName": summary.name, ...summary.tags };
  const pairs = (texts: Readonly<Record<string, string>>): object[] => Object.entries(texts).map(([key, value]) => ({ key, value }));
  return {
    request_id: wireTraceId(summary.traceId), experiment_id: experiment, timestamp_ms: Math.floor(summary.start), ...(summary.durationMs === null ? {} : { execution_time_ms: Math.round(summary.durationMs) }),
    status: { ok: "OK", error: "ERROR", running: "IN_PROGRESS" }[summary.status], request_metadata: pairs(metadata), tags: pairs(tags),
  };
}
