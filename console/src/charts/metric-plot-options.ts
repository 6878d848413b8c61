import type uPlot from "uplot";
import { formatMs, formatNumber } from "../format.ts";
import { fade, resolveColors } from "./colors.ts";
import type { MetricChartProps } from "./metric-chart.tsx";
import { valueBounds, type MetricLine } from "./metric-line.ts";
import { axisStyle, axisWidth, decadesOnly, isDecade, onSelection } from "./plot-parts.ts";

/** Bands of more runs than these would hide each other. */
const bandedRuns = 8;

/**
 * How a chart of metrics is drawn: uPlot has the axes, the crosshair and the zoom; the lines are drawn each on its own points, so that a hundred runs that logged at
 * other steps need no common table.
 */
export function metricPlotOptions(latest: { current: MetricChartProps }, view: { width: number; height: number; onHover: (at: { x: number; y: number } | null) => void }): uPlot.Options {
  const { axis: kind, logarithmic, runs } = latest.current;
  const colors = resolveColors(["--border", "--text-muted", ...new Set(runs.map(({ color }) => color))]);
  const axis = axisStyle(colors);
  return {
    width: view.width,
    height: view.height,
    legend: { show: false },
    padding: [8, 16, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: kind === "wall", range: (_plot, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) },
      y: { distr: logarithmic ? 3 : 1, range: () => paddedBounds(latest.current.lines, logarithmic) },
    },
    axes: [
      { ...axis, size: 26, space: 60, ...(kind === "wall" ? {} : { values: (_plot: uPlot, splits: number[]) => splits.map((value) => (kind === "step" ? (Number.isInteger(value) ? shortNumber(value) : "") : formatMs(value * 1000))) }) },
      {
        ...axis, space: 30, size: axisWidth,
        ...(logarithmic ? { grid: { ...axis.grid, filter: decadesOnly } } : {}),
        values: (_plot, splits) => splits.map((value) => (value === null || (logarithmic && !isDecade(value) && !fewDecades(latest.current.lines)) ? "" : shortNumber(value))),
      },
    ],
    series: [{}, { stroke: "transparent", points: { show: false } }],
    hooks: {
      draw: [(plot) => drawLines(plot, latest.current, colors)],
      setCursor: [
        (plot) => {
          const { left = -1, top = 0 } = plot.cursor;
          view.onHover(left < 0 ? null : { x: plot.posToVal(left, "x"), y: plot.posToVal(top, "y") });
        },
      ],
      setSelect: [onSelection((from, to) => latest.current.onZoom(from, to))],
    },
  };
}

/** A little room around the lines; never empty. */
function paddedBounds(lines: readonly MetricLine[], logarithmic: boolean): [number, number] {
  const bounds = valueBounds(lines, logarithmic);
  if (bounds === null) return logarithmic ? [0.1, 1] : [0, 1];
  const [low, high] = bounds;
  if (logarithmic) return low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15];
  const room = low === high ? Math.max(Math.abs(low) * 0.1, 1e-9) : (high - low) * 0.06;
  return [low - room, high + room];
}

function fewDecades(lines: readonly MetricLine[]): boolean {
  const bounds = valueBounds(lines, true);
  return bounds === null || bounds[1] / bounds[0] < 30;
}

function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6 || (size !== 0 && size < 1e-3)) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  return size >= 1e4 ? `${formatNumber(value / 1000, 4)} k` : formatNumber(value, 4);
}

function drawLines(plot: uPlot, { lines, runs, logarithmic }: MetricChartProps, colors: Record<string, string>): void {
  const { ctx: context, bbox } = plot;
  const toX = (value: number): number => plot.valToPos(value, "x", true);
  const toY = (value: number): number => plot.valToPos(value, "y", true);
  const drawn = (value: number): boolean => Number.isFinite(value) && (!logarithmic || value > 0);
  context.save();
  context.beginPath();
  context.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  context.clip();
  context.lineJoin = "round";
  for (const line of lines) {
    const run = runs.find(({ id }) => id === line.run);
    if (run === undefined) continue;
    const color = colors[run.color]!;
    if (line.band !== null && lines.length <= bandedRuns) {
      const { low, high } = line.band;
      const points = line.x.map((_, index) => index).filter((index) => drawn(low[index]!) && drawn(high[index]!));
      context.fillStyle = fade(color, 0.2);
      context.beginPath();
      for (const index of points) context.lineTo(toX(line.x[index]!), toY(high[index]!));
      for (const index of points.reverse()) context.lineTo(toX(line.x[index]!), toY(low[index]!));
      context.fill();
    }
    context.lineWidth = (lines.length > 20 ? 1 : 1.5) * devicePixelRatio;
    context.setLineDash(run.dash.map((length) => length * devicePixelRatio));
    const stroke = (values: readonly number[]): void => {
      context.beginPath();
      let open = false;
      line.x.forEach((x, index) => {
        const value = values[index]!;
        const next = values[index + 1];
        if (!drawn(value)) {
          open = false;
          return;
        }
        if (open) context.lineTo(toX(x), toY(value));
        else context.moveTo(toX(x), toY(value));
        // A point without neighbours would not be seen.
        if (!open && (next === undefined || !drawn(next))) context.fillRect(toX(x) - 2.5 * devicePixelRatio, toY(value) - 2.5 * devicePixelRatio, 5 * devicePixelRatio, 5 * devicePixelRatio);
        open = true;
      });
      context.stroke();
    };
    if (lines.length <= bandedRuns && line.shown.some((value, index) => value !== line.raw[index] && drawn(value))) {
      context.strokeStyle = context.fillStyle = fade(color, 0.28);
      stroke(line.raw);
    }
    context.strokeStyle = context.fillStyle = color;
    stroke(line.shown);
  }
  context.restore();
}
