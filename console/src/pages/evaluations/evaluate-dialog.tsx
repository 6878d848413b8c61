import { useState, type FormEvent } from "react";
import { Link } from "wouter";
import { useAction } from "../../data/action.ts";
import { useDataset, useDatasets } from "../../data/datasets.ts";
import { startEvaluation } from "../../data/evaluations.ts";
import { usePolicy } from "../../data/models.ts";
import type { ModelDetail } from "../../data/types.ts";
import { formatCount } from "../../format.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";

/** Asks what a version is measured on and against; what is left as it is follows the policy. */
export function EvaluateDialog({ detail, version, onClose }: { detail: ModelDetail; version: string; onClose: () => void }) {
  const { model, versions } = detail;
  const policy = usePolicy(model.name).data?.policy.evaluation;
  const held = useDatasets().data?.datasets.filter(({ team }) => team === model.team);
  const [chosen, setDataset] = useState<string | null>(null);
  const [datasetVersion, setDatasetVersion] = useState("");
  const [baseline, setBaseline] = useState("");
  const action = useAction();
  // Empty until both are known: a choice that changes by itself under the eyes is taken for one's own.
  const usualDataset = policy === undefined || held === undefined ? "" : policy.dataset ?? held[0]?.name ?? "";
  const dataset = chosen ?? usualDataset;
  const contents = useDataset(dataset === "" ? null : dataset).data?.versions ?? [];
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    action.run(() => startEvaluation(model.name, version, {
      ...(dataset === "" ? {} : { dataset }), ...(datasetVersion === "" ? {} : { datasetVersion: Number(datasetVersion) }), ...(baseline === "" ? {} : { baseline }),
    }), onClose);
  };
  const usual = policy?.dataset === dataset && policy.datasetVersion !== null ? `v${policy.datasetVersion}, as the policy says` : `latest${contents[0] === undefined ? "" : ` (v${contents[0].version})`}`;
  return (
    <Dialog title={`Evaluate v${version} of ${model.name}`} onClose={onClose}>
      <form onSubmit={submit} className="dialog-form">
        {held !== undefined && held.length === 0 && <p className="notice">The team {model.team} has no dataset yet. <Link href="/datasets?add=1">Add one</Link> with the column that the model predicts.</p>}
        <div className="form-grid form-grid-two">
          <Field label="Dataset" hint={dataset !== "" && dataset === policy?.dataset ? "The one that the policy names." : "Of the model's team."}>
            {(control) => (
              <select {...control} className="input" value={dataset} autoFocus onChange={(event) => { setDataset(event.target.value); setDatasetVersion(""); }}>
                {[...new Set([...(held ?? []).map(({ name }) => name), ...(dataset === "" ? [] : [dataset])])].map((name) => <option key={name}>{name}</option>)}
              </select>
            )}
          </Field>
          <Field label="Its version">
            {(control) => (
              <select {...control} className="input" value={datasetVersion} onChange={(event) => setDatasetVersion(event.target.value)}>
                <option value="">{usual}</option>
                {contents.map(({ version: number, rows }) => <option key={number} value={number}>v{number}, {formatCount(rows)} rows</option>)}
              </select>
            )}
          </Field>
          <Field label="Baseline" hint="What it must beat, beside the champion.">
            {(control) => (
              <select {...control} className="input" value={baseline} onChange={(event) => setBaseline(event.target.value)}>
                <option value="">{policy === undefined || policy.baseline === null ? "a trivial model" : `v${policy.baseline}, as the policy says`}</option>
                {versions.filter((entry) => entry.version !== version).map((entry) => <option key={entry.version} value={entry.version}>v{entry.version}</option>)}
              </select>
            )}
          </Field>
        </div>
        {action.error !== null && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy || dataset === ""}>{action.busy ? "Starting…" : "Evaluate"}</button>
        </div>
      </form>
    </Dialog>
  );
}
