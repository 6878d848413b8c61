import { useState } from "react";
import { ApiFailure, apiPath, call } from "../../data/api.ts";
import { championOf } from "../../data/models.ts";
import { invalidate } from "../../data/resource.ts";
import type { Model, ModelDetail, ServingSeries } from "../../data/types.ts";
import { absent, formatMs, formatNumber, formatShare } from "../../format.ts";
import { evaluationTable } from "../contract/evaluation-table.ts";
import { StateMark } from "../../parts/chip.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";

/** Asks before callers get another version, with both versions side by side. */
export function PromoteDialog({ detail, version, series, onClose }: { detail: ModelDetail; version: string; series: ServingSeries | undefined; onClose: () => void }) {
  const [error, setError] = useState<ApiFailure | null>(null);
  const [busy, setBusy] = useState(false);
  const { model } = detail;
  const champion = championOf(model, detail.served);
  const known = detail.versions.some((entry) => entry.version === version);
  const state = detail.served.find((entry) => entry.version === version)?.state ?? null;
  const older = champion !== null && Number(version) < Number(champion);

  const promote = (): void => {
    setBusy(true);
    setError(null);
    call<Model>(apiPath`/api/models/${model.name}/aliases/champion`, { method: "PUT", body: JSON.stringify({ version }) }).then(
      () => {
        invalidate((key) => key.startsWith("/api/models"));
        onClose();
      },
      (thrown: unknown) => {
        setBusy(false);
        setError(thrown instanceof ApiFailure ? thrown : new ApiFailure(0, { code: "CONSOLE_FAILED", message: String(thrown) }));
      },
    );
  };

  if (!known || version === champion) {
    return (
      <Dialog title={known ? `v${version} is the champion already` : `There is no v${version}`} onClose={onClose}>
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Close</button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={`Make v${version} the champion of ${model.name}?`} onClose={onClose}>
      <p>
        From the next request on, callers who name no version get v{version}
        {champion === null ? "" : ` instead of v${champion}${older ? ", which is newer" : ""}`}. No request fails on the way, and you can turn it back.
      </p>
      <Comparison detail={detail} series={series} versions={champion === null ? [version] : [champion, version]} />
      {state !== "ready" && <p className="notice">v{version} is {state ?? "not loaded"}: the server loads it before it gets traffic, and refuses when it cannot.</p>}
      {error !== null && <ErrorBox error={error} />}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose} autoFocus>Cancel</button>
        <button type="button" className="button button-primary" disabled={busy} onClick={promote}>{busy ? "Changing…" : "Make champion"}</button>
      </div>
    </Dialog>
  );
}

/** What is known of both, row by row: state, evaluation, traffic. */
function Comparison({ detail, series, versions }: { detail: ModelDetail; series: ServingSeries | undefined; versions: readonly string[] }) {
  const contracts = versions.map((version) => detail.versions.find((entry) => entry.version === version)?.contract);
  const metrics = [...new Set(contracts.flatMap((contract) => evaluationTable(contract?.evaluation ?? {}).rows.map(({ metric }) => metric)))];
  const totals = versions.map((version) => series?.versions.find((entry) => entry.version === version)?.total);
  return (
    <table className="table table-compare">
      <thead>
        <tr>
          <td />
          {versions.map((version, index) => (
            <th key={version} scope="col" className="numeric">v{version}{versions.length > 1 && index === 0 ? " now" : ""}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">State</th>
          {versions.map((version) => (
            <td key={version} className="numeric"><StateMark state={detail.served.find((entry) => entry.version === version)?.state ?? null} /></td>
          ))}
        </tr>
        {metrics.map((metric) => (
          <tr key={metric}>
            <th scope="row">{metric}</th>
            {contracts.map((contract, index) => {
              const value = contract?.evaluation[metric];
              return <td key={index} className="numeric">{value === undefined ? absent : formatNumber(value, 4)}</td>;
            })}
          </tr>
        ))}
        {totals.some((total) => total !== undefined && total.requests > 0) && (
          <>
            <tr>
              <th scope="row">p95 in this view</th>
              {totals.map((total, index) => <td key={index} className="numeric">{formatMs(total?.p95Ms)}</td>)}
            </tr>
            <tr>
              <th scope="row">Errors in this view</th>
              {totals.map((total, index) => <td key={index} className="numeric">{total === undefined || total.requests === 0 ? absent : formatShare(total.errors / total.requests)}</td>)}
            </tr>
          </>
        )}
      </tbody>
    </table>
  );
}
