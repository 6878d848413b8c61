import { useState, type FormEvent } from "react";
import { useAction } from "../../data/action.ts";
import { useNavigateFromHere } from "../../data/query.ts";
import { createExperiment } from "../../data/tracking.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";

export function CreateExperimentDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const navigate = useNavigateFromHere();
  const action = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== "") action.run(() => createExperiment(name.trim()), (id) => navigate(`/experiments/${id}`));
  };
  return (
    <Dialog title="Create an experiment" onClose={onClose}>
      <form onSubmit={submit} className="dialog-form">
        <Field label="Name" hint="As a script gives it to mlflow.set_experiment, which also makes it by itself.">
          {(control) => <input {...control} className="input" autoFocus autoComplete="off" maxLength={500} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        {action.error !== null && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy || name.trim() === ""}>{action.busy ? "Creating…" : "Create"}</button>
        </div>
      </form>
    </Dialog>
  );
}
