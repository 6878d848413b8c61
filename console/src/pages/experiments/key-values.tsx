import { useState, type ReactNode } from "react";
import { Panel } from "../../parts/panel.tsx";

/** So many are shown before somebody filters. */
const shownAtOnce = 200;

/** Keys with their values, filtered where there are many. */
export function KeyValues({ title, entries, empty }: { title: string; entries: readonly { key: string; value: ReactNode; text: string; note?: ReactNode }[]; empty: string }) {
  const [text, setText] = useState("");
  const needle = text.toLowerCase();
  const found = needle === "" ? entries : entries.filter(({ key, text: value }) => `${key} ${value}`.toLowerCase().includes(needle));
  return (
    <Panel title={title} note={entries.length === 0 ? undefined : String(entries.length)} flush actions={entries.length > 12 && <input type="search" className="input input-small" aria-label={`Filter ${title.toLowerCase()}`} placeholder="Filter" value={text} onChange={(event) => setText(event.target.value)} />}>
      {entries.length === 0 ? <p className="table-none">{empty}</p> : (
        <div className="key-values">
          <table className="table table-compact">
            <tbody>
              {found.slice(0, shownAtOnce).map(({ key, value, note }) => (
                <tr key={key}>
                  <th scope="row">{key}</th>
                  <td>{value}{note !== undefined && <span className="cell-note">{note}</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {found.length > shownAtOnce && <p className="table-none">{found.length - shownAtOnce} more: filter to see them.</p>}
        </div>
      )}
    </Panel>
  );
}
