import { useState, type FormEvent } from "react";
import { startAbTest } from "../../data/ab-tests.ts";
import { useAction } from "../../data/action.ts";
import { championOf, useModel, useModels } from "../../data/models.ts";
import { useNavigateFromHere } from "../../data/query.ts";
import { routeOf, subjectWords } from "../../data/rollouts.ts";
import { CodeBlock } from "../../parts/copy.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { useGatewayRoutes, type GatewayRoute } from "../gateway/gateway-data.ts";
import { blankTest, effectUnit, modelMetrics, needsName, nextVariant, routeMetrics, testProblems, testRequest, usualDirection, type TestForm, type VariantForm } from "./ab-test-form.ts";
import { NoSubject } from "./no-subject.tsx";
import { SubjectOptions } from "./subject-options.tsx";
import { VariantFields } from "./variant-fields.tsx";

const mostVariants = 20;

/** Starts an A/B test of versions of a model, or of settings of a route of the gateway. `subject` is null where it is to be chosen too. */
export function StartTestDialog({ subject: given, onClose }: { subject: string | null; onClose: () => void }) {
  const routes = useGatewayRoutes().data?.routes;
  const models = useModels().data?.models;
  const [chosen, setSubject] = useState<string | null>(null);
  // Nothing is chosen for the reader before the routes are known: another choice later would begin the form anew.
  const first = routes === undefined ? null : routes[0] !== undefined ? `route:${routes[0].name}` : (models?.[0]?.name ?? null);
  const subject = given ?? chosen ?? first;
  const name = subject === null ? null : routeOf(subject);
  const route = routes?.find((entry) => entry.name === name);
  return (
    <Dialog title={given === null ? "Start an A/B test" : `Start an A/B test of ${subjectWords(given)}`} onClose={onClose} className="dialog-wide">
      <p className="muted">A test shares the callers between what answers now, the control, and variants of it, and compares them by one metric until you stop it.</p>
      {given === null && (
        <Field label="Of">
          {(control) => <select {...control} className="input" value={subject ?? ""} autoFocus onChange={(event) => setSubject(event.target.value)}><SubjectOptions chosen={subject} /></select>}
        </Field>
      )}
      {subject === null ? <NoSubject what="tested" />
        : name === null ? <ModelTest key={subject} model={subject} takesFocus={given !== null} onClose={onClose} />
          : route !== undefined && <TestFields key={subject} subject={subject} route={route} versions={[]} takesFocus={given !== null} onClose={onClose} />}
    </Dialog>
  );
}

function ModelTest({ model, takesFocus, onClose }: { model: string; takesFocus: boolean; onClose: () => void }) {
  const detail = useModel(model).data;
  if (detail === undefined) return <progress className="progress" aria-label="Loading" />;
  const champion = championOf(detail.model, detail.served);
  const versions = detail.versions.map(({ version }) => version).filter((version) => version !== champion);
  if (champion !== null && versions.length > 0) return <TestFields subject={model} route={null} versions={versions} takesFocus={takesFocus} onClose={onClose} />;
  return (
    <>
      <p>{champion === null ? `${model} has no champion that variants could be compared with.` : `v${champion} is the only version of ${model}. Register another one without giving it the traffic:`}</p>
      {champion !== null && <CodeBlock code={`npx slipway deploy model.onnx --name ${model} --no-activate`} label="command" />}
      <div className="dialog-actions"><button type="button" className="button" onClick={onClose}>Close</button></div>
    </>
  );
}

function TestFields({ subject, route, versions, takesFocus, onClose }: { subject: string; route: GatewayRoute | null; versions: readonly string[]; takesFocus: boolean; onClose: () => void }) {
  const settings = route?.settings ?? null;
  const [form, setForm] = useState(() => blankTest(settings, versions));
  /** Problems are shown from the first attempt on: a form that nobody touched is not wrong. */
  const [isTried, setTried] = useState(false);
  const [isGrown, setGrown] = useState(false);
  const navigate = useNavigateFromHere();
  const action = useAction();
  const found = testProblems(form, settings);
  const problems = isTried ? found : {};
  const change = (part: Partial<TestForm>): void => setForm((before) => ({ ...before, ...part }));
  const changeVariant = (index: number, part: Partial<VariantForm>): void => setForm((before) => ({ ...before, variants: before.variants.map((variant, at) => (at === index ? { ...variant, ...part } : variant)) }));
  const add = (): void => {
    setGrown(true);
    setForm((before) => ({ ...before, variants: [...before.variants, nextVariant(before.variants, settings, versions)] }));
  };
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(found).length > 0) {
      const element = event.currentTarget;
      // The fields are marked when the page is drawn next.
      requestAnimationFrame(() => element.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
      return;
    }
    action.run(() => startAbTest(subject, testRequest(form, settings)), ({ id }) => navigate(`/rollouts/${id}`));
  };
  const metrics: Readonly<Record<string, string>> = settings === null ? modelMetrics : routeMetrics;
  return (
    <form onSubmit={submit} className="dialog-form" noValidate>
      {form.variants.map((variant, index) => (
        <VariantFields
          key={index} variant={variant} label={`Variant ${index + 1}`} problemOf={(field) => problems[`variants.${index}.${field}`]} autoFocus={isGrown ? index === form.variants.length - 1 : takesFocus}
          subject={route === null ? { versions } : { route: route.name, revision: route.revision }} onChange={(part) => changeVariant(index, part)}
          onRemove={form.variants.length === 1 ? null : () => change({ variants: form.variants.toSpliced(index, 1) })}
        />
      ))}
      {form.variants.length < (route === null ? Math.min(mostVariants, versions.length) : mostVariants) && <div><button type="button" className="button button-small" onClick={add}>Add a variant</button></div>}
      <div className="form-grid form-grid-two">
        <Field label="Metric">
          {(control) => <select {...control} className="input" value={form.metric} onChange={(event) => change({ metric: event.target.value, direction: usualDirection(event.target.value) })}>{Object.entries(metrics).map(([id, words]) => <option key={id} value={id}>{words}</option>)}</select>}
        </Field>
        {needsName(form.metric) && (
          <Field label="Its name" problem={problems.metricName} hint={settings === null ? "As you report it." : "Of the feedback on traces; true counts as 1, false as 0."}>
            {(control) => <input {...control} className="input" autoComplete="off" spellCheck={false} maxLength={250} value={form.metricName} onChange={(event) => change({ metricName: event.target.value })} />}
          </Field>
        )}
        <Field label="Better is">
          {(control) => <select {...control} className="input" value={form.direction} onChange={(event) => change({ direction: event.target.value as TestForm["direction"] })}><option value="down">less of it</option><option value="up">more of it</option></select>}
        </Field>
        <Field label="Difference worth finding" problem={problems.effect} hint={`Optional, ${effectUnit(form.metric)}: tells how long the test will take.`}>
          {(control) => <input {...control} className="input" inputMode="decimal" autoComplete="off" value={form.effect} onChange={(event) => change({ effect: event.target.value })} />}
        </Field>
        <Field label="Header with the caller’s key" problem={problems.keyHeader} hint={`Keeps a caller with one variant.${settings === null ? "" : " Without it the session decides."}`}>
          {(control) => <input {...control} className="input mono" autoComplete="off" spellCheck={false} value={form.keyHeader} onChange={(event) => change({ keyHeader: event.target.value })} />}
        </Field>
        <Field label="Days at most" problem={problems.maxDays} hint="It ends by itself then.">
          {(control) => <input {...control} className="input" inputMode="decimal" autoComplete="off" value={form.maxDays} onChange={(event) => change({ maxDays: event.target.value })} />}
        </Field>
      </div>
      <Field label="Why" hint="Optional; kept with the test.">
        {(control) => <input {...control} className="input" autoComplete="off" maxLength={1000} value={form.reason} onChange={(event) => change({ reason: event.target.value })} />}
      </Field>
      {action.error !== null && <ErrorBox error={action.error} />}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>Cancel</button>
        <button type="submit" className="button button-primary" disabled={action.busy}>{action.busy ? "Starting…" : "Start the test"}</button>
      </div>
    </form>
  );
}
