import type { MetricFamily } from "../core/metric-family.ts";
import type { ServedVersion } from "../serving/index.ts";
import type { DriftReport } from "./schemas.ts";
import type { IntervalStatistics } from "./interval-statistics.ts";
import { latencyBounds, type VersionMonitor } from "./version-monitor.ts";

export interface MetricSources {
  monitors: readonly VersionMonitor[];
  lastMinute: (monitor: VersionMonitor) => IntervalStatistics;
  served: readonly ServedVersion[];
  refused: readonly { model: string; code: string; count: number }[];
  drift: readonly DriftReport[];
  logBacklogBytes: number;
  /** Whether this server goes on with routes that it cannot compare with the database's; null where nobody knows. */
  routesCutOff: boolean | null;
  process: { residentBytes: number; cpuSeconds: number; startSeconds: number; eventLoopP99Seconds: number };
}

/** Everything that `/metrics` shows. Names follow the Prometheus conventions: base units, `_total` for counters. */
export function metricFamilies(sources: MetricSources): MetricFamily[] {
  const of = (monitor: VersionMonitor): Record<string, string> => ({ model: monitor.version.model, version: monitor.version.version });
  const perMonitor = (value: (monitor: VersionMonitor) => number): MetricFamily["samples"] => sources.monitors.map((monitor) => ({ labels: of(monitor), value: value(monitor) }));
  const perServed = (value: (served: ServedVersion) => number): MetricFamily["samples"] =>
    sources.served.map((served) => ({ labels: { model: served.model, version: served.version }, value: value(served) }));
  const gauge = (name: string, help: string, samples: MetricFamily["samples"]): MetricFamily => ({ name, help, type: "gauge", samples });
  const counter = (name: string, help: string, samples: MetricFamily["samples"]): MetricFamily => ({ name, help, type: "counter", samples });
  return [
    counter("slipway_requests_total", "Answered inference requests by outcome: ok, cached or an error code.",
      sources.monitors.flatMap((monitor) => [...monitor.totals.outcomes].map(([outcome, value]) => ({ labels: { ...of(monitor), outcome }, value })))),
    counter("slipway_requests_refused_total", "Requests that were refused before they reached a model, by error code.",
      sources.refused.map(({ model, code, count }) => ({ labels: { model, code }, value: count }))),
    counter("slipway_rows_total", "Rows in answered requests.", perMonitor(({ totals }) => totals.rows)),
    { name: "slipway_request_duration_seconds", help: "Time from the parsed request to its answer.", type: "histogram", samples: sources.monitors.flatMap((monitor) => latencySamples(monitor, of(monitor))) },
    { name: "slipway_request_latency_seconds", help: "Quantiles of the request time over the last minute.", type: "summary", samples: sources.monitors.flatMap((monitor) => quantileSamples(sources.lastMinute(monitor), monitor, of(monitor))) },
    counter("slipway_queue_seconds_total", "Time that requests waited for a runner.", perMonitor(({ totals }) => totals.queueSeconds)),
    counter("slipway_run_seconds_total", "Time inside models.", perMonitor(({ totals }) => totals.runSeconds)),
    counter("slipway_batches_total", "Batches run.", perMonitor(({ totals }) => totals.batches)),
    counter("slipway_batch_rows_total", "Rows in batches; divided by slipway_batches_total it is the mean batch size.", perMonitor(({ totals }) => totals.batchRows)),
    counter("slipway_predictions_unlogged_total", "Predictions that were answered but could not be written to the prediction log.", perMonitor(({ totals }) => totals.unlogged)),
    gauge("slipway_prediction_log_backlog_bytes", "Bytes of finished segments of the prediction log that are not Parquet yet.", [{ labels: {}, value: sources.logBacklogBytes }]),
    gauge("slipway_routes_cut_off", "1 while this server has not reached the database for seconds and goes on with the routes of rollouts that it has.",
      sources.routesCutOff === null ? [] : [{ labels: {}, value: Number(sources.routesCutOff) }]),
    gauge("slipway_queue_rows", "Rows that wait for a runner now; what autoscalers read.", perServed(({ queueRows }) => queueRows)),
    gauge("slipway_version_ready", "1 when the version is loaded and takes traffic.", perServed(({ state }) => (state === "ready" ? 1 : 0))),
    gauge("slipway_runners", "Runners alive.", perServed(({ runners }) => runners.ready)),
    counter("slipway_runner_restarts_total", "Runners that died or were killed and were replaced.", perServed(({ runners }) => runners.restarts)),
    gauge("slipway_breaker_open", "Circuit breaker of the version: 0 closed, 1 open, 0.5 while single requests try it. Only where the policy asks for one.",
      sources.served.flatMap(({ model, version, breaker }) => (breaker === null ? [] : [{ labels: { model, version }, value: breaker === "closed" ? 0 : breaker === "open" ? 1 : 0.5 }]))),
    gauge("slipway_drift_psi", "Population stability index of the live window against the reference data.",
      sources.drift.flatMap((report) => report.columns.flatMap(({ column, psi }) => (psi === null ? [] : [{ labels: { model: report.model, version: report.version, column }, value: psi }])))),
    gauge("process_resident_memory_bytes", "Resident memory of the server process.", [{ labels: {}, value: sources.process.residentBytes }]),
    counter("process_cpu_seconds_total", "User and system CPU time of the server process.", [{ labels: {}, value: sources.process.cpuSeconds }]),
    gauge("process_start_time_seconds", "Start time of the server process since the epoch.", [{ labels: {}, value: sources.process.startSeconds }]),
    gauge("slipway_event_loop_delay_p99_seconds", "99th percentile of the event loop's delay since the last scrape.", [{ labels: {}, value: sources.process.eventLoopP99Seconds }]),
  ];
}

function latencySamples(monitor: VersionMonitor, labels: Record<string, string>): MetricFamily["samples"] {
  const { totals } = monitor;
  const count = [...totals.outcomes.values()].reduce((sum, value) => sum + value, 0);
  return [
    ...latencyBounds.map((bound, index) => ({ suffix: "_bucket", labels: { ...labels, le: String(bound) }, value: totals.latencyCounts[index]! })),
    { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: count },
    { suffix: "_sum", labels, value: totals.latencySeconds },
    { suffix: "_count", labels, value: count },
  ];
}

function quantileSamples(minute: IntervalStatistics, monitor: VersionMonitor, labels: Record<string, string>): MetricFamily["samples"] {
  const { totals } = monitor;
  return [
    ...[0.5, 0.95, 0.99].map((share) => ({ labels: { ...labels, quantile: String(share) }, value: (minute.latency.quantile(share) ?? NaN) / 1e6 })),
    { suffix: "_sum", labels, value: totals.latencySeconds },
    { suffix: "_count", labels, value: [...totals.outcomes.values()].reduce((sum, value) => sum + value, 0) },
  ];
}
