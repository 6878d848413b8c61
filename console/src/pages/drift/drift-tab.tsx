import { nameOrder } from "../../../../src/core/name-order.ts";
import { usePolicy, useDrift } from "../../data/models.ts";
import type { ColumnDrift, DriftReport, Policy } from "../../data/types.ts";
import { absent, formatAge, formatCount, formatNumber, formatPsi, formatShare, plural } from "../../format.ts";
import { OverlaidDistribution } from "../../charts/distribution.tsx";
import { DriftChip } from "../../parts/chip.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { KeyFigure, KeyFigures } from "../../parts/key-figure.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Time } from "../../parts/time.tsx";
import { useQuery } from "../../data/query.ts";
import type { ModelTabProps } from "../model/model-page.tsx";
import { VersionSelect } from "../model/version-select.tsx";
import { PsiBar } from "./psi-bar.tsx";

export function DriftTab({ detail, version }: ModelTabProps) {
  const drift = useDrift(detail.model.name, version, 10_000);
  const policy = usePolicy(detail.model.name).data?.policy;
  return (
    <>
      <div className="toolbar">
        <VersionSelect detail={detail} value={version} />
      </div>
      <ResourceView resource={drift} lines={10}>
        {(report) => (report.columns.length === 0 ? <NoDrift report={report} /> : <Report report={report} policy={policy} />)}
      </ResourceView>
    </>
  );
}

function Report({ report, policy }: { report: DriftReport; policy: Policy | undefined }) {
  const query = useQuery();
  const levels = policy?.objectives.psi ?? { warning: 0.1, critical: 0.2 };
  const columns = [...report.columns].sort((a, b) => (b.psi ?? -1) - (a.psi ?? -1) || nameOrder(a.column, b.column));
  const counts = (["major", "moderate", "none", "unknown"] as const).map((level) => ({ level, count: columns.filter((column) => column.level === level).length })).filter(({ count }) => count > 0);
  // The most drifted column is open; others open by a click, and the address remembers it.
  const open = query.get("column") ?? columns[0]!.column;
  const scale = Math.max(levels.critical * 1.6, ...columns.map((column) => column.psi ?? 0));
  return (
    <>
      {report.reason !== null && <p className="notice">{report.reason}</p>}
      <KeyFigures label="Drift">
        <KeyFigure label="Drift" value={report.level} tone={report.level === "major" ? "bad" : report.level === "moderate" ? "warning" : undefined} note={counts.map(({ level, count }) => `${formatCount(count)} ${level}`).join(" · ")} />
        <KeyFigure label="Rows in the window" value={formatCount(report.rows)} note={`the last ${formatAge(report.to - report.from)}`} />
        <KeyFigure label="Largest PSI" value={columns[0]!.psi === null ? absent : formatPsi(columns[0]!.psi)} note={columns[0]!.psi === null ? undefined : columns[0]!.column} />
        <KeyFigure label="Window ends" value={<Time at={report.to} />} note={`thresholds ${formatNumber(levels.warning)} and ${formatNumber(levels.critical)}`} />
      </KeyFigures>
      <ul className="drift-list" aria-label="Columns, the most drifted first">
        {columns.map((column) => (
          <DriftRow key={column.column} column={column} levels={levels} scale={scale} open={column.column === open} onToggle={() => query.set({ column: column.column === open ? "-" : column.column }, { replace: true })} />
        ))}
      </ul>
      <p className="muted small">
        PSI compares the share of each bucket in the live window with the reference: 0 is the same distribution. The grey zone is what this many rows show by chance in 5% of windows without any drift.
      </p>
    </>
  );
}

function DriftRow({ column, levels, scale, open, onToggle }: { column: ColumnDrift; levels: { warning: number; critical: number }; scale: number; open: boolean; onToggle: () => void }) {
  const id = `drift-${column.input}-${column.column}`;
  return (
    <li className={open ? "panel drift-row drift-row-open" : "panel drift-row"}>
      <h3>
        <button type="button" aria-expanded={open} aria-controls={open ? id : undefined} onClick={onToggle}>
          <span className="drift-name">{column.column}</span>
          <PsiBar psi={column.psi} isJudged={column.level !== "unknown"} noise={column.noise} levels={levels} scale={scale} />
          <span className="drift-psi">{column.psi === null ? absent : formatPsi(column.psi)}</span>
          <span className="drift-level"><DriftChip level={column.level} short /></span>
        </button>
      </h3>
      {open && (
        <div id={id} className="drift-detail">
          <p className="drift-legend">
            <span><i className="swatch swatch-wide swatch-reference" aria-hidden="true" />reference</span>
            <span><i className="swatch swatch-wide swatch-live" aria-hidden="true" />live, {plural(column.rows, "row")}</span>
            {column.missing > 0 && <span className="muted">{formatCount(column.missing)} missing</span>}
            {column.noise !== null && <span className="muted">by chance up to {formatPsi(column.noise)}</span>}
          </p>
          {column.labels.length > 0 && <OverlaidDistribution title={column.column} labels={column.labels} reference={column.reference} live={column.live} />}
          <Contributions column={column} />
        </div>
      )}
    </li>
  );
}

/** The buckets that make the figure, largest part first. */
function Contributions({ column }: { column: ColumnDrift }) {
  const rows = column.labels
    .map((label, index) => ({ label, reference: column.reference[index] ?? 0, live: column.live[index] ?? 0 }))
    .sort((a, b) => Math.abs(b.live - b.reference) - Math.abs(a.live - a.reference))
    .slice(0, 5);
  return (
    <table className="table table-compact">
      <caption className="visually-hidden">Largest changes of {column.column}</caption>
      <thead>
        <tr><th scope="col">Largest changes</th><th scope="col" className="numeric">Reference</th><th scope="col" className="numeric">Live</th><th scope="col" className="numeric">Change</th></tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.label}>
            <th scope="row">{row.label}</th>
            <td className="numeric">{formatShare(row.reference)}</td>
            <td className="numeric">{formatShare(row.live)}</td>
            <td className="numeric">{`${row.live >= row.reference ? "+" : "−"}${formatNumber(Math.abs(row.live - row.reference) * 100, 2)} pp`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function NoDrift({ report }: { report: DriftReport }) {
  return (
    <EmptyState title="No drift figure" command={`npx slipway deploy model.onnx --name ${report.model} --reference train.parquet`}>
      <p>{report.reason ?? "There is nothing to compare with."}</p>
      <p>Drift needs the data that the model was trained on: deploy with it, and every live window is compared with it, column by column.</p>
    </EmptyState>
  );
}
