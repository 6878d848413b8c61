import { useMemo, type ReactNode } from "react";
import { runStyle } from "../../charts/run-colors.ts";
import { now } from "../../clock.ts";
import { useAction } from "../../data/action.ts";
import { useNavigateFromHere, useQuery } from "../../data/query.ts";
import { changeRuns, tagOf, useExperiment, useRun, wireNumber, type WireRun } from "../../data/tracking.ts";
import { absent, formatMs, formatNumber } from "../../format.ts";
import { BackLink } from "../../parts/back-link.tsx";
import { Chip } from "../../parts/chip.tsx";
import { CodeBlock, IdText } from "../../parts/copy.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { Time } from "../../parts/time.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { ArtifactsPanel } from "./artifacts-panel.tsx";
import { KeyValues } from "./key-values.tsx";
import { MetricCharts } from "./metric-charts.tsx";
import { RunDatasets, RunFamily, RunModels } from "./run-relations.tsx";
import { StatusMark } from "./status-mark.tsx";

const parts = [{ id: "overview", label: "Overview" }, { id: "charts", label: "Charts" }, { id: "artifacts", label: "Artifacts" }] as const;

/** A run: its facts, what it logged, its files. It follows the run while that runs. */
export function TrackedRunPage({ params }: { params: { experiment: string; run: string } }) {
  const detail = useRun(params.run, 5000);
  usePageTitle(detail.data?.run.info.run_name ?? "Run");
  return (
    <div className="page">
      <ResourceView resource={detail} lines={10}>{({ run }) => <Run key={run.info.run_id} run={run} />}</ResourceView>
    </div>
  );
}

function Run({ run }: { run: WireRun }) {
  const { info, data } = run;
  const query = useQuery();
  const navigate = useNavigateFromHere();
  const action = useAction();
  const experiment = useExperiment(info.experiment_id).data?.experiment;
  const part = parts.find(({ id }) => id === query.get("part"))?.id ?? "overview";
  const metrics = useMemo(() => (data.metrics ?? []).map(({ key }) => key), [JSON.stringify((data.metrics ?? []).map(({ key }) => key))]);
  const charted = useMemo(() => [{ id: info.run_id, name: info.run_name, ...runStyle(0), startedAt: info.start_time }], [info.run_id, info.run_name, info.start_time]);
  const deleted = info.lifecycle_stage === "deleted";
  return (
    <>
      <header className="page-header">
        <nav aria-label="Breadcrumb" className="breadcrumb">
          <BackLink href="/experiments">Experiments</BackLink>
          <BackLink href={`/experiments/${info.experiment_id}`}>{experiment?.name ?? `experiment ${info.experiment_id}`}</BackLink>
        </nav>
        <h1>{info.run_name}</h1>
        <StatusMark status={info.status} />
        {deleted && <Chip tone="bad">deleted</Chip>}
        <span className="header-actions cell-line">
          {action.error !== null && <ErrorBox error={action.error} />}
          <button type="button" className="button" disabled={action.busy} onClick={() => action.run(() => changeRuns([info.run_id], deleted ? "restore" : "delete"), () => (deleted ? undefined : navigate(`/experiments/${info.experiment_id}`)))}>{deleted ? "Restore" : "Delete"}</button>
        </span>
      </header>
      <RunFacts run={run} />
      <Segmented label="Part of the run" value={part} options={parts} onChange={(id) => query.set({ part: id === "overview" ? null : id })} />
      {part === "overview" && <Overview run={run} />}
      {part === "charts" && (metrics.length === 0 ? <NoMetrics /> : <MetricCharts metrics={metrics} runs={charted} refreshMs={info.status === "RUNNING" ? 5000 : undefined} />)}
      {part === "artifacts" && <ArtifactsPanel run={run} />}
    </>
  );
}

function NoMetrics() {
  return <EmptyState title="No metrics" command={'mlflow.log_metric("loss", 0.12, step=1)'}><p>Each metric that the run logs gets a chart.</p></EmptyState>;
}

function RunFacts({ run: { info, data } }: { run: WireRun }) {
  const commit = tagOf(data.tags, "mlflow.source.git.commit");
  const source = tagOf(data.tags, "mlflow.source.name");
  const end = info.end_time === undefined || info.end_time === 0 ? null : info.end_time;
  const facts: [string, ReactNode][] = [
    ["Run", <IdText key="id" id={info.run_id} what="run id" />],
    ["Started", <Time key="started" at={info.start_time} />],
    ["Took", end === null ? (info.status === "RUNNING" ? formatMs(Math.max(0, now() - info.start_time)) : absent) : formatMs(end - info.start_time)],
    ["User", tagOf(data.tags, "mlflow.user") ?? (info.user_id || absent)],
  ];
  if (source !== undefined) facts.push(["Source", source.split("/").at(-1)]);
  if (commit !== undefined) facts.push(["Code", <code key="code" title={commit}>{commit.slice(0, 10)}</code>]);
  return <dl className="value-list panel run-facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function Overview({ run }: { run: WireRun }) {
  const { metrics = [], params = [], tags = [] } = run.data;
  const note = tagOf(tags, "mlflow.note.content");
  const own = tags.filter(({ key }) => !key.startsWith("mlflow."));
  const clients = tags.filter(({ key }) => key.startsWith("mlflow.") && key !== "mlflow.note.content");
  const plain = ({ key, value }: { key: string; value: string }) => ({ key, value: <LongText text={value} />, text: value });
  return (
    <>
      {note !== undefined && <p className="page-description">{note}</p>}
      <div className="columns">
        <div className="column">
          <KeyValues title="Latest metrics" empty="The run logged no metric." entries={metrics.map(({ key, value, step }) => ({ key, value: <b>{formatNumber(wireNumber(value), 6)}</b>, text: String(value), ...(step === 0 ? {} : { note: `step ${formatNumber(step)}` }) }))} />
          <RunModels run={run} />
          <RunDatasets datasets={run.inputs?.dataset_inputs ?? []} />
          <RunFamily run={run} />
        </div>
        <div className="column">
          <KeyValues title="Params" empty="The run logged no param." entries={params.map(plain)} />
          <KeyValues title="Tags" empty="The run has no tags of its own." entries={own.map(plain)} />
          {clients.length > 0 && <details className="panel more-panel"><summary>Tags of the client <span className="muted">{clients.length}</span></summary><dl className="properties">{clients.map(({ key, value }) => <div key={key}><dt>{key}</dt><dd><LongText text={value} /></dd></div>)}</dl></details>}
        </div>
      </div>
    </>
  );
}

/** Values of several lines, or of thousands of characters, in a box of their own. */
function LongText({ text }: { text: string }) {
  if (text.length <= 200 && !text.includes("\n")) return <span className="value-text">{text}</span>;
  return <CodeBlock code={text} label="value" />;
}
