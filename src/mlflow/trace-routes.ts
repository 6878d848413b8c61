import { z } from "zod";
import { requireInTeam, type Caller } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import type { Route } from "../core/route.ts";
import type { Feedback, StoredTrace } from "../tracing/index.ts";
import { traceFilter, traceOrder } from "./filter/index.ts";
import { mlflowRoute } from "./mlflow-route.ts";
import { readPageToken, writePageToken } from "./page-token.ts";
import { experimentId, int64, list, message, plainRunId, presentText, queryMessage, requiredText, text } from "./request-fields.ts";
import { mlflowTraceRoutesV2 } from "./trace-routes-v2.ts";
import { factsOfTrace, feedbackOf, requiredTraceId, sendsSpans, traceSearch, WireAssessment, WireTraceInfo, type FoundTrace, type MlflowTraceParts } from "./trace-requests.ts";
import { overridesKey, wireAssessment, wireSpan, wireTraceInfo } from "./wire-traces.ts";
import { resultLimit } from "./wire-limits.ts";

const tag = "MLflow";
const root = "/3.0/mlflow";
const Nothing = z.object({});
const Answer = z.looseObject({});
const TraceOf = z.object({ trace: z.string().max(100) });
const AssessmentOf = z.object({ trace: z.string().max(100), assessment: z.string().max(100) });
const mostAtOnce = 100;

/** Traces over MLflow's wire; their spans come by OTLP at /v1/traces, with the experiment in a header. */
export function mlflowTraceRoutes(parts: MlflowTraceParts): Route[] {
  const { traces } = parts;
  const infoOf = async (trace: StoredTrace): Promise<object> => wireTraceInfo(trace, trace.summary.feedback === 0 ? [] : await traces.feedback(trace.summary));
  const wholesOf = async (of: readonly StoredTrace[]): Promise<object[]> => {
    const spans = await traces.spansOfEach(of.map(({ summary }) => summary));
    return Promise.all(of.map(async (trace, index) => ({ trace_info: await infoOf(trace), spans: spans[index]!.map(wireSpan) })));
  };
  const found = (caller: Caller, wireId: string): Promise<StoredTrace> => traces.trace(caller, requiredTraceId(wireId));
  /** A trace that the caller may change. */
  const changeable = async (caller: Caller, wireId: string): Promise<FoundTrace> => {
    const { summary } = await found(caller, wireId);
    if (summary.experiment === null) requireInTeam(caller, "contributor", summary.team);
    else await parts.requireExperiment(caller, "contributor", summary.experiment);
    return summary;
  };
  const several = async (caller: Caller, ids: readonly string[]): Promise<StoredTrace[]> => {
    if (ids.length > mostAtOnce) throw new AppError("INVALID_PARAMETER", `At most ${mostAtOnce} traces are read at once.`);
    const each = await Promise.all(ids.map((id) => found(caller, id).catch(unlessMissing)));
    return each.filter((trace) => trace !== null);
  };
  const feedbackIn = async (trace: FoundTrace, id: string): Promise<Feedback> => {
    const feedback = (await traces.feedback(trace)).find((each) => each.id === id);
    if (feedback === undefined) throw new AppError("TRACE_NOT_FOUND", `Assessment with ID '${id}' not found for trace.`);
    return feedback;
  };
  return [
    ...mlflowTraceRoutesV2({ ...parts, changeable }),
    mlflowRoute({
      method: "POST", root, path: "/traces", access: "contributor", audited: false, tag, operationId: "mlflowStartTrace", summary: "Say what a trace was, when it has ended",
      body: { kind: "json", schema: message({ trace: message({ trace_info: WireTraceInfo }) }), maxBytes: 64 << 20 }, response: Answer,
      handle: async ({ body: { trace: { trace_info: info } }, caller, headers, now }) => {
        const team = await parts.teamOfExperiment(caller, info.trace_location.mlflow_experiment.experiment_id);
        const key = { team, traceId: requiredTraceId(info.trace_id) };
        const facts = factsOfTrace(info, sendsSpans(headers["user-agent"]));
        const isKept = await traces.describeEnded(key, facts, now);
        // The tags say where its spans go, and clients send them all the same.
        if (!isKept) return { trace: { trace_info: { ...info, tags: facts.tags, trace_location: { type: "MLFLOW_EXPERIMENT", ...info.trace_location } } } };
        for (const assessment of info.assessments) await traces.writeFeedback(key, feedbackOf(assessment, caller.actor), now);
        return { trace: { trace_info: await infoOf(await found(caller, info.trace_id)) } };
      },
    }),
    mlflowRoute({
      method: "GET", root, path: "/traces/get", access: "viewer", tag, operationId: "mlflowGetTrace", summary: "A trace with its spans",
      query: queryMessage({ trace_id: requiredText }), response: Answer,
      handle: async ({ query, caller }) => ({ trace: (await wholesOf([await found(caller, query.trace_id)]))[0] }),
    }),
    mlflowRoute({
      method: "GET", root, path: "/traces/batchGet", access: "viewer", tag, operationId: "mlflowBatchGetTraces", summary: "Several traces with their spans; those that are not there are left out",
      query: queryMessage({ trace_ids: list(requiredText) }, ["trace_ids"]), response: Answer,
      handle: async ({ query, caller }) => ({ traces: await wholesOf(await several(caller, query.trace_ids)) }),
    }),
    mlflowRoute({
      method: "POST", root, path: "/traces/batchGetInfos", access: "viewer", audited: false, tag, operationId: "mlflowBatchGetTraceInfos", summary: "What is known of several traces",
      body: { kind: "json", schema: message({ trace_ids: list(requiredText) }) }, response: Answer,
      handle: async ({ body, caller }) => ({ trace_infos: await Promise.all((await several(caller, body.trace_ids)).map(infoOf)) }),
    }),
    mlflowRoute({
      method: "POST", root, path: "/traces/search", access: "viewer", audited: false, tag, operationId: "mlflowSearchTraces", summary: "Search the traces of experiments",
      body: {
        kind: "json",
        schema: message({ locations: list(message({ mlflow_experiment: message({ experiment_id: experimentId }) })), filter: text, max_results: int64, order_by: list(requiredText), page_token: text }),
      },
      response: Answer,
      handle: async ({ body, caller }) => {
        if (body.locations.length === 0) throw new AppError("INVALID_PARAMETER", "Missing value for required parameter 'locations'.");
        const experiments = body.locations.map((location) => location.mlflow_experiment.experiment_id);
        const mark = ["traces", experiments, body.filter, body.order_by];
        const after = readPageToken(body.page_token, mark);
        const page = await traces.find(caller, {
          ...traceSearch(traceFilter(body.filter), traceOrder(body.order_by)), experiments, limit: resultLimit(body.max_results, { otherwise: 100, max: 500 }), ...(after === null ? {} : { after }),
        });
        return { traces: await Promise.all(page.items.map(infoOf)), next_page_token: writePageToken(page.next, mark) };
      },
    }),
    mlflowRoute({
      method: "GET", root, path: "/traces/:trace", access: "viewer", tag, operationId: "mlflowGetTraceInfo", summary: "What is known of a trace",
      params: TraceOf, response: Answer,
      handle: async ({ params, caller }) => ({ trace: { trace_info: await infoOf(await found(caller, params.trace)) } }),
    }),
    mlflowRoute({
      method: "PATCH", path: "/traces/:trace/tags", access: "contributor", audited: false, tag, operationId: "mlflowSetTraceTag", summary: "Set a tag of a trace",
      params: TraceOf, body: { kind: "json", schema: message({ key: requiredText, value: presentText }) }, response: Nothing,
      handle: async ({ params, body, caller, now }) => {
        await traces.describe(await changeable(caller, params.trace), { tags: { [body.key]: body.value } }, now);
        return {};
      },
    }),
    mlflowRoute({
      method: "DELETE", path: "/traces/:trace/tags", access: "contributor", audited: false, tag, operationId: "mlflowDeleteTraceTag", summary: "Remove a tag of a trace",
      params: TraceOf, query: queryMessage({ key: text }), body: { kind: "json", schema: message({ key: text }) }, response: Nothing,
      handle: async ({ params, query, body, caller, now }) => {
        const key = body.key ?? query.key ?? "";
        const trace = await changeable(caller, params.trace);
        if (trace.tags[key] === undefined) throw new AppError("TAG_NOT_FOUND", `No trace tag with key '${key.slice(0, 250)}'`);
        await traces.describe(trace, { tags: { [key]: null } }, now);
        return {};
      },
    }),
    mlflowRoute({
      method: "POST", path: "/traces/delete-traces", access: "contributor", tag, operationId: "mlflowDeleteTraces", summary: "Remove traces of an experiment, by id or by age",
      body: { kind: "json", schema: message({ experiment_id: experimentId, max_timestamp_millis: int64, max_traces: int64, request_ids: list(requiredText) }) }, response: z.object({ traces_deleted: z.number().int() }),
      handle: async ({ body, caller, now }) => {
        await parts.requireExperiment(caller, "contributor", body.experiment_id);
        if (body.request_ids.length > 0) {
          const chosen = await several(caller, body.request_ids);
          return { traces_deleted: await traces.removeAll(chosen.map(({ summary }) => summary).filter(({ experiment }) => experiment === body.experiment_id), now) };
        }
        if (body.max_timestamp_millis === undefined) throw new AppError("INVALID_PARAMETER", "Either `max_timestamp_millis` or `trace_ids` must be specified.");
        const limit = Math.min(Math.max(body.max_traces ?? 1000, 1), 1000);
        const page = await traces.find(caller, { experiments: [body.experiment_id], attributes: {}, order: "start", ascending: true, to: body.max_timestamp_millis + 1, limit });
        return { traces_deleted: await traces.removeAll(page.items.map(({ summary }) => summary), now) };
      },
    }),
    mlflowRoute({
      method: "POST", path: "/traces/link-to-run", access: "contributor", audited: false, tag, operationId: "mlflowLinkTracesToRun", summary: "Link traces to a run",
      body: { kind: "json", schema: message({ trace_ids: list(requiredText), run_id: plainRunId }) }, response: Nothing,
      handle: async ({ body, caller, now }) => {
        if (body.trace_ids.length > mostAtOnce) throw new AppError("INVALID_PARAMETER", `At most ${mostAtOnce} traces are linked at once.`);
        for (const id of body.trace_ids) await traces.describe(await changeable(caller, id), { metadata: { "mlflow.sourceRun": body.run_id } }, now);
        return {};
      },
    }),
    mlflowRoute({
      method: "POST", root, path: "/traces/:trace/assessments", access: "contributor", audited: false, tag, operationId: "mlflowCreateAssessment", summary: "Say what is thought of a trace, or what should have come out",
      params: TraceOf, body: { kind: "json", schema: message({ assessment: WireAssessment }) }, response: Answer,
      handle: async ({ params, body, caller, now }) => ({ assessment: wireAssessment(await traces.writeFeedback(await changeable(caller, params.trace), feedbackOf(body.assessment, caller.actor), now)) }),
    }),
    mlflowRoute({
      method: "GET", root, path: "/traces/:trace/assessments/:assessment", access: "viewer", tag, operationId: "mlflowGetAssessment", summary: "One assessment of a trace",
      params: AssessmentOf, response: Answer,
      handle: async ({ params, caller }) => {
        const { summary } = await found(caller, params.trace);
        const overridden = (await traces.feedback(summary)).some(({ metadata }) => metadata[overridesKey] === params.assessment);
        return { assessment: wireAssessment(await feedbackIn(summary, params.assessment), !overridden) };
      },
    }),
    mlflowRoute({
      method: "PATCH", root, path: "/traces/:trace/assessments/:assessment", access: "contributor", audited: false, tag, operationId: "mlflowUpdateAssessment", summary: "Change an assessment; what it was stays as a revision",
      params: AssessmentOf, body: { kind: "json", schema: message({ assessment: WireAssessment }) }, response: Answer,
      handle: async ({ params, body, caller, now }) => {
        const trace = await changeable(caller, params.trace);
        const before = await feedbackIn(trace, params.assessment);
        return { assessment: wireAssessment(await traces.writeFeedback(trace, feedbackOf(body.assessment, caller.actor, before), now)) };
      },
    }),
    mlflowRoute({
      method: "DELETE", root, path: "/traces/:trace/assessments/:assessment", access: "contributor", audited: false, tag, operationId: "mlflowDeleteAssessment", summary: "Remove an assessment",
      params: AssessmentOf, response: Nothing,
      handle: async ({ params, caller, now }) => {
        await traces.removeFeedback(await changeable(caller, params.trace), params.assessment, now);
        return {};
      },
    }),
  ];
}

function unlessMissing(error: unknown): null {
  if (error instanceof AppError && error.code === "TRACE_NOT_FOUND") return null;
  throw error;
}
