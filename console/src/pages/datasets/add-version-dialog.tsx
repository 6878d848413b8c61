import { useState, type FormEvent } from "react";
import { useAction } from "../../data/action.ts";
import { addDatasetVersion } from "../../data/datasets.ts";
import { useNavigateFromHere } from "../../data/query.ts";
import { useResource } from "../../data/resource.ts";
import type { DatasetFormat, HeldDataset, Team } from "../../data/types.ts";
import { uploadFile } from "../../data/upload.ts";
import { formatBytes } from "../../format.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { csvRows } from "../experiments/csv-rows.ts";
import { formatOf, nameOf } from "./file-facts.ts";

/** So much of a CSV file is read for the names of its columns. */
const headBytes = 65_536;

/** Uploads a file as a version of a dataset, or as a new dataset. */
export function AddVersionDialog({ dataset, onClose }: { dataset: HeldDataset | null; onClose: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [columns, setColumns] = useState<readonly string[]>([]);
  const [form, setForm] = useState({ name: "", format: "parquet" as DatasetFormat, target: "", source: "", description: "", team: "" });
  const [sent, setSent] = useState<number | null>(null);
  const teams = useResource<{ teams: Team[] }>(dataset === null ? "/api/teams" : null).data?.teams ?? [];
  const action = useAction();
  const navigate = useNavigateFromHere();
  const change = (changes: Partial<typeof form>): void => setForm({ ...form, ...changes });
  const problems = Object.fromEntries((action.error?.problems ?? []).map((problem) => [problem.path, problem.message]));
  const name = dataset?.name ?? form.name.trim();
  const team = form.team || teams.find((entry) => entry.name === "default")?.name || teams[0]?.name || "";

  const choose = (chosen: File | null): void => {
    setFile(chosen);
    setColumns([]);
    if (chosen === null) return;
    const format = formatOf(chosen.name) ?? form.format;
    change({ format, ...(form.name === "" ? { name: nameOf(chosen.name) } : {}) });
    if (format === "csv") void chosen.slice(0, headBytes).text().then((text) => setColumns(csvRows(text, { limit: 1, whole: chosen.size <= headBytes })[0] ?? []), () => undefined);
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (file === null || name === "") return;
    action.run(async () => {
      setSent(0);
      try {
        const digest = await uploadFile(file, setSent);
        return await addDatasetVersion(name, {
          digest, format: form.format, source: form.source.trim() || file.name,
          ...(form.target.trim() === "" ? {} : { target: form.target.trim() }), ...(form.description.trim() === "" ? {} : { description: form.description.trim() }),
          ...(dataset === null && team !== "" ? { team } : {}),
        });
      } finally {
        setSent(null);
      }
    }, () => {
      onClose();
      navigate(`/datasets/${encodeURIComponent(name)}`);
    });
  };
  return (
    <Dialog title={dataset === null ? "Add a dataset" : `Add a version to ${dataset.name}`} onClose={onClose}>
      <form onSubmit={submit} className="dialog-form">
        <Field label="File" hint={file === null ? "Parquet, or CSV with the names of its columns in the first line." : formatBytes(file.size)}>
          {(control) => <input {...control} className="input file-input" type="file" accept=".parquet,.csv" required autoFocus onChange={(event) => choose(event.target.files?.[0] ?? null)} />}
        </Field>
        <div className="form-grid form-grid-two">
          {dataset === null && (
            <Field label="Name" problem={problems.dataset}>
              {(control) => <input {...control} className="input" autoComplete="off" spellCheck={false} required maxLength={128} value={form.name} onChange={(event) => change({ name: event.target.value })} />}
            </Field>
          )}
          <Field label="Format" problem={problems.format}>
            {(control) => (
              <select {...control} className="input" value={form.format} onChange={(event) => change({ format: event.target.value as DatasetFormat })}>
                <option value="parquet">Parquet</option>
                <option value="csv">CSV</option>
              </select>
            )}
          </Field>
          <Field label="Target" hint="The column that models predict; leave it empty for none." problem={problems.target}>
            {(control) => (
              <>
                <input {...control} className="input" list="dataset-columns" autoComplete="off" spellCheck={false} maxLength={500} value={form.target} onChange={(event) => change({ target: event.target.value })} />
                <datalist id="dataset-columns">{columns.map((column) => <option key={column} value={column} />)}</datalist>
              </>
            )}
          </Field>
          {dataset === null && (
            <Field label="Team" hint="Whose it is; it stays.">
              {(control) => (
                <select {...control} className="input" value={team} onChange={(event) => change({ team: event.target.value })}>
                  {teams.map((entry) => <option key={entry.name}>{entry.name}</option>)}
                </select>
              )}
            </Field>
          )}
          <Field label="From" hint="Where the file is from; its name when left empty.">
            {(control) => <input {...control} className="input" autoComplete="off" maxLength={2000} value={form.source} onChange={(event) => change({ source: event.target.value })} />}
          </Field>
        </div>
        <Field label="Description" hint={dataset === null ? "What a row is." : "Leave it empty to keep what it says now."}>
          {(control) => <input {...control} className="input" autoComplete="off" maxLength={2000} value={form.description} onChange={(event) => change({ description: event.target.value })} />}
        </Field>
        {action.error !== null && <ErrorBox error={action.error} />}
        {sent !== null && <p className="run-progress" role="status"><progress className="progress" value={sent} max={1} aria-label="Upload" /> {sent < 1 ? `${Math.floor(sent * 100)}% sent` : "The server reads it…"}</p>}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy || file === null || name === ""}>{action.busy ? "Adding…" : dataset === null ? "Add the dataset" : "Add the version"}</button>
        </div>
      </form>
    </Dialog>
  );
}
