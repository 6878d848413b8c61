import { useState, type FormEvent } from "react";
import { apiPath, ApiFailure, call } from "../../data/api.ts";
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
import { allNames, type NamedThings } from "../../parts/named-things.ts";
import { NamesField } from "../../parts/names-field.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { ShownOnce } from "../../parts/shown-once.tsx";
import { refreshGateway, useCallableNames, useGatewayRoutes, useProviders, type KeyPolicy, type KeyPolicySettings } from "../gateway/gateway-data.ts";
import { LimitsFields } from "../gateway/limits-fields.tsx";
import { limitsFormOf, limitsOf, limitsProblems } from "../gateway/route-form.ts";
import { routeNameNotes } from "../gateway/route-name-notes.ts";
import { expiryDays } from "./key-state.ts";
import { keySnippets } from "./key-snippets.ts";

/** A key that was made, with the limits that were wanted for it and why they are not set; null where they are, or none were wanted. */
interface Made {
  key: NewKey;
  unset: { settings: KeyPolicySettings; failure: ApiFailure } | null;
}

/** Asks what the key is for and what it may; then shows it, once. */
export function CreateKeyDialog({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<Made | null>(null);
  // A click beside the dialog must not lose the only sight of the key.
  return made === null ? (
    <Dialog title="Make a key" onClose={onClose}>
      <KeyRequestForm onMade={setMade} onClose={onClose} />
    </Dialog>
  ) : (
    <Dialog key="made" title={`The key ${made.key.name}`} onClose={() => undefined} className="dialog-wide">
      <MadeKey made={made} onClose={onClose} />
    </Dialog>
  );
}

function KeyRequestForm({ onMade, onClose }: { onMade: (made: Made) => void; onClose: () => void }) {
  const rights = useRights();
  const session = useSession().data;
  const teams = useResource<{ teams: Team[] }>("/api/teams").data?.teams ?? [];
  const models = useModels().data?.models;
  const routes = useGatewayRoutes().data?.routes;
  const providers = useProviders().data?.providers;
  const callable = useCallableNames();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [chosenTeam, setTeam] = useState<string | null>(null);
  const [isNamed, setNamed] = useState(false);
  const [onlyModels, setOnlyModels] = useState<NamedThings>({ names: [], typed: "" });
  const [onlyRoutes, setOnlyRoutes] = useState<NamedThings>({ names: [], typed: "" });
  const [limits, setLimits] = useState(() => limitsFormOf({}));
  const [project, setProject] = useState("");
  const [expiry, setExpiry] = useState("90");
  const [checked, setChecked] = useState(false);
  const action = useAction();

  const team = chosenTeam ?? (rights.onServer("viewer") ? "*" : (teams[0]?.name ?? "default"));
  const ofTeam = <Thing extends { name: string; team: string }>(things: readonly Thing[] | undefined): string[] => (things ?? []).filter((thing) => team === "*" || thing.team === team).map((thing) => thing.name);
  const [modelNames, routeNames] = [allNames(onlyModels), allNames(onlyRoutes)];
  const grant: Grant = { role, team, ...(isNamed && modelNames.length > 0 && { models: modelNames }), ...(isNamed && routeNames.length > 0 && { routes: routeNames }) };
  const namesNothing = isNamed && modelNames.length + routeNames.length === 0;
  const modelNotes = models === undefined ? [] : onlyModels.names.filter((model) => !ofTeam(models).includes(model)).map((model) => `There is no model ${model}${team === "*" ? "" : ` in the team ${team}`}: look whether the name is right. The key may use it as soon as it is there.`);
  const problems = limitsProblems(limits);
  const settings: KeyPolicySettings = { project: project.trim() === "" ? null : project.trim(), ...limitsOf(limits, {}) };
  const isLimited = settings.project !== null || Object.keys(settings).length > 1;
  const days = expiryDays(expiry);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setChecked(true);
    if (name.trim() === "" || days === undefined || namesNothing || Object.keys(problems).length > 0) return;
    const make = async (): Promise<Made> => {
      const key = await call<NewKey>("/api/keys", { method: "POST", body: JSON.stringify({ name: name.trim(), grants: [grant], expiresInDays: days }) });
      // The key is shown whatever becomes of its limits: nobody sees it a second time.
      return { key, unset: isLimited ? await setPolicy(key.id, settings).then(() => null, (failure: unknown) => ({ settings, failure: failureOf(failure) })) : null };
    };
    action.run(make, (made) => {
      invalidate((resource) => resource === "/api/keys" || resource === "/api/teams");
      onMade(made);
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
      <Field label="On what" problem={checked && namesNothing ? "Name a model or a route, or choose everything." : undefined} hint={isNamed ? "The key may nothing else: no runs, no settings." : "All models, routes and runs that are there, and what comes later."}>
        {(control) => (
          <select {...control} className="input" value={isNamed ? "named" : "all"} onChange={(event) => setNamed(event.target.value === "named")}>
            <option value="all">{team === "*" ? "everything" : "everything of the team"}</option>
            <option value="named">only what is named</option>
          </select>
        )}
      </Field>
      {isNamed && (
        <>
          <NamesField legend="Routes of the gateway" what="route, or PROVIDER/MODEL" known={ofTeam(routes)} suggested={callable} notes={routeNameNotes(onlyRoutes.names, { routes, providers }, { team, patterns: false })} value={onlyRoutes} onChange={setOnlyRoutes} />
          <NamesField legend="Models" what="model" known={ofTeam(models)} notes={modelNotes} value={onlyModels} onChange={setOnlyModels} />
        </>
      )}
      {rights.somewhere("admin") && (
        <details className="form-more">
          <summary>Limits and budget of its calls{isLimited && <span className="muted"> (set)</span>}</summary>
          <div className="dialog-form">
            <LimitsFields form={limits} problems={problems} onChange={(part) => setLimits((before) => ({ ...before, ...part }))} />
            <Field label="Project" hint="Its calls are summed, and budgeted, under this name.">{(control) => <input {...control} className="input" autoComplete="off" maxLength={128} placeholder="none" value={project} onChange={(event) => setProject(event.target.value)} />}</Field>
          </div>
        </details>
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
          {action.error.code === "SCOPE_TOO_WIDE" && <p>You asked for {grantWords(grant)}, and you are {rights.words.join(" and ")}. Choose a lower role, one of your teams, or name what you may use.</p>}
        </ErrorBox>
      )}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>Cancel</button>
        <button type="submit" className="button button-primary" disabled={action.busy}>{action.busy ? "Making…" : "Make the key"}</button>
      </div>
    </form>
  );
}

function MadeKey({ made: { key: made, unset: first }, onClose }: { made: Made; onClose: () => void }) {
  const snippets = keySnippets(made.key, location.origin, made.grants);
  const [language, setLanguage] = useState("curl");
  const snippet = snippets.find(({ id }) => id === language) ?? snippets[0]!;
  const [unset, setUnset] = useState(first);
  const again = useAction();
  return (
    <>
      <ShownOnce secret={made.key} what="key" />
      <p className="muted small">It may: {made.grants.map(grantWords).join("; ")}.</p>
      {made.notes.map((note) => <p key={note} className="field-remark">{note}</p>)}
      {unset !== null && (
        <ErrorBox error={again.error ?? unset.failure}>
          <p>The key is made, and works without its limits and its budget. <button type="button" className="button button-small" disabled={again.busy} onClick={() => again.run(() => setPolicy(made.id, unset.settings), () => setUnset(null))}>Set them again</button></p>
        </ErrorBox>
      )}
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

async function setPolicy(key: string, settings: KeyPolicySettings): Promise<void> {
  await call<KeyPolicy>(apiPath`/api/gateway/keys/${key}`, { method: "PUT", body: JSON.stringify({ revision: 0, settings }) });
  refreshGateway();
}

function failureOf(thrown: unknown): ApiFailure {
  return thrown instanceof ApiFailure ? thrown : new ApiFailure(0, { code: "CONSOLE_FAILED", message: String(thrown) });
}
