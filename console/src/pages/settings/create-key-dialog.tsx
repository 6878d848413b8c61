import { useState, type FormEvent } from "react";
import { call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { grantWords, roles, roleWords } from "../../data/grants.ts";
import { useModels } from "../../data/models.ts";
import { invalidate, useResource } from "../../data/resource.ts";
import { useRights, useSession } from "../../data/session.ts";
import type { Grant, NewKey, Role, Team } from "../../data/types.ts";
import { CodeBlock } from "../../parts/copy.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { ShownOnce } from "../../parts/shown-once.tsx";
import { expiryDays } from "./key-state.ts";
import { keySnippets } from "./key-snippets.ts";

/** Asks what the key is for and what it may; then shows it, once. */
export function CreateKeyDialog({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<NewKey | null>(null);
  // A click beside the dialog must not lose the only sight of the key.
  return made === null ? (
    <Dialog title="Make a key" onClose={onClose}>
      <KeyRequestForm onMade={setMade} onClose={onClose} />
    </Dialog>
  ) : (
    <Dialog key="made" title={`The key ${made.name}`} onClose={() => undefined} className="dialog-wide">
      <MadeKey made={made} onClose={onClose} />
    </Dialog>
  );
}

function KeyRequestForm({ onMade, onClose }: { onMade: (key: NewKey) => void; onClose: () => void }) {
  const rights = useRights();
  const session = useSession().data;
  const teams = useResource<{ teams: Team[] }>("/api/teams").data?.teams ?? [];
  const models = useModels().data?.models ?? [];
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [chosenTeam, setTeam] = useState<string | null>(null);
  const [only, setOnly] = useState<readonly string[]>([]);
  const [expiry, setExpiry] = useState("90");
  const [checked, setChecked] = useState(false);
  const action = useAction();

  const team = chosenTeam ?? (rights.onServer("viewer") ? "*" : (teams[0]?.name ?? "default"));
  const choices = models.filter((model) => team === "*" || model.team === team).map((model) => model.name);
  const chosen = only.filter((model) => choices.includes(model));
  const grant: Grant = { role, team, ...(chosen.length > 0 && { models: chosen }) };
  const days = expiryDays(expiry);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setChecked(true);
    if (name.trim() === "" || days === undefined) return;
    action.run(() => call<NewKey>("/api/keys", { method: "POST", body: JSON.stringify({ name: name.trim(), grants: [grant], expiresInDays: days }) }), (key) => {
      invalidate((resource) => resource === "/api/keys" || resource === "/api/teams");
      onMade(key);
    });
  };
  return (
    <form onSubmit={submit} className="dialog-form" noValidate>
      <Field label="Name" problem={checked && name.trim() === "" ? "Say who or what uses it." : undefined} hint="Who or what uses it: one key for each.">
        {(control) => <input {...control} className="input" autoFocus autoComplete="off" maxLength={200} placeholder="such as: checkout, or nightly training" value={name} onChange={(event) => setName(event.target.value)} />}
      </Field>
      <div className="form-grid form-grid-two">
        <Field label="Role" hint={roleWords[role]}>
          {(control) => (
            <select {...control} className="input" value={role} onChange={(event) => setRole(event.target.value as Role)}>
              {roles.map((entry) => <option key={entry}>{entry}</option>)}
            </select>
          )}
        </Field>
        <Field label="Team" hint="Where the role holds.">
          {(control) => (
            <select {...control} className="input" value={team} onChange={(event) => setTeam(event.target.value)}>
              {rights.onServer("viewer") && <option value="*">all teams</option>}
              {teams.map((entry) => <option key={entry.name}>{entry.name}</option>)}
            </select>
          )}
        </Field>
      </div>
      {choices.length > 0 && (
        <fieldset className="check-list">
          <legend className="field-label">Only these models</legend>
          <div>
            {choices.map((model) => (
              <label key={model}>
                <input type="checkbox" checked={chosen.includes(model)} onChange={(event) => setOnly(event.target.checked ? [...chosen, model] : chosen.filter((entry) => entry !== model))} /> {model}
              </label>
            ))}
          </div>
          <span className="field-hint">{chosen.length === 0 ? "None ticked: all models of the team, its runs, and what comes later." : "The key may nothing else: no runs, no settings."}</span>
        </fieldset>
      )}
      <Field label="Ends after" problem={checked && days === undefined ? "Days, from a part of one to 3650, or never." : undefined} hint={days === null ? "A key without an end is used long after it was forgotten: rather renew one." : session?.mode === "keys" ? "It ends no later than the key that you signed in with." : "Expired keys are refused, and stay in the list of all."}>
        {(control) => (
          <select {...control} className="input" value={expiry} onChange={(event) => setExpiry(event.target.value)}>
            <option value="1">1 day</option>
            <option value="7">7 days</option>
            <option value="30">30 days</option>
            <option value="90">90 days</option>
            <option value="365">1 year</option>
            <option value="never">never</option>
          </select>
        )}
      </Field>
      {action.error !== null && (
        <ErrorBox error={action.error}>
          {action.error.code === "SCOPE_TOO_WIDE" && <p>You asked for {grantWords(grant)}, and you are {rights.words.join(" and ")}. Choose a lower role, one of your teams, or single models.</p>}
        </ErrorBox>
      )}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>Cancel</button>
        <button type="submit" className="button button-primary" disabled={action.busy}>{action.busy ? "Making…" : "Make the key"}</button>
      </div>
    </form>
  );
}

function MadeKey({ made, onClose }: { made: NewKey; onClose: () => void }) {
  const snippets = keySnippets(made.key, location.origin, made.grants);
  const [language, setLanguage] = useState("curl");
  const snippet = snippets.find(({ id }) => id === language) ?? snippets[0]!;
  return (
    <>
      <ShownOnce secret={made.key} what="key" />
      <p className="muted small">It may: {made.grants.map(grantWords).join("; ")}.</p>
      <div className="toolbar">
        <Segmented label="Language" value={snippet.id} options={snippets} onChange={setLanguage} />
      </div>
      <CodeBlock code={snippet.code} label={snippet.label} />
      <div className="dialog-actions">
        <button type="button" className="button button-primary" onClick={onClose}>I have kept it</button>
      </div>
    </>
  );
}
