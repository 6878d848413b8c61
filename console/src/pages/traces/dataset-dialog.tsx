import { useState, type FormEvent } from "react";
import { Link } from "wouter";
import { apiPath, call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { useDatasets } from "../../data/datasets.ts";
import { invalidate } from "../../data/resource.ts";
import type { TraceSummary } from "../../data/types.ts";
import { plural } from "../../format.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";

interface AddedRow {
  dataset: string;
  version: number;
  rows: number;
  /** False where the dataset has the trace already. */
  added: boolean;
}

/** Makes the trace a row of a dataset's next version, and says which. */
export function DatasetDialog({ trace, onClose }: { trace: TraceSummary; onClose: () => void }) {
  const action = useAction();
  const datasets = useDatasets().data?.datasets ?? [];
  const [name, setName] = useState("");
  const [added, setAdded] = useState<AddedRow | null>(null);
  const add = (again: boolean): void =>
    action.run(() => call<AddedRow>(apiPath`/api/traces/${trace.traceId}/dataset-row?team=${trace.team}`, { method: "POST", body: JSON.stringify({ dataset: name.trim(), again }) }), (row) => {
      setAdded(row);
      invalidate((key) => key.includes("dataset"));
    });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    add(false);
  };
  if (added !== null) {
    const dataset = <Link href={`/datasets/${encodeURIComponent(added.dataset)}`}>{added.dataset}</Link>;
    return (
      <Dialog title={added.added ? "Added" : "Already there"} onClose={onClose}>
        {added.added
          ? <p role="status">It is a row of {dataset}, version {added.version}, which has {plural(added.rows, "row")}.</p>
          : <p role="status">{dataset}, version {added.version}, has a row of this trace. Nothing was added. A second row would have what the feedback says by now.</p>}
        {action.error !== null && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          {!added.added && <button type="button" className="button" disabled={action.busy} onClick={() => add(true)}>{action.busy ? "Adding…" : "Add it once more"}</button>}
          <button type="button" className="button" onClick={onClose} autoFocus>Close</button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Add this trace to a dataset" onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <p className="muted">The row has what went in, what came out, and what the last feedback of the kind “Expected” said should have. An evaluation can then be run on it.</p>
        <Field label="Dataset" hint="One of CSV that there is, or the name of a new one">
          {(control) => <input {...control} className="input" list="trace-datasets" required maxLength={128} spellCheck={false} autoComplete="off" autoFocus value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        <datalist id="trace-datasets">{datasets.map((dataset) => <option key={dataset.name} value={dataset.name} />)}</datalist>
        {action.error !== null && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy || name.trim() === ""}>{action.busy ? "Adding…" : "Add the row"}</button>
        </div>
      </form>
    </Dialog>
  );
}
