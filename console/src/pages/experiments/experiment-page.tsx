import { useEffect, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { useAction } from "../../data/action.ts";
import { useQuery } from "../../data/query.ts";
import { changeRuns, useExperiment, useRunKeys } from "../../data/tracking.ts";
import { formatCount, plural } from "../../format.ts";
import { BackLink } from "../../parts/back-link.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { ResourceView, Skeleton } from "../../parts/resource-view.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { ColumnPicker } from "./column-picker.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { FirstRun } from "./first-run.tsx";
import { GroupSelect } from "./group-select.tsx";
import { RunTable } from "./run-table.tsx";
import { SavedViews } from "./saved-views.tsx";
import { useRunPages } from "./use-run-pages.ts";
import { expandColumns, listText, nextOrder, orderOf, packColumns, textList, usualColumns, viewOf } from "./view-state.ts";

/** So many runs can be compared. */
const maxCompared = 100;

export function ExperimentPage({ params }: { params: { experiment: string } }) {
  const experiment = useExperiment(params.experiment);
  usePageTitle(experiment.data?.experiment.name ?? "Experiment");
  return (
    <div className="page page-wide">
      <ResourceView resource={experiment} lines={10}>
        {({ experiment: { name, experiment_id: id, tags = [] } }) => (
          <>
            <header className="page-header">
              <nav aria-label="Breadcrumb" className="breadcrumb"><BackLink href="/experiments">Experiments</BackLink></nav>
              <h1>{name}</h1>
              <span className="facts">
                <span className="muted">experiment {id}</span>
                {tags.filter(({ key }) => !key.startsWith("mlflow.")).slice(0, 6).map(({ key, value }) => <span key={key} className="chip chip-neutral">{key}: {value.slice(0, 60)}</span>)}
              </span>
            </header>
            <Runs key={id} experiment={id} name={name} />
          </>
        )}
      </ResourceView>
    </div>
  );
}

function Runs({ experiment, name }: { experiment: string; name: string }) {
  const query = useQuery();
  const [, navigate] = useLocation();
  const keys = useRunKeys(experiment).data;
  const get = (parameter: string): string | null => query.get(parameter);
  const view = viewOf(get);
  const deleted = get("view") === "deleted";
  const columnsText = get("columns");
  const columns = useMemo(() => {
    const asked = textList(columnsText);
    return asked.length === 0 ? usualColumns(keys) : expandColumns(asked, keys);
  }, [columnsText, keys]);
  const selected = useMemo(() => new Set(textList(get("selected"))), [get("selected")]);
  const closed = useMemo(() => new Set(textList(get("closed"))), [get("closed")]);
  const inView = useRef<{ from: number; to: number; columns: readonly string[] }>({ from: 0, to: 0, columns: [] });
  const runs = useRunPages({ experiment, filter: view.filter, order: view.order, view: deleted ? "deleted" : "active" }, columns, inView);
  const [picking, setPicking] = useState(false);
  const action = useAction();
  const [live, setLive] = useState("");

  const count = runs.pages?.count ?? 0;
  const words = runs.pages === null ? "" : `${formatCount(count)}${runs.pages.cut ? "+" : ""} ${count === 1 ? "run" : "runs"}${runs.pages.complete ? "" : "…"}`;
  // Said when it is settled, not with every page that arrives.
  useEffect(() => {
    if (runs.pages?.complete === true) setLive(words);
  }, [words, runs.pages?.complete]);

  const select = (ids: readonly string[], on: boolean): void => {
    const next = new Set(selected);
    for (const id of ids) if (on) next.add(id); else next.delete(id);
    query.set({ selected: listText([...next].slice(0, maxCompared)) }, { replace: true });
  };
  const toggleGroup = (group: string): void => {
    const next = new Set(closed);
    if (!next.delete(group)) next.add(group);
    query.set({ closed: listText([...next]) }, { replace: true });
  };
  const change = (): void => action.run(() => changeRuns([...selected], deleted ? "restore" : "delete"), () => {
    query.set({ selected: null }, { replace: true });
    runs.reload();
  });
  const empty = runs.pages !== null && runs.pages.complete && count === 0;
  const unfiltered = view.filter === "" && !deleted;

  return (
    <>
      <div className="run-tools">
        <FilterBar value={view.filter} error={runs.error?.code === "FILTER_INVALID" ? runs.error : null} onChange={(filter) => query.set({ filter })} />
        <div className="toolbar">
          <button type="button" className="button" aria-haspopup="dialog" onClick={() => setPicking(true)}>Columns <span className="muted">{formatCount(columns.length)}</span></button>
          <GroupSelect keys={keys} value={view.group} onChange={(group) => query.set({ group, closed: null })} />
          <label className="check"><input type="checkbox" checked={deleted} onChange={(event) => query.set({ view: event.target.checked ? "deleted" : null, selected: null })} /> Deleted</label>
          <SavedViews experiment={experiment} view={view} onChoose={(changes) => query.set({ ...changes, closed: null })} />
          <span className="toolbar-end toolbar-note" title="Rows in view are kept fresh">{runs.busy && runs.pages !== null ? "Searching…" : words}</span>
        </div>
        {selected.size > 0 && (
          <div className="toolbar selection-bar" role="group" aria-label="Selected runs">
            <strong>{plural(selected.size, "run")} selected</strong>
            <button type="button" className="button button-primary" disabled={selected.size < 2} onClick={() => navigate(`/experiments/${experiment}/compare?runs=${encodeURIComponent(listText([...selected]))}`)}>Compare</button>
            <button type="button" className="button" disabled={action.busy} onClick={change}>{deleted ? "Restore" : "Delete"}</button>
            <button type="button" className="button" onClick={() => query.set({ selected: null }, { replace: true })}>Clear</button>
            {selected.size >= maxCompared && <span className="muted small">{maxCompared} runs at most are compared at once</span>}
            {action.error !== null && <ErrorBox error={action.error} />}
          </div>
        )}
      </div>
      {runs.error !== null && runs.error.code !== "FILTER_INVALID" && <ErrorBox error={runs.error} retry={runs.reload} />}
      {runs.pages === null && runs.error === null && <Skeleton lines={10} />}
      {empty && (unfiltered ? <FirstRun experiment={name} /> : <EmptyState title={deleted && view.filter === "" ? "No run is deleted" : "No run matches"}><p>{deleted ? "Deleted runs stay here until they are restored." : "A run without the metric, param or tag that the filter names never matches, not even with !=."}</p></EmptyState>)}
      {runs.pages !== null && !empty && (
        <RunTable
          experiment={experiment} pages={runs.pages} generation={runs.generation} columns={columns} group={view.group} closed={closed} onToggleGroup={toggleGroup}
          order={orderOf(view.order)} onOrder={(column) => query.set({ order: nextOrder(orderOf(view.order), column) }, { replace: true })} selected={selected} onSelect={select} inView={inView}
        />
      )}
      {runs.pages?.cut === true && <p className="muted small">The first 10,000 runs are shown; a filter reaches the others.</p>}
      <div className="visually-hidden" role="status">{live}</div>
      {picking && <ColumnPicker keys={keys} columns={columns} onClose={() => setPicking(false)} onChange={(next) => query.set({ columns: listText(keys === undefined ? next : packColumns(next, keys)) }, { replace: true })} />}
    </>
  );
}
