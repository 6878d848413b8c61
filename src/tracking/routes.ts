import { z } from "zod";
import type { Caller, Role } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import { route, type Route } from "../core/route.ts";
import { cellOf, columnField, entriesOf } from "./run-table.ts";
import { ListedExperiment, RunView, type SearchCondition, type SearchOrder } from "./schemas.ts";
import type { TrackingStore, VisibleExperiments } from "./tracking-store.ts";
import type { ViewStore } from "./view-store.ts";

const tag = "Tracking";
const ExperimentId = z.string().regex(/^\d{1,18}$/, "the id of an experiment");
const RunId = z.string().min(1).max(64);
const Cell = z.union([z.string(), z.number(), z.null()]);

const TableRequest = z.strictObject({
  experiments: z.array(ExperimentId).min(1).max(100),
  filter: z.string().max(10_000).default("").meta({ description: "In MLflow's grammar, such as metrics.loss < 0.1 AND params.model = 'tree'" }),
  order: z.array(z.string().max(600)).max(10).default([]).meta({ description: "Such as metrics.loss DESC" }),
  view: z.enum(["active", "deleted", "all"]).default("active"),
  columns: z.array(z.string().max(300)).min(1).max(200).meta({ description: "metrics.KEY, params.KEY, tags.KEY, or attributes. with id, name, user, status, startTime, endTime, duration" }),
  limit: z.number().int().min(1).max(10_000).default(1000),
  after: z.string().max(10_000).nullable().default(null),
});

const SeriesRequest = z.strictObject({
  runs: z.array(RunId).min(1).max(100),
  key: z.string().min(1).max(250),
  fromStep: z.number().int().optional(),
  toStep: z.number().int().optional(),
  buckets: z.number().int().min(1).max(2000).default(400),
});

export interface TrackingRouteParts {
  store: TrackingStore;
  views: ViewStore;
  ids: IdGenerator;
  /** Both throw FILTER_INVALID. */
  parseFilter(text: string): SearchCondition[];
  parseOrder(texts: readonly string[]): SearchOrder[];
  /** Which experiments a list shows to the caller. */
  visible(caller: Caller): Promise<VisibleExperiments>;
  /** Throws EXPERIMENT_NOT_FOUND, also for what the caller may not see, and FORBIDDEN. */
  requireExperiment(caller: Caller, role: Role, experiment: string): Promise<void>;
  /** Throws TRACKING_RUN_NOT_FOUND, also for what the caller may not see, and FORBIDDEN. */
  requireRun(caller: Caller, role: Role, run: string): Promise<void>;
}

/** What the console needs beyond the wire of MLflow: tables by column, series that keep their extremes, saved views. */
export function trackingRoutes({ store, views, ids, parseFilter, parseOrder, visible, requireExperiment, requireRun }: TrackingRouteParts): Route[] {
  return [
    route({
      method: "GET", path: "/api/experiments", access: "viewer", on: "some", tag,
      operationId: "listExperiments", summary: "Experiments with team, owner and the number of their runs, the newest first",
      query: z.strictObject({
        view: z.enum(["active", "deleted", "all"]).default("active"),
        after: ExperimentId.optional().meta({ description: "`next` of the page before" }),
        limit: z.coerce.number().int().min(1).max(5000).default(1000),
      }),
      response: z.object({ experiments: z.array(ListedExperiment), next: z.string().nullable() }),
      handle: async ({ query: { view, after = null, limit }, caller }) => {
        const { items, next } = await store.listExperiments({ visible: await visible(caller), view, after, limit });
        return { experiments: items, next };
      },
    }),
    route({
      method: "POST", path: "/api/runs/table", access: "viewer", on: "some", audited: false, tag,
      operationId: "searchRunTable", summary: "Runs by filter and order, with the columns that are asked for",
      description: "One list of cells for each run, in the order of `columns`. Numbers that JSON does not have are text.",
      body: { kind: "json", schema: TableRequest },
      response: z.object({ runs: z.array(z.string()), rows: z.array(z.array(Cell)), next: z.string().nullable() }),
      handle: async ({ body, caller }) => {
        const fields = body.columns.map((column) => {
          const field = columnField(column);
          if (field === null) throw new AppError("INVALID_PARAMETER", `Invalid column ${JSON.stringify(column)}: it is none of metrics.KEY, params.KEY, tags.KEY, attributes.NAME.`);
          return field;
        });
        for (const experiment of body.experiments) await requireExperiment(caller, "viewer", experiment);
        const { experiments, view, limit, after } = body;
        const page = await store.searchRuns({ experiments, view, limit, after, conditions: parseFilter(body.filter), order: parseOrder(body.order), only: entriesOf(fields) });
        return { runs: page.items.map(({ id }) => id), rows: page.items.map((run) => fields.map((field) => cellOf(run, field))), next: page.next };
      },
    }),
    route({
      method: "GET", path: "/api/experiments/:experiment/keys", access: "viewer", on: "some", tag,
      operationId: "listRunKeys", summary: "Keys of metrics, params and tags that the experiment's runs have",
      params: z.strictObject({ experiment: ExperimentId }),
      response: z.object({ metrics: z.array(z.string()), params: z.array(z.string()), tags: z.array(z.string()) }),
      handle: async ({ params, caller }) => {
        await requireExperiment(caller, "viewer", params.experiment);
        return store.listRunKeys([params.experiment]);
      },
    }),
    route({
      method: "POST", path: "/api/runs/series", access: "viewer", on: "some", audited: false, tag,
      operationId: "sampleMetric", summary: "A metric of some runs for a chart: no minimum and no maximum is lost",
      description: "For each even part of the range of steps the first and last point and those of the least and greatest value; all points where there are no more. Ask again with the range that is zoomed to.",
      body: { kind: "json", schema: SeriesRequest },
      response: z.object({
        series: z.array(z.object({ run: z.string(), steps: z.array(z.number()), timestamps: z.array(z.number()), values: z.array(Cell) })),
        firstStep: z.number().nullable(),
        lastStep: z.number().nullable(),
      }),
      handle: async ({ body, caller }) => {
        for (const run of body.runs) await requireRun(caller, "viewer", run);
        const extents = (await Promise.all(body.runs.map((run) => store.metricExtent(run, body.key)))).filter((extent) => extent !== null);
        if (extents.length === 0) return { series: [], firstStep: null, lastStep: null };
        const firstStep = Math.min(...extents.map((extent) => extent.firstStep));
        const lastStep = Math.max(...extents.map((extent) => extent.lastStep));
        const points = await store.sampleMetric({ runs: body.runs, key: body.key, buckets: body.buckets, fromStep: body.fromStep ?? firstStep, toStep: body.toStep ?? lastStep });
        const series = new Map(body.runs.map((run) => [run, { run, steps: [] as number[], timestamps: [] as number[], values: [] as (string | number)[] }]));
        for (const { run, step, timestamp, value } of points) {
          const own = series.get(run)!;
          own.steps.push(step);
          own.timestamps.push(timestamp);
          own.values.push(Number.isFinite(value) ? value : String(value));
        }
        return { series: [...series.values()].filter(({ steps }) => steps.length > 0), firstStep, lastStep };
      },
    }),
    route({
      method: "GET", path: "/api/experiments/:experiment/views", access: "viewer", on: "some", tag,
      operationId: "listRunViews", summary: "Saved views of the experiment's runs",
      params: z.strictObject({ experiment: ExperimentId }), response: z.object({ views: z.array(RunView) }),
      handle: async ({ params, caller }) => {
        await requireExperiment(caller, "viewer", params.experiment);
        return { views: await views.list(params.experiment) };
      },
    }),
    route({
      method: "POST", path: "/api/experiments/:experiment/views", access: "contributor", on: "some", tag,
      operationId: "saveRunView", summary: "Save a view under a name, or change the one of that name",
      params: z.strictObject({ experiment: ExperimentId }),
      body: { kind: "json", schema: z.strictObject({ name: z.string().trim().min(1).max(120), view: RunView.shape.view }) },
      response: RunView,
      handle: async ({ params, body, caller, now }) => {
        await requireExperiment(caller, "contributor", params.experiment);
        return views.put({ id: ids.next("view"), experiment: params.experiment, name: body.name, view: body.view, actor: caller.actor, now });
      },
    }),
    route({
      method: "DELETE", path: "/api/experiments/:experiment/views/:view", access: "contributor", on: "some", tag,
      operationId: "removeRunView", summary: "Remove a saved view",
      params: z.strictObject({ experiment: ExperimentId, view: z.string().max(64) }), response: z.object({}),
      handle: async ({ params, caller }) => {
        await requireExperiment(caller, "contributor", params.experiment);
        await views.remove(params.experiment, params.view);
        return {};
      },
    }),
  ];
}
