import { useEffect, useRef, useState, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { now } from "../../clock.ts";
import { apiPath, call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { useQuery } from "../../data/query.ts";
import { invalidate, useResource } from "../../data/resource.ts";
import type { WorkflowRun, WorkflowStep } from "../../data/types.ts";
import { formatMs } from "../../format.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { BackLink } from "../../parts/back-link.tsx";
import { CodeBlock, IdText } from "../../parts/copy.tsx";
import { ConfirmDialog } from "../../parts/confirm-dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Time } from "../../parts/time.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { RunLog } from "./run-log.tsx";
import { RunMark } from "./run-mark.tsx";
import { RunTimeline } from "./run-timeline.tsx";
import { hasEnded, runDuration, startedBy } from "./run-words.ts";
import { useRunFeed } from "./use-run-feed.ts";

interface RunDetail {
  run: WorkflowRun;
  steps: WorkflowStep[];
}

/** A run: where it stands, its steps in time, what it says, and what went in and came out. */
export function RunPage({ params }: { params: { run: string } }) {
  const detail = useResource<RunDetail>(apiPath`/api/workflow-runs/${params.run}`, { refreshMs: 10_000 });
  usePageTitle(detail.data === undefined ? "Workflow run" : `${detail.data.run.workflow} › run`);
  return (
    <div className="page">
      <ResourceView resource={detail} lines={10}>
        {(data) => <Run key={data.run.id} detail={data} fetchedAt={detail.fetchedAt} />}
      </ResourceView>
    </div>
  );
}

function Run({ detail, fetchedAt }: { detail: RunDetail; fetchedAt: number }) {
  const { id } = detail.run;
  // A retry lets an ended run go on, here or by somebody else: it is followed anew.
  const [episode, setEpisode] = useState(0);
  const feed = useRunFeed(id, episode);
  const goesOn = !hasEnded(detail.run);
  const endSeen = useRef(Infinity);
  useEffect(() => {
    endSeen.current = feed.status === "ended" ? now() : Infinity;
  }, [feed.status]);
  useEffect(() => {
    if (goesOn && fetchedAt > endSeen.current) setEpisode((before) => before + 1);
  }, [goesOn, fetchedAt]);

  const run = feed.run ?? detail.run;
  const steps = feed.steps.size > 0 ? [...feed.steps.values()] : detail.steps;
  const clock = useClock(!hasEnded(run));
  const query = useQuery();
  return (
    <>
      <header className="page-header">
        <nav aria-label="Breadcrumb" className="breadcrumb">
          <BackLink href="/workflows">Workflows</BackLink>
          <Link href={`/workflows?workflow=${encodeURIComponent(run.workflow)}`}>{run.workflow}</Link>
        </nav>
        <h1>{run.workflow}</h1>
        <RunMark run={run} />
        <RunActions run={run} onRetried={() => setEpisode((before) => before + 1)} />
      </header>
      <RunProgress run={run} />
      {run.error !== null && (
        <div className="error-box" role="alert">
          <div>
            <p><strong>{run.error.message}</strong> <code className="error-code">{run.error.code}</code></p>
            {run.error.step !== undefined && <p>In the step <button type="button" className="link-button" onClick={() => query.set({ step: run.error!.step }, { replace: true })}>{run.error.step}</button>.</p>}
          </div>
        </div>
      )}
      <RunFacts run={run} now={clock} />
      <Panel title="Steps" note={steps.length === 0 ? undefined : "in the order of their starts; a click filters the log"} flush>
        <RunTimeline steps={steps} run={run} now={clock} selected={query.get("step")} onSelect={(step) => query.set({ step }, { replace: true })} />
      </Panel>
      <RunLog feed={feed} step={query.get("step")} steps={steps.map(({ step }) => step)} run={id} />
      <div className="columns">
        <Panel title="Input"><CodeBlock code={JSON.stringify(run.input, null, 2)} label="input" /></Panel>
        {run.state === "succeeded" && <Panel title="Output"><CodeBlock code={JSON.stringify(run.output, null, 2)} label="output" /></Panel>}
        {run.error !== null && <Panel title="Error"><CodeBlock code={JSON.stringify(run.error, null, 2)} label="error" /></Panel>}
      </div>
    </>
  );
}

/** Moves while something is under way. */
function useClock(moves: boolean): number {
  const [time, setTime] = useState(now);
  useEffect(() => {
    if (!moves) return setTime(now());
    const timer = setInterval(() => setTime(now()), 1000);
    return () => clearInterval(timer);
  }, [moves]);
  return Math.max(time, 0);
}

function RunProgress({ run }: { run: WorkflowRun }) {
  if (run.progress === null || run.state === "succeeded") return null;
  const percent = Math.round(run.progress * 100);
  return (
    <div className="run-progress">
      <progress className="progress" value={run.progress} max={1} aria-label="Progress">{percent}%</progress>
      <span>{percent}%{run.progressNote !== null && <span className="muted"> {run.progressNote}</span>}</span>
    </div>
  );
}

function RunFacts({ run, now: time }: { run: WorkflowRun; now: number }) {
  const facts: [string, ReactNode][] = [
    ["Run", <IdText key="id" id={run.id} what="run id" />],
    ["Started", run.startedAt === null ? "not yet" : <Time key="started" at={run.startedAt} />],
    ["Took", formatMs(runDuration(run, time))],
    ["By", <ActorName key="by" actor={startedBy(run)} />],
    ["Team", run.team],
    ["Version", run.version],
  ];
  if (!hasEnded(run) && run.state !== "running") facts.push(["Goes on", run.dueAt === null ? "when its signal comes" : <Time key="due" at={run.dueAt} />]);
  if (run.idempotencyKey !== null) facts.push(["Idempotency key", run.idempotencyKey]);
  return (
    <dl className="value-list panel run-facts">
      {facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

function RunActions({ run, onRetried }: { run: WorkflowRun; onRetried: () => void }) {
  const [, navigate] = useLocation();
  const query = useQuery();
  const action = useAction();
  const refresh = (): void => invalidate((key) => key.startsWith("/api/workflow"));
  const steer = (verb: "cancel" | "retry"): Promise<unknown> => call(apiPath`/api/workflow-runs/${run.id}/${verb}`, { method: "POST" }).then(refresh);
  const ended = hasEnded(run);
  return (
    <span className="header-actions cell-line">
      {action.error !== null && <ErrorBox error={action.error} />}
      <button type="button" className="button" onClick={() => navigate(`/workflows/definitions?start=${encodeURIComponent(run.workflow)}&from=${run.id}`)}>Start another</button>
      {ended && run.state !== "succeeded" && <button type="button" className="button button-primary" disabled={action.busy} onClick={() => action.run(() => steer("retry"), onRetried)}>Retry</button>}
      {!ended && <button type="button" className="button" disabled={run.cancelRequested} onClick={() => query.set({ cancel: "1" })}>{run.cancelRequested ? "Cancelling…" : "Cancel"}</button>}
      {!ended && query.get("cancel") !== null && (
        <ConfirmDialog title="Cancel this run?" action="Cancel the run" onClose={() => query.set({ cancel: null }, { replace: true })} work={() => steer("cancel")}>
          <p>The step that is under way is stopped. Finished steps that can be undone are undone, the last one first. A retry later goes on from the last finished step.</p>
        </ConfirmDialog>
      )}
    </span>
  );
}
