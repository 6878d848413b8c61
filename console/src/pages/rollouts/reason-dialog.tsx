import { useState, type FormEvent, type ReactNode } from "react";
import { useAction } from "../../data/action.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";

/** Asks before traffic moves: says what will happen, and wants to know why. */
export function ReasonDialog({ title, action: label, tone, work, onClose, children }: {
  title: string; action: string; tone: "primary" | "bad"; work: (reason: string) => Promise<unknown>; onClose: () => void; children: ReactNode;
}) {
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<string>();
  const action = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (reason.trim() === "") return setProblem("Say why, for those who read the history.");
    action.run(() => work(reason.trim()), onClose);
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <form onSubmit={submit} className="dialog-form" noValidate>
        <Field label="Why" problem={problem} hint="Kept with the rollout.">
          {(control) => <input {...control} className="input" autoFocus maxLength={1000} autoComplete="off" value={reason} onChange={(event) => { setReason(event.target.value); setProblem(undefined); }} />}
        </Field>
        {action.error !== null && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className={`button button-${tone}`} disabled={action.busy}>{action.busy ? "Working…" : label}</button>
        </div>
      </form>
    </Dialog>
  );
}
