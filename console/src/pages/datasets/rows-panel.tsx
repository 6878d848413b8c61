import { Link } from "wouter";
import { useDatasetRows } from "../../data/datasets.ts";
import { useQuery } from "../../data/query.ts";
import type { DatasetRows, DatasetVersionSummary } from "../../data/types.ts";
import { absent, formatCount, formatNumber } from "../../format.ts";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";

const pageSize = 50;

/** Rows as they stand in the file, a page at a time; the address has the first. */
export function RowsPanel({ version: { dataset, version, rows, target } }: { version: DatasetVersionSummary }) {
  const query = useQuery();
  const wanted = Math.floor(Number(query.get("row") ?? 1)) || 1;
  const offset = Math.min(Math.max(0, wanted - 1), Math.max(0, rows - 1));
  const page = useDatasetRows(dataset, version, { offset, limit: pageSize });
  const last = Math.min(rows, offset + pageSize);
  const to = (first: number): string => query.href({ row: first <= 0 ? null : String(first + 1) });
  return (
    <Panel
      title="Rows" note={rows === 0 ? "none" : `${formatCount(offset + 1)} to ${formatCount(last)} of ${formatCount(rows)}`} flush
      actions={
        <nav className="cell-line" aria-label="Pages of rows">
          {offset > 0 && <Link href={to(offset - pageSize)} className="button button-small">Previous</Link>}
          {last < rows && <Link href={to(offset + pageSize)} className="button button-small">Next</Link>}
        </nav>
      }
    >
      <ResourceView resource={page} lines={8}>
        {(data) => (
          <div className="data-rows" tabIndex={0} role="region" aria-label="Rows of the dataset">
            <table className="table table-compact">
              <thead>
                <tr>
                  <th scope="col" className="numeric">#</th>
                  {data.columns.map(({ name, kind }) => <th key={name} scope="col" className={isNumber(kind) ? "numeric" : undefined}>{name}{name === target && <span className="muted"> target</span>}</th>)}
                </tr>
              </thead>
              <tbody>
                {data.rows.map((row, index) => (
                  <tr key={index}>
                    <th scope="row" className="numeric muted">{formatCount(offset + index + 1)}</th>
                    {data.columns.map(({ name, kind }, column) => <Cell key={name} value={row[column] ?? null} numeric={isNumber(kind)} />)}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </ResourceView>
    </Panel>
  );
}

function isNumber(kind: DatasetRows["columns"][number]["kind"]): boolean {
  return kind === "integer" || kind === "float";
}

/** What is missing is not the empty text. Numbers that JSON does not have are texts. */
function Cell({ value, numeric }: { value: DatasetRows["rows"][number][number]; numeric: boolean }) {
  const className = numeric ? "numeric" : undefined;
  if (value === null) return <td className={`muted ${className ?? ""}`} title="missing">{absent}</td>;
  if (typeof value === "number") return <td className={className} title={String(value)}>{formatNumber(value, 6).replaceAll(",", "")}</td>;
  const text = String(value);
  return <td className={className} title={text.length > 60 ? text : undefined}>{text === "" ? <span className="muted">(empty)</span> : text.slice(0, 200)}</td>;
}
