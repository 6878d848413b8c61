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
}

/** Makes the trace a row of a dataset's next version, and says which. */
export function DatasetDialog({ trace, onClose }: { trace: TraceSummary; onClose: () => void }) {
  const action = useAction();
  const datasets = useDatasets().data?.datasets ?? [];
  const [name, setName] = useState("");
  const [added, setAdded] = useState<AddedRow | null>(null);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    action.run(() => call<AddedRow>(apiPath`/api/traces/${trace.traceId}/dataset-row?team=${trace.team}`, { method: "POST", body: JSON.stringify({ dataset: name.trim() }) }), (row) => {
      setAdded(row);
      invalidate((key) => key.includes("dataset"));
    });
  };
  if (added !== null) {
    return (
      <Dialog title="Added" onClose={onClose}>
        <p role="status">It is a row of <Link href={`/datasets/${encodeURIComponent(added.dataset)}`}>{added.dataset}</Link>, version {added.version}, which has {plural(added.rows, "row")}.</p>
        <div className="dialog-actions"><button type="button" className="button" onClick={onClose} autoFocus>Close</button></div>
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
