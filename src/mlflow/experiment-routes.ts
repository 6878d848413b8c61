import { z } from "zod";
import type { Route } from "../core/route.ts";
import type { TrackingService } from "../tracking/index.ts";
import { experimentFilter, experimentOrder } from "./filter/index.ts";
import { mlflowRoute } from "./mlflow-route.ts";
import { readPageToken, writePageToken } from "./page-token.ts";
import { enumeration, experimentId, int64, list, message, queryMessage, requiredText, text } from "./request-fields.ts";
import { filled, WireExperiment, wireExperiment } from "./wire-entities.ts";
import { resultLimit } from "./wire-limits.ts";

const tag = "MLflow";
const Nothing = z.object({});
export const viewType = enumeration(["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]);
export const views = { ACTIVE_ONLY: "active", DELETED_ONLY: "deleted", ALL: "all" } as const;

const ExperimentSearch = { max_results: int64, page_token: text, filter: text, order_by: list(requiredText), view_type: viewType };
const ExperimentPage = z.object({ experiments: z.array(WireExperiment).optional(), next_page_token: z.string().optional() });

/** Experiments over MLflow's wire. */
export function experimentRoutes(tracking: TrackingService): Route[] {
  const search = {
    access: "viewer", audited: false, tag, response: ExperimentPage,
    handle: async ({ query, body, caller }: { query: unknown; body: unknown; caller: Parameters<TrackingService["searchExperiments"]>[0] }) => {
      const asked = (body ?? query) as z.output<z.ZodObject<typeof ExperimentSearch>>;
      const view = views[asked.view_type ?? "ACTIVE_ONLY"];
      const mark = ["experiments", asked.filter, asked.order_by, view];
      const page = await tracking.searchExperiments(caller, {
        conditions: experimentFilter(asked.filter), order: experimentOrder(asked.order_by.length === 0 ? ["creation_time DESC"] : asked.order_by), view,
        limit: resultLimit(asked.max_results, { otherwise: 1000, max: 50_000 }), after: readPageToken(asked.page_token, mark),
      });
      return { experiments: filled(page.items.map(wireExperiment)), next_page_token: writePageToken(page.next, mark) };
    },
  } as const;
  const lifecycle = (name: string, path: string, stage: "active" | "deleted", summary: string): Route =>
    mlflowRoute({
      method: "POST", path, access: "admin", tag, operationId: name, summary,
      body: { kind: "json", schema: message({ experiment_id: experimentId }) }, response: Nothing,
      handle: async ({ body, caller, now, auditAs }) => {
        auditAs({ object: `experiment:${body.experiment_id.slice(0, 64)}` });
        await tracking.setExperimentLifecycle(caller, body.experiment_id, stage, now);
        return {};
      },
    });
  return [
    mlflowRoute({
      method: "POST", path: "/experiments/create", access: "contributor", tag, operationId: "mlflowCreateExperiment", summary: "Make an experiment",
      description: "The tag slipway.team names the team that it becomes part of; otherwise the default one, or the only one in which the caller may log.",
      body: { kind: "json", schema: message({ name: requiredText, artifact_location: text, tags: list(message({ key: requiredText, value: text })) }) },
      response: z.object({ experiment_id: z.string() }),
      handle: async ({ body, caller, now, auditAs }) => {
        const tags = body.tags.map(({ key, value }) => ({ key, value: value ?? "" }));
        const { id } = await tracking.createExperiment(caller, { name: body.name, artifactLocation: body.artifact_location, tags }, now);
        auditAs({ object: `experiment:${id}` });
        return { experiment_id: id };
      },
    }),
    mlflowRoute({
      method: "GET", path: "/experiments/get", access: "viewer", tag, operationId: "mlflowGetExperiment", summary: "An experiment, deleted or not",
      query: queryMessage({ experiment_id: experimentId }), response: z.object({ experiment: WireExperiment }),
      handle: async ({ query, caller }) => ({ experiment: wireExperiment(await tracking.experiment(caller, query.experiment_id)) }),
    }),
    mlflowRoute({
      method: "GET", path: "/experiments/get-by-name", access: "viewer", tag, operationId: "mlflowGetExperimentByName", summary: "The experiment of this name",
      query: queryMessage({ experiment_name: requiredText }), response: z.object({ experiment: WireExperiment }),
      handle: async ({ query, caller }) => ({ experiment: wireExperiment(await tracking.experimentByName(caller, query.experiment_name)) }),
    }),
    mlflowRoute({ ...search, method: "POST", path: "/experiments/search", operationId: "mlflowSearchExperiments", summary: "Experiments by filter and order", body: { kind: "json", schema: message(ExperimentSearch) } }),
    mlflowRoute({
      ...search, method: "GET", path: "/experiments/search", operationId: "mlflowListExperiments", summary: "Experiments by filter and order, as a query", query: queryMessage(ExperimentSearch, ["order_by"]),
    }),
    lifecycle("mlflowDeleteExperiment", "/experiments/delete", "deleted", "Hide an experiment with its runs until it is restored"),
    lifecycle("mlflowRestoreExperiment", "/experiments/restore", "active", "Bring a deleted experiment back with its runs"),
    mlflowRoute({
      method: "POST", path: "/experiments/update", access: "contributor", tag, operationId: "mlflowUpdateExperiment", summary: "Rename an experiment",
      body: { kind: "json", schema: message({ experiment_id: experimentId, new_name: requiredText }) }, response: Nothing,
      handle: async ({ body, caller, now, auditAs }) => {
        auditAs({ object: `experiment:${body.experiment_id.slice(0, 64)}` });
        await tracking.renameExperiment(caller, body.experiment_id, body.new_name, now);
        return {};
      },
    }),
    mlflowRoute({
      method: "POST", path: "/experiments/set-experiment-tag", access: "contributor", tag, operationId: "mlflowSetExperimentTag", summary: "Set a tag of an experiment",
      body: { kind: "json", schema: message({ experiment_id: experimentId, key: requiredText, value: text }) }, response: Nothing,
      handle: async ({ body, caller, now, auditAs }) => {
        auditAs({ object: `experiment:${body.experiment_id.slice(0, 64)}` });
        await tracking.setExperimentTag(caller, body.experiment_id, { key: body.key, value: body.value ?? "" }, now);
        return {};
      },
    }),
    mlflowRoute({
      method: "POST", path: "/experiments/delete-experiment-tag", access: "contributor", tag, operationId: "mlflowDeleteExperimentTag", summary: "Remove a tag of an experiment",
      body: { kind: "json", schema: message({ experiment_id: experimentId, key: requiredText }) }, response: Nothing,
      handle: async ({ body, caller, now, auditAs }) => {
        auditAs({ object: `experiment:${body.experiment_id.slice(0, 64)}` });
        await tracking.deleteExperimentTag(caller, body.experiment_id, body.key, now);
        return {};
      },
    }),
  ];
}
