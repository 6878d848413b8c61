import { useState, type FormEvent } from "react";
import { apiPath, call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { invalidate } from "../../data/resource.ts";
import type { ApiKey, NewKey } from "../../data/types.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { ShownOnce } from "../../parts/shown-once.tsx";
import { Time } from "../../parts/time.tsx";

const hour = 3600;
const graces = [["0", "ends at once"], [`${hour}`, "works for an hour"], [`${24 * hour}`, "works for a day"], [`${7 * 24 * hour}`, "works for 7 days"], [`${31 * 24 * hour}`, "works for 31 days"]] as const;
const ends = [["", "as before"], ["30", "in 30 days"], ["90", "in 90 days"], ["365", "in a year"], ["never", "never"]] as const;

/** Gives a key a new secret, and shows it, once. */
export function RotateKeyDialog({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const [made, setMade] = useState<NewKey | null>(null);
  const [grace, setGrace] = useState<string>(graces[0][0]);
  const [end, setEnd] = useState<string>(ends[0][0]);
  const action = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const rotation = { graceSeconds: Number(grace), ...(end === "" ? {} : { expiresInDays: end === "never" ? null : Number(end) }) };
    action.run(() => call<NewKey>(apiPath`/api/keys/${apiKey.id}/rotate`, { method: "POST", body: JSON.stringify(rotation) }), (key) => {
      invalidate((resource) => resource === "/api/keys");
      setMade(key);
    });
  };
  // A click beside the dialog must not lose the only sight of the secret.
  if (made !== null) {
    return (
      <Dialog key="made" title={`The new secret of ${made.name}`} onClose={() => undefined}>
        <ShownOnce secret={made.key} what="key" />
        {made.formerUntil !== null && <p className="muted small">{grace === "0" ? "The one before is refused from now on." : <>The one before works until <Time at={made.formerUntil} />.</>}</p>}
        <div className="dialog-actions"><button type="button" className="button button-primary" onClick={onClose}>I have kept it</button></div>
      </Dialog>
    );
  }
  return (
    <Dialog title={`Rotate ${apiKey.name}?`} onClose={onClose}>
      <form onSubmit={submit} className="dialog-form">
        <p>The key gets a new secret. Its id, grants, limits, budget and spend stay; sessions that were started with it end.</p>
        <Field label="The present secret" hint="A time in which those who use it are given the new one. Where it has leaked, it ends at once.">
          {(control) => <select {...control} className="input" value={grace} onChange={(event) => setGrace(event.target.value)}>{graces.map(([value, words]) => <option key={value} value={value}>{words}</option>)}</select>}
        </Field>
        <Field label="The key ends">
          {(control) => <select {...control} className="input" value={end} onChange={(event) => setEnd(event.target.value)}>{ends.map(([value, words]) => <option key={value} value={value}>{words}</option>)}</select>}
        </Field>
        {action.error !== null && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy}>{action.busy ? "Rotating…" : "Rotate"}</button>
        </div>
      </form>
    </Dialog>
  );
}
