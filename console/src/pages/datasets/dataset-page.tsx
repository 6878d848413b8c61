import { Link } from "wouter";
import { contentHref, removeDataset, useDataset, useDatasetVersion, type DatasetDetail } from "../../data/datasets.ts";
import { useNavigateFromHere, useQuery } from "../../data/query.ts";
import { useRights } from "../../data/session.ts";
import type { DatasetVersionSummary } from "../../data/types.ts";
import { absent, formatBytes, formatCount } from "../../format.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { BackLink } from "../../parts/back-link.tsx";
import { Chip } from "../../parts/chip.tsx";
import { ConfirmDialog } from "../../parts/confirm-dialog.tsx";
import { DigestText } from "../../parts/copy.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { ProfileTable } from "../../charts/profile-table.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { AddVersionDialog } from "./add-version-dialog.tsx";
import { RowsPanel } from "./rows-panel.tsx";
import { UsePanel } from "./use-panel.tsx";

/** A dataset: what each version holds, how its columns look, its rows, and what was made or judged with it. */
export function DatasetPage({ params }: { params: { dataset: string } }) {
  const name = decodeURIComponent(params.dataset);
  usePageTitle(`${name} › Dataset`);
  const detail = useDataset(name);
  const query = useQuery();
  const rights = useRights();
  const navigate = useNavigateFromHere();
  const close = (): void => query.set({ add: null, remove: null }, { replace: true });
  const dataset = detail.data?.dataset;
  return (
    <div className="page">
      <header className="page-header">
        <nav aria-label="Breadcrumb" className="breadcrumb"><BackLink href="/datasets">Datasets</BackLink></nav>
        <h1>{name}</h1>
        {dataset !== undefined && <Chip title="Whose it is">team {dataset.team}</Chip>}
        {dataset !== undefined && (
          <span className="header-actions cell-line">
            {rights.somewhere("contributor") && <button type="button" className="button button-primary" onClick={() => query.set({ add: "1" })}>Add a version</button>}
            {rights.somewhere("admin") && <button type="button" className="button" onClick={() => query.set({ remove: "1" })}>Remove</button>}
          </span>
        )}
        {dataset !== undefined && dataset.description !== "" && <p className="page-description">{dataset.description}</p>}
      </header>
      <ResourceView resource={detail} lines={10}>{(data) => <Versions detail={data} />}</ResourceView>
      {query.get("add") !== null && dataset !== undefined && <AddVersionDialog dataset={dataset} onClose={close} />}
      {query.get("remove") !== null && dataset !== undefined && (
        <ConfirmDialog title={`Remove ${name}?`} action="Remove" onClose={close} onDone={() => navigate("/datasets")} work={() => removeDataset(name)}>
          <p>All its versions go, the latest is v{dataset.latestVersion}. Evaluations on it stay, and models that were trained with it; policies that name it can no longer evaluate new versions. This cannot be taken back.</p>
        </ConfirmDialog>
      )}
    </div>
  );
}

function Versions({ detail: { dataset, versions, next } }: { detail: DatasetDetail }) {
  const query = useQuery();
  const wanted = query.get("version");
  const chosen = wanted === null ? versions[0] : versions.find(({ version }) => String(version) === wanted);
  const columns: Column<DatasetVersionSummary>[] = [
    { label: "Version", kind: "name", cell: ({ version }) => <Link href={query.href({ version: String(version), row: null })} aria-label={`Show v${version}`} aria-current={version === chosen?.version ? "true" : undefined}>v{version}</Link> },
    { label: "Rows", kind: "number", cell: ({ rows }) => formatCount(rows) },
    { label: "Columns", kind: "number", cell: (version) => formatCount(version.columns.length) },
    { label: "Size", kind: "number", cell: ({ bytes }) => formatBytes(bytes) },
    { label: "Added", cell: ({ createdAt, owner }) => <><Time at={createdAt} /><span className="cell-note">by <ActorName actor={owner} /></span></> },
  ];
  return (
    <>
      {chosen === undefined ? <EmptyState title={`There is no v${wanted}`}><p>Choose one below.</p></EmptyState> : <Version key={chosen.version} chosen={chosen} />}
      <div className="columns">
        {chosen !== undefined && <UsePanel dataset={dataset.name} version={chosen.version} />}
        <Panel title="Versions" note="a version never changes" flush><RowsTable columns={columns} rows={versions} rowKey={({ version }) => version} />{next !== null && <p className="table-none">The {versions.length} newest.</p>}</Panel>
      </div>
      {chosen !== undefined && <RowsPanel key={`rows ${chosen.version}`} version={chosen} />}
    </>
  );
}

function Version({ chosen }: { chosen: DatasetVersionSummary }) {
  const { dataset, version, rows, columns, bytes, format, target, source, digest } = chosen;
  const whole = useDatasetVersion(dataset, version);
  return (
    <>
      <dl className="value-list panel run-facts" aria-label={`Facts of v${version}`}>
        <div><dt>Version</dt><dd>v{version}</dd></div>
        <div><dt>Rows</dt><dd>{formatCount(rows)}</dd></div>
        <div><dt>Columns</dt><dd>{formatCount(columns.length)}</dd></div>
        <div><dt>Target</dt><dd>{target === null ? absent : <code>{target}</code>}</dd></div>
        <div><dt>File</dt><dd><a href={contentHref(dataset, version)} download={`${dataset}-v${version}.${format}`}>{format}, {formatBytes(bytes)}</a></dd></div>
        <div><dt>Digest</dt><dd><DigestText digest={digest} /></dd></div>
        {source !== "" && <div className="fact-wide"><dt>From</dt><dd>{source}</dd></div>}
      </dl>
      <Panel title="Columns" note="as they are in this version" flush>
        <ResourceView resource={whole} lines={6}>
          {({ profile }) => (
            <ProfileTable
              columns={columns.map(({ name, kind }) => ({
                name, profile: profile.find((column) => column.name === name) ?? null,
                note: <>{kind}{name === target && <> · <strong>target</strong></>}</>,
              }))}
            />
          )}
        </ResourceView>
      </Panel>
    </>
  );
}
