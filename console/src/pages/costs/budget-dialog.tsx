import { useState, type FormEvent } from "react";
import { useAction } from "../../data/action.ts";
import { apiPath, call } from "../../data/api.ts";
import { invalidate } from "../../data/resource.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { limitsFormOf, limitsOf, limitsProblems } from "../gateway/route-form.ts";
import type { BudgetStatus } from "./costs-data.ts";

const fields = [["day", "Dollars a day"], ["month", "Dollars a month"], ["perQuery", "Dollars a call"]] as const;

/** Sets, changes or takes away the budget of a team or of one of its projects; null is a new one. */
export function BudgetDialog({ budget, onClose }: { budget: BudgetStatus | null; onClose: () => void }) {
  const [team, setTeam] = useState(budget?.team ?? "");
  const [project, setProject] = useState(budget?.scope === "project" ? budget.name : "");
  const [form, setForm] = useState(() => limitsFormOf({ budget: budget?.limits }));
  const action = useAction();
  const problems = limitsProblems(form);
  const isEmpty = fields.every(([name]) => form[name].trim() === "");
  const isWrong = Object.keys(problems).length > 0 || team.trim() === "" || isEmpty;
  const path = project.trim() === "" ? apiPath`/api/budgets/teams/${team.trim()}` : apiPath`/api/budgets/teams/${team.trim()}/projects/${project.trim()}`;
  const done = (): void => {
    invalidate((key) => key.startsWith("/api/budgets"));
    onClose();
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!isWrong) action.run(() => call(path, { method: "PUT", body: JSON.stringify({ limits: limitsOf(form, {}).budget ?? {} }) }), done);
  };
  return (
    <Dialog title={budget === null ? "New budget" : `Budget of ${budget.name}`} onClose={onClose}>
      <form onSubmit={submit} className="dialog-form">
        {budget === null && (
          <div className="form-grid form-grid-two">
            <Field label="Team">{(control) => <input {...control} className="input" autoComplete="off" autoFocus maxLength={128} value={team} onChange={(event) => setTeam(event.target.value)} />}</Field>
            <Field label="Project" hint="The whole team's where none is named.">{(control) => <input {...control} className="input" autoComplete="off" maxLength={128} placeholder="none" value={project} onChange={(event) => setProject(event.target.value)} />}</Field>
          </div>
        )}
        <fieldset className="field-group gateway-numbers">
          <legend>Calls may cost</legend>
          {fields.map(([name, label]) => (
            <Field key={name} label={label} problem={problems[name]}>
              {(control) => <input {...control} className="input" inputMode="decimal" autoComplete="off" placeholder="no limit" value={form[name]} onChange={(event) => setForm((now) => ({ ...now, [name]: event.target.value }))} />}
            </Field>
          ))}
        </fieldset>
        {action.error !== null && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          {budget !== null && <button type="button" className="button" disabled={action.busy} onClick={() => action.run(() => call(path, { method: "DELETE" }), done)}>Remove</button>}
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy || isWrong}>{action.busy ? "Saving…" : "Save"}</button>
        </div>
      </form>
    </Dialog>
  );
}
