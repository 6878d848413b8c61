import { useId, useRef, useState } from "react";
import { Field } from "../../parts/field.tsx";
import type { GatewayProvider, RouteSettings } from "./gateway-data.ts";
import { chooseWords, truncateWords } from "./gateway-words.ts";
import { LimitsFields } from "./limits-fields.tsx";
import { blankTarget, type RouteForm, type TargetForm } from "./route-form.ts";

/** The fields of a route that most routes need; the rest is in its JSON. */
export function RouteFields({ form, problems, providers, onChange }: { form: RouteForm; problems: Record<string, string>; providers: readonly GatewayProvider[]; onChange: (part: Partial<RouteForm>) => void }) {
  const changeTarget = (index: number, part: Partial<TargetForm>): void => onChange({ targets: form.targets.map((target, at) => (at === index ? { ...target, ...part } : target)) });
  const id = useId();
  /** The target that was just added: it gets the focus. */
  const [grown, setGrown] = useState<number | null>(null);
  const addButton = useRef<HTMLButtonElement>(null);
  const names = providers.map(({ name }) => name);
  return (
    <>
      <fieldset className="gateway-target-list">
        <legend className="field-label">Targets</legend>
        {form.targets.map((target, index) => {
          const name = `Target ${index + 1}`;
          const problem = ["provider", "model", "weight", "priority"].map((field) => problems[`targets.${index}.${field}`]).find((text) => text !== undefined);
          const told = (field: string): object => (problems[`targets.${index}.${field}`] === undefined ? {} : { "aria-invalid": true, "aria-describedby": `${id}-target-${index}` });
          const models = providers.find((provider) => provider.name === target.provider)?.settings.models ?? [];
          return (
            <div key={index} className="gateway-target">
              <label>Provider<select className="input" aria-label={`${name}: provider`} {...told("provider")} autoFocus={index === grown} value={target.provider} onChange={(event) => changeTarget(index, { provider: event.target.value })}>{[...new Set([...names, target.provider])].map((entry) => <option key={entry}>{entry}</option>)}</select></label>
              <label>Model<input className="input mono" aria-label={`${name}: model`} {...told("model")} list={`${id}-models-${index}`} autoComplete="off" spellCheck={false} value={target.model} onChange={(event) => changeTarget(index, { model: event.target.value })} /></label>
              <datalist id={`${id}-models-${index}`}>{models.map((model) => <option key={model} value={model} />)}</datalist>
              <label>Weight<input className="input" aria-label={`${name}: weight`} {...told("weight")} inputMode="decimal" value={target.weight} onChange={(event) => changeTarget(index, { weight: event.target.value })} /></label>
              <label>Priority<input className="input" aria-label={`${name}: priority`} {...told("priority")} inputMode="numeric" value={target.priority} onChange={(event) => changeTarget(index, { priority: event.target.value })} /></label>
              <button type="button" className="button button-small" aria-label={`Remove target ${index + 1}`} disabled={form.targets.length === 1} onClick={() => { setGrown(null); onChange({ targets: form.targets.toSpliced(index, 1) }); addButton.current?.focus(); }}>Remove</button>
              {problem !== undefined && <span id={`${id}-target-${index}`} className="field-problem">{problem}</span>}
            </div>
          );
        })}
        <div className="gateway-target-foot">
          <button ref={addButton} type="button" className="button button-small" onClick={() => { setGrown(form.targets.length); onChange({ targets: [...form.targets, { ...blankTarget, provider: names[0] ?? "echo" }] }); }}>Add a target</button>
          <span className="field-hint">Priority 0 is tried first, higher ones when it cannot answer. Weights share the calls of one priority.</span>
        </div>
      </fieldset>
      <Field label="System prompt" problem={problems.systemPrompt} hint="Stands before the caller’s messages. Empty: only what the caller sends.">
        {(control) => <textarea {...control} className="input prompt-input" rows={4} maxLength={100_000} value={form.systemPrompt} onChange={(event) => onChange({ systemPrompt: event.target.value })} />}
      </Field>
      <div className="form-grid gateway-numbers">
        <Field label="Among equals choose">{(control) => <select {...control} className="input" value={form.choose} onChange={(event) => onChange({ choose: event.target.value as RouteSettings["choose"] })}>{Object.entries(chooseWords).map(([id, words]) => <option key={id} value={id}>{words}</option>)}</select>}</Field>
        <Field label="Personal data (PII)">
          {(control) => <select {...control} className="input" value={form.pii} onChange={(event) => onChange({ pii: event.target.value as RouteForm["pii"] })}><option value="off">let it pass</option><option value="redact">redact it</option><option value="block">refuse the call</option></select>}
        </Field>
        <Field label="A conversation too long">{(control) => <select {...control} className="input" value={form.truncate} onChange={(event) => onChange({ truncate: event.target.value as RouteSettings["truncate"] })}>{Object.entries(truncateWords).map(([id, words]) => <option key={id} value={id}>{words}</option>)}</select>}</Field>
        <Field label="Cache">{(control) => <select {...control} className="input" value={form.isCached ? "on" : "off"} onChange={(event) => onChange({ isCached: event.target.value === "on" })}><option value="off">off</option><option value="on">on, for the same question</option></select>}</Field>
        {form.isCached && <Field label="Seconds in the cache" problem={problems.ttlSeconds}>{(control) => <input {...control} className="input" inputMode="numeric" value={form.ttlSeconds} onChange={(event) => onChange({ ttlSeconds: event.target.value })} />}</Field>}
        <Field label="Repairs of structured output" problem={problems.repair}>{(control) => <input {...control} className="input" inputMode="numeric" value={form.repair} onChange={(event) => onChange({ repair: event.target.value })} />}</Field>
        <Field label="Seconds for a call" problem={problems.deadlineSeconds} hint="With waiting, attempts and fallbacks.">{(control) => <input {...control} className="input" inputMode="decimal" autoComplete="off" value={form.deadlineSeconds} onChange={(event) => onChange({ deadlineSeconds: event.target.value })} />}</Field>
        <Field label="Seconds to the first byte" problem={problems.firstByteSeconds} hint="Of one attempt; then comes the next.">{(control) => <input {...control} className="input" inputMode="decimal" autoComplete="off" value={form.firstByteSeconds} onChange={(event) => onChange({ firstByteSeconds: event.target.value })} />}</Field>
        <Field label="Attempts on one target" problem={problems.attempts}>{(control) => <input {...control} className="input" inputMode="numeric" autoComplete="off" value={form.attempts} onChange={(event) => onChange({ attempts: event.target.value })} />}</Field>
        <Field label="Messages in traces">{(control) => <select {...control} className="input" value={form.recordsContent ? "on" : "off"} onChange={(event) => onChange({ recordsContent: event.target.value === "on" })}><option value="on">are kept</option><option value="off">are left out</option></select>}</Field>
      </div>
      <LimitsFields form={form} problems={problems} onChange={onChange} />
    </>
  );
}
