import { useEffect, useRef, useState, type FormEvent } from "react";
import { useAction } from "../../data/action.ts";
import { apiPath, call } from "../../data/api.ts";
import { useNavigateFromHere } from "../../data/query.ts";
import { startRouteRollout } from "../../data/rollouts.ts";
import { useResource } from "../../data/resource.ts";
import type { Team } from "../../data/types.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { jsonProblem } from "../workflows/json-problem.ts";
import { ConflictNote } from "./conflict-note.tsx";
import { refreshGateway, useProviders, type GatewayRoute, type RouteSettings } from "./gateway-data.ts";
import { RouteFields } from "./route-fields.tsx";
import { blankRoute, routeFormOf, routeProblems, routeSettingsOf } from "./route-form.ts";

/** Adds a route, or changes one; as a form of what most routes need, or as JSON with all there is. Both are the same settings. */
export function RouteDialog({ route, onClose }: { route: GatewayRoute | null; onClose: () => void }) {
  // What the reader opened and changed stays, also where somebody else saves another revision meanwhile: what was typed is not taken away.
  const [opened, setOpened] = useState(route);
  return (
    <Dialog title={opened === null ? "Add a route" : `Change ${opened.name}`} onClose={onClose} className="dialog-wide">
      <RouteForm key={opened?.revision} route={opened} newest={route} onReload={() => setOpened(route)} onClose={onClose} />
    </Dialog>
  );
}

function RouteForm({ route, newest, onReload, onClose }: { route: GatewayRoute | null; newest: GatewayRoute | null; onReload: () => void; onClose: () => void }) {
  const [name, setName] = useState(route?.name ?? "");
  const [team, setTeam] = useState<string | null>(route?.team ?? null);
  const [reason, setReason] = useState("");
  const [settings, setSettings] = useState<RouteSettings>(route?.settings ?? blankRoute);
  const [form, setForm] = useState(() => routeFormOf(settings));
  /** Null while the form is shown. */
  const [json, setJson] = useState<string | null>(null);
  const providers = useProviders().data?.providers ?? [];
  const teams = useResource<{ teams: Team[] }>("/api/teams").data?.teams ?? [];
  const action = useAction();
  const navigate = useNavigateFromHere();

  const problems = routeProblems(form);
  const textProblem = json === null ? undefined : settingsProblem(json);
  const isWrong = json === null ? Object.keys(problems).length > 0 : textProblem !== undefined;
  const newer = newest !== null && newest.revision !== route?.revision ? newest : null;
  const isRefused = action.error?.code === "GATEWAY_CONFLICT";
  const isTouched = json !== null || settings !== (route?.settings ?? blankRoute) || reason !== "" || team !== (route?.team ?? null) || JSON.stringify(form) !== JSON.stringify(routeFormOf(settings));
  useEffect(() => {
    if (newer !== null && !isTouched) onReload();
  });
  const chosenTeam = team ?? teams.find((entry) => entry.name === "default")?.name ?? teams[0]?.name ?? "default";
  const show = (view: string): void => {
    if (view === "json" && json === null) setJson(JSON.stringify(routeSettingsOf(form, settings), null, 2));
    if (view === "form" && json !== null && textProblem === undefined) {
      // The server fills in what the text leaves out; the form needs it now.
      const typed = { ...blankRoute, ...(JSON.parse(json) as RouteSettings) };
      setSettings(typed);
      setForm(routeFormOf(typed));
      setJson(null);
    }
  };
  const wanted = (): RouteSettings => (json === null ? routeSettingsOf(form, settings) : (JSON.parse(json) as RouteSettings));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isWrong) return;
    const body = JSON.stringify({ revision: route?.revision ?? 0, team: chosenTeam, settings: wanted(), reason: reason.trim() });
    action.run(() => call<GatewayRoute>(apiPath`/api/gateway/routes/${name.trim()}`, { method: "PUT", body }).catch(withNewest), () => {
      refreshGateway();
      onClose();
    });
  };
  const roll = (): void => action.run(() => startRouteRollout(name.trim(), { settings: wanted(), reason: reason.trim() }), ({ id }) => navigate(`/rollouts/${id}`));
  return (
    <form onSubmit={submit} className="dialog-form">
      <div className="form-grid form-grid-two">
        <Field label="Name" hint={route === null ? "What callers give as the model." : `Revision ${route.revision}.`}>
          {(control) => <input {...control} className="input mono" autoFocus={route === null} autoComplete="off" spellCheck={false} required maxLength={128} disabled={route !== null} placeholder="support-chat" value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        <Field label="Team" hint="Who sees and may change it.">
          {(control) => <select {...control} className="input" value={chosenTeam} onChange={(event) => setTeam(event.target.value)}>{[...new Set([...teams.map((entry) => entry.name), chosenTeam])].map((entry) => <option key={entry}>{entry}</option>)}</select>}
        </Field>
      </div>
      <div><Segmented label="View" value={json === null ? "form" : "json"} options={[{ id: "form", label: "Form" }, { id: "json", label: "JSON", title: "All settings" }]} onChange={show} /></div>
      {json === null ? (
        <RouteFields form={form} problems={problems} providers={providers} onChange={(part) => setForm((before) => ({ ...before, ...part }))} />
      ) : (
        <Field label="Settings" problem={textProblem} hint="All of the route. What is left out takes its default.">
          {(control) => <textarea {...control} className="input code-input" rows={18} spellCheck={false} value={json} onChange={(event) => setJson(event.target.value)} />}
        </Field>
      )}
      <Field label="Why" hint="Stands with the revision.">{(control) => <input {...control} className="input" autoComplete="off" maxLength={2000} value={reason} onChange={(event) => setReason(event.target.value)} />}</Field>
      {newer !== null && <NewerRevision newer={newer} isRefused={isRefused} onReload={onReload} />}
      {action.error !== null && !(newer !== null && isRefused) && <ErrorBox error={action.error}><ConflictNote error={action.error} /></ErrorBox>}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>Cancel</button>
        {route !== null && <button type="button" className="button" disabled={action.busy || isWrong} title="Tries them on 5% of the calls first, and takes them back where they cost more, fail or are slower" onClick={roll}>Change by rollout</button>}
        <button type="submit" className="button button-primary" disabled={action.busy || isWrong}>{action.busy ? "Saving…" : route === null ? "Add the route" : "Save"}</button>
      </div>
    </form>
  );
}

/** Somebody was quicker. Said as soon as it is known; what was typed stays until the reader lets go of it. */
function NewerRevision({ newer, isRefused, onReload }: { newer: GatewayRoute; isRefused: boolean; onReload: () => void }) {
  const element = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (isRefused) element.current!.scrollIntoView({ block: "nearest" });
  }, [isRefused]);
  return (
    <p ref={element} className="stale" role="status">
      {isRefused ? "Nothing was saved: revision" : "Revision"} {newer.revision} was saved meanwhile, by <ActorName actor={newer.updatedBy} />, so that this form cannot be saved any more. Copy what you want to keep, then <button type="button" className="link-button" onClick={onReload}>load revision {newer.revision}</button>.
    </p>
  );
}

/** Shows at once what somebody else has saved. */
function withNewest(failure: unknown): never {
  refreshGateway();
  throw failure;
}

/** What the form would stumble over; the rest is the server's to say. */
function settingsProblem(text: string): string | undefined {
  const problem = jsonProblem(text);
  if (problem !== undefined) return problem;
  const value = JSON.parse(text) as { targets?: unknown; guardrails?: unknown } | null;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "The settings are an object.";
  const targets = value.targets;
  if (!Array.isArray(targets) || targets.length === 0 || targets.some((target) => typeof target !== "object" || target === null)) return "It needs targets: a list of at least one.";
  return value.guardrails === undefined || Array.isArray(value.guardrails) ? undefined : "guardrails is a list.";
}
