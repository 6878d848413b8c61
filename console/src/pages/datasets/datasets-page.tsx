import type { ReactNode } from "react";
import { Link } from "wouter";
import { useDataset, useDatasets } from "../../data/datasets.ts";
import { useQuery } from "../../data/query.ts";
import { useRights } from "../../data/session.ts";
import type { DatasetVersionSummary, HeldDataset } from "../../data/types.ts";
import { absent, formatBytes, formatCount } from "../../format.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { AddVersionDialog } from "./add-version-dialog.tsx";
import { LoggedDatasets } from "./logged-datasets.tsx";

/** So many rows are drawn at once; the filter reaches the others. */
const shownAtOnce = 100;

/** Data that this server keeps, and below it data that runs only named. */
export function DatasetsPage() {
  usePageTitle("Datasets");
  const query = useQuery();
  const datasets = useDatasets();
  const text = query.get("q") ?? "";
  const may = useRights().somewhere("contributor");
  return (
    <div className="page">
      <header className="page-header">
        <h1>Datasets</h1>
        {may && <span className="header-actions"><button type="button" className="button button-primary" onClick={() => query.set({ add: "1" })}>Add a dataset</button></span>}
      </header>
      <ResourceView resource={datasets} lines={6}>
        {({ datasets: all }) => (all.length === 0 ? <NoDatasets /> : <HeldDatasets all={all} text={text} />)}
      </ResourceView>
      <LoggedDatasets />
      {query.get("add") !== null && <AddVersionDialog dataset={null} onClose={() => query.set({ add: null }, { replace: true })} />}
    </div>
  );
}

function HeldDatasets({ all, text }: { all: readonly HeldDataset[]; text: string }) {
  const query = useQuery();
  const words = text.toLowerCase().split(/\s+/);
  const found = all.filter(({ name, team, description }) => words.every((word) => `${name} team:${team} ${description}`.toLowerCase().includes(word)));
  return (
    <>
      <div className="toolbar">
        <input type="search" className="input" aria-label="Filter datasets" placeholder="Filter by name or team" value={text} onChange={(event) => query.set({ q: event.target.value }, { replace: true })} />
      </div>
      {found.length === 0 ? <EmptyState title="No dataset matches"><p>Names, teams and descriptions are searched.</p></EmptyState> : (
        <div className="panel panel-table"><RowsTable columns={columns} rows={found.slice(0, shownAtOnce)} rowKey={({ name }) => name} className="table-aligned datasets-table" />{found.length > shownAtOnce && <p className="table-none">{found.length - shownAtOnce} more: filter to see them.</p>}</div>
      )}
    </>
  );
}

const columns: readonly Column<HeldDataset>[] = [
  {
    label: "Dataset", kind: "name",
    cell: ({ name, description }) => (
      <>
        <Link href={`/datasets/${encodeURIComponent(name)}`} className="row-link">{name}</Link>
        {description !== "" && <span className="cell-note">{description}</span>}
      </>
    ),
  },
  { label: "Latest", kind: "number", cell: ({ latestVersion }) => `v${latestVersion}` },
  { label: "Rows", kind: "number", cell: (dataset) => <OfLatest dataset={dataset} fact={({ rows }) => formatCount(rows)} /> },
  { label: "Columns", kind: "number", cell: (dataset) => <OfLatest dataset={dataset} fact={({ columns: all }) => formatCount(all.length)} /> },
  { label: "Size", kind: "number", cell: (dataset) => <OfLatest dataset={dataset} fact={({ bytes }) => formatBytes(bytes)} /> },
  { label: "Target", cell: (dataset) => <OfLatest dataset={dataset} fact={({ target }) => (target === null ? absent : <code>{target}</code>)} /> },
  { label: "Team", cell: ({ team, owner }) => <>{team}<span className="cell-note" title="Who made it">by <ActorName actor={owner} /></span></> },
  { label: "Changed", kind: "line", cell: ({ updatedAt }) => <Time at={updatedAt} relative /> },
];

/** What the latest version has: the list stands before it is there. */
function OfLatest({ dataset, fact }: { dataset: HeldDataset; fact: (latest: DatasetVersionSummary) => ReactNode }) {
  const latest = useDataset(dataset.name, 1).data?.versions[0];
  return latest === undefined ? absent : fact(latest);
}

function NoDatasets() {
  return (
    <EmptyState title="No datasets yet" command="npx slipway datasets add test.parquet --name flights-test --target late">
      <p>A dataset kept here is profiled, shown row by row, and can be what new versions of a model are evaluated on. Add a Parquet or CSV file above, or on the command line:</p>
    </EmptyState>
  );
}
