import { Link } from "wouter";
import { useLoggedDatasets } from "../../data/datasets.ts";
import { useQuery } from "../../data/query.ts";
import { useExperiments } from "../../data/tracking.ts";
import type { LoggedDataset } from "../../data/types.ts";
import { absent, formatCount, plural } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { loggedColumns, loggedRows } from "./logged-schema.ts";

const pageSize = 50;

/** Datasets that runs named: what they were, as their clients said, not their content. */
export function LoggedDatasets() {
  const query = useQuery();
  const offset = Math.max(0, Math.floor(Number(query.get("offset") ?? 0))) || 0;
  const logged = useLoggedDatasets(offset, pageSize);
  const experiments = useExperiments("active").data ?? [];
  const columns: Column<LoggedDataset>[] = [
    { label: "Dataset", kind: "name", cell: ({ name, digest }) => <>{name}<code className="cell-note" title="As its client computed it">{digest}</code></> },
    { label: "Experiment", cell: ({ experiment }) => <Link href={`/experiments/${experiment}`}>{experiments.find(({ id }) => id === experiment)?.name ?? `experiment ${experiment}`}</Link> },
    { label: "Runs", kind: "number", cell: (dataset) => <Link href={`/experiments/${dataset.experiment}?filter=${encodeURIComponent(`dataset.digest = '${dataset.digest.replaceAll("'", "")}'`)}`}>{formatCount(dataset.runs)}</Link> },
    { label: "Used for", cell: ({ contexts }) => (contexts.length === 0 ? absent : <span className="cell-line">{contexts.map((context) => <Chip key={context}>{context}</Chip>)}</span>) },
    { label: "Rows", kind: "number", cell: ({ profile }) => formatCount(loggedRows(profile)) },
    { label: "Columns", cell: ({ schema }) => <Columns schema={schema} /> },
    { label: "From", className: "logged-source", title: ({ source }) => source, cell: ({ sourceType, source }) => <>{sourceType}{source !== "" && source !== "{}" && <span className="cell-note">{source.slice(0, 200)}</span>}</> },
  ];
  return (
    <Panel title="Logged by runs" note="what clients named, not its content" flush>
      <ResourceView resource={logged} lines={4}>
        {({ datasets }) => (
          <>
            {datasets.length === 0 ? <p className="table-none">{offset > 0 ? "That was the last one." : <>No run has named a dataset yet: <code>mlflow.log_input(dataset, context="training")</code> does.</>}</p>
              : <RowsTable columns={columns} rows={datasets} rowKey={({ experiment, name, digest }) => `${experiment}:${name}:${digest}`} />}
            {(offset > 0 || datasets.length === pageSize) && (
              <nav className="pager pager-inside" aria-label="Pages of logged datasets">
                {offset > 0 && <Link href={query.href({ offset: offset > pageSize ? String(offset - pageSize) : null })} className="button button-small">Newer</Link>}
                {datasets.length === pageSize && <Link href={query.href({ offset: String(offset + pageSize) })} className="button button-small">Older</Link>}
              </nav>
            )}
          </>
        )}
      </ResourceView>
    </Panel>
  );
}

function Columns({ schema }: { schema: string | null }) {
  const columns = loggedColumns(schema);
  if (columns.length === 0) return schema === null ? absent : <span className="muted" title={schema}>not a table</span>;
  return (
    <details className="cell-details">
      <summary>{plural(columns.length, "column")}</summary>
      <ul>{columns.map(({ name, type }) => <li key={name}>{name} <span className="muted">{type}</span></li>)}</ul>
    </details>
  );
}
