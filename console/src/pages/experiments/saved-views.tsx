import { useState, type FormEvent } from "react";
import { useAction } from "../../data/action.ts";
import { removeRunView, saveRunView, useRunViews } from "../../data/tracking.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { queryOf, sameView, type ViewSettings } from "./view-state.ts";

/** Views that everybody sees who sees the experiment: chosen, saved under a name, deleted. */
export function SavedViews({ experiment, view, onChoose }: { experiment: string; view: ViewSettings; onChoose: (changes: Record<string, string>) => void }) {
  const views = useRunViews(experiment).data?.views ?? [];
  const [saving, setSaving] = useState(false);
  const action = useAction();
  const chosen = views.find((saved) => sameView(saved.view, view));
  return (
    <span className="saved-views">
      <label className="select-label">
        View
        <select className="input" value={chosen?.id ?? ""} onChange={(event) => {
          const saved = views.find(({ id }) => id === event.target.value);
          onChoose(queryOf(saved?.view ?? { filter: "", order: "", columns: [], group: "", charts: [] }));
        }}>
          <option value="">{chosen === undefined && Object.values(queryOf(view)).some((text) => text !== "") ? "not saved" : "usual"}</option>
          {views.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
        </select>
      </label>
      <button type="button" className="button" onClick={() => setSaving(true)}>Save view</button>
      {chosen !== undefined && <button type="button" className="button" disabled={action.busy} onClick={() => action.run(() => removeRunView(experiment, chosen.id))}>Delete view</button>}
      {action.error !== null && <span className="field-problem" role="alert">{action.error.message}</span>}
      {saving && <SaveDialog experiment={experiment} view={view} names={views.map(({ name }) => name)} onClose={() => setSaving(false)} />}
    </span>
  );
}

function SaveDialog({ experiment, view, names, onClose }: { experiment: string; view: ViewSettings; names: readonly string[]; onClose: () => void }) {
  const [name, setName] = useState("");
  const action = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== "") action.run(() => saveRunView(experiment, name.trim(), view), onClose);
  };
  return (
    <Dialog title="Save this view" onClose={onClose}>
      <form onSubmit={submit} className="dialog-form">
        <Field label="Name" hint={names.includes(name.trim()) ? "There is a view of this name: it is changed." : "Filter, order, columns and grouping, for everybody who sees this experiment."}>
          {(control) => <input {...control} className="input" autoFocus autoComplete="off" maxLength={120} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        {action.error !== null && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy || name.trim() === ""}>Save</button>
        </div>
      </form>
    </Dialog>
  );
}
