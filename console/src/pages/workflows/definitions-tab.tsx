import { Link } from "wouter";
import { useQuery } from "../../data/query.ts";
import { useRights } from "../../data/session.ts";
import type { RunState, WorkflowSummary } from "../../data/types.ts";
import { useWorkflows } from "../../data/workflows.ts";
import { formatCount } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { runTones } from "./run-words.ts";
import { StartDialog } from "./start-dialog.tsx";

/** What can be run, and the way to start it. */
export function DefinitionsTab() {
  const workflows = useWorkflows();
  const query = useQuery();
  const started = workflows.data?.workflows.find(({ name }) => name === query.get("start"));
  return (
    <>
      <ResourceView resource={workflows} lines={6}>
        {({ workflows: entries }) => (entries.length === 0 ? <NoDefinitions /> : <DefinitionsTable workflows={entries} />)}
      </ResourceView>
      {started !== undefined && <StartDialog key={started.name} workflow={started} from={query.get("from")} onClose={() => query.set({ start: null, from: null }, { replace: true })} />}
    </>
  );
}

function DefinitionsTable({ workflows }: { workflows: readonly WorkflowSummary[] }) {
  const query = useQuery();
  const rights = useRights();
  const columns: Column<WorkflowSummary>[] = [
    { label: "Workflow", kind: "name", cell: ({ name, description }) => <>{name}<span className="cell-note">{description}</span></> },
    { label: "Runs", cell: (workflow) => <RunCounts workflow={workflow} /> },
    { label: "Version", kind: "number", cell: ({ version }) => version },
    { label: "At once", cell: ({ concurrencyLimit }) => (concurrencyLimit === null ? <span className="muted">no limit</span> : formatCount(concurrencyLimit)) },
    { label: "Actions", kind: "actions", cell: ({ name }) => rights.somewhere("contributor") && <button type="button" className="button button-small" aria-label={`Start ${name}`} onClick={() => query.set({ start: name })}>Start…</button> },
  ];
  return (
    <div className="panel panel-table"><RowsTable columns={columns} rows={workflows} rowKey={({ name }) => name} /></div>
  );
}

function RunCounts({ workflow }: { workflow: WorkflowSummary }) {
  const counts = (Object.entries(workflow.runs) as [RunState, number][]).filter(([, count]) => count > 0);
  if (counts.length === 0) return <span className="muted">none</span>;
  return (
    <span className="cell-line">
      {counts.map(([state, count]) => (
        <Link key={state} href={`/workflows?workflow=${encodeURIComponent(workflow.name)}&state=${state}`} className="chip-link"><Chip tone={runTones[state]}>{formatCount(count)} {state}</Chip></Link>
      ))}
    </span>
  );
}

function NoDefinitions() {
  return (
    <EmptyState title="No workflows" command="npx slipway up --workflows ./workflows.ts">
      <p>Workflows are TypeScript functions of steps. Write them in a module of your own and name it when you start the server; they appear here with the schema of their input.</p>
    </EmptyState>
  );
}
