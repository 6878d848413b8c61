import { useMemo, useState } from "react";
import type { RunKeys } from "../../data/tracking.ts";
import { plural } from "../../format.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { rowsInView } from "./window-range.ts";
import { useViewport } from "./use-window.ts";
import { attributeColumns, columnKind, columnLabel } from "./view-state.ts";

const rowHeight = 30;

/** Chooses among thousands of keys: those that match are listed, of which only those in view are drawn. */
export function ColumnPicker({ keys, columns, onChange, onClose }: { keys: RunKeys | undefined; columns: readonly string[]; onChange: (columns: string[]) => void; onClose: () => void }) {
  const [text, setText] = useState("");
  const { element, viewport } = useViewport<HTMLDivElement>();
  const all = useMemo(
    () => [...attributeColumns, ...(keys?.metrics ?? []).map((key) => `metrics.${key}`), ...(keys?.params ?? []).map((key) => `params.${key}`), ...(keys?.tags ?? []).map((key) => `tags.${key}`)],
    [keys],
  );
  const words = text.toLowerCase().split(/\s+/);
  const found = all.filter((column) => words.every((word) => `${column} ${columnLabel(column)}`.toLowerCase().includes(word)));
  const chosen = new Set(columns);
  const rows = rowsInView({ scroll: viewport.top, size: viewport.height }, rowHeight, found.length);
  const set = (changed: readonly string[], on: boolean): void => {
    const wanted = new Set(changed);
    onChange(on ? [...columns, ...changed.filter((column) => !chosen.has(column))] : columns.filter((column) => !wanted.has(column)));
  };
  return (
    <Dialog title="Columns" onClose={onClose}>
      <input type="search" className="input input-wide" aria-label="Search columns" placeholder="Search metrics, params and tags" autoFocus autoComplete="off" spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} />
      <div className="toolbar">
        <span className="toolbar-note" role="status">{plural(found.length, "column")}, {plural(columns.length, "shown one", "shown")}</span>
        <span className="toolbar-end">
          <button type="button" className="button button-small" onClick={() => set(found, true)}>Show {text === "" ? "all" : "these"}</button>
          <button type="button" className="button button-small" onClick={() => set(found, false)}>Hide {text === "" ? "all" : "these"}</button>
        </span>
      </div>
      <div ref={element} className="picker" role="group" aria-label="Columns">
        <div className="picker-inside" style={{ height: found.length * rowHeight }}>
          {found.slice(rows.from, rows.to).map((column, index) => (
            <label key={column} className="picker-row" style={{ top: (rows.from + index) * rowHeight, height: rowHeight }}>
              <input type="checkbox" checked={chosen.has(column)} onChange={(event) => set([column], event.target.checked)} />
              <span className="picker-kind">{columnKind(column).slice(0, -1)}</span>
              <span className="grid-ellipsis">{columnLabel(column)}</span>
            </label>
          ))}
        </div>
      </div>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={() => onChange([])}>Back to the usual</button>
        <button type="button" className="button button-primary" onClick={onClose}>Done</button>
      </div>
    </Dialog>
  );
}
