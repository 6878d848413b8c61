import { useMemo } from "react";
import { Link } from "wouter";
import { nameOrder } from "../../../../src/core/name-order.ts";
import { useQuery } from "../../data/query.ts";
import { tagOf, useExperiments } from "../../data/tracking.ts";
import type { ListedExperiment } from "../../data/types.ts";
import { absent, formatCount } from "../../format.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { Time } from "../../parts/time.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { CreateExperimentDialog } from "./create-experiment-dialog.tsx";
import { FirstRun } from "./first-run.tsx";

/** So many rows are drawn at once; the filter reaches the others. */
const shownAtOnce = 100;
export function ExperimentsPage() {
  usePageTitle("Experiments");
  const query = useQuery();
  const deleted = query.get("view") === "deleted";
  const experiments = useExperiments(deleted ? "deleted" : "active");
  const text = query.get("q") ?? "";
  return (
    <div className="page">
      <header className="page-header">
        <h1>Experiments</h1>
        <span className="header-actions"><button type="button" className="button button-primary" onClick={() => query.set({ create: "1" })}>Create an experiment</button></span>
      </header>
      <div className="toolbar">
        <input type="search" className="input" aria-label="Filter experiments" placeholder="Filter by name, team or tag" value={text} onChange={(event) => query.set({ q: event.target.value }, { replace: true })} />
        <Segmented label="Which" value={deleted ? "deleted" : "active"} options={[{ id: "active", label: "Active" }, { id: "deleted", label: "Deleted" }]} onChange={(id) => query.set({ view: id === "deleted" ? id : null })} />
      </div>
      <ResourceView resource={experiments} lines={8}>
        {(all) => <Experiments all={all} text={text} deleted={deleted} />}
      </ResourceView>
      {query.get("create") !== null && <CreateExperimentDialog onClose={() => query.set({ create: null }, { replace: true })} />}
    </div>
  );
}

function Experiments({ all, text, deleted }: { all: readonly ListedExperiment[]; text: string; deleted: boolean }) {
  const found = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/);
    const matches = all.filter(({ name, team, tags }) => {
      const haystack = `${name} team:${team} ${tags.map(({ key, value }) => `${key}:${value}`).join(" ")}`.toLowerCase();
      return words.every((word) => haystack.includes(word));
    });
    return matches.sort((left, right) => lastActivity(right) - lastActivity(left) || nameOrder(left.name, right.name));
  }, [all, text]);
  if (all.length === 0) return deleted ? <EmptyState title="Nothing is deleted" /> : <FirstRun experiment="my-experiment" title="No experiments yet" />;
  if (found.length === 0) return <EmptyState title="No experiment matches"><p>Names, teams and tags are searched.</p></EmptyState>;
  return (
    <>
      <div className="panel panel-table">
        <RowsTable columns={columns} rows={found.slice(0, shownAtOnce)} rowKey={({ id }) => id} className="table-aligned experiments-table" />
        {found.length > shownAtOnce && <p className="table-none">{found.length - shownAtOnce} more: filter to see them.</p>}
      </div>
      {!deleted && all.length === 1 && all[0]!.id === "0" && <FirstRun experiment="my-experiment" title="Log from a script" />}
    </>
  );
}

const columns: readonly Column<ListedExperiment>[] = [
  {
    label: "Experiment", kind: "name",
    cell: ({ id, name, tags }) => {
      const note = tagOf(tags, "mlflow.note.content");
      return (
        <>
          <Link href={`/experiments/${id}`} className="row-link">{name}</Link>
          {note !== undefined && <span className="cell-note">{note.split("\n")[0]}</span>}
        </>
      );
    },
  },
  { label: "Runs", kind: "number", cell: ({ runs }) => formatCount(runs) },
  { label: "Last activity", kind: "line", cell: (experiment) => <LastActivity at={lastActivity(experiment)} by={experiment.lastUser} /> },
  { label: "Team", cell: ({ team, owner }) => <>{team}<span className="cell-note" title="Who made it">{owner === "slipway" ? "with the server" : <>by <ActorName actor={owner} /></>}</span></> },
  { label: "Tags", cell: ({ tags }) => <Tags tags={tags.filter(({ key }) => !key.startsWith("mlflow."))} /> },
];

function lastActivity({ lastRunAt, updatedAt }: ListedExperiment): number {
  return Math.max(lastRunAt ?? 0, updatedAt);
}

function LastActivity({ at, by }: { at: number; by: string | null }) {
  if (at === 0) return absent;
  return <><Time at={at} relative />{by !== null && by !== "" && <span className="cell-note">run by {by}</span>}</>;
}

function Tags({ tags }: { tags: ListedExperiment["tags"] }) {
  if (tags.length === 0) return absent;
  return (
    <span className="cell-line">
      {tags.slice(0, 4).map(({ key, value }) => <span key={key} className="chip chip-neutral" title={`${key}: ${value}`}>{key}: {value.slice(0, 40)}</span>)}
      {tags.length > 4 && <span className="muted small">+{tags.length - 4}</span>}
    </span>
  );
}
