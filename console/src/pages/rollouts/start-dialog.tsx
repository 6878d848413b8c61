import { useState, type FormEvent } from "react";
import { Link } from "wouter";
import { useAction } from "../../data/action.ts";
import { aliasesOf, championOf, useModel, useModels, usePolicy } from "../../data/models.ts";
import { useNavigateFromHere } from "../../data/query.ts";
import { routeOf, startRollout, subjectWords } from "../../data/rollouts.ts";
import type { RolloutPhase } from "../../data/types.ts";
import { CodeBlock } from "../../parts/copy.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { useGatewayRoutes } from "../gateway/gateway-data.ts";
import { NoSubject } from "./no-subject.tsx";
import { PlanPreview } from "./plan-preview.tsx";
import { SubjectOptions } from "./subject-options.tsx";

/** Starts a rollout: which version, how much of the traffic at first, and the plan that it will follow. `model` is null where it is to be chosen too. */
export function StartDialog({ model: given, onClose }: { model: string | null; onClose: () => void }) {
  const models = useModels().data?.models;
  const [chosen, setModel] = useState<string | null>(null);
  // One that has something to roll out, where there is any.
  const usual = models?.find(({ latestVersion, aliases }) => aliases.champion !== undefined && aliases.champion !== latestVersion) ?? models?.[0];
  const firstRoute = useGatewayRoutes().data?.routes[0];
  // Nothing is chosen for the reader before all is known: another choice later would begin the form anew.
  const first = usual?.name ?? (firstRoute === undefined || models === undefined ? null : `route:${firstRoute.name}`);
  const model = given ?? chosen ?? first;
  const route = model === null ? null : routeOf(model);
  return (
    <Dialog title={given === null ? "Start a rollout" : `Start a rollout of ${subjectWords(given)}`} onClose={onClose} className="dialog-wide">
      {given === null && (
        <Field label="Of">
          {(control) => <select {...control} className="input" value={model ?? ""} autoFocus onChange={(event) => setModel(event.target.value)}><SubjectOptions chosen={model} /></select>}
        </Field>
      )}
      {model !== null && (route === null ? <StartForm key={model} model={model} onClose={onClose} /> : <RouteStart route={route} onClose={onClose} />)}
      {model === null && <NoSubject what="rolled out" />}
    </Dialog>
  );
}

function StartForm({ model, onClose }: { model: string; onClose: () => void }) {
  const detail = useModel(model).data;
  const policy = usePolicy(model).data?.policy;
  const [chosen, setVersion] = useState<string | null>(null);
  const [canary, setCanary] = useState("");
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<string>();
  const navigate = useNavigateFromHere();
  const action = useAction();
  const champion = detail === undefined ? null : championOf(detail.model, detail.served);
  const candidates = detail?.versions.filter(({ version }) => version !== champion) ?? [];
  const version = chosen ?? candidates[0]?.version ?? null;
  const percent = canary.trim() === "" ? null : Number(canary);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (version === null) return;
    if (percent !== null && !(percent > 0 && percent <= 100)) return setProblem("A number above 0, at most 100.");
    action.run(() => startRollout(model, { version, ...(percent === null ? {} : { canary: percent }), reason: reason.trim() }), ({ id }) => navigate(`/rollouts/${id}`));
  };
  if (detail === undefined) return <progress className="progress" aria-label="Loading" />;
  if (champion === null || candidates.length === 0) {
    return (
      <>
        <p>{champion === null ? `${model} has no champion that has the traffic now: its first version is activated, not rolled out.` : `v${champion} is the only version of ${model}. Register another one without giving it the traffic:`}</p>
        {champion !== null && <CodeBlock code={`npx slipway deploy model.onnx --name ${model} --no-activate`} label="command" />}
        <div className="dialog-actions"><button type="button" className="button" onClick={onClose}>Close</button></div>
      </>
    );
  }
  return (
    <form onSubmit={submit} className="dialog-form" noValidate>
      <div className="form-grid form-grid-two">
        <Field label="Version" hint={`v${champion} has the traffic now, and gets it back if this one is not good.`}>
          {(control) => (
            <select {...control} className="input" value={version ?? ""} onChange={(event) => setVersion(event.target.value)}>
              {candidates.map((entry) => <option key={entry.version} value={entry.version}>{[`v${entry.version}`, ...aliasesOf(detail.model, entry.version)].join(" · ")}</option>)}
            </select>
          )}
        </Field>
        <Field label="Canary, in percent" problem={problem} hint="Empty: as the plan says.">
          {(control) => <input {...control} className="input" inputMode="decimal" autoComplete="off" value={canary} onChange={(event) => { setCanary(event.target.value); setProblem(undefined); }} />}
        </Field>
      </div>
      <Field label="Why" hint="Optional; kept with the rollout.">
        {(control) => <input {...control} className="input" autoComplete="off" maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
      {policy !== undefined && (
        <section aria-label="Plan">
          <h3>The plan <span className="muted">of the <Link href={`/models/${encodeURIComponent(model)}/policy`}>policy</Link></span></h3>
          <PlanPreview phases={withCanary(policy.rollout.phases, percent)} />
        </section>
      )}
      {action.error !== null && <ErrorBox error={action.error} />}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>Cancel</button>
        <button type="submit" className="button button-primary" disabled={action.busy || version === null}>{action.busy ? "Starting…" : "Start the rollout"}</button>
      </div>
    </form>
  );
}

/** What a route tries is written in its own form. */
function RouteStart({ route, onClose }: { route: string; onClose: () => void }) {
  return (
    <>
      <p>What is rolled out of a route are other settings: another prompt, another model. Change them in the form of the route and choose <strong>Change by rollout</strong> there: they get 5% of its calls first, and are taken back where they cost more, fail or are slower.</p>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>Cancel</button>
        <Link href={`/gateway?change=${encodeURIComponent(route)}`} className="button button-primary">Change {route}</Link>
      </div>
    </>
  );
}

function withCanary(phases: readonly RolloutPhase[], percent: number | null): RolloutPhase[] {
  return phases.map((phase) => (phase.phase === "canary" && percent !== null && percent > 0 && percent <= 100 ? { ...phase, weight: percent / 100 } : phase));
}
