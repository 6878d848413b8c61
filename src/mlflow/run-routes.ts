import { z } from "zod";
import { AppError } from "../core/errors.ts";
import type { BodySpec, Route } from "../core/route.ts";
import { RunStatus, type TrackingService } from "../tracking/index.ts";
import { viewType, views } from "./experiment-routes.ts";
import { runFilter, runOrder } from "./filter/index.ts";
import { metricList, metricShape, type SentMetric } from "./metric-list.ts";
import { mlflowRoute } from "./mlflow-route.ts";
import { readPageToken, writePageToken } from "./page-token.ts";
import { anyExperimentId, enumeration, experimentId, int64, list, message, plainRunId, presentText, queryMessage, requiredText, text, withRunId } from "./request-fields.ts";
import { filled, WireRun, wireRun, WireRunInfo, wireRunInfo } from "./wire-entities.ts";
import { resultLimit } from "./wire-limits.ts";

const tag = "MLflow";
const Nothing = z.object({});
/** A batch has at most a million characters as clients cut it, but long values are cut here, after they came. */
const batchBytes = 8 << 20;
/** A dataset's profile alone may have 16 million characters. */
const inputBytes = 64 << 20;

const Tags = list(message({ key: requiredText, value: text }));

/** A message about one run. */
function ofRun<Shape extends z.core.$ZodShape>(shape: Shape, maxBytes?: number) {
  return { kind: "json", schema: withRunId(message({ run_id: requiredText, ...shape })), ...(maxBytes === undefined ? {} : { maxBytes }) } as const satisfies BodySpec;
}

function metricOf({ key, value, timestamp, step, model_id: model, dataset_name: datasetName, dataset_digest: datasetDigest }: SentMetric) {
  return {
    key, value, timestamp, step: step ?? 0,
    ...(model === undefined || model === "" ? {} : { model }),
    ...(datasetName === undefined || datasetName === "" ? {} : { datasetName }),
    ...(datasetDigest === undefined || datasetDigest === "" ? {} : { datasetDigest }),
  };
}

function pair({ key, value }: { key: string; value: string | undefined }): { key: string; value: string } {
  return { key, value: value ?? "" };
}

/** Runs over MLflow's wire, and what is logged to them. */
export function runRoutes(tracking: TrackingService): Route[] {
  /** Many a second, each changing what is only shown: not audited one by one. */
  const logging = { method: "POST", access: "contributor", audited: false, tag, response: Nothing } as const;
  const lifecycle = (name: string, path: string, stage: "active" | "deleted", summary: string): Route =>
    mlflowRoute({
      method: "POST", path, access: "contributor", tag, operationId: name, summary, body: ofRun({}), response: Nothing,
      handle: async ({ body, caller, now, auditAs }) => {
        auditAs({ object: `run:${body.run_id.slice(0, 64)}` });
        await tracking.setRunLifecycle(caller, body.run_id, stage, now);
        return {};
      },
    });
  return [
    mlflowRoute({
      method: "POST", path: "/runs/create", access: "contributor", audited: false, tag, operationId: "mlflowCreateRun", summary: "Begin a run",
      body: { kind: "json", schema: message({ experiment_id: anyExperimentId, user_id: text, run_name: text, start_time: int64, tags: Tags }), maxBytes: batchBytes },
      response: z.object({ run: WireRun }),
      handle: async ({ body, caller, now }) => {
        const experiment = body.experiment_id === undefined || body.experiment_id === "" ? "0" : body.experiment_id;
        const run = await tracking.createRun(caller, { experiment, name: body.run_name, user: body.user_id, startTime: body.start_time, tags: body.tags.map(pair) }, now);
        return { run: wireRun(run) };
      },
    }),
    mlflowRoute({
      method: "GET", path: "/runs/get", access: "viewer", tag, operationId: "mlflowGetRun", summary: "A run with the latest value of each metric",
      query: withRunId(queryMessage({ run_id: requiredText, run_uuid: text })), response: z.object({ run: WireRun }),
      handle: async ({ query, caller }) => ({ run: wireRun(await tracking.run(caller, query.run_id)) }),
    }),
    mlflowRoute({
      method: "POST", path: "/runs/update", access: "contributor", audited: false, tag, operationId: "mlflowUpdateRun", summary: "Change status, end or name of a run",
      body: ofRun({ status: enumeration(RunStatus.options), end_time: int64, run_name: text }), response: z.object({ run_info: WireRunInfo }),
      handle: async ({ body, caller, now }) => ({
        run_info: wireRunInfo(await tracking.updateRun(caller, body.run_id, { status: body.status, endTime: body.end_time, name: body.run_name }, now)),
      }),
    }),
    lifecycle("mlflowDeleteRun", "/runs/delete", "deleted", "Hide a run until it is restored"),
    lifecycle("mlflowRestoreRun", "/runs/restore", "active", "Bring a deleted run back"),
    mlflowRoute({
      method: "POST", path: "/runs/search", access: "viewer", audited: false, tag, operationId: "mlflowSearchRuns", summary: "Runs by filter and order",
      body: {
        kind: "json",
        schema: message({ experiment_ids: list(experimentId), filter: text, run_view_type: viewType, max_results: int64, order_by: list(presentText), page_token: text }),
      },
      response: z.object({ runs: z.array(WireRun).optional(), next_page_token: z.string().optional() }),
      handle: async ({ body, caller }) => {
        const view = views[body.run_view_type ?? "ACTIVE_ONLY"];
        const mark = ["runs", body.experiment_ids, body.filter, body.order_by, view];
        const page = await tracking.searchRuns(caller, {
          experiments: body.experiment_ids, conditions: runFilter(body.filter), order: runOrder(body.order_by), view,
          limit: resultLimit(body.max_results, { otherwise: 1000, max: 50_000 }), after: readPageToken(body.page_token, mark),
        });
        return { runs: filled(page.items.map(wireRun)), next_page_token: writePageToken(page.next, mark) };
      },
    }),
    mlflowRoute({
      ...logging, path: "/runs/log-metric", operationId: "mlflowLogMetric", summary: "Add a value of a metric", body: ofRun(metricShape),
      handle: async ({ body, caller, now }) => {
        await tracking.log(caller, body.run_id, { metrics: [metricOf(body)], params: [], tags: [] }, now, true);
        return {};
      },
    }),
    mlflowRoute({
      ...logging, path: "/runs/log-parameter", operationId: "mlflowLogParam", summary: "Add a param; it never changes", body: ofRun({ key: requiredText, value: text }),
      handle: async ({ body, caller, now }) => {
        await tracking.log(caller, body.run_id, { metrics: [], params: [pair(body)], tags: [] }, now, true);
        return {};
      },
    }),
    mlflowRoute({
      ...logging, path: "/runs/set-tag", operationId: "mlflowSetTag", summary: "Set a tag of a run", body: ofRun({ key: requiredText, value: text }),
      handle: async ({ body, caller, now }) => {
        await tracking.log(caller, body.run_id, { metrics: [], params: [], tags: [pair(body)] }, now, true);
        return {};
      },
    }),
    mlflowRoute({
      ...logging, path: "/runs/delete-tag", operationId: "mlflowDeleteTag", summary: "Remove a tag of a run", body: ofRun({ key: requiredText }),
      handle: async ({ body, caller }) => {
        await tracking.deleteRunTag(caller, body.run_id, body.key);
        return {};
      },
    }),
    mlflowRoute({
      ...logging, path: "/runs/log-batch", operationId: "mlflowLogBatch", summary: "Log metrics, params and tags, all or nothing",
      body: ofRun({ run_id: plainRunId, metrics: metricList, params: Tags, tags: Tags }, batchBytes),
      handle: async ({ body, caller, now }) => {
        await tracking.log(caller, body.run_id, { metrics: body.metrics.map(metricOf), params: body.params.map(pair), tags: body.tags.map(pair) }, now);
        return {};
      },
    }),
    mlflowRoute({
      ...logging, path: "/runs/log-inputs", operationId: "mlflowLogInputs", summary: "Name the datasets and models that a run reads",
      body: ofRun({
        run_id: plainRunId,
        datasets: list(message({
          tags: Tags,
          dataset: message({ name: requiredText, digest: requiredText, source_type: requiredText, source: requiredText, schema: text, profile: text }),
        })),
        models: list(message({ model_id: requiredText })),
      }, inputBytes),
      handle: async ({ body, caller }) => {
        const datasets = body.datasets.map(({ dataset: { name, digest, source_type: sourceType, source, schema, profile }, tags }) => ({
          dataset: { name, digest, sourceType, source, ...(schema === undefined ? {} : { schema }), ...(profile === undefined ? {} : { profile }) },
          tags: tags.map(pair),
        }));
        await tracking.logInputs(caller, body.run_id, { datasets, models: body.models.map(({ model_id: model }) => model) });
        return {};
      },
    }),
    mlflowRoute({
      ...logging, path: "/runs/outputs", operationId: "mlflowLogOutputs", summary: "Name the models that a run made",
      body: ofRun({ models: list(message({ model_id: requiredText, step: int64 })) }),
      handle: async ({ body, caller }) => {
        await tracking.logOutputs(caller, body.run_id, body.models.map(({ model_id: model, step }) => ({ model, step: step ?? 0 })));
        return {};
      },
    }),
    mlflowRoute({
      ...logging, path: "/runs/log-model", operationId: "mlflowLogModel", summary: "Note a model of a run, as clients before 3.0 do", body: ofRun({ model_json: requiredText }),
      handle: async ({ body, caller }) => {
        await tracking.recordModel(caller, body.run_id, modelTag(body.model_json));
        return {};
      },
    }),
  ];
}

const modelFields = ["artifact_path", "flavors", "utc_time_created", "run_id"] as const;

/** What of a model's description is kept in the tag. Throws INVALID_PARAMETER. */
function modelTag(json: string): Record<string, unknown> {
  let model: unknown;
  try {
    model = JSON.parse(json);
  } catch (cause) {
    throw new AppError("INVALID_PARAMETER", `Malformed model info. \n ${json.slice(0, 300)} \n is not a valid JSON.`, { cause });
  }
  const fields = typeof model === "object" && model !== null ? (model as Record<string, unknown>) : {};
  const missing = modelFields.filter((field) => !Object.hasOwn(fields, field));
  if (missing.length > 0) throw new AppError("INVALID_PARAMETER", `Model json is missing mandatory fields: ${missing.join(", ")}`);
  const { signature: _signature, saved_input_example_info: _example, ...kept } = fields;
  return kept;
}
