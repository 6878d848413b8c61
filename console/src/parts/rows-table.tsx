import type { ReactNode } from "react";

/** One column: what stands above it, and on a phone, where each row is a card, before its value. */
export interface Column<Row> {
  label: string;
  /** `name` tells what the row is; `number` is for figures; `line` is never broken; `actions` has buttons, and no words above them. */
  kind?: "name" | "number" | "line" | "actions";
  className?: string;
  /** The whole of a value that may be cut off. */
  title?: (row: Row) => string;
  cell: (row: Row) => ReactNode;
}

const classes = { name: undefined, number: "numeric", line: "nowrap", actions: "cell-actions" } as const;

/** Objects as rows. `className` names the table for what its columns need beyond the common. */
export function RowsTable<Row>({ columns, rows, rowKey, className = "table-aligned" }: { columns: readonly Column<Row>[]; rows: readonly Row[]; rowKey: (row: Row) => string | number; className?: string }) {
  return (
    <table className={`table table-cards ${className}`}>
      <thead>
        <tr>
          {columns.map(({ label, kind }) => (kind === "actions" ? <td key={label} /> : <th key={label} scope="col" className={kind === "number" ? "numeric" : undefined}>{label}</th>))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)}>
            {columns.map(({ label, kind, className: own, title, cell }) => {
              const name = [kind === undefined ? undefined : classes[kind], own].filter((part) => part !== undefined).join(" ") || undefined;
              if (kind === "name") return <th key={label} scope="row" className={name} title={title?.(row)}>{cell(row)}</th>;
              return <td key={label} className={name} title={title?.(row)} {...(kind === "actions" ? {} : { "data-label": label })}>{cell(row)}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
