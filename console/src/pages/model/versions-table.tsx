import { Link } from "wouter";
import { aliasesOf, providerName } from "../../data/models.ts";
import { useQuery } from "../../data/query.ts";
import type { ModelDetail, ServingSeries } from "../../data/types.ts";
import { absent, formatCount, formatMs, formatShare } from "../../format.ts";
import { Chip, StateMark } from "../../parts/chip.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Time } from "../../parts/time.tsx";
import { runnersText } from "../models/model-row.tsx";

export function VersionsTable({ detail, series, words }: { detail: ModelDetail; series: ServingSeries | undefined; words: string }) {
  const query = useQuery();
  const { model } = detail;
  return (
    <Panel title="Versions" note={`traffic of ${words}`} flush>
      <table className="table table-cards">
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">State</th>
            <th scope="col">Created</th>
            <th scope="col" className="numeric">Requests</th>
            <th scope="col" className="numeric">p95</th>
            <th scope="col" className="numeric">Errors</th>
            <th scope="col">Runs</th>
            <th scope="col"><span className="visually-hidden">Actions</span></th>
          </tr>
        </thead>
        <tbody>
          {detail.versions.map(({ version, createdAt }) => {
            const served = detail.served.find((entry) => entry.version === version);
            const total = series?.versions.find((entry) => entry.version === version)?.total;
            const aliases = aliasesOf(model, version);
            return (
              <tr key={version}>
                <th scope="row" data-label="Version">
                  <span className="cell-line">
                    <Link href={`/models/${model.name}/contract?version=${version}`}>v{version}</Link>
                    {aliases.map((alias) => (
                      <Chip key={alias} tone={alias === "champion" ? "accent" : "neutral"}>{alias}</Chip>
                    ))}
                  </span>
                </th>
                <td data-label="State">
                  <StateMark state={served?.state ?? null} reason={served?.reason} />
                  {served?.reason && <span className="cell-note cell-bad">{served.reason}</span>}
                </td>
                <td data-label="Created"><Time at={createdAt} /></td>
                <td data-label="Requests" className="numeric">{total === undefined ? absent : formatCount(total.requests)}</td>
                <td data-label="p95" className="numeric">{formatMs(total?.p95Ms)}</td>
                <td data-label="Errors" className="numeric">{total === undefined || total.requests === 0 ? absent : formatShare(total.errors / total.requests)}</td>
                <td data-label="Runs" className="muted">
                  {served === undefined ? absent : `${served.placement === "inline" ? "inline" : runnersText(served)} · ${providerName(served.executionProvider)}`}
                  {served !== undefined && served.runners.restarts > 0 && <span className="cell-note">restarted {served.runners.restarts} ×</span>}
                </td>
                <td className="cell-actions">
                  {!aliases.includes("champion") && (
                    <button type="button" className="button button-small" aria-label={`Make champion: v${version}`} onClick={() => query.set({ promote: version })}>
                      Make champion
                    </button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Panel>
  );
}
