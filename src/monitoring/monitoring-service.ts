import { monitorEventLoopDelay } from "node:perf_hooks";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Clock, EpochMs } from "../core/clock.ts";
import { epochMs } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { MetricFamily } from "../core/metric-family.ts";
import type { ModelVersion, Policy } from "../registry/index.ts";
import type { ServedVersion, ServingObserver, ServingSample } from "../serving/index.ts";
import { driftReport } from "./drift-report.ts";
import { IntervalStatistics } from "./interval-statistics.ts";
import { metricFamilies } from "./metric-families.ts";
import { prometheusText } from "./prometheus-text.ts";
import type { DriftReport, LiveFigures, ServingInterval, ServingSeries } from "./schemas.ts";
import type { StatisticsStore } from "./statistics-store.ts";
import { keptSlots, minuteMs, slotMs, VersionMonitor, type MinuteRollup } from "./version-monitor.ts";

export interface MonitoringParts {
  store: StatisticsStore;
  clock: Clock;
  logger: Logger;
  /** The versions that are loaded, with their queues. */
  served: () => readonly ServedVersion[];
  policyOf: (model: string) => Policy;
  /** Bytes of the prediction log that wait to become Parquet. */
  logBacklogBytes: () => number;
  /** Whether the routes of rollouts are shared with other servers at present. */
  routesCutOff?: () => boolean;
}

/** Minute rollups are kept this long. */
const retentionMs = 90 * 24 * 60 * minuteMs;
const ticksPerPrune = 3600;

/** Live and kept figures per version; the only listener on the serving path. */
export class MonitoringService implements ServingObserver {
  readonly #parts: MonitoringParts;
  /** By identity, for the serving path. */
  readonly #monitors = new WeakMap<ModelVersion, VersionMonitor>();
  readonly #byName = new Map<string, VersionMonitor>();
  readonly #refused = new Map<string, { model: string; code: string; count: number }>();
  readonly #eventLoop = monitorEventLoopDelay({ resolution: 10 });
  readonly #startedAt: EpochMs;
  #ticks = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: MonitoringParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
    this.#eventLoop.enable();
  }

  answered(sample: ServingSample): void {
    (this.#monitors.get(sample.version) ?? this.#watch(sample.version)).answered(sample);
  }

  ran(version: ModelVersion, rows: number, runUs: number): void {
    (this.#monitors.get(version) ?? this.#watch(version)).ran(rows, runUs);
  }

  refused(model: string, code: string): void {
    const key = `${model}\n${code}`;
    const entry = this.#refused.get(key) ?? { model, code, count: 0 };
    entry.count++;
    this.#refused.set(key, entry);
  }

  unlogged(version: ModelVersion): void {
    this.#watch(version).totals.unlogged++;
  }

  /** Takes back the minutes of a version that an earlier process kept, so that windows and charts survive a restart. */
  async restore(version: ModelVersion, now: EpochMs): Promise<void> {
    if (this.#monitors.has(version)) return;
    const monitor = this.#watch(version);
    const from = epochMs(now - this.#keepMinutes(version.model) * minuteMs);
    for (const row of await this.#parts.store.readMinutes(version.model, from, epochMs(now + minuteMs))) {
      // The present minute of another server is its own to go on with.
      const isOthersPresent = row.elsewhere === true && row.minute === monitor.minuteFrom;
      if (row.version === version.version && !isOthersPresent) monitor.restore(row.minute, decode(row.payload));
    }
  }

  /** Called each second by the scheduler: closes intervals, samples queues, keeps finished minutes. */
  tick(now: EpochMs): void {
    for (const served of this.#parts.served()) this.#byName.get(`${served.model}/${served.version}`)?.sampleQueue(served.queueRows);
    const rows = [...this.#byName.values()].flatMap((monitor) =>
      monitor.roll(now, this.#keepMinutes(monitor.version.model)).map(({ from, rollup }) => rowOf(monitor, from, rollup)),
    );
    this.#write(rows);
    if (++this.#ticks % ticksPerPrune === 0) {
      this.#writing = this.#writing.then(() => this.#parts.store.deleteBefore(epochMs(now - retentionMs))).then(() => undefined).catch((cause: unknown) => this.#parts.logger.warn("statistics.prune_failed", { cause }));
    }
  }

  /** Writes the present minutes too. */
  async stop(): Promise<void> {
    this.#eventLoop.disable();
    this.#write([...this.#byName.values()].filter((monitor) => monitor.minute.requests > 0).map((monitor) => rowOf(monitor, monitor.minuteFrom, monitor.currentRollup())));
    await this.#writing;
  }

  /** `count` intervals of equal length over [from, to), per version that had traffic or is loaded. */
  async series(model: string, from: EpochMs, to: EpochMs, count: number): Promise<ServingSeries> {
    const fine = this.#parts.clock.now() - from <= keptSlots * slotMs && (to - from) / count < minuteMs;
    const step = Math.max(fine ? slotMs : minuteMs, Math.ceil((to - from) / count / slotMs) * slotMs);
    const start = from - (from % step);
    const size = Math.max(1, Math.ceil((to - start) / step));
    const versions = new Map<string, IntervalStatistics[]>();
    const intervalOf = (version: string, at: number): IntervalStatistics | undefined => {
      if (at < start || at >= start + size * step) return undefined;
      const list = versions.get(version) ?? Array.from({ length: size }, () => new IntervalStatistics());
      versions.set(version, list);
      return list[Math.floor((at - start) / step)];
    };
    const live = [...this.#byName.values()].filter((monitor) => monitor.version.model === model);
    if (!fine) {
      const pending = new Map(live.map((monitor) => [monitor.version.version, monitor.minuteFrom]));
      for (const row of await this.#parts.store.readMinutes(model, epochMs(start), epochMs(start + size * step))) {
        if (row.elsewhere === true || pending.get(row.version) !== row.minute) intervalOf(row.version, row.minute)?.addStored(decode(row.payload).statistics);
      }
    }
    for (const monitor of live) {
      const { version } = monitor.version;
      if (fine) {
        for (const slot of monitor.slots) intervalOf(version, slot.from)?.addStored(slot.statistics);
        intervalOf(version, monitor.slotFrom)?.add(monitor.slot);
      } else intervalOf(version, monitor.minuteFrom)?.add(monitor.minute);
    }
    return {
      model,
      versions: [...versions].sort(([a], [b]) => Number(b) - Number(a)).map(([version, intervals]) => {
        const total = new IntervalStatistics();
        for (const interval of intervals) total.add(interval);
        return {
          version,
          total: total.view(start, (size * step) / 1000),
          intervals: intervals.map((interval, index): ServingInterval => interval.view(start + index * step, step / 1000)),
        };
      }),
    };
  }

  /** Null when the version has not been watched since the server started. */
  drift(model: string, version: string): DriftReport | null {
    const monitor = this.#byName.get(`${model}/${version}`);
    return monitor === undefined ? null : driftReport(monitor, this.#parts.policyOf(model), this.#parts.clock.now());
  }

  /** Figures of the last minute. */
  live(model: string, version: string): LiveFigures | null {
    const monitor = this.#byName.get(`${model}/${version}`);
    if (monitor === undefined) return null;
    const minute = this.#lastMinute(monitor);
    const view = minute.view(0, 60);
    const now = this.#parts.clock.now();
    const first = monitor.slots.find((slot) => slot.from > now - minuteMs)?.from ?? monitor.slotFrom;
    const seconds = Math.min(60, Math.max(1, (now - first) / 1000));
    return {
      requestsPerSecond: minute.requests / seconds,
      errorRate: minute.requests === 0 ? null : minute.errors / minute.requests,
      cacheHitRate: minute.requests === 0 ? null : minute.cacheHits / minute.requests,
      p50Ms: view.p50Ms, p95Ms: view.p95Ms, p99Ms: view.p99Ms,
    };
  }

  /** The text that Prometheus scrapes: of the models that are to be seen, and what others have to tell. */
  metrics(sees: (model: string) => boolean, others: readonly MetricFamily[] = []): string {
    const monitors = [...this.#byName.values()].filter((monitor) => sees(monitor.version.model));
    const usage = process.cpuUsage();
    const text = prometheusText([
      ...metricFamilies({
        monitors,
        lastMinute: (monitor) => this.#lastMinute(monitor),
        served: this.#parts.served().filter(({ model }) => sees(model)),
        refused: [...this.#refused.values()].filter(({ model }) => sees(model)),
        drift: monitors.map((monitor) => driftReport(monitor, this.#parts.policyOf(monitor.version.model), this.#parts.clock.now())),
        logBacklogBytes: this.#parts.logBacklogBytes(),
        routesCutOff: this.#parts.routesCutOff?.() ?? null,
        process: {
          residentBytes: process.memoryUsage.rss(),
          cpuSeconds: (usage.user + usage.system) / 1e6,
          startSeconds: this.#startedAt / 1000,
          eventLoopP99Seconds: this.#eventLoop.percentile(99) / 1e9,
        },
      }),
      ...others,
    ]);
    this.#eventLoop.reset();
    return text;
  }

  #lastMinute(monitor: VersionMonitor): IntervalStatistics {
    const since = this.#parts.clock.now() - minuteMs;
    const sum = new IntervalStatistics();
    for (const slot of monitor.slots) if (slot.from > since) sum.addStored(slot.statistics);
    sum.add(monitor.slot);
    return sum;
  }

  #watch(version: ModelVersion): VersionMonitor {
    const known = this.#monitors.get(version) ?? this.#byName.get(`${version.model}/${version.version}`);
    const monitor = known ?? new VersionMonitor(version, this.#parts.clock.now());
    this.#monitors.set(version, monitor);
    this.#byName.set(`${version.model}/${version.version}`, monitor);
    return monitor;
  }

  #keepMinutes(model: string): number {
    return this.#parts.policyOf(model).monitoring.windowMinutes + 1;
  }

  #write(rows: Parameters<StatisticsStore["upsertMinutes"]>[0]): void {
    if (rows.length === 0) return;
    this.#writing = this.#writing.then(() => this.#parts.store.upsertMinutes(rows)).catch((cause: unknown) => this.#parts.logger.warn("statistics.write_failed", { cause }));
  }
}

function rowOf(monitor: VersionMonitor, from: number, rollup: MinuteRollup): Parameters<StatisticsStore["upsertMinutes"]>[0][number] {
  return { model: monitor.version.model, version: monitor.version.version, minute: epochMs(from), payload: gzipSync(JSON.stringify(rollup), { level: 1 }) };
}

function decode(payload: Uint8Array): MinuteRollup {
  return JSON.parse(gunzipSync(payload).toString("utf8")) as MinuteRollup;
}
