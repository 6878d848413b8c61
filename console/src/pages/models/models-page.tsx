import { useMemo } from "react";
import { Link } from "wouter";
import { nameOrder } from "../../../../src/core/name-order.ts";
import { useTick } from "../../data/live.ts";
import { championOf, useModels } from "../../data/models.ts";
import { useQuery } from "../../data/query.ts";
import type { ModelEntry } from "../../data/types.ts";
import { formatCount, formatRate } from "../../format.ts";
import { EmptyState } from "../../parts/empty-state.tsx";
import { KeyFigure, KeyFigures } from "../../parts/key-figure.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { ModelRow, type ModelRowData } from "./model-row.tsx";

const driftOrder = ["major", "moderate", "none", "unknown"];

const columns = [
  { id: "name", label: "Model", compare: (a: ModelRowData, b: ModelRowData) => nameOrder(a.model.name, b.model.name) },
  { id: "state", label: "Champion", compare: (a: ModelRowData, b: ModelRowData) => urgency(a) - urgency(b) },
  { id: "rate", label: "Requests", numeric: true, compare: descending((row) => row.live?.requestsPerSecond) },
  { id: "p95", label: "p95", numeric: true, compare: descending((row) => row.live?.p95Ms) },
  { id: "errors", label: "Errors", numeric: true, compare: descending((row) => row.live?.errorRate) },
  { id: "drift", label: "Drift", compare: (a: ModelRowData, b: ModelRowData) => driftOrder.indexOf(a.model.drift) - driftOrder.indexOf(b.model.drift) },
  { id: "runs", label: "Runs" },
] as const;

function descending(figure: (row: ModelRowData) => number | null | undefined): (a: ModelRowData, b: ModelRowData) => number {
  return (a, b) => (figure(b) ?? -1) - (figure(a) ?? -1);
}

/** Failed first, then loading, then the rest. */
function urgency(row: ModelRowData): number {
  const order = ["failed", "away", "loading", "draining", "unloaded", "ready"];
  return order.indexOf(row.champion?.state ?? "unloaded");
}

export function ModelsPage() {
  usePageTitle("Models");
  const models = useModels();
  return (
    <div className="page">
      <header className="page-header">
        <h1>Models</h1>
      </header>
      <ResourceView resource={models} lines={8}>
        {({ models: entries }) => (entries.length === 0 ? <NoModels /> : <ModelsTable entries={entries} />)}
      </ResourceView>
    </div>
  );
}

function ModelsTable({ entries }: { entries: readonly ModelEntry[] }) {
  const tick = useTick();
  const query = useQuery();
  const sort = query.get("sort") ?? "name";
  const filter = query.get("q") ?? "";

  const rows = useMemo(() => {
    const ticks = new Map(tick?.models.filter(({ active }) => active).map((figures) => [figures.model, figures]));
    return entries.map((model): ModelRowData => {
      const version = championOf(model, model.served);
      return { model, version, champion: model.served.find((served) => served.version === version), live: ticks.get(model.name) ?? model.live };
    });
  }, [entries, tick]);

  const shown = rows.filter((row) => `${row.model.name} ${row.model.description}`.toLowerCase().includes(filter.toLowerCase()));
  const column = columns.find((candidate) => candidate.id === sort);
  if (column !== undefined && "compare" in column) shown.sort((a, b) => column.compare(a, b) || nameOrder(a.model.name, b.model.name));

  const ready = rows.filter((row) => row.champion?.state === "ready").length;
  const failed = rows.filter((row) => row.model.served.some((served) => served.state === "failed")).length;
  return (
    <>
      <KeyFigures label="All models">
        <KeyFigure label="Models" value={formatCount(rows.length)} note={`${ready} ready`} />
        <KeyFigure label="Requests" value={formatRate(rows.reduce((sum, row) => sum + (row.live?.requestsPerSecond ?? 0), 0))} note="last minute" />
        <KeyFigure label="Failed versions" value={formatCount(failed)} tone={failed > 0 ? "bad" : undefined} note={failed > 0 ? rows.find((row) => row.model.served.some((served) => served.state === "failed"))?.model.name : "none"} />
      </KeyFigures>
      <div className="toolbar">
        <input
          type="search" className="input" aria-label="Filter models" placeholder="Filter by name or description" value={filter}
          onChange={(event) => query.set({ q: event.target.value }, { replace: true })}
        />
        <span className="toolbar-note" role="status">
          {filter === "" ? "" : `${formatCount(shown.length)} of ${formatCount(rows.length)}`}
        </span>
      </div>
      <div className="panel panel-table">
        <table className="table table-cards models-table">
          <thead>
            <tr>
              {columns.map((head) => (
                <th key={head.id} scope="col" className={"numeric" in head ? "numeric" : undefined} aria-sort={sort === head.id && "compare" in head ? (head.id === "name" || head.id === "state" ? "ascending" : "descending") : undefined}>
                  {"compare" in head ? (
                    <button type="button" className="sort-button" onClick={() => query.set({ sort: head.id === "name" ? null : head.id }, { replace: true })}>
                      {head.label}
                    </button>
                  ) : (
                    head.label
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <ModelRow key={row.model.name} {...row} />
            ))}
          </tbody>
        </table>
        {shown.length === 0 && <p className="table-none">No model is called that.</p>}
      </div>
    </>
  );
}

function NoModels() {
  return (
    <EmptyState
      title="No models yet"
      command="npx slipway deploy model.onnx --name my-model --reference train.parquet"
      after={<p>Or see how it looks with traffic: <code>npm start</code> in a clone runs the flights example. The routes are in the <Link href="/docs">API reference</Link>.</p>}
    >
      <p>
        Deploy a model file and it is served, logged and watched from its first request. The reference data is optional: with it, inputs are
        checked by name and drift is measured against what the model was trained on.
      </p>
    </EmptyState>
  );
}
