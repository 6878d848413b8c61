import { useEffect, useMemo, useRef, useState } from "react";
import { MetricChart, type ChartedRun } from "../../charts/metric-chart.tsx";
import { metricLine, stepsBetween, type MetricLine } from "../../charts/metric-line.ts";
import { useMetricSeries } from "../../data/tracking.ts";
import { isSinglePoint, MetricValues } from "../../charts/metric-values.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import type { ChartSettings, Zoom } from "./chart-settings.ts";

export interface PanelRun extends ChartedRun {
  startedAt: number;
}

/** Fewer parts for each run when there are many: what a screen can show. */
function bucketsFor(runs: number): number {
  return Math.max(40, Math.floor(400 / Math.max(1, Math.sqrt(runs))));
}

/** One metric of some runs, asked for when it comes into view, and again for the part that is zoomed to. */
export function MetricPanel({ metric, runs, settings, zoom, onZoom, height = 190, refreshMs }: {
  metric: string; runs: readonly PanelRun[]; settings: ChartSettings; zoom: Zoom | undefined; onZoom: (zoom: Zoom | null) => void; height?: number; refreshMs?: number | undefined;
}) {
  const holder = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setNear(entries.some((entry) => entry.isIntersecting)), { rootMargin: "300px" });
    observer.observe(holder.current!);
    return () => observer.disconnect();
  }, []);

  const buckets = bucketsFor(runs.length);
  const request = near ? { runs: runs.map(({ id }) => id), key: metric, buckets, ...(zoom === undefined ? {} : { fromStep: zoom.from, toStep: zoom.to }) } : null;
  const answer = useMetricSeries(request, refreshMs);
  const { axis, smoothing, logarithmic } = settings;
  // While another range is on its way, the one before stays in sight.
  const kept = useRef<MetricLine[]>([]);
  const lines = useMemo(() => {
    if (answer.data === undefined) return kept.current;
    const { series, firstStep, lastStep } = answer.data;
    const [from, to] = [zoom?.from ?? firstStep ?? 0, zoom?.to ?? lastStep ?? 0];
    return (kept.current = series.map((samples) =>
      metricLine(samples, { axis, smoothing, from, to, buckets, startedAt: runs.find(({ id }) => id === samples.run)?.startedAt ?? samples.timestamps[0] ?? 0 })));
  }, [answer.data, axis, smoothing, buckets, runs]);

  const zoomTo = (from: number, to: number): void => {
    const steps = axis === "step" ? ([Math.floor(from), Math.ceil(to)] as const) : stepsBetween(lines, from, to);
    if (steps !== null) onZoom({ from: steps[0], to: steps[1] });
  };
  return (
    <div ref={holder} className="metric-panel" style={{ minHeight: height + 44 }}>
      {near && answer.error !== undefined && answer.data === undefined && <ErrorBox error={answer.error} retry={answer.reload} />}
      {near && (answer.data !== undefined || kept.current.length > 0 || answer.error === undefined) && (
        zoom === undefined && answer.data !== undefined && isSinglePoint(answer.data.series) ? <MetricValues title={metric} runs={runs} series={answer.data.series} height={height} /> :
        <MetricChart title={metric} runs={runs} lines={lines} axis={axis} logarithmic={logarithmic} height={height} busy={answer.data === undefined} onZoom={zoomTo} onWhole={zoom === undefined ? null : () => onZoom(null)} />
      )}
    </div>
  );
}
