import { z } from "zod";
import type { Caller } from "../core/caller.ts";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { MetricFamily } from "../core/metric-family.ts";
import { inNameOrder } from "../core/name-order.ts";
import { ModelName, VersionNumber } from "../core/names.ts";
import { HttpAnswer, route, type Route } from "../core/route.ts";
import { Model, type RegistryService } from "../registry/index.ts";
import { ServedVersion, type ServingService } from "../serving/index.ts";
import type { LiveFeed } from "./live-feed.ts";
import type { MonitoringService } from "./monitoring-service.ts";
import { DriftLevel, DriftReport, LiveFigures, ServingSeries } from "./schemas.ts";

const ModelParams = z.strictObject({ model: ModelName });
const tag = "Monitoring";
const hourMs = 3_600_000;

const SeriesQuery = z.strictObject({
  /** Milliseconds since the epoch; the last hour when absent. */
  from: z.coerce.number().int().min(0).optional(),
  to: z.coerce.number().int().min(0).optional(),
  points: z.coerce.number().int().min(1).max(1000).default(120),
});

export interface MonitoringRouteParts {
  monitoring: MonitoringService;
  registry: RegistryService;
  serving: ServingService;
  live: LiveFeed;
  /** Of other modules, as far as the caller may see them. */
  moreMetrics(caller: Caller, now: EpochMs): Promise<MetricFamily[]>;
}

export function monitoringRoutes({ monitoring, registry, serving, live, moreMetrics }: MonitoringRouteParts): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/models",
      access: "viewer",
      on: "some",
      operationId: "listModels",
      summary: "All models, what is loaded of them and their figures of the last minute",
      tag: "Registry",
      response: z.object({ models: z.array(Model.extend({ served: z.array(ServedVersion), live: LiveFigures.nullable(), drift: DriftLevel })) }),
      handle: async ({ caller }) => {
        const served = serving.views();
        const models = inNameOrder(await registry.listModels()).filter((model) => registry.sees(caller, model.name)).map((model) => {
          const version = served.find((candidate) => candidate.model === model.name && candidate.active)?.version ?? model.aliases.champion;
          return {
            ...model,
            served: served.filter((candidate) => candidate.model === model.name),
            live: version === undefined ? null : monitoring.live(model.name, version),
            drift: (version === undefined ? undefined : monitoring.drift(model.name, version)?.level) ?? ("unknown" as const),
          };
        });
        return { models };
      },
    }),
    route({
      method: "GET",
      path: "/metrics",
      access: "viewer",
      on: "some",
      operationId: "scrapeMetrics",
      summary: "Metrics in the Prometheus text format, of the models that the caller sees, and of calls of the gateway of teams that it sees the whole of",
      tag,
      response: { mediaType: "text/plain; version=0.0.4; charset=utf-8", description: "Prometheus text format" },
      handle: async ({ caller, now }) =>
        new HttpAnswer(200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }, monitoring.metrics((model) => registry.sees(caller, model), await moreMetrics(caller, now))),
    }),
    route({
      method: "GET",
      path: "/api/models/:model/series",
      access: "viewer",
      on: { kind: "model", parameter: "model" },
      operationId: "getServingSeries",
      summary: "Latency, throughput, errors, batches and queue over time, per version",
      tag,
      params: ModelParams,
      query: SeriesQuery,
      response: ServingSeries,
      handle: async ({ params, query, now }) => {
        await registry.model(params.model);
        const to = query.to ?? now;
        const from = query.from ?? to - hourMs;
        if (from >= to) throw new AppError("INVALID_REQUEST", "from must be before to.");
        return monitoring.series(params.model, epochMs(from), epochMs(to), query.points);
      },
    }),
    route({
      method: "GET",
      path: "/api/models/:model/drift",
      access: "viewer",
      on: { kind: "model", parameter: "model" },
      operationId: "getDrift",
      summary: "PSI of every input column, live window against the contract's reference",
      tag,
      params: ModelParams,
      query: z.strictObject({ version: VersionNumber.optional() }),
      response: DriftReport,
      handle: async ({ params, query, now }) => {
        const model = await registry.model(params.model);
        const version = query.version ?? model.aliases.champion ?? model.latestVersion;
        if (version === null || version === undefined) throw new AppError("VERSION_NOT_FOUND", `${params.model} has no versions.`);
        await registry.version(params.model, version);
        return (
          monitoring.drift(params.model, version) ?? {
            model: params.model, version, from: now, to: now, rows: 0, level: "unknown" as const, reason: "No predictions in the window yet.", columns: [],
          }
        );
      },
    }),
    route({
      method: "GET",
      path: "/api/live",
      access: "viewer",
      on: "some",
      operationId: "followLive",
      summary: "Server-sent events: `tick` every two seconds with live figures, `change` when something changed",
      tag,
      response: { mediaType: "text/event-stream", description: "Server-sent events" },
      handle: ({ signal, caller }) => new HttpAnswer(200, { "Content-Type": "text/event-stream" }, live.open(signal, caller)),
    }),
  ];
}
