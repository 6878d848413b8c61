import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type uPlot from "uplot";
import { formatAge, formatNumber, formatTime, plural } from "../format.ts";
import { now } from "../clock.ts";
import { useResolvedTheme } from "../shell/theme.ts";
import { nearestIndex, type MetricAxis, type MetricLine } from "./metric-line.ts";
import { metricPlotOptions } from "./metric-plot-options.ts";
import { usePlot } from "./use-plot.ts";

export interface ChartedRun {
  id: string;
  name: string;
  /** A custom property such as `--series-1`. */
  color: string;
  dash: readonly number[];
}

export interface MetricChartProps {
  title: string;
  runs: readonly ChartedRun[];
  lines: readonly MetricLine[];
  axis: MetricAxis;
  logarithmic: boolean;
  height: number;
  busy: boolean;
  /** Bounds of the x axis where somebody zoomed. */
  onZoom: (from: number, to: number) => void;
  /** Back to the whole; null where it is shown. */
  onWhole: (() => void) | null;
}

/** So many runs have their value in the legend; with more, the one next to the pointer has. */
const legendRuns = 6;

/** One metric of some runs. Dragging asks for the part with all its detail; with the keyboard: arrows move the crosshair, + and - zoom, 0 shows the whole. */
export function MetricChart(props: MetricChartProps) {
  const { title, runs, lines, axis, logarithmic, height, onWhole } = props;
  const theme = useResolvedTheme();
  const latest = useRef(props);
  latest.current = props;
  const [hovered, setHovered] = useState<{ x: number; y: number } | null>(null);

  const xs = useMemo(() => [...new Set(lines.flatMap((line) => line.x))].sort((left, right) => left - right), [lines]);
  const shape = JSON.stringify([theme, logarithmic, height, axis, runs.map(({ id, color }) => [id, color])]);
  const data = useMemo((): uPlot.AlignedData => [xs, xs.map(() => null)], [xs]);

  const { holder, plot } = usePlot({ options: (view) => metricPlotOptions(latest, { ...view, onHover: setHovered }), data, shape, height });
  useEffect(() => plot.current?.setData(data), [data, lines]);

  const values = useMemo(() => runs.map((run) => {
    const line = lines.find((candidate) => candidate.run === run.id);
    const index = line === undefined ? -1 : hovered === null ? line.x.length - 1 : nearestIndex(line.x, hovered.x);
    return { run, value: line?.shown[index], raw: line?.raw[index], step: line?.steps[index] };
  }), [runs, lines, hovered]);
  const present = values.filter(({ value }) => value !== undefined);
  const nearest = hovered === null ? undefined : present.reduce<(typeof present)[number] | undefined>(
    (best, candidate) => (best === undefined || Math.abs(candidate.value! - hovered.y) < Math.abs(best.value! - hovered.y) ? candidate : best), undefined);
  const legend = present.length <= legendRuns ? present : nearest === undefined ? [] : [nearest];
  const place = hovered === null ? "" : axis === "step" ? `step ${formatNumber(hovered.x)}` : axis === "wall" ? formatTime(hovered.x * 1000, now()) : `after ${formatAge(hovered.x * 1000)}`;

  const onKeyDown = (event: KeyboardEvent): void => {
    const current = plot.current;
    if (current === null || xs.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const [low, high] = [xs[0]!, xs.at(-1)!];
    if (event.key === "0" && onWhole !== null) onWhole();
    else if (event.key === "+" || event.key === "=") props.onZoom(middleOf(hovered?.x, low, high) - (high - low) / 4, middleOf(hovered?.x, low, high) + (high - low) / 4);
    else if (event.key === "-" && onWhole !== null) onWhole();
    else {
      const start = hovered === null ? xs.length - 1 : nearestIndex(xs, hovered.x);
      const target = { ArrowLeft: start - 1, ArrowRight: start + 1, Home: 0, End: xs.length - 1 }[event.key];
      if (target === undefined) return;
      const x = xs[Math.max(0, Math.min(xs.length - 1, target))]!;
      current.setCursor({ left: current.valToPos(x, "x"), top: 1 });
    }
    event.preventDefault();
  };
  return (
    <figure className={props.busy ? "chart chart-busy" : "chart"}>
      <figcaption>
        <span className="chart-title" title={title}>{title}</span>
        {onWhole !== null && <button type="button" className="link-button" onClick={onWhole}>whole range</button>}
        <span className="chart-time">{place}</span>
        <ul className="legend">
          {legend.map(({ run, value, raw }) => (
            <li key={run.id}>
              <i className={`swatch${run.dash.length > 0 ? " swatch-dashed" : ""}`} style={{ color: `var(${run.color})` }} aria-hidden="true" />
              {runs.length > 1 && <span className="legend-name" title={run.name}>{run.name}</span>} <b>{formatNumber(value!, 4)}</b>
              {raw !== value && raw !== undefined && <span className="muted"> ({formatNumber(raw, 4)})</span>}
            </li>
          ))}
          {present.length > legendRuns && nearest === undefined && <li>{plural(present.length, "run")}</li>}
        </ul>
      </figcaption>
      <div
        ref={holder} className="chart-plot" style={{ minHeight: height }} role="img" tabIndex={0} onKeyDown={onKeyDown} onDoubleClick={() => onWhole?.()} onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
        aria-label={`${title}. ${present.length === 0 ? "No data." : legend.map(({ run, value }) => `${run.name} ${formatNumber(value!, 4)}`).join(", ")} Arrow keys move the crosshair, plus zooms, 0 shows the whole.`}
      />
      {lines.length === 0 && !props.busy && <p className="chart-empty">Nothing was logged</p>}
    </figure>
  );
}

function middleOf(x: number | undefined, low: number, high: number): number {
  return x ?? (low + high) / 2;
}
