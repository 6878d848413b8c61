import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type uPlot from "uplot";
import { now } from "../clock.ts";
import { absent, formatTime, formatUtcPart } from "../format.ts";
import { useResolvedTheme } from "../shell/theme.ts";
import { plotOptions } from "./plot-options.ts";
import { usePlot } from "./use-plot.ts";

type Values = readonly (number | null)[];

export interface ChartLine {
  label: string;
  values: Values;
  /** A custom property such as `--series-1`. */
  color: string;
  dash?: readonly number[];
  /** Fills down to zero. */
  area?: boolean;
}

/** A pale area behind the lines. */
export interface ChartBand {
  label: string;
  low: Values;
  high: Values;
  color: string;
  /** What the legend says of the newest values, where that is more than they are. */
  text?: string;
}

export interface ChartProps {
  title: string;
  /** Seconds since 1970, ascending. */
  times: readonly number[];
  /** Bounds of the time axis in milliseconds. */
  from: number;
  to: number;
  lines: readonly ChartLine[];
  /** Smallest and largest value of each interval, or how sure a value is. */
  bands?: readonly ChartBand[];
  /** Levels that must not be crossed; drawn where they are in view, named where they are not. */
  levels?: readonly { label: string; value: number; color: string }[];
  format: (value: number | null | undefined) => string;
  /** Values are whole numbers, and so are the marks of their axis. */
  whole?: boolean;
  /** Values are of whole hours, or days, of UTC: times are told as those, and not in the reader's time zone, in which a day would have the date before. */
  utc?: "hour" | "day";
  /** Logarithmic value axis. */
  logarithmic?: boolean;
  /** The value axis fits the values, and need not begin at zero. */
  fitted?: boolean;
  /** Dragging over the chart asks for this span, in milliseconds. */
  onZoom?: (from: number, to: number) => void;
  height?: number;
  className?: string;
}

const noBands: readonly ChartBand[] = [];

/**
 * A time series. Charts on one page move their crosshair in step; the legend shows the values under it, or the newest.
 * With the keyboard: the arrow keys move the crosshair.
 */
export function Chart(props: ChartProps) {
  const { title, times, lines, bands = noBands, levels = [], format, logarithmic = false, fitted = false, height = 168 } = props;
  const theme = useResolvedTheme();
  const latest = useRef(props);
  latest.current = props;
  const [hovered, setHovered] = useState<number | null>(null);

  const data = useMemo(
    () => [times, ...bands.flatMap(({ low, high }) => [low, high]), ...lines.map((line) => line.values)] as unknown as uPlot.AlignedData,
    [times, bands, lines],
  );
  const shape = JSON.stringify([theme, logarithmic, fitted, height, props.utc, bands.map(({ color }) => color), lines.map((line) => [line.label, line.color, line.dash, line.area]), levels]);

  const { holder, plot } = usePlot({ options: (view) => plotOptions(latest, { ...view, onHover: setHovered }), data, shape, height });

  useEffect(() => {
    const current = plot.current;
    if (current === null) return;
    current.batch(() => {
      current.setData(data, false);
      current.setScale("x", { min: props.from / 1000, max: props.to / 1000 });
    });
  }, [data, props.from, props.to]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const current = plot.current;
    if (current === null || times.length === 0) return;
    const start = hovered ?? times.length - 1;
    const target = { ArrowLeft: start - 1, ArrowRight: start + 1, Home: 0, End: times.length - 1 }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(times.length - 1, hovered === null ? start : target));
    // The third argument tells the other charts; the type leaves it out.
    (current.setCursor as (position: { left: number; top: number }, fire: boolean, publish: boolean) => void)({ left: current.valToPos(times[index]!, "x"), top: 0 }, true, true);
  };

  const timeAt = (position: number): string => {
    const time = times[position]! * 1000;
    return props.utc === undefined ? formatTime(time, now()) : formatUtcPart(time, props.utc);
  };
  const index = hovered !== null && hovered < times.length ? hovered : null;
  const shown = (values: Values): number | null | undefined => (index === null ? values.findLast((value) => value !== null) : values[index]);
  const summary = lines.map((line) => `${line.label} ${format(shown(line.values))}`).join(", ");
  return (
    <figure className={props.className === undefined ? "chart" : `chart ${props.className}`}>
      <figcaption>
        <span className="chart-title">{title}</span>
        <span className="chart-time">{index === null ? "" : timeAt(index)}</span>
        <ul className="legend">
          {lines.map((line) => (
            <li key={line.label}>
              <Swatch color={line.color} {...(line.dash === undefined ? {} : { dashed: true })} />
              {line.label} <b>{format(shown(line.values))}</b>
            </li>
          ))}
          {bands.map((band) => (
            <li key={band.label}>
              <Swatch color={band.color} wide />
              {band.label} <b>{(index === null ? band.text : undefined) ?? bandText(format, shown(band.low), shown(band.high))}</b>
            </li>
          ))}
          {levels.map((level) => (
            <li key={level.label} className="legend-level">
              <Swatch color={level.color} dashed />
              {level.label} <b>{format(level.value)}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={holder} className="chart-plot" style={{ minHeight: height }} role="img" tabIndex={0} aria-label={`${title}. ${times.length === 0 ? "No data." : summary}. Arrow keys move the crosshair.`} onKeyDown={onKeyDown} onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })} />
      <span className="visually-hidden" aria-live="polite">
        {index === null ? "" : `${timeAt(index)}: ${summary}`}
      </span>
      {times.length === 0 && <p className="chart-empty">No requests in this time</p>}
    </figure>
  );
}

function bandText(format: ChartProps["format"], low: number | null | undefined, high: number | null | undefined): string {
  return low === null || low === undefined ? absent : `${format(low)} – ${format(high)}`;
}

function Swatch({ color, wide = false, dashed = false }: { color: string; wide?: boolean; dashed?: boolean }) {
  return <i className={`swatch${wide ? " swatch-wide" : ""}${dashed ? " swatch-dashed" : ""}`} style={{ color: `var(${color})` }} aria-hidden="true" />;
}
