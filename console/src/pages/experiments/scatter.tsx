import { useLocation } from "wouter";
import type { WireRun } from "../../data/tracking.ts";
import { formatNumber } from "../../format.ts";
import { axisScale, columnValues } from "./compared-values.ts";
import { columnLabel } from "./view-state.ts";

const width = 640;
const height = 320;
const box = { left: 70, right: 16, top: 12, bottom: 44 };

/** Runs by two of their columns; a point opens its run. */
export function Scatter({ runs, styles, x: xColumn, y: yColumn, isOut }: { runs: readonly WireRun[]; styles: readonly { color: string }[]; x: string; y: string; isOut: (run: number) => boolean }) {
  const [, navigate] = useLocation();
  const [xs, ys] = [columnValues(runs, xColumn), columnValues(runs, yColumn)];
  const [horizontal, vertical] = [axisScale(xs, (value) => formatNumber(value, 3)), axisScale(ys, (value) => formatNumber(value, 3))];
  const x = (at: number): number => box.left + 10 + at * (width - box.left - box.right - 20);
  const y = (at: number): number => height - box.bottom - 10 - at * (height - box.top - box.bottom - 20);
  const points = runs.flatMap((run, index) => {
    const [across, up] = [horizontal.position(xs[index]!), vertical.position(ys[index]!)];
    return across === null || up === null ? [] : [{ run, index, cx: x(across), cy: y(up) }];
  });
  return (
    <>
      <svg className="scatter" viewBox={`0 0 ${width} ${height}`} role="group" aria-label={`${columnLabel(yColumn)} over ${columnLabel(xColumn)}`}>
        {vertical.labels.map(({ text, at }) => (
          <g key={text}>
            <line className="scatter-grid" x1={box.left} x2={width - box.right} y1={y(at)} y2={y(at)} />
            <text className="parallel-label" x={box.left - 6} y={y(at) + 4} textAnchor="end">{text.slice(0, 10)}</text>
          </g>
        ))}
        {horizontal.labels.map(({ text, at }) => <text key={text} className="parallel-label" x={x(at)} y={height - box.bottom + 16} textAnchor="middle">{text.slice(0, 12)}</text>)}
        <line className="parallel-axis" x1={box.left} x2={width - box.right} y1={height - box.bottom} y2={height - box.bottom} />
        <text className="parallel-name" x={(width + box.left) / 2} y={height - 8} textAnchor="middle">{columnLabel(xColumn)}</text>
        {points.map(({ run, index, cx, cy }) => (
          <a key={run.info.run_id} href={`/experiments/${run.info.experiment_id}/runs/${run.info.run_id}`} aria-label={run.info.run_name} onClick={(event) => { event.preventDefault(); navigate(`/experiments/${run.info.experiment_id}/runs/${run.info.run_id}`); }}>
            <circle className={isOut(index) ? "scatter-point scatter-out" : "scatter-point"} cx={cx} cy={cy} r={5} style={{ fill: `var(${styles[index]!.color})` }}>
              <title>{`${run.info.run_name}: ${xs[index]}, ${ys[index]}`}</title>
            </circle>
          </a>
        ))}
      </svg>
      {points.length < runs.length && <p className="muted small">{runs.length - points.length} runs lack one of the two.</p>}
    </>
  );
}
