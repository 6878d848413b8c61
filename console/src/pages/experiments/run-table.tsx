import { useEffect, useMemo, useState, type KeyboardEvent, type RefObject } from "react";
import { Link, useLocation } from "wouter";
import { now } from "../../clock.ts";
import { formatNumber, plural } from "../../format.ts";
import { Icon } from "../../parts/icon.tsx";
import { cellText, columnWidth, isNumericColumn } from "./cell-text.ts";
import { aggregate, groupLines, groupName, type Line } from "./run-groups.ts";
import type { RunPages } from "./run-pages.ts";
import { StatusMark } from "./status-mark.tsx";
import { useViewport } from "./use-window.ts";
import { columnKind, columnLabel, type ColumnOrder } from "./view-state.ts";
import { columnsInView, edgesOf, rowsInView } from "./window-range.ts";

const rowHeight = 34;
const headHeight = 46;

export interface RunTableProps {
  experiment: string;
  pages: RunPages;
  generation: number;
  columns: readonly string[];
  group: string;
  closed: ReadonlySet<string>;
  onToggleGroup: (name: string) => void;
  order: ColumnOrder | null;
  onOrder: (column: string) => void;
  selected: ReadonlySet<string>;
  onSelect: (ids: readonly string[], on: boolean) => void;
  /** Told what is in view, for whoever keeps it fresh. */
  inView: RefObject<{ from: number; to: number; columns: readonly string[] }>;
}

/**
 * Runs as rows, of which only those in view are drawn, as are columns. With the keyboard: arrows, Page, Home and End move the row, Enter opens it,
 * Space selects it or opens its group, left and right scroll the columns.
 */
export function RunTable(props: RunTableProps) {
  const { experiment, pages, generation, columns, group, closed, order, selected, inView } = props;
  const { element, viewport } = useViewport<HTMLDivElement>();
  const [, navigate] = useLocation();
  const [active, setActive] = useState(-1);
  const nameWidth = viewport.width < 560 ? 168 : 250;
  const edges = useMemo(() => edgesOf(columns.map(columnWidth)), [columns]);
  const lines = useMemo<Line[] | null>(
    () => (group === "" ? null : groupLines(pages.count, (row) => pages.cell(row, group), closed)),
    [pages, generation, group, closed],
  );
  const count = lines?.length ?? pages.count;
  const line = (index: number): Line => lines?.[index] ?? { kind: "run", row: index };

  const rows = rowsInView({ scroll: viewport.top, size: viewport.height - headHeight }, rowHeight, count);
  const across = columnsInView({ scroll: viewport.left, size: viewport.width - nameWidth }, edges);
  const shownColumns = columns.slice(across.from, across.to);
  const visible = Array.from({ length: rows.to - rows.from }, (_, index) => line(rows.from + index));
  const runRows = visible.flatMap((entry) => (entry.kind === "run" ? [entry.row] : []));
  const [firstRow, lastRow] = [Math.min(...runRows), Math.max(...runRows)];

  useEffect(() => {
    const wanted = runRows.length === 0 ? { from: 0, to: 0 } : { from: firstRow, to: lastRow + 1 };
    inView.current = { ...wanted, columns: group === "" ? shownColumns : [...shownColumns, group] };
    // A group's figures are of all its rows, wherever they are.
    if (group !== "") pages.need([group, ...shownColumns.filter((column) => column.startsWith("metrics."))], 0, pages.count);
    pages.need(shownColumns, wanted.from, wanted.to);
  }, [pages, generation, group, firstRow, lastRow, across.from, across.to, columns]);

  const moveTo = (index: number): void => {
    const target = Math.max(0, Math.min(count - 1, index));
    setActive(target);
    const scroller = element.current;
    if (scroller === null) return;
    const [top, bottom] = [target * rowHeight, (target + 1) * rowHeight + headHeight];
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget || count === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(viewport.height / rowHeight) - 2);
    const target = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: count - 1 }[event.key];
    const sideways = { ArrowRight: 124, ArrowLeft: -124 }[event.key];
    const current = active >= 0 && active < count ? line(active) : undefined;
    if (target !== undefined) moveTo(target);
    else if (sideways !== undefined) element.current?.scrollBy({ left: sideways });
    else if (current?.kind === "group" && (event.key === " " || event.key === "Enter")) props.onToggleGroup(groupName(current.value));
    else if (current?.kind === "run" && event.key === "Enter") navigate(`/experiments/${experiment}/runs/${pages.id(current.row)}`);
    else if (current?.kind === "run" && event.key === " ") {
      const id = pages.id(current.row)!;
      props.onSelect([id], !selected.has(id));
    } else return;
    event.preventDefault();
  };

  const today = now();
  const width = nameWidth + edges.at(-1)!;
  return (
    <div
      ref={element} className="grid" role="grid" aria-label="Runs" aria-rowcount={count + 1} aria-colcount={columns.length + 1} aria-multiselectable="true" tabIndex={0}
      aria-activedescendant={active >= rows.from && active < rows.to ? `run-line-${active}` : undefined} onKeyDown={onKeyDown}
    >
      <div className="grid-inside" style={{ width, height: headHeight + count * rowHeight }}>
        <div className="grid-head" role="row" aria-rowindex={1} style={{ width, height: headHeight }}>
          <HeadCell column="attributes.name" index={0} left={null} width={nameWidth} order={order} onOrder={props.onOrder} />
          {shownColumns.map((column, index) => (
            <HeadCell key={column} column={column} index={across.from + index + 1} left={nameWidth + edges[across.from + index]!} width={columnWidth(column)} order={order} onOrder={props.onOrder} />
          ))}
        </div>
        {visible.map((entry, offset) => {
          const index = rows.from + offset;
          const place = { id: `run-line-${index}`, role: "row", "aria-rowindex": index + 2, style: { top: headHeight + index * rowHeight, width, height: rowHeight } } as const;
          if (entry.kind === "group") {
            return (
              <div key={`group:${groupName(entry.value)}`} {...place} className={index === active ? "grid-row grid-group grid-active" : "grid-row grid-group"}>
                <div role="gridcell" aria-colindex={1} className="grid-cell grid-name" style={{ width: nameWidth }}>
                  <input
                    type="checkbox" tabIndex={-1} aria-label={`Select the runs of ${entry.value ?? "no value"}`}
                    checked={entry.rows.every((row) => selected.has(pages.id(row)!))}
                    onChange={(event) => props.onSelect(entry.rows.map((row) => pages.id(row)!), event.target.checked)}
                  />
                  <button type="button" tabIndex={-1} className="grid-toggle" aria-expanded={entry.open} onClick={() => props.onToggleGroup(groupName(entry.value))}>
                    <Icon name={entry.open ? "chevronDown" : "chevronRight"} />
                    <span className="grid-ellipsis">{entry.value ?? <span className="muted">no value</span>}</span>
                    <span className="muted small">{plural(entry.rows.length, "run")}</span>
                  </button>
                </div>
                {shownColumns.map((column, at) => (
                  <GroupCell key={column} pages={pages} rows={entry.rows} column={column} index={across.from + at + 2} left={nameWidth + edges[across.from + at]!} />
                ))}
              </div>
            );
          }
          const id = pages.id(entry.row) ?? "";
          const name = String(pages.cell(entry.row, "attributes.name") ?? id);
          return (
            <div key={id} {...place} aria-selected={selected.has(id)} className={index === active ? "grid-row grid-active" : "grid-row"}>
              <div role="gridcell" aria-colindex={1} className={group === "" ? "grid-cell grid-name" : "grid-cell grid-name grid-inner"} style={{ width: nameWidth }}>
                <input type="checkbox" tabIndex={-1} aria-label={`Select ${name}`} checked={selected.has(id)} onChange={(event) => props.onSelect([id], event.target.checked)} />
                <StatusMark status={String(pages.cell(entry.row, "attributes.status") ?? "")} short />
                <Link href={`/experiments/${experiment}/runs/${id}`} className="grid-ellipsis" tabIndex={-1} title={name}>{name}</Link>
              </div>
              {shownColumns.map((column, at) => {
                const cell = pages.cell(entry.row, column);
                return (
                  <div
                    key={column} role="gridcell" aria-colindex={across.from + at + 2} className={isNumericColumn(column) ? "grid-cell grid-number" : "grid-cell"}
                    style={{ left: nameWidth + edges[across.from + at]!, width: columnWidth(column) }} title={typeof cell === "string" || column.startsWith("metrics.") ? String(cell ?? "") : undefined}
                  >
                    {cell === null ? <span className="muted">–</span> : cellText(column, cell, today)}
                  </div>
                );
              })}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function HeadCell({ column, index, left, width, order, onOrder }: { column: string; index: number; left: number | null; width: number; order: ColumnOrder | null; onOrder: (column: string) => void }) {
  const sorted = order?.column === column;
  const kind = columnKind(column);
  const sortable = column !== "attributes.duration";
  return (
    <div
      role="columnheader" aria-colindex={index + 1} aria-sort={sorted ? (order.descending ? "descending" : "ascending") : undefined}
      className={`grid-cell${left === null ? " grid-name" : ""}${isNumericColumn(column) ? " grid-number" : ""}`} style={left === null ? { width } : { left, width }} title={columnLabel(column)}
    >
      <span className="grid-kind">{kind === "attributes" ? "" : kind.slice(0, -1)}</span>
      {sortable ? <button type="button" className="sort-button grid-ellipsis" onClick={() => onOrder(column)}>{columnLabel(column)}</button> : <span>{columnLabel(column)}</span>}
    </div>
  );
}

/** Mean of a group's numbers over least and greatest; of other columns the value that all runs share. */
function GroupCell({ pages, rows, column, index, left }: { pages: RunPages; rows: readonly number[]; column: string; index: number; left: number }) {
  const figures = column.startsWith("metrics.") ? aggregate(rows.map((row) => pages.cell(row, column))) : null;
  return (
    <div role="gridcell" aria-colindex={index} className={isNumericColumn(column) ? "grid-cell grid-number" : "grid-cell"} style={{ left, width: columnWidth(column) }}>
      {figures !== null && (
        <span title={`Mean of ${plural(figures.count, "run")}: ${figures.mean}; from ${figures.min} to ${figures.max}`}>
          <b>{formatNumber(figures.mean, 4)}</b>
          <span className="grid-range">{formatNumber(figures.min, 3)} – {formatNumber(figures.max, 3)}</span>
        </span>
      )}
    </div>
  );
}
