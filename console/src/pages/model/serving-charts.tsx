import { useMemo } from "react";
import { Chart, type ChartLine, type ChartProps } from "../../charts/chart.tsx";
import { versionColors } from "../../charts/colors.ts";
import { useQuery } from "../../data/query.ts";
import { alignIntervals, requestRate, type LoadedSeries } from "../../data/series.ts";
import type { Policy, ServingInterval, ServingSeries } from "../../data/types.ts";
import { absent, formatCount, formatMs, formatRate, formatShare } from "../../format.ts";
import { Segmented } from "../../parts/segmented.tsx";

type Figure = (interval: ServingInterval) => number | null;

const formatRows = (value: number | null | undefined): string => (value === null || value === undefined ? absent : formatCount(Math.round(value * 100) / 100));

/**
 * How the versions served. One version shows its percentiles and, behind them, the fastest and slowest request of each
 * interval; several are laid over each other in a colour each.
 */
export function ServingCharts({ series, shown, objectives, onZoom }: {
  series: LoadedSeries;
  shown: ServingSeries["versions"];
  objectives: Policy["objectives"] | undefined;
  onZoom: (from: number, to: number) => void;
}) {
  const query = useQuery();
  const logarithmic = query.get("scale") === "log";
  const drawn = useMemo(() => {
    // A version keeps its colour when another one is left out of the view.
    const order = series.versions.map(({ version }) => version);
    const color = (version: string): string => versionColors[Math.max(0, order.indexOf(version)) % versionColors.length]!;
    const versions = [...shown].sort((a, b) => Number(a.version) - Number(b.version));
    const { times, at } = alignIntervals(versions.map(({ intervals }) => intervals));
    const values = (index: number, figure: Figure): (number | null)[] => times.map((_, time) => { const interval = at(index, time); return interval === undefined ? null : figure(interval); });
    /** One line for each version, or the one line under its own name. */
    const perVersion = (label: string, figure: Figure, look: Partial<ChartLine> = {}): ChartLine[] =>
      versions.map(({ version }, index) => ({ label: versions.length === 1 ? label : `v${version} ${label}`, values: values(index, figure), color: color(version), ...look }));
    const single = versions.length === 1;
    return {
      times,
      latency: single
        ? [
            { label: "p50", values: values(0, (interval) => interval.p50Ms), color: "--latency-p50" },
            { label: "p95", values: values(0, (interval) => interval.p95Ms), color: "--latency-p95" },
            { label: "p99", values: values(0, (interval) => interval.p99Ms), color: "--latency-p99" },
          ]
        : [...perVersion("p50", (interval) => interval.p50Ms, { dash: [3, 3] }), ...perVersion("p95", (interval) => interval.p95Ms)],
      bands: single ? [{ label: "min – max", low: values(0, (interval) => interval.minMs), high: values(0, (interval) => interval.maxMs), color: "--latency-band" }] : [],
      requests: perVersion("requests", (interval) => requestRate(interval, series.to), { area: true }),
      errors: perVersion("errors", ({ errors, requests }) => (requests === 0 ? null : errors / requests), { area: true, ...(single ? { color: "--bad-line" } : {}) }),
      batch: perVersion("rows", (interval) => interval.meanBatchRows),
      depth: perVersion("most", (interval) => interval.maxQueueRows, { area: true }),
      queueTime: perVersion("p95", (interval) => interval.queueP95Ms),
    };
  }, [series, shown]);

  if (drawn.times.length === 0) return null;
  const base: Pick<ChartProps, "times" | "from" | "to" | "onZoom"> = { times: drawn.times, from: series.from, to: series.to, onZoom };
  const latencyLevels = objectives === undefined ? [] : [
    { label: "p95 warning", value: objectives.latencyP95Ms.warning, color: "--warning-line" },
    { label: "p95 critical", value: objectives.latencyP95Ms.critical, color: "--bad-line" },
  ];
  const errorLevels = objectives === undefined ? [] : [
    { label: "warning", value: objectives.errorRate.warning, color: "--warning-line" },
    { label: "critical", value: objectives.errorRate.critical, color: "--bad-line" },
  ];
  return (
    <section className="charts" aria-label="Charts">
      <div className="chart-wide">
        <Chart {...base} title="Latency" lines={drawn.latency} bands={drawn.bands} levels={latencyLevels} format={formatMs} logarithmic={logarithmic} height={220} />
        <div className="chart-corner">
          <Segmented label="Scale of latency" value={logarithmic ? "log" : "linear"} options={[{ id: "linear", label: "linear" }, { id: "log", label: "log" }]} onChange={(scale) => query.set({ scale: scale === "log" ? "log" : null }, { replace: true })} />
        </div>
      </div>
      <Chart {...base} className="chart-half" title="Requests per second" lines={drawn.requests} format={formatRate} />
      <Chart {...base} className="chart-half" title="Error rate" lines={drawn.errors} levels={errorLevels} format={formatShare} />
      <Chart {...base} title="Queue time" lines={drawn.queueTime} format={formatMs} />
      <Chart {...base} title="Queue depth" lines={drawn.depth} format={formatRows} whole />
      <Chart {...base} title="Mean batch" lines={drawn.batch} format={formatRows} />
    </section>
  );
}
