import { Link } from "wouter";
import { now } from "../../clock.ts";
import { useQuery } from "../../data/query.ts";
import { useResource } from "../../data/resource.ts";
import type { WorkflowRun } from "../../data/types.ts";
import { useWorkflows } from "../../data/workflows.ts";
import { formatMs } from "../../format.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Pager } from "../../parts/pager.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { RunMark } from "./run-mark.tsx";
import { hasEnded, runDuration, runStates, startedBy } from "./run-words.ts";

const pageSize = 50;

export function RunsTab() {
  const query = useQuery();
  const workflows = useWorkflows().data?.workflows ?? [];
  const [workflow, state, before] = [query.get("workflow"), query.get("state"), query.get("before")];
  const parameters = new URLSearchParams({ limit: String(pageSize) });
  if (workflow !== null) parameters.set("workflow", workflow);
  if (state !== null) parameters.set("state", state);
  if (before !== null) parameters.set("before", before);
  const runs = useResource<{ runs: WorkflowRun[] }>(`/api/workflow-runs?${parameters}`, { refreshMs: 2500 });
  const entries = runs.data?.runs ?? [];
  const names = new Set(workflows.map(({ name }) => name));
  if (workflow !== null) names.add(workflow);
  return (
    <>
      <div className="toolbar">
        <label className="select-label">
          Workflow
          <select className="input" value={workflow ?? ""} onChange={(event) => query.set({ workflow: event.target.value, before: null })}>
            <option value="">all</option>
            {[...names].map((name) => <option key={name}>{name}</option>)}
          </select>
        </label>
        <label className="select-label">
          State
          <select className="input" value={state ?? ""} onChange={(event) => query.set({ state: event.target.value, before: null })}>
            <option value="">all</option>
            {runStates.map((name) => <option key={name}>{name}</option>)}
          </select>
        </label>
        <span className="toolbar-end"><Link href="/workflows/definitions" className="button button-primary">Start a run</Link></span>
      </div>
      <ResourceView resource={runs} lines={8}>
        {() => (entries.length === 0 ? <NoRuns filtered={workflow !== null || state !== null} paged={before !== null} name={workflows[0]?.name} /> : <div className="panel panel-table"><RowsTable columns={columns} rows={entries} rowKey={(run) => run.id} className="table-aligned runs-table" /></div>)}
      </ResourceView>
      <Pager older={entries.length === pageSize ? entries.at(-1)!.id : null} />
    </>
  );
}

const columns: readonly Column<WorkflowRun>[] = [
  {
    label: "Workflow", kind: "name",
    cell: (run) => (
      <>
        <Link href={`/workflows/runs/${run.id}`} className="row-link" aria-label={`Run ${run.id} of ${run.workflow}`}>{run.workflow}</Link>
        <span className="cell-note">{run.error !== null ? <span className="cell-bad">{run.error.message}</span> : hasEnded(run) ? "" : run.progressNote}</span>
      </>
    ),
  },
  {
    label: "State",
    cell: (run) => (
      <span className="cell-line">
        <RunMark run={run} />
        {run.progress !== null && !hasEnded(run) && <progress className="progress progress-small" value={run.progress} max={1} aria-label={`Progress of ${run.id}`} />}
      </span>
    ),
  },
  { label: "Made", kind: "line", cell: (run) => <Time at={run.createdAt} /> },
  { label: "Took", kind: "number", cell: (run) => formatMs(runDuration(run, now())) },
  { label: "By", cell: (run) => <ActorName actor={startedBy(run)} /> },
  { label: "Team", cell: (run) => run.team },
];

function NoRuns({ filtered, paged, name }: { filtered: boolean; paged: boolean; name: string | undefined }) {
  if (paged) return <EmptyState title="That was the oldest one" />;
  if (filtered) return <EmptyState title="No run matches"><p>Choose another workflow or state above.</p></EmptyState>;
  return (
    <EmptyState title="No runs yet" command={name === undefined ? "npx slipway up --workflows ./workflows.ts" : `npx slipway workflows start ${name} --input '{}'`}>
      <p>
        A run survives the death of the server: its finished steps are kept, and another server goes on with it.
        {name === undefined ? " Name the modules that define workflows when you start the server:" : " Start one here, or on the command line:"}
      </p>
    </EmptyState>
  );
}
