import { now } from "../clock.ts";
import { wireNumber, type RunSeries } from "../data/tracking.ts";
import { formatNumber, formatTime, plural } from "../format.ts";
import type { ChartedRun } from "./metric-chart.tsx";

/** Whether no run logged the metric more than once: there is no course to draw, only a value of each. */
export function isSinglePoint(series: readonly RunSeries[]): boolean {
  return series.length > 0 && series.every(({ values }) => values.length <= 1);
}

/** A metric that each run logged once: of one run the value, of several a bar each, from zero, in the order of the runs. */
export function MetricValues({ title, runs, series, height }: { title: string; runs: readonly ChartedRun[]; series: readonly RunSeries[]; height: number }) {
  const values = series.map(({ run, steps, timestamps, values: [value] }) => ({ run: runs.find(({ id }) => id === run), value: wireNumber(value), step: steps[0] ?? 0, at: timestamps[0] ?? 0 }));
  const finite = values.map(({ value }) => value).filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...finite), Math.max(0, ...finite)];
  const share = (value: number): number => (high === low ? 0 : ((value - low) / (high - low)) * 100);
  return (
    <figure className="chart">
      <figcaption>
        <span className="chart-title" title={title}>{title}</span>
        <span className="chart-time">{values.length === 1 ? "" : `one value of each, ${plural(values.length, "run")}`}</span>
      </figcaption>
      {values.length === 1 ? (
        <p className="metric-single">
          <b>{formatNumber(values[0]!.value, 6)}</b>
          <span className="muted">logged once, {values[0]!.step === 0 ? "" : `at step ${formatNumber(values[0]!.step)}, `}{formatTime(values[0]!.at, now())}</span>
        </p>
      ) : (
        <ul className="metric-values" style={{ maxHeight: height }} tabIndex={0} aria-label={`${title} of each run`}>
          {values.map(({ run, value }, index) => (
            <li key={run?.id ?? index}>
              <span className="legend-name" title={run?.name}>{run?.name}</span>
              <span className="metric-bar" aria-hidden="true">
                {Number.isFinite(value) && <span style={{ left: `${share(Math.min(0, value))}%`, width: `${share(Math.max(0, value)) - share(Math.min(0, value))}%`, background: `var(${run?.color ?? "--series-1"})` }} />}
              </span>
              <b>{formatNumber(value, 4)}</b>
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}
