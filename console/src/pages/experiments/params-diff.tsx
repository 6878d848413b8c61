import { useState } from "react";
import { Link } from "wouter";
import type { WireRun } from "../../data/tracking.ts";
import { Panel } from "../../parts/panel.tsx";
import { formatCount } from "../../format.ts";
import { paramRows } from "./compared-values.ts";

/** Params of all runs side by side; those that differ, or all. */
export function ParamsDiff({ runs, all, onAll }: { runs: readonly WireRun[]; all: boolean; onAll: (all: boolean) => void }) {
  const rows = paramRows(runs);
  const differing = rows.filter(({ differs }) => differs);
  const [limit, setLimit] = useState(100);
  const shown = (all ? rows : differing).slice(0, limit);
  return (
    <Panel title="Params" note={`${formatCount(differing.length)} of ${formatCount(rows.length)} differ`} flush actions={<label className="check"><input type="checkbox" checked={!all} onChange={(event) => onAll(!event.target.checked)} /> Only what differs</label>}>
      {shown.length === 0 ? <p className="table-none">{rows.length === 0 ? "None of these runs logged a param." : "All params are the same."}</p> : (
        <div className="diff-scroll" tabIndex={0} role="region" aria-label="Params of the runs">
          <table className="table table-compact diff-table">
            <thead>
              <tr>
                <th scope="col">Param</th>
                {runs.map(({ info }) => <th key={info.run_id} scope="col"><Link href={`/experiments/${info.experiment_id}/runs/${info.run_id}`}>{info.run_name}</Link></th>)}
              </tr>
            </thead>
            <tbody>
              {shown.map(({ key, values, differs }) => (
                <tr key={key}>
                  <th scope="row">{key}</th>
                  {values.map((value, index) => <td key={index} className={differs && value !== values[0] ? "diff-other" : undefined} title={value ?? undefined}>{value ?? <span className="muted">–</span>}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
          {(all ? rows : differing).length > limit && <button type="button" className="button" onClick={() => setLimit(limit + 500)}>Show more</button>}
        </div>
      )}
    </Panel>
  );
}
