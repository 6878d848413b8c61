import { useEffect, useState } from "react";
import { useQuery } from "../../data/query.ts";
import { formatCount, plural } from "../../format.ts";
import { Segmented } from "../../parts/segmented.tsx";
import { chartSettings, zoomText, type Zoom } from "./chart-settings.ts";
import { MetricPanel, type PanelRun } from "./metric-panel.tsx";

/** So many charts stand in the page at first; each is drawn only when it comes into view. */
const firstCharts = 60;

/** All metrics of some runs as a grid of charts, with what holds for all of them above. */
export function MetricCharts({ metrics, runs, refreshMs }: { metrics: readonly string[]; runs: readonly PanelRun[]; refreshMs?: number | undefined }) {
  const query = useQuery();
  const settings = chartSettings((name) => query.get(name));
  const [smoothing, setSmoothing] = useState(settings.smoothing);
  useEffect(() => setSmoothing(settings.smoothing), [settings.smoothing]);
  const [more, setMore] = useState(false);
  const text = query.get("metric") ?? "";
  const words = text.toLowerCase().split(/\s+/);
  const found = metrics.filter((metric) => words.every((word) => metric.toLowerCase().includes(word)));
  const shown = more ? found : found.slice(0, firstCharts);

  const zoom = (metric: string, to: Zoom | null): void => {
    const zooms = new Map(settings.zooms);
    if (to === null) zooms.delete(metric);
    else zooms.set(metric, to);
    query.set({ zoom: zoomText(zooms) }, { replace: true });
  };
  return (
    <section aria-label="Charts" className="metric-section">
      <div className="toolbar">
        {metrics.length > 6 && <input type="search" className="input" aria-label="Filter metrics" placeholder="Filter metrics" value={text} onChange={(event) => query.set({ metric: event.target.value }, { replace: true })} />}
        <Segmented label="X axis" value={settings.axis} options={[{ id: "step", label: "Step" }, { id: "relative", label: "Relative", title: "Time since the run started" }, { id: "wall", label: "Time" }]} onChange={(axis) => query.set({ axis: axis === "step" ? null : axis }, { replace: true })} />
        <Segmented label="Y axis" value={settings.logarithmic ? "log" : "linear"} options={[{ id: "linear", label: "Linear" }, { id: "log", label: "Log" }]} onChange={(scale) => query.set({ scale: scale === "log" ? scale : null }, { replace: true })} />
        <label className="select-label smoothing">
          Smoothing
          <input
            type="range" min={0} max={0.99} step={0.01} value={smoothing} aria-valuetext={smoothing.toFixed(2)} onChange={(event) => setSmoothing(Number(event.target.value))}
            onPointerUp={() => query.set({ smoothing: smoothing === 0 ? null : String(smoothing) }, { replace: true })} onKeyUp={() => query.set({ smoothing: smoothing === 0 ? null : String(smoothing) }, { replace: true })}
          />
          <output>{smoothing.toFixed(2)}</output>
        </label>
        <span className="toolbar-end toolbar-note">{text === "" ? plural(metrics.length, "metric") : `${formatCount(found.length)} of ${formatCount(metrics.length)}`}</span>
      </div>
      <div className="metric-grid">
        {shown.map((metric) => (
          <MetricPanel key={metric} metric={metric} runs={runs} settings={{ ...settings, smoothing }} zoom={settings.zooms.get(metric)} onZoom={(to) => zoom(metric, to)} refreshMs={refreshMs} />
        ))}
      </div>
      {found.length > shown.length && <button type="button" className="button" onClick={() => setMore(true)}>Show {found.length - shown.length} more</button>}
      {found.length === 0 && metrics.length > 0 && <p className="muted">No metric is called that.</p>}
    </section>
  );
}
