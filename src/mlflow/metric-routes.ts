import { z } from "zod";
import { AppError } from "../core/errors.ts";
import type { Route } from "../core/route.ts";
import type { TrackingService } from "../tracking/index.ts";
import { mlflowRoute } from "./mlflow-route.ts";
import { readPageToken, writePageToken } from "./page-token.ts";
import { experimentId, int64, list, message, presentText, queryMessage, requiredText, text, withRunId } from "./request-fields.ts";
import { filled, WireMetric, wireMetric } from "./wire-entities.ts";
import { resultLimit } from "./wire-limits.ts";

const tag = "MLflow";
/** Without a page size, all of a history comes in one answer, up to this many points. */
const wholeHistory = 1_000_000;
const maxBulkPoints = 25_000;
const maxSampledSteps = 2500;
const maxRuns = 100;
const maxSearchedExperiments = 20;
const History = z.object({ metrics: z.array(WireMetric).optional(), next_page_token: z.string().optional() });

/** Histories of metrics over MLflow's wire, and the datasets of experiments. */
export function metricRoutes(tracking: TrackingService): Route[] {
  return [
    mlflowRoute({
      method: "GET", path: "/metrics/get-history", access: "viewer", tag, operationId: "mlflowGetMetricHistory", summary: "All values of a metric by time, step and value",
      query: withRunId(queryMessage({ run_id: requiredText, run_uuid: text, metric_key: requiredText, page_token: text, max_results: int64 })), response: History,
      handle: async ({ query, caller }) => {
        const limit = query.max_results === undefined ? wholeHistory : resultLimit(query.max_results, { otherwise: 1, max: wholeHistory });
        const mark = ["history", query.run_id, query.metric_key];
        const page = await tracking.metricHistory(caller, query.run_id, query.metric_key, { limit, after: readPageToken(query.page_token, mark) });
        return { metrics: filled(page.items.map(wireMetric)), next_page_token: writePageToken(page.next, mark) };
      },
    }),
    mlflowRoute({
      method: "GET", path: "/metrics/get-history-bulk", access: "viewer", tag, operationId: "mlflowGetMetricHistoryBulk", summary: "Values of a metric of some runs",
      query: queryMessage({ run_id: list(presentText), metric_key: text, max_results: int64 }, ["run_id"]), response: z.object({ metrics: z.array(WireMetric) }),
      handle: async ({ query, caller }) => {
        const runs = query.run_id;
        if (runs.length === 0) throw new AppError("INVALID_PARAMETER", "GetMetricHistoryBulk request must specify at least one run_id.");
        if (runs.length > maxRuns) throw new AppError("INVALID_PARAMETER", `GetMetricHistoryBulk request cannot specify more than ${maxRuns} run_ids. Received ${runs.length} run_ids.`);
        if (query.metric_key === undefined) throw new AppError("INVALID_PARAMETER", "GetMetricHistoryBulk request must specify a metric_key.");
        const limit = Math.min(resultLimit(query.max_results, { otherwise: maxBulkPoints, max: Number.MAX_SAFE_INTEGER }), maxBulkPoints);
        return { metrics: (await tracking.metricHistories(caller, runs, query.metric_key, limit)).map(wireMetric) };
      },
    }),
    mlflowRoute({
      method: "GET", path: "/metrics/get-history-bulk-interval", access: "viewer", tag, operationId: "mlflowGetMetricHistoryBulkInterval",
      summary: "Values of a metric of some runs, evenly sampled", description: "At most max_results of each run, with its first and last one in the range of steps.",
      query: queryMessage({ run_ids: list(presentText), metric_key: requiredText, start_step: int64, end_step: int64, max_results: int64 }, ["run_ids"]), response: History,
      handle: async ({ query, caller }) => {
        const runs = query.run_ids;
        if (runs.length === 0) throw new AppError("INVALID_PARAMETER", "Missing value for required parameter 'run_ids'.");
        if (runs.length > maxRuns) throw new AppError("INVALID_PARAMETER", `GetMetricHistoryBulkInterval request must specify at most ${maxRuns} run_ids. Received ${runs.length} run_ids.`);
        const limit = query.max_results ?? maxSampledSteps;
        if (limit < 1 || limit > maxSampledSteps) throw new AppError("INVALID_PARAMETER", `max_results must be between 1 and ${maxSampledSteps}.`);
        const range = rangeOf(query.start_step, query.end_step);
        return { metrics: filled((await tracking.sampledHistories(caller, { runs, key: query.metric_key, range, limit })).map(wireMetric)) };
      },
    }),
    // MLflow's clients call the first path, without the slash; its own pages and old releases the second.
    ...(["mlflow", "/mlflow"] as const).map((root) =>
      mlflowRoute({
        method: "POST", root: `/2.0${root}`, path: "/experiments/search-datasets", access: "viewer", audited: false, tag,
        operationId: root === "mlflow" ? "mlflowSearchDatasetsOfClients" : "mlflowSearchDatasets", summary: "Datasets that runs of some experiments name",
        body: { kind: "json", schema: message({ experiment_ids: list(presentText) }) },
        response: z.object({
          dataset_summaries: z.array(z.object({ experiment_id: z.string(), name: z.string(), digest: z.string(), context: z.string().optional() })).optional(),
        }),
        handle: async ({ body, caller }) => {
          const ids = body.experiment_ids;
          if (ids.length === 0) throw new AppError("INVALID_PARAMETER", "SearchDatasets request must specify at least one experiment_id.");
          if (ids.length > maxSearchedExperiments) {
            throw new AppError("INVALID_PARAMETER", `SearchDatasets request cannot specify more than ${maxSearchedExperiments} experiment_ids. Received ${ids.length} experiment_ids.`);
          }
          const wrong = ids.find((id) => !experimentId.safeParse(id).success);
          if (wrong !== undefined) throw new AppError("INVALID_PARAMETER", `Invalid experiment ID '${wrong.slice(0, 300)}'. Experiment ID must be a valid integer.`);
          const found = await tracking.searchDatasets(caller, ids);
          return { dataset_summaries: filled(found.map(({ experiment, name, digest, context }) => ({ experiment_id: experiment, name, digest, context: context ?? undefined }))) };
        },
      }),
    ),
  ];
}

function rangeOf(from: number | undefined, to: number | undefined): { from: number; to: number } | null {
  if (from === undefined && to === undefined) return null;
  if (from === undefined || to === undefined) throw new AppError("INVALID_PARAMETER", "If either start step or end step are specified, both must be specified.");
  if (from > to) throw new AppError("INVALID_PARAMETER", `end_step must be greater than start_step. Found start_step=${from} and end_step=${to}.`);
  return { from, to };
}
