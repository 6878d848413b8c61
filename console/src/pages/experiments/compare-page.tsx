import { useMemo, useState } from "react";
import { Link } from "wouter";
import { runStyle } from "../../charts/run-colors.ts";
import { useQuery } from "../../data/query.ts";
import { useExperiment, useRuns, type WireRun } from "../../data/tracking.ts";
import { plural } from "../../format.ts";
import { BackLink } from "../../parts/back-link.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { axisScale, brushesOf, brushText, columnValues, metricKeys, passes, tellingColumns } from "./compared-values.ts";
import { MetricCharts } from "./metric-charts.tsx";
import { ParallelCoordinates } from "./parallel-coordinates.tsx";
import { ParamsDiff } from "./params-diff.tsx";
import { Scatter } from "./scatter.tsx";
import { StatusMark } from "./status-mark.tsx";
import { columnLabel, listText, textList } from "./view-state.ts";

const parts = [{ id: "charts", label: "Charts" }, { id: "params", label: "Params" }, { id: "parallel", label: "Parallel coordinates" }, { id: "scatter", label: "Scatter" }] as const;

/** Axes that are drawn when nobody chose. */
const usualAxes = 7;

/** Up to a hundred runs side by side, as the address names them. */
export function ComparePage({ params }: { params: { experiment: string } }) {
  const query = useQuery();
  const text = query.get("runs");
  const ids = useMemo(() => [...new Set(textList(text))].slice(0, 100), [text]);
  const experiment = useExperiment(params.experiment).data?.experiment;
  const runs = useRuns(params.experiment, ids);
  usePageTitle("Compare runs");
  return (
    <div className="page">
      <header className="page-header">
        <nav aria-label="Breadcrumb" className="breadcrumb">
          <BackLink href="/experiments">Experiments</BackLink>
          <Link href={`/experiments/${params.experiment}?selected=${encodeURIComponent(listText(ids))}`}>{experiment?.name ?? `experiment ${params.experiment}`}</Link>
        </nav>
        <h1>Compare {plural(ids.length, "run")}</h1>
      </header>
      {ids.length === 0 ? <EmptyState title="No run is chosen"><p>Select runs in the <Link href={`/experiments/${params.experiment}`}>table of the experiment</Link>, then Compare.</p></EmptyState> : (
        <ResourceView resource={runs} lines={10}>{(found) => <Compared runs={found} missing={ids.length - found.length} />}</ResourceView>
      )}
    </div>
  );
}

function Compared({ runs, missing }: { runs: readonly WireRun[]; missing: number }) {
  const query = useQuery();
  const part = parts.find(({ id }) => id === query.get("part"))?.id ?? "charts";
  const charted = useMemo(() => runs.map((run, index) => ({ id: run.info.run_id, name: run.info.run_name, ...runStyle(index), startedAt: run.info.start_time })), [runs]);
  const metrics = useMemo(() => {
    const wanted = textList(query.get("charts"));
    const all = metricKeys(runs);
    return wanted.length === 0 ? all : all.filter((key) => wanted.includes(key));
  }, [runs, query.get("charts")]);
  return (
    <>
      {missing > 0 && <p className="notice">{plural(missing, "run is", "runs are")} not there any more, or not yours to see.</p>}
      <ul className="run-legend" aria-label="Runs">
        {charted.map((run, index) => (
          <li key={run.id}>
            <i className={`swatch${run.dash.length > 0 ? " swatch-dashed" : ""}`} style={{ color: `var(${run.color})` }} aria-hidden="true" />
            <StatusMark status={runs[index]!.info.status} short />
            <Link href={`/experiments/${runs[index]!.info.experiment_id}/runs/${run.id}`}>{run.name}</Link>
          </li>
        ))}
      </ul>
      <Segmented label="Comparison" value={part} options={parts} onChange={(id) => query.set({ part: id === "charts" ? null : id })} />
      {part === "charts" && (metrics.length === 0 ? <EmptyState title="None of these runs logged a metric" /> : <MetricCharts metrics={metrics} runs={charted} />)}
      {part === "params" && <ParamsDiff runs={runs} all={query.get("all") !== null} onAll={(all) => query.set({ all: all ? "1" : null }, { replace: true })} />}
      {part === "parallel" && <Parallel runs={runs} />}
      {part === "scatter" && <ScatterPanel runs={runs} colors={charted} />}
    </>
  );
}

function useBrushes(runs: readonly WireRun[]): { brushes: ReturnType<typeof brushesOf>; isOut: (run: number) => boolean } {
  const text = useQuery().get("brush");
  return useMemo(() => {
    const brushes = brushesOf(text);
    const columns = [...brushes.keys()];
    const axes = columns.map((column) => {
      const values = columnValues(runs, column);
      const scale = axisScale(values, String);
      return values.map((value) => scale.position(value));
    });
    const limits = columns.map((column) => brushes.get(column));
    return { brushes, isOut: (run) => !passes(axes.map((axis) => axis[run] ?? null), limits) };
  }, [text, runs]);
}

function Parallel({ runs }: { runs: readonly WireRun[] }) {
  const query = useQuery();
  const { brushes } = useBrushes(runs);
  const telling = useMemo(() => tellingColumns(runs), [runs]);
  const [hovered, setHovered] = useState<WireRun | null>(null);
  const chosen = textList(query.get("axes"));
  const columns = chosen.length > 0 ? chosen : [...telling.params.slice(0, usualAxes - Math.min(2, telling.metrics.length)), ...telling.metrics.slice(0, 2)];
  const rest = [...telling.params, ...telling.metrics].filter((column) => !columns.includes(column));
  const setAxes = (next: readonly string[]): void => query.set({ axes: listText(next) }, { replace: true });
  const brush = (column: string, to: { low: number; high: number } | null): void => {
    const next = new Map(brushes);
    if (to === null) next.delete(column);
    else next.set(column, to);
    query.set({ brush: brushText(next) }, { replace: true });
  };
  return (
    <Panel title="Parallel coordinates" note={hovered?.info.run_name} actions={rest.length > 0 && (
      <label className="select-label">Add an axis
        <select className="input input-small" value="" onChange={(event) => setAxes([...columns, event.target.value])}>
          <option value="">choose</option>
          {rest.slice(0, 500).map((column) => <option key={column} value={column}>{columnLabel(column)}</option>)}
        </select>
      </label>
    )}>
      {columns.length === 0 ? <p className="muted">These runs differ in no param and have no metric.</p> : (
        <>
          <ParallelCoordinates runs={runs} columns={columns} brushes={brushes} onBrush={brush} onHover={setHovered} />
          <ul className="axis-list" aria-label="Axes">
            {columns.map((column) => (
              <li key={column}>
                <button type="button" className="chip chip-neutral axis-chip" aria-label={`Remove the axis ${columnLabel(column)}`} onClick={() => { setAxes(columns.filter((other) => other !== column)); }}>{columnLabel(column)} ✕</button>
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}

function ScatterPanel({ runs, colors }: { runs: readonly WireRun[]; colors: readonly { color: string }[] }) {
  const query = useQuery();
  const { isOut } = useBrushes(runs);
  const telling = useMemo(() => tellingColumns(runs), [runs]);
  const columns = [...telling.params, ...telling.metrics];
  const x = query.get("x") ?? telling.params[0] ?? telling.metrics[0];
  const y = query.get("y") ?? telling.metrics.find((column) => column !== x) ?? x;
  if (x === undefined || y === undefined) return <EmptyState title="Nothing to draw"><p>These runs differ in no param and have no metric.</p></EmptyState>;
  const choice = (label: string, value: string, name: string) => (
    <label className="select-label">{label}
      <select className="input input-small" value={value} onChange={(event) => query.set({ [name]: event.target.value }, { replace: true })}>
        {[...new Set([value, ...columns])].slice(0, 500).map((column) => <option key={column} value={column}>{columnLabel(column)}</option>)}
      </select>
    </label>
  );
  return (
    <Panel title={`${columnLabel(y)} over ${columnLabel(x)}`} actions={<>{choice("X", x, "x")}{choice("Y", y, "y")}</>}>
      <Scatter runs={runs} styles={colors} x={x} y={y} isOut={isOut} />
    </Panel>
  );
}
