import { useMemo } from "react";
import { Link } from "wouter";
import { useQuery } from "../../data/query.ts";
import { tagOf, useExperiments, useRunTable, wireNumber, type WireExperiment } from "../../data/tracking.ts";
import { absent } from "../../format.ts";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { Time } from "../../parts/time.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { CreateExperimentDialog } from "./create-experiment-dialog.tsx";
import { FirstRun } from "./first-run.tsx";

/** So many rows are drawn at once; the filter reaches the others. */
const shownAtOnce = 100;
/** Runs are counted so far, as each row asks for itself. */
const countedRuns = 200;

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
        <input type="search" className="input" aria-label="Filter experiments" placeholder="Filter by name or tag" value={text} onChange={(event) => query.set({ q: event.target.value }, { replace: true })} />
        <Segmented label="Which" value={deleted ? "deleted" : "active"} options={[{ id: "active", label: "Active" }, { id: "deleted", label: "Deleted" }]} onChange={(id) => query.set({ view: id === "deleted" ? id : null })} />
      </div>
      <ResourceView resource={experiments} lines={8}>
        {(all) => <Experiments all={all} text={text} deleted={deleted} />}
      </ResourceView>
      {query.get("create") !== null && <CreateExperimentDialog onClose={() => query.set({ create: null }, { replace: true })} />}
    </div>
  );
}

function Experiments({ all, text, deleted }: { all: readonly WireExperiment[]; text: string; deleted: boolean }) {
  const found = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/);
    const matches = all.filter(({ name, tags = [] }) => {
      const haystack = `${name} ${tags.map(({ key, value }) => `${key}:${value}`).join(" ")}`.toLowerCase();
      return words.every((word) => haystack.includes(word));
    });
    return matches.sort((left, right) => (right.last_update_time ?? 0) - (left.last_update_time ?? 0) || left.name.localeCompare(right.name));
  }, [all, text]);
  if (all.length === 0) return deleted ? <EmptyState title="Nothing is deleted" /> : <FirstRun experiment="my-experiment" title="No experiments yet" />;
  if (found.length === 0) return <EmptyState title="No experiment matches"><p>Names and tags are searched.</p></EmptyState>;
  return (
    <>
      <div className="panel panel-table">
        <table className="table table-cards table-aligned experiments-table">
          <thead>
            <tr>
              <th scope="col">Experiment</th>
              <th scope="col" className="numeric">Runs</th>
              <th scope="col">Last activity</th>
              <th scope="col">Last by</th>
              <th scope="col">Tags</th>
            </tr>
          </thead>
          <tbody>{found.slice(0, shownAtOnce).map((experiment) => <ExperimentRow key={experiment.experiment_id} experiment={experiment} />)}</tbody>
        </table>
        {found.length > shownAtOnce && <p className="table-none">{found.length - shownAtOnce} more: filter to see them.</p>}
      </div>
      {!deleted && all.length === 1 && all[0]!.experiment_id === "0" && <FirstRun experiment="my-experiment" title="Log from a script" />}
    </>
  );
}

/** Its runs are asked for by the row itself: the list stands before they are counted. */
function ExperimentRow({ experiment }: { experiment: WireExperiment }) {
  const { experiment_id: id, name, tags = [] } = experiment;
  const runs = useRunTable(experiment.lifecycle_stage === "deleted" ? null : {
    experiments: [id], filter: "", order: [], view: "active", columns: ["attributes.startTime", "attributes.endTime", "attributes.user"], limit: countedRuns, after: null,
  }).data;
  const last = Math.max(experiment.last_update_time ?? 0, ...(runs?.rows ?? []).map(([start, end]) => Math.max(wireNumber(start) || 0, wireNumber(end) || 0)));
  const note = tagOf(tags, "mlflow.note.content");
  const shownTags = tags.filter(({ key }) => !key.startsWith("mlflow."));
  return (
    <tr>
      <th scope="row">
        <Link href={`/experiments/${id}`} className="row-link">{name}</Link>
        {note !== undefined && <span className="cell-note">{note.split("\n")[0]}</span>}
      </th>
      <td data-label="Runs" className="numeric">{runs === undefined ? absent : runs.next === null ? runs.runs.length : `${countedRuns}+`}</td>
      <td data-label="Last activity" className="nowrap">{last > 0 ? <Time at={last} relative /> : absent}</td>
      <td data-label="Last by">{String(runs?.rows[0]?.[2] ?? "") || absent}</td>
      <td data-label="Tags">
        <span className="cell-line">{shownTags.slice(0, 4).map(({ key, value }) => <span key={key} className="chip chip-neutral" title={`${key}: ${value}`}>{key}: {value.slice(0, 40)}</span>)}{shownTags.length > 4 && <span className="muted small">+{shownTags.length - 4}</span>}{shownTags.length === 0 && absent}</span>
      </td>
    </tr>
  );
}
