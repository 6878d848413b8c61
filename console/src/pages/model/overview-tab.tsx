import { useState } from "react";
import { Link } from "wouter";
import { useTick } from "../../data/live.ts";
import { usePolicy } from "../../data/models.ts";
import { useQuery } from "../../data/query.ts";
import { useSeries, versionsWithTraffic } from "../../data/series.ts";
import { presets, usualPreset, useTimeRange } from "../../data/time-range.ts";
import type { Policy, ServingInterval } from "../../data/types.ts";
import { formatCount, formatMs, formatRate, formatShare, formatTime } from "../../format.ts";
import { now } from "../../clock.ts";
import { ErrorBox, StaleNote } from "../../parts/error-box.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { KeyFigure, KeyFigures } from "../../parts/key-figure.tsx";
import { Skeleton } from "../../parts/resource-view.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import type { ModelTabProps } from "./model-page.tsx";
import { PromoteDialog } from "./promote-dialog.tsx";
import { ServingCharts } from "./serving-charts.tsx";
import { VersionSelect } from "./version-select.tsx";
import { VersionsTable } from "./versions-table.tsx";

const points = 180;

export function OverviewTab({ detail }: ModelTabProps) {
  const { name } = detail.model;
  const query = useQuery();
  const [usual] = useState(() => usualPreset(detail.model.createdAt, now()));
  const { range, setPreset, setFixed } = useTimeRange(usual);
  const { data: series, error, reload } = useSeries(name, range, points);
  const settled = usePolicy(name);
  const policy = settled.data?.policy;
  const wanted = query.get("version");
  const promote = query.get("promote");

  if (detail.versions.length === 0) {
    return (
      <EmptyState title="No version yet" command={`npx slipway deploy model.onnx --name ${name}`}>
        <p>This model has a name and nothing to serve.</p>
      </EmptyState>
    );
  }
  // Objectives are levels of the charts, whose legends grow by them.
  const isDrawn = error !== undefined || (series !== undefined && (policy !== undefined || settled.error !== undefined));
  const busy = series === undefined ? [] : versionsWithTraffic(series);
  const shown = wanted === null ? busy : busy.filter(({ version }) => version === wanted);
  const words = range.kind === "preset" ? range.preset.words : `${formatTime(range.from, now())} to ${formatTime(range.to, now())}`;
  return (
    <>
      <div className="toolbar">
        <Segmented label="Time range" value={range.kind === "preset" ? range.preset.id : ""} options={presets.map(({ id, label, words: title }) => ({ id, label, title }))} onChange={setPreset} />
        {range.kind === "fixed" && (
          <button type="button" className="button" onClick={() => setPreset("")}>
            {words} ✕<span className="visually-hidden"> Back to {usual.words}</span>
          </button>
        )}
        <VersionSelect detail={detail} value={wanted} all="All with traffic" />
      </div>
      {error !== undefined && (series === undefined ? <ErrorBox error={error} retry={reload} /> : <StaleNote error={error} retry={reload} />)}
      <Figures model={name} intervals={series === undefined ? null : shown.map(({ total }) => total)} words={words} policy={policy} />
      {isDrawn && series !== undefined && shown.length === 0 && <NoTraffic name={name} words={range.kind === "preset" ? words : "this time"} version={wanted} />}
      {/* What stands below the charts comes with them: they are none where nothing was served, and would move it under the reader's hand. */}
      {isDrawn && series !== undefined && <ServingCharts series={series} shown={shown} objectives={policy?.objectives} onZoom={setFixed} />}
      {isDrawn ? <VersionsTable detail={detail} series={series} words={words} /> : <div className="charts-space"><Skeleton lines={10} /></div>}
      {promote !== null && <PromoteDialog detail={detail} version={promote} series={series} onClose={() => query.set({ promote: null }, { replace: true })} />}
    </>
  );
}

/** Sums over versions; percentiles cannot be summed, so with several versions the worst one stands. `intervals` is null while they are not known. */
function Figures({ model, intervals: known, words, policy }: { model: string; intervals: readonly ServingInterval[] | null; words: string; policy: Policy | undefined }) {
  const intervals = known ?? [];
  const live = useTick()?.models.find((figures) => figures.model === model && figures.active);
  const sum = (figure: (interval: ServingInterval) => number): number => intervals.reduce((total, interval) => total + figure(interval), 0);
  const worst = (figure: (interval: ServingInterval) => number | null): number | null => {
    const values = intervals.map(figure).filter((value) => value !== null);
    return values.length === 0 ? null : Math.max(...values);
  };
  const requests = sum(({ requests: count }) => count);
  const seconds = Math.max(0, ...intervals.map((interval) => interval.seconds));
  const errorRate = requests === 0 ? null : sum(({ errors }) => errors) / requests;
  const p95 = worst((interval) => interval.p95Ms);
  const batches = sum(({ batches: count }) => count);
  const batchRows = batches === 0 ? null : sum(({ batches: count, meanBatchRows }) => count * (meanBatchRows ?? 0)) / batches;
  const cacheHits = sum((interval) => interval.cacheHits);
  const several = intervals.length > 1 ? "slowest version" : undefined;
  const objectives = policy?.objectives;
  return (
    <KeyFigures label={`Key figures over ${words}`}>
      <KeyFigure label="Requests" value={seconds === 0 ? "–" : formatRate(requests / seconds)} note={live === undefined ? known === null ? undefined : `${formatCount(requests)} in all` : `now ${formatRate(live.requestsPerSecond)}`} />
      <KeyFigure label="p50" value={formatMs(worst((interval) => interval.p50Ms))} note={several} />
      <KeyFigure label="p95" value={formatMs(p95)} tone={toneOf(p95, objectives?.latencyP95Ms)} note={objectiveText(p95, objectives?.latencyP95Ms, formatMs)} />
      <KeyFigure label="p99" value={formatMs(worst((interval) => interval.p99Ms))} note={several} />
      <KeyFigure label="Errors" value={formatShare(errorRate)} tone={toneOf(errorRate, objectives?.errorRate)} note={objectiveText(errorRate, objectives?.errorRate, formatShare)} />
      <KeyFigure label="Mean batch" value={batchRows === null ? "–" : formatCount(Math.round(batchRows * 100) / 100)} note="rows" />
      <KeyFigure label="Queue p95" value={formatMs(worst((interval) => interval.queueP95Ms))} note={known === null ? undefined : `at most ${formatCount(Math.max(0, ...intervals.map(({ maxQueueRows }) => maxQueueRows)))} rows`} />
      {cacheHits > 0 && <KeyFigure label="Cache hits" value={formatShare(cacheHits / Math.max(1, requests))} note={formatCount(cacheHits)} />}
    </KeyFigures>
  );
}

function toneOf(value: number | null, objective: { warning: number; critical: number } | undefined): "warning" | "bad" | undefined {
  if (value === null || objective === undefined || value < objective.warning) return undefined;
  return value < objective.critical ? "warning" : "bad";
}

function objectiveText(value: number | null, objective: { warning: number; critical: number } | undefined, format: (value: number) => string): string {
  // The room of what is still to come.
  if (objective === undefined) return "\u00a0";
  const tone = toneOf(value, objective);
  return tone === "bad" ? `above critical ${format(objective.critical)}` : tone === "warning" ? `above warning ${format(objective.warning)}` : `objective ${format(objective.warning)}`;
}

function NoTraffic({ name, words, version }: { name: string; words: string; version: string | null }) {
  return (
    <p className="notice">
      No requests{version === null ? "" : ` for v${version}`} in {words}. <Link href={`/models/${name}/try`}>Try the model</Link>, choose a longer time above, or send traffic to <code>POST /v2/models/{name}/infer</code>.
    </p>
  );
}
