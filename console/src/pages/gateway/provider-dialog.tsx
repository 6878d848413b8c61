import { useState, type FormEvent } from "react";
import { useAction } from "../../data/action.ts";
import { apiPath, call } from "../../data/api.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox, withCode } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { ConflictNote } from "./conflict-note.tsx";
import { refreshGateway, type GatewayProvider, type ProviderKind } from "./gateway-data.ts";
import { kindWords, providerKinds, secretWords } from "./gateway-words.ts";
import { blankProvider, dearerDefaults, keyless, local, providerFormOf, providerProblems, providerRequestOf, type ProviderForm } from "./provider-form.ts";

const sourceWords = { none: "none", value: "this value", environment: "environment variable of the server", file: "file of the server" } as const;
const secretLabels = { value: "Key", environment: "Name of the variable", file: "Path of the file" } as const;
const secretHints = { value: "Sealed when it arrives; never shown again.", environment: "Such as OPENAI_API_KEY, or one that begins with SLIPWAY_PROVIDER_.", file: "Below the folder that SLIPWAY_SECRET_FILES names." } as const;

/** Adds a provider or changes one. What its secret is, nobody sees: it can be kept, replaced or taken away. */
export function ProviderDialog({ provider: given, onClose }: { provider: GatewayProvider | null; onClose: () => void }) {
  // The revision that the reader saw: with a newer one, what somebody else has set in between would be written over.
  const [provider] = useState(given);
  const before = provider?.settings ?? blankProvider;
  const [name, setName] = useState(provider?.name ?? "");
  const [form, setForm] = useState(() => providerFormOf(before, provider === null ? "value" : "keep"));
  /** What the server said of it when it was saved, such as that its secret is not there. */
  const [notes, setNotes] = useState<readonly string[]>([]);
  const action = useAction();
  const problems = providerProblems(form);
  const change = (part: Partial<ProviderForm>): void => setForm((now) => ({ ...now, ...part }));
  const changeKind = (kind: ProviderKind): void => change({ kind, ...(provider === null ? { secretFrom: keyless.includes(kind) ? "none" as const : form.secretFrom === "none" ? "value" as const : form.secretFrom } : {}) });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (Object.keys(problems).length > 0) return;
    const body = JSON.stringify({ revision: provider?.revision ?? 0, ...providerRequestOf(form, before) });
    action.run(() => call<GatewayProvider & { notes: string[] }>(apiPath`/api/gateway/providers/${name.trim()}`, { method: "PUT", body }), (saved) => {
      refreshGateway();
      if (saved.notes.length === 0) onClose();
      else setNotes(saved.notes);
    });
  };
  if (notes.length > 0) {
    return (
      <Dialog title={`${name.trim()} is saved`} onClose={onClose} className="dialog-wide">
        {notes.map((note) => <p key={note} className="stale" role="status">{withCode(note)}</p>)}
        <div className="dialog-actions"><button type="button" className="button button-primary" autoFocus onClick={onClose}>Close</button></div>
      </Dialog>
    );
  }
  const source = form.secretFrom;
  const isLocal = local.includes(form.kind);
  const dearer = dearerDefaults[form.kind];
  return (
    <Dialog title={provider === null ? "Add a provider" : `Change ${provider.name}`} onClose={onClose} className="dialog-wide">
      <form onSubmit={submit} className="dialog-form" autoComplete="off">
        <div className="form-grid form-grid-two">
          <Field label="Name" hint="Targets name it; so does PROVIDER/MODEL.">{(control) => <input {...control} className="input mono" autoFocus={provider === null} autoComplete="off" spellCheck={false} required maxLength={128} disabled={provider !== null} placeholder={form.kind} value={name} onChange={(event) => setName(event.target.value)} />}</Field>
          <Field label="Kind">{(control) => <select {...control} className="input" value={form.kind} onChange={(event) => changeKind(event.target.value as ProviderKind)}>{providerKinds.map((kind) => <option key={kind} value={kind}>{kindWords[kind]}</option>)}</select>}</Field>
          {!isLocal && <Field label="Base URL" problem={form.baseUrl === "" ? undefined : problems.baseUrl} hint={problems.baseUrl ?? "Where it is not the provider’s own."}>{(control) => <input {...control} className="input mono" spellCheck={false} autoComplete="off" placeholder="the provider’s own" value={form.baseUrl} onChange={(event) => change({ baseUrl: event.target.value })} />}</Field>}
          {form.kind === "bedrock" && <Field label="Region" hint="Such as eu-central-1.">{(control) => <input {...control} className="input mono" autoComplete="off" value={form.region} onChange={(event) => change({ region: event.target.value })} />}</Field>}
          {["azure", "anthropic"].includes(form.kind) && <Field label="API version">{(control) => <input {...control} className="input mono" autoComplete="off" placeholder="usual" value={form.apiVersion} onChange={(event) => change({ apiVersion: event.target.value })} />}</Field>}
          {(dearer !== undefined || form.defaultTier !== "") && <Field label="Default tier" hint={`Where the ${dearer?.of ?? "account"} there serves calls in a dearer way${dearer === undefined ? "" : ` (${dearer.tier})`} by default: budgets reserve by it.`}>{(control) => <input {...control} className="input mono" spellCheck={false} autoComplete="off" maxLength={40} placeholder="usual" value={form.defaultTier} onChange={(event) => change({ defaultTier: event.target.value })} />}</Field>}
          {!(isLocal && ["none", "keep"].includes(source)) && <Field label="Secret from">
            {(control) => (
              <select {...control} className="input" value={source} onChange={(event) => change({ secretFrom: event.target.value as ProviderForm["secretFrom"], secret: "" })}>
                {provider !== null && <option value="keep">as it is: {secretWords[provider.secret]}</option>}
                {Object.entries(sourceWords).map(([id, words]) => <option key={id} value={id}>{words}</option>)}
              </select>
            )}
          </Field>}
          {source !== "keep" && source !== "none" && (
            <Field label={secretLabels[source]} hint={secretHints[source]}>{(control) => <input {...control} className="input mono" type={source === "value" ? "password" : "text"} autoComplete={source === "value" ? "new-password" : "off"} spellCheck={false} required maxLength={10_000} value={form.secret} onChange={(event) => change({ secret: event.target.value })} />}</Field>
          )}
          {form.kind === "scripted" && <Field label="Answers" wide problem={form.answers.trim() === "" ? undefined : problems.answers} hint='In turn, one a line; the last one stays. A failure is JSON: {"status": 500, "error": "overloaded"}.'>{(control) => <textarea {...control} className="input code-input" rows={3} spellCheck={false} placeholder="Your refund was sent on Tuesday." value={form.answers} onChange={(event) => change({ answers: event.target.value })} />}</Field>}
          <Field label="Models" hint="One a line; which of them may be called. All where none is named.">{(control) => <textarea {...control} className="input code-input" rows={2} spellCheck={false} placeholder="all" value={form.models} onChange={(event) => change({ models: event.target.value })} />}</Field>
          {!isLocal && <Field label="Headers" problem={problems.headers} hint="NAME: value, one a line. No secrets.">{(control) => <textarea {...control} className="input code-input" rows={2} spellCheck={false} placeholder="none" value={form.headers} onChange={(event) => change({ headers: event.target.value })} />}</Field>}
          <Field label="Limits of models" problem={problems.modelLimits} hint="MODEL = tokensPerMinute:30000, concurrency:8, one a line; * is each model that is not named.">{(control) => <textarea {...control} className="input code-input" rows={2} spellCheck={false} placeholder="none" value={form.modelLimits} onChange={(event) => change({ modelLimits: event.target.value })} />}</Field>
        </div>
        {action.error !== null && <ErrorBox error={action.error}><ConflictNote error={action.error} /></ErrorBox>}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy || Object.keys(problems).length > 0}>{action.busy ? "Saving…" : provider === null ? "Add the provider" : "Save"}</button>
        </div>
      </form>
    </Dialog>
  );
}
