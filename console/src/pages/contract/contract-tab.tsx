import { Link } from "wouter";
import { useDatasets } from "../../data/datasets.ts";
import { aliasesOf } from "../../data/models.ts";
import type { ModelVersion, TensorSpec } from "../../data/types.ts";
import { absent, formatBytes, formatShape } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { CopyButton, DigestText } from "../../parts/copy.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { withCode } from "../../parts/error-box.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Time } from "../../parts/time.tsx";
import type { ModelTabProps } from "../model/model-page.tsx";
import { VersionSelect } from "../model/version-select.tsx";
import { EvaluationPanel } from "./evaluation-panel.tsx";
import { ReferencePanel } from "./reference-panel.tsx";

/** The immutable facts of one version. */
export function ContractTab({ detail, version }: ModelTabProps) {
  const chosen = detail.versions.find((entry) => entry.version === version);
  if (chosen === undefined) {
    return <EmptyState title={version === null ? "No version yet" : `There is no v${version}`} command={`npx slipway deploy model.onnx --name ${detail.model.name}`} />;
  }
  const { contract } = chosen;
  return (
    <>
      <div className="toolbar">
        <VersionSelect detail={detail} value={chosen.version} />
        {aliasesOf(detail.model, chosen.version).map((alias) => <Chip key={alias} tone="accent">{alias}</Chip>)}
        <span className="toolbar-note">registered <Time at={chosen.createdAt} /></span>
        <span className="toolbar-end"><span className="muted small">contract</span> <DigestText digest={chosen.contractDigest} /> <CopyButton text={JSON.stringify(contract, null, 2)} what="contract as JSON">JSON</CopyButton></span>
      </div>
      <div className="columns">
        <Panel title="Inputs" note={contract.signature.batchable ? "requests are batched" : "one request at a time"} flush><TensorTable specs={contract.signature.inputs} inputs /></Panel>
        <Panel title="Outputs" flush><TensorTable specs={contract.signature.outputs} /></Panel>
      </div>
      <ReferencePanel profile={contract.referenceProfile} />
      <div className="columns">
        <EvaluationPanel evaluation={contract.evaluation} />
        <RuntimePanel version={chosen} />
      </div>
      <LineagePanel version={chosen} />
    </>
  );
}

function TensorTable({ specs, inputs = false }: { specs: readonly TensorSpec[]; inputs?: boolean }) {
  return (
    <table className="table table-cards">
      <thead>
        <tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Shape</th><th scope="col">Values</th></tr>
      </thead>
      <tbody>
        {specs.map((spec) => (
          <tr key={spec.name}>
            <th scope="row" data-label="Name">
              <code>{spec.name}</code>
              {spec.columns !== undefined && spec.columns.length > 0 && !(spec.columns.length === 1 && spec.columns[0] === spec.name) && <span className="cell-note">{spec.columns.join(", ")}</span>}
            </th>
            <td data-label="Type">{spec.datatype}</td>
            <td data-label="Shape" className="nowrap">{formatShape(spec.shape)}</td>
            <td data-label="Values" className="muted">
              {spec.allowedValues !== undefined ? spec.allowedValues.slice(0, 8).join(", ") + (spec.allowedValues.length > 8 ? ` and ${spec.allowedValues.length - 8} more` : "") : inputs ? (spec.missingAllowed ? "any, or missing" : "any") : absent}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function RuntimePanel({ version }: { version: ModelVersion }) {
  const { runtime } = version.contract;
  return (
    <Panel title="Runtime" note={runtime.kind.toUpperCase()}>
      <dl className="properties">
        {runtime.artifacts.map((artifact) => (
          <div key={artifact.path}><dt>{artifact.path}</dt><dd><DigestText digest={artifact.digest} /> <span className="muted">{formatBytes(artifact.bytes)}</span></dd></div>
        ))}
        {runtime.sourceDigest !== undefined && !runtime.artifacts.some((artifact) => artifact.digest === runtime.sourceDigest) && <div><dt>file as it was given</dt><dd><DigestText digest={runtime.sourceDigest} /></dd></div>}
        {runtime.producer !== undefined && <div><dt>made by</dt><dd>{runtime.producer}</dd></div>}
        {runtime.opsets !== undefined && <div><dt>operator sets</dt><dd>{Object.entries(runtime.opsets).map(([domain, opset]) => `${domain === "" ? "ai.onnx" : domain} ${opset}`).join(", ")}</dd></div>}
      </dl>
      {runtime.notes.length > 0 && (
        <ul className="notes" aria-label="Notes of the import">
          {runtime.notes.map((note, index) => <li key={index}>{withCode(note)}</li>)}
        </ul>
      )}
    </Panel>
  );
}

function LineagePanel({ version }: { version: ModelVersion }) {
  const { lineage, model } = version.contract;
  const held = useDatasets().data?.datasets ?? [];
  return (
    <Panel title="Lineage">
      <dl className="properties">
        <div><dt>parent version</dt><dd>{lineage.parentVersion === undefined ? <span className="muted">none: the first one</span> : <Link href={`/models/${model}/contract?version=${lineage.parentVersion}`}>v{lineage.parentVersion}</Link>}</dd></div>
        <div><dt>code revision</dt><dd>{lineage.codeRevision === undefined ? <span className="muted">not given</span> : <code>{lineage.codeRevision}</code>}</dd></div>
        {lineage.datasets.length === 0 && <div><dt>data</dt><dd className="muted">not given</dd></div>}
        {lineage.datasets.map((dataset) => <div key={dataset.name}><dt>{held.some(({ name }) => name === dataset.name) ? <Link href={`/datasets/${encodeURIComponent(dataset.name)}`}>{dataset.name}</Link> : dataset.name}</dt><dd><DigestText digest={dataset.digest} /></dd></div>)}
      </dl>
    </Panel>
  );
}
