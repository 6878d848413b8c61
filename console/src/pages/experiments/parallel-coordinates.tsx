import { useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import type { WireRun } from "../../data/tracking.ts";
import { formatCount, formatNumber, plural } from "../../format.ts";
import { axisScale, columnValues, passes, type Brush } from "./compared-values.ts";
import { useViewport } from "./use-window.ts";
import { columnKind, columnLabel } from "./view-state.ts";

const height = 300;
const top = 44;
const bottom = 14;
/** At least so far apart; the rest is scrolled to. */
const leastSpacing = 130;
const side = 62;

/**
 * Each run as a line over the axes of its params and metrics. Dragging along an axis lets only those runs pass that cross it there; with the
 * keyboard an axis is narrowed with the arrows (Shift for the upper end) and freed with Delete. Colour follows the last axis.
 */
export function ParallelCoordinates({ runs, columns, brushes, onBrush, onHover }: {
  runs: readonly WireRun[]; columns: readonly string[]; brushes: ReadonlyMap<string, Brush>; onBrush: (column: string, brush: Brush | null) => void; onHover: (run: WireRun | null) => void;
}) {
  const svg = useRef<SVGSVGElement>(null);
  const { element, viewport } = useViewport<HTMLDivElement>();
  const [drag, setDrag] = useState<{ column: string; from: number; to: number } | null>(null);
  const [hovered, setHovered] = useState<string | null>(null);
  const axes = columns.map((column) => {
    const values = columnValues(runs, column);
    return { column, values, scale: axisScale(values, (value) => formatNumber(value, 3)) };
  });
  const positions = runs.map((_, run) => axes.map(({ values, scale }) => scale.position(values[run]!)));
  const inner = height - top - bottom;
  const spacing = Math.max(leastSpacing, Math.min(320, (viewport.width - 2 * side) / Math.max(1, columns.length - 1)));
  const x = (axis: number): number => side + axis * spacing;
  const y = (position: number): number => top + (1 - position) * inner;
  const brushOf = (column: string): Brush | undefined => (drag?.column === column ? { low: Math.min(drag.from, drag.to), high: Math.max(drag.from, drag.to) } : brushes.get(column));
  const active = axes.map(({ column }) => brushOf(column));
  const width = side * 2 + Math.max(0, axes.length - 1) * spacing;

  const positionOf = (event: PointerEvent): number => {
    const box = svg.current!.getBoundingClientRect();
    return Math.min(1, Math.max(0, 1 - (event.clientY - box.top - top) / inner));
  };
  const onKeyDown = (event: KeyboardEvent, column: string): void => {
    const { low, high } = brushes.get(column) ?? { low: 0, high: 1 };
    const step = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
    if (event.key === "Delete" || event.key === "Backspace" || event.key === "Escape") onBrush(column, null);
    else if (step !== undefined) onBrush(column, event.shiftKey ? { low, high: Math.max(low, Math.min(1, high + step)) } : { low: Math.min(high, Math.max(0, low + step)), high });
    else return;
    event.preventDefault();
  };
  const passing = runs.filter((_, index) => passes(positions[index]!, active)).length;
  return (
    <div className="parallel">
      <div ref={element} className="parallel-scroll">
        <svg ref={svg} width={width} height={height} role="group" aria-label={`Parallel coordinates: ${formatCount(passing)} of ${plural(runs.length, "run")} pass`}>
          {runs.map((run, index) => {
            const points = positions[index]!;
            const through = passes(points, active);
            let path = "";
            points.forEach((position, axis) => {
              if (position !== null) path += `${path === "" || points[axis - 1] === null ? "M" : "L"}${x(axis)},${y(position)}`;
            });
            const share = points.at(-1);
            return (
              <path
                key={run.info.run_id} d={path} className={`parallel-line parallel-tone-${share === null || share === undefined ? "none" : Math.min(4, Math.floor(share * 5))}${through ? "" : " parallel-out"}${hovered === run.info.run_id ? " parallel-hovered" : ""}`}
                onPointerEnter={() => { setHovered(run.info.run_id); onHover(run); }} onPointerLeave={() => { setHovered(null); onHover(null); }}
              >
                <title>{run.info.run_name}</title>
              </path>
            );
          })}
          {axes.map(({ column, scale }, axis) => {
            const brush = active[axis];
            return (
              <g key={column} transform={`translate(${x(axis)},0)`}>
                <text className="parallel-kind" y={14} textAnchor="middle">{columnKind(column).slice(0, -1)}</text>
                <text className="parallel-name" y={30} textAnchor="middle">{shorten(columnLabel(column))}<title>{columnLabel(column)}</title></text>
                <line className="parallel-axis" y1={top} y2={height - bottom} />
                {scale.labels.map(({ text, at }) => <text key={text} className="parallel-label" x={-6} y={y(at) + 4} textAnchor="end">{shorten(text, 9)}</text>)}
                {brush !== undefined && <rect className="parallel-brush" x={-8} width={16} y={y(brush.high)} height={Math.max(3, (brush.high - brush.low) * inner)} rx={3} />}
                <rect
                  className="parallel-hit" x={-16} y={top - 4} width={32} height={inner + 8} tabIndex={0} role="slider" aria-orientation="vertical" aria-label={`Limit ${columnLabel(column)}`}
                  aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round((brush?.low ?? 0) * 100)} aria-valuetext={brush === undefined ? "everything passes" : `${Math.round(brush.low * 100)} to ${Math.round(brush.high * 100)} percent of the axis`}
                  onKeyDown={(event) => onKeyDown(event, column)}
                  onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); setDrag({ column, from: positionOf(event), to: positionOf(event) }); }}
                  onPointerMove={(event) => { if (drag !== null) setDrag({ ...drag, to: positionOf(event) }); }}
                  onPointerUp={() => {
                    if (drag === null) return;
                    const chosen = { low: Math.min(drag.from, drag.to), high: Math.max(drag.from, drag.to) };
                    setDrag(null);
                    onBrush(column, chosen.high - chosen.low < 0.015 ? null : chosen);
                  }}
                />
              </g>
            );
          })}
        </svg>
      </div>
      <p className="muted small" role="status">{passing === runs.length ? `${plural(runs.length, "run")}. Drag along an axis to let only some pass.` : `${formatCount(passing)} of ${plural(runs.length, "run")} ${passing === 1 ? "passes" : "pass"}. A click on the axis frees it.`}</p>
    </div>
  );
}

function shorten(text: string, limit = 20): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}
