import { useState, type FormEvent } from "react";
import { useAction } from "../../data/action.ts";
import { apiPath, call } from "../../data/api.ts";
import type { ApiKey } from "../../data/types.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { allNames, type NamedThings } from "../../parts/named-things.ts";
import { NamesField } from "../../parts/names-field.tsx";
import { ConflictNote } from "./conflict-note.tsx";
import { refreshGateway, useCallableNames, useGatewayRoutes, useProviders, type KeyPolicy, type KeyPolicySettings } from "./gateway-data.ts";
import { LimitsFields } from "./limits-fields.tsx";
import { limitsFormOf, limitsOf, limitsProblems } from "./route-form.ts";
import { routeNameNotes } from "./route-name-notes.ts";

/** Routes, limits and budget of one API key. */
export function KeyPolicyDialog({ apiKey, policy: given, onClose }: { apiKey: ApiKey; policy: KeyPolicy | null; onClose: () => void }) {
  // The revision that the reader saw: with a newer one, what somebody else has set in between would be written over.
  const [policy] = useState(given);
  const before = policy?.settings;
  const [project, setProject] = useState(before?.project ?? "");
  const [routes, setRoutes] = useState<NamedThings>({ names: before?.routes ?? [], typed: "" });
  const [direct, setDirect] = useState(before?.direct === undefined ? "server" : before.direct ? "yes" : "no");
  const [form, setForm] = useState(() => limitsFormOf(before ?? {}));
  const known = useGatewayRoutes().data?.routes;
  const providers = useProviders().data?.providers;
  const callable = useCallableNames();
  const action = useAction();
  const problems = limitsProblems(form);
  const isWrong = Object.keys(problems).length > 0;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isWrong) return;
    const names = allNames(routes);
    const settings: KeyPolicySettings = { project: project.trim() === "" ? null : project.trim(), ...limitsOf(form, before ?? {}), ...(names.length === 0 ? {} : { routes: names }), ...(direct === "server" ? {} : { direct: direct === "yes" }) };
    action.run(() => call<KeyPolicy>(apiPath`/api/gateway/keys/${apiKey.id}`, { method: "PUT", body: JSON.stringify({ revision: policy?.revision ?? 0, settings }) }), () => {
      refreshGateway();
      onClose();
    });
  };
  return (
    <Dialog title={`Limits of ${apiKey.name}`} onClose={onClose} className="dialog-wide">
      <form onSubmit={submit} className="dialog-form">
        <NamesField
          legend="Routes" what="route, PROVIDER/MODEL or PROVIDER/*" known={(known ?? []).map(({ name }) => name)} suggested={callable} notes={routeNameNotes(routes.names, { routes: known, providers }, { team: "*", patterns: true })} value={routes} onChange={setRoutes}
          hint={routes.names.length === 0 ? "None ticked: all that its grants let it." : "Of these, those that its grants let it."}
        />
        <div className="form-grid form-grid-two">
          <Field label="Project" hint="Its calls are summed, and budgeted, under this name.">{(control) => <input {...control} className="input" autoFocus autoComplete="off" maxLength={128} placeholder="none" value={project} onChange={(event) => setProject(event.target.value)} />}</Field>
          <Field label="PROVIDER/MODEL" hint="Past all routes, which their limits and budgets do not hold.">
            {(control) => <select {...control} className="input" value={direct} onChange={(event) => setDirect(event.target.value)}><option value="server">as the server has it</option><option value="yes">may be called</option><option value="no">may not be called</option></select>}
          </Field>
        </div>
        <LimitsFields form={form} problems={problems} onChange={(part) => setForm((now) => ({ ...now, ...part }))} />
        {action.error !== null && <ErrorBox error={action.error}><ConflictNote error={action.error} /></ErrorBox>}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy || isWrong}>{action.busy ? "Saving…" : "Save"}</button>
        </div>
      </form>
    </Dialog>
  );
}
