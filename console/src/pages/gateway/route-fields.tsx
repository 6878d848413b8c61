import { Field } from "../../parts/field.tsx";
import type { GatewayProvider, RouteSettings } from "./gateway-data.ts";
import { chooseWords, truncateWords } from "./gateway-words.ts";
import { LimitsFields } from "./limits-fields.tsx";
import { blankTarget, type RouteForm, type TargetForm } from "./route-form.ts";

/** The fields of a route that most routes need; the rest is in its JSON. */
export function RouteFields({ form, problems, providers, onChange }: { form: RouteForm; problems: Record<string, string>; providers: readonly GatewayProvider[]; onChange: (part: Partial<RouteForm>) => void }) {
  const changeTarget = (index: number, part: Partial<TargetForm>): void => onChange({ targets: form.targets.map((target, at) => (at === index ? { ...target, ...part } : target)) });
  const names = providers.map(({ name }) => name);
  return (
    <>
      <fieldset className="gateway-target-list">
        <legend className="field-label">Targets</legend>
        {form.targets.map((target, index) => {
          const name = `Target ${index + 1}`;
          const problem = ["provider", "model", "weight", "priority"].map((field) => problems[`targets.${index}.${field}`]).find((text) => text !== undefined);
          const models = providers.find((provider) => provider.name === target.provider)?.settings.models ?? [];
          return (
            <div key={index} className="gateway-target">
              <label>Provider<select className="input" aria-label={`${name}: provider`} value={target.provider} onChange={(event) => changeTarget(index, { provider: event.target.value })}>{[...new Set([...names, target.provider])].map((entry) => <option key={entry}>{entry}</option>)}</select></label>
              <label>Model<input className="input mono" aria-label={`${name}: model`} list={`models-${index}`} autoComplete="off" spellCheck={false} value={target.model} onChange={(event) => changeTarget(index, { model: event.target.value })} /></label>
              <datalist id={`models-${index}`}>{models.map((model) => <option key={model} value={model} />)}</datalist>
              <label>Weight<input className="input" aria-label={`${name}: weight`} inputMode="decimal" value={target.weight} onChange={(event) => changeTarget(index, { weight: event.target.value })} /></label>
              <label>Priority<input className="input" aria-label={`${name}: priority`} inputMode="numeric" value={target.priority} onChange={(event) => changeTarget(index, { priority: event.target.value })} /></label>
              <button type="button" className="button button-small" aria-label={`Remove target ${index + 1}`} disabled={form.targets.length === 1} onClick={() => onChange({ targets: form.targets.toSpliced(index, 1) })}>Remove</button>
              {problem !== undefined && <span className="field-problem">{problem}</span>}
            </div>
          );
        })}
        <div className="gateway-target-foot">
          <button type="button" className="button button-small" onClick={() => onChange({ targets: [...form.targets, { ...blankTarget, provider: names[0] ?? "echo" }] })}>Add a target</button>
          <span className="field-hint">Priority 0 is tried first, higher ones when it cannot answer. Weights share the calls of one priority.</span>
        </div>
      </fieldset>
      <div className="form-grid gateway-numbers">
        <Field label="Among equals choose">{(control) => <select {...control} className="input" value={form.choose} onChange={(event) => onChange({ choose: event.target.value as RouteSettings["choose"] })}>{Object.entries(chooseWords).map(([id, words]) => <option key={id} value={id}>{words}</option>)}</select>}</Field>
        <Field label="Personal data (PII)">
          {(control) => <select {...control} className="input" value={form.pii} onChange={(event) => onChange({ pii: event.target.value as RouteForm["pii"] })}><option value="off">let it pass</option><option value="redact">redact it</option><option value="block">refuse the call</option></select>}
        </Field>
        <Field label="A conversation too long">{(control) => <select {...control} className="input" value={form.truncate} onChange={(event) => onChange({ truncate: event.target.value as RouteSettings["truncate"] })}>{Object.entries(truncateWords).map(([id, words]) => <option key={id} value={id}>{words}</option>)}</select>}</Field>
        <Field label="Cache">{(control) => <select {...control} className="input" value={form.isCached ? "on" : "off"} onChange={(event) => onChange({ isCached: event.target.value === "on" })}><option value="off">off</option><option value="on">on: the same question, the same answer</option></select>}</Field>
        {form.isCached && <Field label="Seconds in the cache" problem={problems.ttlSeconds}>{(control) => <input {...control} className="input" inputMode="numeric" value={form.ttlSeconds} onChange={(event) => onChange({ ttlSeconds: event.target.value })} />}</Field>}
        <Field label="Repairs of structured output" problem={problems.repair}>{(control) => <input {...control} className="input" inputMode="numeric" value={form.repair} onChange={(event) => onChange({ repair: event.target.value })} />}</Field>
      </div>
      <LimitsFields form={form} problems={problems} onChange={onChange} />
    </>
  );
}
