import uPlot from "uplot";
import type { ChartProps } from "./chart.tsx";
import { fade, resolveColors } from "./colors.ts";
import { axisStyle, axisWidth, decadesOnly, onSelection } from "./plot-parts.ts";

/** Charts with this key share one crosshair. */
const crosshair = uPlot.sync("slipway");

/** Steps of an axis of whole numbers. */
const wholeSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7, 1e8];

/** Steps of an axis of days, in seconds. */
const daySteps = [1, 2, 3, 4, 5, 7, 10, 14, 28].map((days) => days * 86_400);

/** Room that the largest value leaves above itself, as a share of the axis. */
const headroom = 0.12;

/**
 * How one chart is drawn. `latest` is read at every drawing, so that new levels and callbacks need no new plot. Gaps stay
 * gaps: a line is never drawn over time in which nothing was measured.
 */
export function plotOptions(latest: { current: ChartProps }, view: { width: number; height: number; onHover: (index: number | null) => void }): uPlot.Options {
  const { lines, bands = [], levels = [], logarithmic = false, whole = false, fitted = false, utc, format } = latest.current;
  const names = ["--border", "--text-muted", ...lines.map((line) => line.color), ...bands.map((band) => band.color), ...levels.map((level) => level.color)];
  const colors = resolveColors(names);
  const axis = axisStyle(colors);
  const hidden = { stroke: "transparent", width: 0, points: { show: false } };
  let hovered: number | null = null;

  return {
    width: view.width,
    height: view.height,
    ...(utc === undefined ? {} : { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") }),
    legend: { show: false },
    padding: [8, 20, 0, 0],
    cursor: {
      sync: { key: crosshair.key, scales: ["x", null], setSeries: false },
      y: false,
      points: { size: 6, width: 1.5 },
      drag: { x: latest.current.onZoom !== undefined, y: false, setScale: false },
    },
    scales: {
      x: { time: true, range: () => [latest.current.from / 1000, latest.current.to / 1000] },
      y: { distr: logarithmic ? 3 : 1, range: (_plot, low, high) => fitted ? fittedRange(low, high) : valueRange(low, high, logarithmic, Math.max(0, ...levels.map(({ value }) => value))) },
    },
    axes: [
      { ...axis, size: 26, space: 76, ...(utc === "day" ? { incrs: daySteps } : {}), values: (_plot, splits, _axis, _space, step) => timeLabels(splits, step, utc === undefined ? undefined : "UTC") },
      { ...axis, ...(logarithmic ? { grid: { ...axis.grid, filter: decadesOnly } } : {}), ...(whole ? { incrs: wholeSteps } : {}), size: axisWidth, space: 34, values: (_plot, splits) => splits.map((value) => (value === null ? "" : format(value))) },
    ],
    series: [
      {},
      ...bands.flatMap(() => [hidden, hidden]),
      ...lines.map((line): uPlot.Series => {
        const stroke = colors[line.color]!;
        return {
          label: line.label, stroke, width: 1.5, points: { show: isolated, size: 4, fill: stroke, stroke },
          ...(line.dash === undefined ? {} : { dash: [...line.dash] }),
          ...(line.area === true ? { fill: fade(stroke, 0.14) } : {}),
        };
      }),
    ],
    bands: bands.map((band, index) => ({ series: [2 * index + 2, 2 * index + 1] as [number, number], fill: fade(colors[band.color]!, 0.16) })),
    hooks: {
      setCursor: [
        (plot) => {
          const index = plot.cursor.idx ?? null;
          const next = index === null || (plot.cursor.left ?? -1) < 0 ? null : index;
          if (next !== hovered) view.onHover((hovered = next));
        },
      ],
      setSelect: [onSelection((from, to) => latest.current.onZoom?.(from * 1000, to * 1000))],
      draw: [(plot) => drawLevels(plot, latest.current.levels ?? [], colors)],
    },
  };
}

/** From zero, or over whole decades; never empty. Where all is zero, the levels show how far away they are. */
function valueRange(low: number | null, high: number | null, logarithmic: boolean, highestLevel: number): [number, number] {
  if (high === null || !Number.isFinite(high)) return logarithmic ? [0.1, 1] : [0, 1];
  if (!logarithmic) return [0, (high > 0 ? high : highestLevel > 0 ? highestLevel : 1) * (1 + headroom)];
  const bottom = Math.max(low !== null && low > 0 ? low : high / 100, 1e-6);
  return [10 ** Math.floor(Math.log10(bottom)), 10 ** Math.ceil(Math.log10(Math.max(high, bottom) * 1.0001))];
}

/** A little more than the values; never empty. */
function fittedRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * headroom;
  return [low - room, high + room];
}

/** A point where a single interval stands between two gaps, so that it is seen at all. */
function isolated(plot: uPlot, seriesIndex: number): boolean {
  const values = plot.data[seriesIndex]!;
  let count = 0;
  for (const value of values) if (value !== null && value !== undefined && ++count > 2) return false;
  return count > 0;
}

/** Hours and minutes; where a new day begins, or the span is of days, the date. In the reader's time zone where none is given. */
function timeLabels(splits: readonly number[], step: number, timeZone: "UTC" | undefined): string[] {
  let lastDay = "";
  return splits.map((seconds) => {
    const date = new Date(seconds * 1000);
    const day = date.toLocaleString("en-GB", { day: "numeric", month: "short", timeZone });
    const clock = date.toLocaleTimeString("en-GB", { timeZone });
    const text = step >= 86_400 || (lastDay !== "" && day !== lastDay) ? day : step < 60 ? clock : clock.slice(0, 5);
    lastDay = day;
    return text;
  });
}

function drawLevels(plot: uPlot, levels: NonNullable<ChartProps["levels"]>, colors: Record<string, string>): void {
  const { ctx: context, bbox } = plot;
  for (const level of levels) {
    const y = Math.round(plot.valToPos(level.value, "y", true));
    if (!Number.isFinite(y) || y < bbox.top || y > bbox.top + bbox.height) continue;
    context.save();
    context.strokeStyle = colors[level.color]!;
    context.lineWidth = devicePixelRatio;
    context.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    context.beginPath();
    context.moveTo(bbox.left, y);
    context.lineTo(bbox.left + bbox.width, y);
    context.stroke();
    context.restore();
  }
}
