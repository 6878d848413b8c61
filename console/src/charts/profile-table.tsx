import type { ReactNode } from "react";
import type { ColumnProfile } from "../data/types.ts";
import { absent, formatCount, formatNumber, formatShare } from "../format.ts";
import { ColumnHistogram } from "./distribution.tsx";

export interface ProfiledColumn {
  name: string;
  /** Null where nothing is known of its values. */
  profile: ColumnProfile | null;
  /** Stands below the name. */
  note?: ReactNode;
}

/** Columns of data with the shape of their values. */
export function ProfileTable({ columns }: { columns: readonly ProfiledColumn[] }) {
  return (
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
        {columns.map(({ name, profile, note }) => (
          <tr key={name}>
            <th scope="row" data-label="Column">{name}{note !== undefined && <span className="cell-note">{note}</span>}</th>
            {profile === null ? <td colSpan={6} className="muted">not described</td> : (
              <>
                <td data-label="Distribution"><ColumnHistogram profile={profile} label={profile.kind === "numeric" ? `Histogram of ${name}` : `The most frequent values of ${name}`} /></td>
                {profile.kind === "numeric" ? (
                  <>
                    <td data-label="Min" className="numeric">{numberOr(profile.min)}</td>
                    <td data-label="Mean" className="numeric">{numberOr(profile.mean)}</td>
                    <td data-label="Max" className="numeric">{numberOr(profile.max)}</td>
                    <td data-label="Std. dev." className="numeric">{numberOr(profile.standardDeviation)}</td>
                  </>
                ) : (
                  <td colSpan={4} data-label="Most frequent" className="cell-values muted">
                    {formatCount(profile.distinct)} distinct: {profile.categories.slice(0, 5).map(({ value, count }) => `${value === "" ? "(empty)" : value} ${formatShare(count / Math.max(1, profile.count))}`).join(", ")}
                  </td>
                )}
                <td data-label="Missing" className="numeric">{profile.missing === 0 ? "0" : formatShare(profile.missing / Math.max(1, profile.count))}</td>
              </>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function numberOr(value: number | null): string {
  return value === null ? absent : formatNumber(value, 4);
}
