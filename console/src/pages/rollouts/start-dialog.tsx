import { useState, type FormEvent } from "react";
import { Link, useLocation } from "wouter";
import { useAction } from "../../data/action.ts";
import { aliasesOf, championOf, useModel, useModels, usePolicy } from "../../data/models.ts";
import { startRollout } from "../../data/rollouts.ts";
import type { RolloutPhase } from "../../data/types.ts";
import { CodeBlock } from "../../parts/copy.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { PlanPreview } from "./plan-preview.tsx";

/** Starts a rollout: which version, how much of the traffic at first, and the plan that it will follow. `model` is null where it is to be chosen too. */
export function StartDialog({ model: given, onClose }: { model: string | null; onClose: () => void }) {
  const models = useModels().data?.models ?? [];
  const [chosen, setModel] = useState<string | null>(null);
  // One that has something to roll out, where there is any.
  const usual = models.find(({ latestVersion, aliases }) => aliases.champion !== undefined && aliases.champion !== latestVersion) ?? models[0];
  const model = given ?? chosen ?? usual?.name ?? null;
  return (
    <Dialog title={given === null ? "Start a rollout" : `Start a rollout of ${given}`} onClose={onClose} className="dialog-wide">
      {given === null && (
        <Field label="Model">
          {(control) => (
            <select {...control} className="input" value={model ?? ""} autoFocus onChange={(event) => setModel(event.target.value)}>
              {models.map(({ name }) => <option key={name}>{name}</option>)}
            </select>
          )}
        </Field>
      )}
      {model !== null && <StartForm key={model} model={model} onClose={onClose} />}
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
  const [, navigate] = useLocation();
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

function withCanary(phases: readonly RolloutPhase[], percent: number | null): RolloutPhase[] {
  return phases.map((phase) => (phase.phase === "canary" && percent !== null && percent > 0 && percent <= 100 ? { ...phase, weight: percent / 100 } : phase));
}
