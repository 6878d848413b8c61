import { useId, useState, type FormEvent } from "react";
import { ApiFailure, apiPath, call } from "../../data/api.ts";
import { invalidate, remember } from "../../data/resource.ts";
import type { PolicyRevision } from "../../data/types.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Panel } from "../../parts/panel.tsx";
import { fieldText, flattenPolicy, parseField, problemsByField, same, unflatten, type PolicyField } from "./policy-fields.ts";
import { WholeEditor } from "./whole-editor.tsx";
import { fieldWords, groupWords, labelOf, noneText, policyText } from "./policy-words.ts";

/**
 * Only what the reader touched is kept as a change, on top of whatever revision is the newest: when somebody else
 * changed the policy in between, the changes stand and the rest follows.
 */
export function PolicyForm({ revision, fields, groups, choices, onDone, reload }: {
  revision: PolicyRevision;
  fields: readonly PolicyField[];
  groups: readonly string[];
  /** What a leaf may name, where that is known here: by its path. */
  choices: Readonly<Record<string, readonly string[]>>;
  onDone: () => void;
  reload: () => void;
}) {
  const [changes, setChanges] = useState<Record<string, string>>({});
  const [reason, setReason] = useState("");
  const [problems, setProblems] = useState<Record<string, string>>({});
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  const [busy, setBusy] = useState(false);
  /** The revision that was no longer the newest. */
  const [refused, setRefused] = useState<number | null>(null);
  const reasonId = useId();
  const flat = flattenPolicy(revision.policy, fields);
  const textOf = (field: PolicyField): string => changes[field.path] ?? fieldText(flat[field.path], field.kind);
  const changed = fields.filter((field) => field.path in changes && changes[field.path] !== fieldText(flat[field.path], field.kind));

  const change = (path: string, text: string): void => {
    setChanges({ ...changes, [path]: text });
    setProblems(Object.fromEntries(Object.entries(problems).filter(([name]) => name !== path)));
  };

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const found: Record<string, string> = {};
    const next = { ...flat };
    for (const field of changed) {
      const parsed = parseField(field, textOf(field));
      if ("problem" in parsed) found[field.path] = parsed.problem;
      else next[field.path] = parsed.value;
    }
    if (reason.trim() === "") found.reason = "Say why, for those who read the history.";
    setProblems(found);
    setFailure(null);
    const first = Object.keys(found)[0];
    if (first !== undefined) {
      document.getElementById(first === "reason" ? reasonId : `policy-${first}`)?.focus();
      return;
    }
    setBusy(true);
    const path = apiPath`/api/models/${revision.model}/policy`;
    call<PolicyRevision>(path, { method: "PUT", body: JSON.stringify({ revision: revision.revision, reason: reason.trim(), policy: unflatten(next) }) }).then(
      (written) => {
        remember(path, written);
        invalidate((key) => key.startsWith(path));
        onDone();
      },
      (thrown: unknown) => {
        const error = thrown instanceof ApiFailure ? thrown : new ApiFailure(0, { code: "CONSOLE_FAILED", message: String(thrown) });
        setBusy(false);
        setFailure(error);
        setProblems(problemsByField(error.problems, fields));
        if (error.code === "POLICY_CONFLICT") {
          setRefused(revision.revision);
          reload();
        }
      },
    );
  };

  return (
    <form onSubmit={submit} noValidate aria-label="Edit the policy">
      <div className="policy-groups">
        {groups.map((group) => (
          <Panel key={group} title={groupWords[group]?.title ?? group} note={groupWords[group]?.note}>
            <div className="form-rows">
              {fields.filter((field) => field.group === group).map((field) => (
                <FieldRow key={field.path} field={field} choices={choices[field.path]} text={textOf(field)} before={flat[field.path]} touched={changed.includes(field)} problem={problems[field.path]} onChange={(text) => change(field.path, text)} />
              ))}
            </div>
          </Panel>
        ))}
      </div>
      <div className="panel save-bar">
        {failure !== null && (
          <ErrorBox error={failure}>
            {failure.code === "POLICY_CONFLICT" && <p>{revision.revision === refused ? "Reading the newest revision…" : <>Revision {revision.revision} by <ActorName actor={revision.author} /> is loaded now and your changes are kept on top of it. Check them, then save again.</>}</p>}
          </ErrorBox>
        )}
        <div className={problems.reason === undefined ? "field" : "field field-bad"}>
          <label htmlFor={reasonId} className="field-label">Why</label>
          <input id={reasonId} className="input" value={reason} maxLength={1000} aria-invalid={problems.reason !== undefined} aria-describedby={`${reasonId}-note`} onChange={(event) => setReason(event.target.value)} placeholder="such as: the checkout needs an answer within 40 ms" />
          <span id={`${reasonId}-note`} className={problems.reason === undefined ? "field-hint" : "field-problem"}>
            {problems.reason ?? (changed.length === 0 ? "Nothing is changed yet." : changed.map((field) => `${labelOf(field.path)}: ${policyText(field.path, flat[field.path])} → ${changedText(field, textOf(field))}`).join("; "))}
          </span>
        </div>
        <div className="form-actions">
          <button type="button" className="button" onClick={onDone}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={busy || changed.length === 0}>{busy ? "Saving…" : `Save as revision ${revision.revision + 1}`}</button>
        </div>
      </div>
    </form>
  );
}

/** What a changed field will say; the inside of a part that is not right yet is not put into words. */
function changedText(field: PolicyField, text: string): string {
  const parsed = parseField(field, text);
  if ("problem" in parsed) return field.kind === "whole" ? "not complete yet" : text;
  return field.kind === "whole" ? policyText(field.path, parsed.value) : text || noneText(field.path);
}

function FieldRow({ field, choices, text, before, touched, problem, onChange }: { field: PolicyField; choices: readonly string[] | undefined; text: string; before: unknown; touched: boolean; problem: string | undefined; onChange: (text: string) => void }) {
  const id = `policy-${field.path}`;
  const noteId = `${id}-note`;
  const described = { id, "aria-describedby": noteId, "aria-invalid": problem !== undefined };
  const unit = fieldWords[field.path]?.unit;
  const isDefault = same(before, field.default);
  const notes = [
    field.description,
    touched ? `was ${policyText(field.path, before)}` : undefined,
    field.default === undefined || (isDefault && !touched) ? undefined : `default ${policyText(field.path, field.default)}`,
  ].filter((note) => note !== undefined);
  if (field.kind === "whole") {
    return (
      <div id={id} tabIndex={-1} className={`form-row form-row-whole${problem === undefined ? "" : " field-bad"}${touched ? " form-row-touched" : ""}`} role="group" aria-labelledby={`${id}-label`}>
        <span id={`${id}-label`} className="form-row-label">{labelOf(field.path)}</span>
        <span id={noteId} className={problem === undefined ? "field-hint" : "field-problem"}>{problem ?? field.description}</span>
        <WholeEditor schema={field.schema!} value={JSON.parse(text)} onChange={(value) => onChange(JSON.stringify(value))} name={labelOf(field.path)} />
      </div>
    );
  }
  return (
    <div className={`form-row${problem === undefined ? "" : " field-bad"}${touched ? " form-row-touched" : ""}`}>
      <label htmlFor={id}>{labelOf(field.path)}</label>
      <span className="form-row-input">
        {field.kind === "boolean" ? (
          <select className="input" value={text} onChange={(event) => onChange(event.target.value)} {...described}>
            <option value="true">yes</option>
            <option value="false">no</option>
          </select>
        ) : field.kind === "list" && field.choices !== undefined ? (
          <Checks choices={field.choices} text={text} label={labelOf(field.path)} described={described} onChange={onChange} />
        ) : choices !== undefined ? (
          <select className="input" value={text} onChange={(event) => onChange(event.target.value)} {...described}>
            <option value="">{noneText(field.path)}</option>
            {[...new Set([...choices, ...(text === "" ? [] : [text])])].map((choice) => <option key={choice}>{choice}</option>)}
          </select>
        ) : field.kind === "choice" ? (
          <select className="input" value={text} onChange={(event) => onChange(event.target.value)} {...described}>
            {field.choices!.map((choice) => <option key={choice}>{choice}</option>)}
          </select>
        ) : (
          <input className="input" value={text} autoComplete="off" spellCheck={false} {...inputHints(field)} onChange={(event) => onChange(event.target.value)} {...described} />
        )}
        {unit !== undefined && <span className="muted small">{unit}</span>}
      </span>
      <span id={noteId} className={problem === undefined ? "field-hint" : "field-problem"}>{problem ?? notes.join(" · ")}</span>
    </div>
  );
}

function Checks({ choices, text, label, described, onChange }: { choices: readonly string[]; text: string; label: string; described: Record<string, unknown>; onChange: (text: string) => void }) {
  const held = text.split(",").map((item) => item.trim()).filter((item) => item !== "");
  return (
    <span {...described} role="group" aria-label={label} className="form-row-checks">
      {choices.map((choice) => (
        <label key={choice} className="check">
          <input type="checkbox" checked={held.includes(choice)} onChange={(event) => onChange(choices.filter((other) => (other === choice ? event.target.checked : held.includes(other))).join(", "))} /> {choice}
        </label>
      ))}
    </span>
  );
}

function inputHints(field: PolicyField): { placeholder?: string; inputMode?: "decimal" } {
  if (field.kind === "list") return { placeholder: "names, with commas between" };
  return { ...(field.nullable === true ? { placeholder: noneText(field.path) } : {}), ...(field.kind === "text" ? {} : { inputMode: "decimal" }) };
}
