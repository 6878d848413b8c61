import { useState, type FormEvent, type ReactNode } from "react";
import { useAction } from "../../data/action.ts";
import { deleteAlias, describe, moveToStage, setAlias } from "../../data/registry.ts";
import type { Model, ModelVersion, Stage } from "../../data/types.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";

const stages: readonly Stage[] = ["None", "Staging", "Production", "Archived"];

/** A change with its reason: the form around what changes. */
function ChangeDialog({ title, label, work, ready, onClose, children }: { title: string; label: string; work: (reason: string) => Promise<unknown>; ready: boolean; onClose: () => void; children?: ReactNode }) {
  const [reason, setReason] = useState("");
  const action = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (ready) action.run(() => work(reason), onClose);
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit} className="dialog-form">
        {children}
        <Field label="Reason" hint="Kept with the change, for whoever asks later.">
          {(control) => <input {...control} className="input" autoComplete="off" maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} />}
        </Field>
        {action.error !== null && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy || !ready}>{action.busy ? "Changing…" : label}</button>
        </div>
      </form>
    </Dialog>
  );
}

export function StageDialog({ model, version, onClose }: { model: Model; version: ModelVersion; onClose: () => void }) {
  const [stage, setStage] = useState<Stage>(version.stage);
  const [archive, setArchive] = useState(true);
  const active = stage === "Staging" || stage === "Production";
  return (
    <ChangeDialog title={`Move v${version.version} to another stage`} label="Move" ready={stage !== version.stage} onClose={onClose} work={(reason) => moveToStage(model.name, version.version, stage, active && archive, reason)}>
      <Field label="Stage" hint={stage === "Production" ? "A version that can run becomes the champion and serves, unless a newer one was made the champion by hand." : undefined}>
        {(control) => <select {...control} className="input" value={stage} onChange={(event) => setStage(event.target.value as Stage)}>{stages.map((name) => <option key={name} value={name}>{name === "None" ? "None" : name}</option>)}</select>}
      </Field>
      {active && <label className="check"><input type="checkbox" checked={archive} onChange={(event) => setArchive(event.target.checked)} /> Archive the versions that are in {stage} now</label>}
    </ChangeDialog>
  );
}

export function AliasDialog({ model, version, onClose }: { model: Model; version: ModelVersion; onClose: () => void }) {
  const [alias, setName] = useState("");
  const holder = model.aliases[alias.trim()];
  return (
    <ChangeDialog title={`Give v${version.version} an alias`} label="Set the alias" ready={alias.trim() !== "" && holder !== version.version} onClose={onClose} work={(reason) => setAlias(model.name, alias.trim(), version.version, reason)}>
      <Field label="Alias" hint={holder !== undefined ? `It stands for v${holder} now, and moves.` : alias.trim() === "champion" ? "Callers who name no version get this one." : "Such as challenger; callers can ask for it by name."}>
        {(control) => <input {...control} className="input" autoFocus autoComplete="off" maxLength={255} list="known-aliases" value={alias} onChange={(event) => setName(event.target.value)} />}
      </Field>
      <datalist id="known-aliases">{["champion", "challenger", ...Object.keys(model.aliases)].map((name) => <option key={name} value={name} />)}</datalist>
    </ChangeDialog>
  );
}

export function UnaliasDialog({ model, alias, onClose }: { model: Model; alias: string; onClose: () => void }) {
  return (
    <ChangeDialog title={`Remove the alias ${alias}?`} label="Remove" ready onClose={onClose} work={(reason) => deleteAlias(model.name, alias, reason)}>
      <p>{alias === "champion" ? "Callers who name no version get an error until there is another champion." : `Callers who ask for ${alias} get an error.`}</p>
    </ChangeDialog>
  );
}

interface TagRow {
  key: string;
  value: string;
}

/** Description and tags of a model, or of one of its versions. */
export function DescribeDialog({ model, version, onClose }: { model: Model; version: ModelVersion | null; onClose: () => void }) {
  const subject = version ?? model;
  const [description, setDescription] = useState(subject.description);
  const [tags, setTags] = useState<TagRow[]>(subject.tags);
  const before = new Map(subject.tags.map(({ key, value }) => [key, value]));
  const named = tags.filter(({ key }) => key.trim() !== "").map(({ key, value }) => ({ key: key.trim(), value }));
  const set = named.filter(({ key, value }) => before.get(key) !== value);
  const remove = [...before.keys()].filter((key) => !named.some((tag) => tag.key === key));
  const described = description !== subject.description;
  const tagged = set.length + remove.length > 0;
  const edit = (index: number, change: Partial<TagRow>): void => setTags(tags.map((tag, at) => (at === index ? { ...tag, ...change } : tag)));
  return (
    <ChangeDialog
      title={version === null ? `Describe ${model.name}` : `Describe v${version.version}`} label="Save" ready={described || tagged} onClose={onClose}
      work={(reason) => describe(model.name, version?.version ?? null, { ...(described && { description }), ...(tagged && { tags: { set, remove } }) }, reason)}
    >
      <Field label="Description">{(control) => <textarea {...control} className="input" rows={4} value={description} onChange={(event) => setDescription(event.target.value)} />}</Field>
      <fieldset className="tag-rows">
        <legend className="field-label">Tags</legend>
        {tags.map((tag, index) => (
          <div key={index} className="tag-row">
            <input className="input" aria-label={`Key of tag ${index + 1}`} placeholder="key" maxLength={250} value={tag.key} onChange={(event) => edit(index, { key: event.target.value })} />
            <input className="input" aria-label={`Value of tag ${index + 1}`} placeholder="value" value={tag.value} onChange={(event) => edit(index, { value: event.target.value })} />
            <button type="button" className="button" aria-label={`Remove tag ${tag.key}`} onClick={() => setTags(tags.filter((_, at) => at !== index))}>✕</button>
          </div>
        ))}
        <button type="button" className="button button-small" onClick={() => setTags([...tags, { key: "", value: "" }])}>Add a tag</button>
      </fieldset>
    </ChangeDialog>
  );
}
