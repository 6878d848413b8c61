import { ColumnHistogram } from "../../charts/distribution.tsx";
import type { ReferenceProfile } from "../../data/types.ts";
import { absent, formatCount, formatNumber, formatShare, plural } from "../../format.ts";
import { DigestText } from "../../parts/copy.tsx";
import { Panel } from "../../parts/panel.tsx";

/** What the training data looked like, column by column. */
export function ReferencePanel({ profile }: { profile: ReferenceProfile | null }) {
  if (profile === null) {
    return (
      <Panel title="Reference profile">
        <p className="muted">Deployed without reference data: inputs are checked by type and shape only, and drift has nothing to compare with. Add it with <code>--reference train.parquet</code>.</p>
      </Panel>
    );
  }
  return (
    <Panel title="Reference profile" note={`${plural(profile.rows, "row")}${profile.target === undefined ? "" : ` · predicts ${profile.target}`}`} actions={<DigestText digest={profile.digest} />} flush>
      <table className="table table-cards">
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Distribution</th>
            <th scope="col" className="numeric">Min</th>
            <th scope="col" className="numeric">Mean</th>
            <th scope="col" className="numeric">Max</th>
            <th scope="col" className="numeric">Std. dev.</th>
            <th scope="col" className="numeric">Missing</th>
          </tr>
        </thead>
        <tbody>
          {profile.columns.map((column) => (
            <tr key={column.name}>
              <th scope="row" data-label="Column">{column.name}</th>
              <td data-label="Distribution"><ColumnHistogram profile={column} label={column.kind === "numeric" ? `Histogram of ${column.name}` : `The most frequent values of ${column.name}`} /></td>
              {column.kind === "numeric" ? (
                <>
                  <td data-label="Min" className="numeric">{numberOr(column.min)}</td>
                  <td data-label="Mean" className="numeric">{numberOr(column.mean)}</td>
                  <td data-label="Max" className="numeric">{numberOr(column.max)}</td>
                  <td data-label="Std. dev." className="numeric">{numberOr(column.standardDeviation)}</td>
                </>
              ) : (
                <td colSpan={4} data-label="Most frequent" className="cell-values muted">
                  {formatCount(column.distinct)} distinct: {column.categories.slice(0, 5).map(({ value, count }) => `${value === "" ? "(empty)" : value} ${formatShare(count / Math.max(1, column.count))}`).join(", ")}
                </td>
              )}
              <td data-label="Missing" className="numeric">{column.missing === 0 ? "0" : formatShare(column.missing / Math.max(1, column.count))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {profile.ignoredColumns.length > 0 && <p className="table-foot muted small">Not inputs of the model: {profile.ignoredColumns.join(", ")}</p>}
    </Panel>
  );
}

function numberOr(value: number | null): string {
  return value === null ? absent : formatNumber(value, 4);
}
