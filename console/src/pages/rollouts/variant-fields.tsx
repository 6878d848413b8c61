import { apiPath } from "../../data/api.ts";
import { useResource } from "../../data/resource.ts";
import { Field } from "../../parts/field.tsx";
import { useProviders, type RevisionOfRoute } from "../gateway/gateway-data.ts";
import { triedWords, type Tried, type VariantForm } from "./ab-test-form.ts";

interface VariantFieldsProps {
  variant: VariantForm;
  /** `Variant 1`. */
  label: string;
  /** What is wrong with a field of it. */
  problemOf: (field: string) => string | undefined;
  onChange: (part: Partial<VariantForm>) => void;
  /** Null where there is only one. */
  onRemove: (() => void) | null;
  autoFocus: boolean;
}

/** One variant of an A/B test: its name and share, and what it tries: a version of the model, or other settings of the route. */
export function VariantFields({ variant, label, problemOf, onChange, onRemove, autoFocus, subject }: VariantFieldsProps & { subject: { route: string; revision: number } | { versions: readonly string[] } }) {
  return (
    <fieldset className="field-group test-variant">
      <legend>{label}</legend>
      <Field label="Name" problem={problemOf("name")}>
        {(control) => <input {...control} className="input" autoComplete="off" spellCheck={false} autoFocus={autoFocus} maxLength={128} value={variant.name} onChange={(event) => onChange({ name: event.target.value })} />}
      </Field>
      <Field label="Share, in percent" problem={problemOf("percent")} hint="Empty: as much as the control.">
        {(control) => <input {...control} className="input" inputMode="decimal" autoComplete="off" value={variant.percent} onChange={(event) => onChange({ percent: event.target.value })} />}
      </Field>
      {"versions" in subject ? (
        <Field label="Version" problem={problemOf("version")}>
          {(control) => <select {...control} className="input" value={variant.version} onChange={(event) => onChange({ version: event.target.value })}>{subject.versions.map((version) => <option key={version} value={version}>v{version}</option>)}</select>}
        </Field>
      ) : (
        <>
          <Field label="What it tries">
            {(control) => <select {...control} className="input" value={variant.tried} onChange={(event) => onChange({ tried: event.target.value as Tried })}>{Object.entries(triedWords).map(([id, words]) => <option key={id} value={id}>{words}</option>)}</select>}
          </Field>
          <TriedFields variant={variant} problem={problemOf("tried")} subject={subject} onChange={onChange} />
        </>
      )}
      {onRemove !== null && <div className="field-wide"><button type="button" className="button button-small" aria-label={`Remove ${label.toLowerCase()}`} onClick={onRemove}>Remove</button></div>}
    </fieldset>
  );
}

function TriedFields({ variant: { tried, prompt, provider, model, revision, json }, problem, subject: { route, revision: present }, onChange }: {
  variant: VariantForm;
  problem: string | undefined;
  subject: { route: string; revision: number };
  onChange: (part: Partial<VariantForm>) => void;
}) {
  const providers = useProviders().data?.providers ?? [];
  const revisions = useResource<{ revisions: RevisionOfRoute[] }>(apiPath`/api/gateway/routes/${route}/revisions`).data?.revisions ?? [];
  switch (tried) {
    case "prompt":
      return (
        <Field label="System prompt" wide problem={problem} hint="Stands before the caller’s messages, instead of the route’s own. Empty: none.">
          {(control) => <textarea {...control} className="input prompt-input" rows={5} maxLength={100_000} value={prompt} onChange={(event) => onChange({ prompt: event.target.value })} />}
        </Field>
      );
    case "model":
      return (
        <>
          <Field label="Provider">
            {(control) => <select {...control} className="input" value={provider} onChange={(event) => onChange({ provider: event.target.value })}>{[...new Set([...providers.map(({ name }) => name), provider])].map((name) => <option key={name}>{name}</option>)}</select>}
          </Field>
          <Field label="Model" problem={problem} hint="At the first target; fallbacks stay.">
            {(control) => <input {...control} className="input mono" autoComplete="off" spellCheck={false} value={model} onChange={(event) => onChange({ model: event.target.value })} />}
          </Field>
        </>
      );
    case "revision":
      return (
        <Field label="Revision" problem={problem} hint="One that the route had, or a draft.">
          {(control) => (
            <select {...control} className="input" value={revision} onChange={(event) => onChange({ revision: event.target.value })}>
              <option value="">choose one</option>
              {revisions.filter(({ revision: number, settings }) => settings !== null && number !== present).map(({ revision: number, reason }) => <option key={number} value={String(number)}>{[String(number), reason].filter((part) => part !== "").join(" · ")}</option>)}
            </select>
          )}
        </Field>
      );
    case "json":
      return (
        <Field label="What is different" wide problem={problem} hint="A JSON merge patch of the route’s settings: what is null is taken away, a list is replaced as a whole.">
          {(control) => <textarea {...control} className="input code-input" rows={6} spellCheck={false} value={json} onChange={(event) => onChange({ json: event.target.value })} />}
        </Field>
      );
  }
}
