import { z } from "zod";
import type { Caller } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import type { Route } from "../core/route.ts";
import type { ArtifactOwner, ArtifactService, LoggedModelService, SearchCondition, SearchOrder } from "../tracking/index.ts";
import { loggedModelFilter, loggedModelOrder } from "./filter/index.ts";
import { mlflowRoute } from "./mlflow-route.ts";
import { readPageToken, writePageToken } from "./page-token.ts";
import { boolean, enumeration, experimentId, int64, list, message, queryMessage, requiredText, text } from "./request-fields.ts";
import { filled, WireLoggedModel, wireLoggedModel } from "./wire-entities.ts";
import { resultLimit } from "./wire-limits.ts";

const tag = "MLflow";
const Nothing = z.object({});
const ModelPath = z.object({ loggedModel: z.string().max(128).meta({ description: "`m-` and 32 hexadecimal digits" }) });
const Pairs = list(message({ key: requiredText, value: text }));
const Model = z.object({ model: WireLoggedModel });
const maxDatasets = 100;
/** A larger page is cut to this; its token leads on. */
const maxPage = 1000;
const finalStatus = enumeration(["LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"]);

interface AskedOrder {
  field_name: string;
  ascending: boolean | undefined;
  dataset_name: string | undefined;
  dataset_digest: string | undefined;
}

/** Models that runs logged, over MLflow's wire. */
export function loggedModelRoutes(models: LoggedModelService, artifacts: ArtifactService): Route[] {
  return [
    mlflowRoute({
      method: "POST", path: "/logged-models", access: "contributor", audited: false, tag, operationId: "mlflowCreateLoggedModel", summary: "Begin a logged model; its files follow",
      body: { kind: "json", schema: message({ experiment_id: experimentId, name: text, model_type: text, source_run_id: text, params: Pairs, tags: Pairs }), maxBytes: 8 << 20 },
      response: Model,
      handle: async ({ body, caller, now }) => {
        const model = await models.create(caller, {
          experiment: body.experiment_id, name: body.name, modelType: body.model_type, sourceRun: body.source_run_id, params: body.params.map(pair), tags: body.tags.map(pair),
        }, now);
        return { model: wireLoggedModel(model) };
      },
    }),
    mlflowRoute({
      method: "POST", path: "/logged-models/search", access: "viewer", audited: false, tag, operationId: "mlflowSearchLoggedModels", summary: "Logged models by filter and order",
      body: {
        kind: "json",
        schema: message({
          experiment_ids: list(experimentId), filter: text, datasets: list(message({ dataset_name: requiredText, dataset_digest: text })), max_results: int64,
          order_by: list(message({ field_name: requiredText, ascending: boolean, dataset_name: text, dataset_digest: text })), page_token: text,
        }),
      },
      response: z.object({ models: z.array(WireLoggedModel).optional(), next_page_token: z.string().optional() }),
      handle: async ({ body, caller }) => {
        const mark = ["logged-models", body.experiment_ids, body.filter, body.order_by, body.datasets];
        const conditions = onDatasets(loggedModelFilter(body.filter), body.datasets);
        const search = {
          experiments: body.experiment_ids, conditions, order: body.order_by.map(orderOf),
          limit: Math.min(maxPage, resultLimit(body.max_results === 0 ? undefined : body.max_results, { otherwise: 100, max: Number.MAX_SAFE_INTEGER })), after: readPageToken(body.page_token, mark),
        };
        const page = await models.search(caller, search);
        return { models: filled(page.items.map(wireLoggedModel)), next_page_token: writePageToken(page.next, mark) };
      },
    }),
    mlflowRoute({
      method: "GET", path: "/logged-models/:loggedModel", access: "viewer", tag, operationId: "mlflowGetLoggedModel", summary: "A logged model with its metrics",
      params: ModelPath, response: Model,
      handle: async ({ params, caller }) => ({ model: wireLoggedModel(await models.model(caller, params.loggedModel)) }),
    }),
    mlflowRoute({
      method: "PATCH", path: "/logged-models/:loggedModel", access: "contributor", audited: false, tag, operationId: "mlflowFinalizeLoggedModel", summary: "Say that a model's files are there, or failed",
      params: ModelPath, body: { kind: "json", schema: message({ status: finalStatus }) }, response: Model,
      handle: async ({ params, body, caller, now }) => {
        if (body.status === undefined) throw new AppError("INVALID_PARAMETER", "Missing value for required parameter 'status'.");
        return { model: wireLoggedModel(await models.finish(caller, params.loggedModel, body.status, now)) };
      },
    }),
    mlflowRoute({
      method: "DELETE", path: "/logged-models/:loggedModel", access: "contributor", tag, operationId: "mlflowDeleteLoggedModel", summary: "Remove a logged model from all lists",
      params: ModelPath, response: Nothing,
      handle: async ({ params, caller, now }) => {
        await models.remove(caller, params.loggedModel, now);
        return {};
      },
    }),
    mlflowRoute({
      method: "PATCH", path: "/logged-models/:loggedModel/tags", access: "contributor", audited: false, tag, operationId: "mlflowSetLoggedModelTags", summary: "Set tags of a logged model",
      params: ModelPath, body: { kind: "json", schema: message({ tags: Pairs }) }, response: Nothing,
      handle: async ({ params, body, caller, now }) => {
        await models.setTags(caller, params.loggedModel, body.tags.map(pair), now);
        return {};
      },
    }),
    mlflowRoute({
      method: "DELETE", path: "/logged-models/:loggedModel/tags/:key", access: "contributor", tag, operationId: "mlflowDeleteLoggedModelTag", summary: "Remove a tag of a logged model",
      params: ModelPath.extend({ key: z.string() }), response: Nothing,
      handle: async ({ params, caller, now }) => {
        await models.deleteTag(caller, params.loggedModel, params.key, now);
        return {};
      },
    }),
    mlflowRoute({
      method: "POST", path: "/logged-models/:loggedModel/params", access: "contributor", audited: false, tag, operationId: "mlflowLogLoggedModelParams", summary: "Add params to a logged model",
      params: ModelPath, body: { kind: "json", schema: message({ params: Pairs }), maxBytes: 8 << 20 }, response: Nothing,
      handle: async ({ params, body, caller }) => {
        await models.addParams(caller, params.loggedModel, body.params.map(pair));
        return {};
      },
    }),
    mlflowRoute({
      method: "GET", path: "/logged-models/:loggedModel/artifacts/directories", access: "viewer", tag, operationId: "mlflowListLoggedModelArtifacts", summary: "Files and folders of a logged model",
      params: ModelPath, query: queryMessage({ artifact_directory_path: text }),
      response: z.object({ root_uri: z.string(), files: z.array(z.object({ path: z.string(), is_dir: z.boolean(), file_size: z.number().int().optional() })).optional() }),
      handle: async ({ params, query, caller }) => {
        const model = await models.model(caller, params.loggedModel);
        return { root_uri: model.artifactUri, files: await filesOf(artifacts, caller, model, query.artifact_directory_path ?? "") };
      },
    }),
  ];
}

async function filesOf(artifacts: ArtifactService, caller: Caller, model: ArtifactOwner, directory: string) {
  const below = directory.replace(/^\/+|\/+$/g, "");
  const place = artifacts.placeOf(model, below);
  if (place === null) return [];
  const entries = await artifacts.list(caller, place);
  return entries.map(({ name, isDirectory, bytes }) => ({ path: below === "" ? name : `${below}/${name}`, is_dir: isDirectory, file_size: bytes ?? undefined }));
}

function pair({ key, value }: { key: string; value: string | undefined }): { key: string; value: string } {
  return { key, value: value ?? "" };
}

interface AskedDataset {
  dataset_name: string;
  dataset_digest: string | undefined;
}

/** Comparisons of metrics look at the values that are about one of the datasets; without any, the models must be measured on one. */
function onDatasets(conditions: readonly SearchCondition[], asked: readonly AskedDataset[]): SearchCondition[] {
  if (asked.length === 0) return [...conditions];
  if (asked.length > maxDatasets) throw new AppError("INVALID_PARAMETER", `A search of logged models can name at most ${maxDatasets} datasets. Got ${asked.length}.`);
  const datasets = asked.map(({ dataset_name: name, dataset_digest: digest = "" }) => ({ name, ...(digest === "" ? {} : { digest }) }));
  if (!conditions.some(({ kind }) => kind === "metric")) return [...conditions, { kind: "dataset", key: "measured", datasets, operator: "IS NOT NULL" }];
  return conditions.map((condition) => (condition.kind === "metric" ? { ...condition, datasets } : condition));
}

/** Throws FILTER_INVALID, INVALID_PARAMETER. */
function orderOf({ field_name: name, ascending, dataset_name: datasetName, dataset_digest: datasetDigest }: AskedOrder): SearchOrder {
  const field = name.trim();
  const dot = field.indexOf(".");
  const kind = dot < 0 ? "attributes" : field.slice(0, dot);
  if (dot >= 0 && kind !== "metrics") throw new AppError("INVALID_PARAMETER", `Invalid order by field name: ${kind.slice(0, 100)}, only \`metrics.<name>\` is allowed.`);
  if (datasetDigest !== undefined && datasetDigest !== "" && (datasetName ?? "") === "") {
    throw new AppError("INVALID_PARAMETER", "`dataset_digest` can only be specified if `dataset_name` is also specified.");
  }
  const about = (datasetName ?? "") === "" ? {} : { datasets: [{ name: datasetName!, ...((datasetDigest ?? "") === "" ? {} : { digest: datasetDigest! }) }] };
  // The name stands alone in its field: nothing of it is a keyword.
  if (dot >= 0) return { kind: "metric", key: field.slice(dot + 1).replace(/^`(.*)`$/, "$1"), descending: ascending === false, ...about };
  return { ...loggedModelOrder([field])[0]!, descending: ascending === false };
}
