import { useMemo } from "react";
import { apiPath, call } from "../../data/api.ts";
import { useDatasets } from "../../data/datasets.ts";
import { useModels, usePolicy } from "../../data/models.ts";
import { useOpenApi, type Schema } from "../../data/open-api.ts";
import { useQuery } from "../../data/query.ts";
import { useResource } from "../../data/resource.ts";
import type { ModelDetail, PolicyRevision, RolloutPhase } from "../../data/types.ts";
import { plural } from "../../format.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { Chip } from "../../parts/chip.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Time } from "../../parts/time.tsx";
import type { ModelTabProps } from "../model/model-page.tsx";
import { PlanPreview } from "../rollouts/plan-preview.tsx";
import { differences, flatten, flattenDeep, flattenPolicy, policyFields, unflatten, same, type PolicyField } from "./policy-fields.ts";
import { PolicyForm } from "./policy-form.tsx";
import { groupOrder, groupWords, labelOf, policyText } from "./policy-words.ts";

export function PolicyTab({ detail }: ModelTabProps) {
  const { name } = detail.model;
  const query = useQuery();
  const policy = usePolicy(name);
  const openApi = useOpenApi();
  const editing = query.get("edit") !== null;
  return (
    <ResourceView resource={policy}>
      {(revision) => (
        <ResourceView resource={openApi}>
          {(document) => {
            const schemas = document.components?.schemas ?? {};
            return (
              <PolicyBody
                key={name} revision={revision} detail={detail} schema={schemas.PolicyInput ?? schemas.Policy ?? {}} resolve={(reference) => schemas[reference.replace("#/components/schemas/", "")]}
                editing={editing} onEdit={(edit) => query.set({ edit: edit ? "1" : null })} reload={policy.reload}
              />
            );
          }}
        </ResourceView>
      )}
    </ResourceView>
  );
}

function PolicyBody({ detail, revision, schema, resolve, editing, onEdit, reload }: {
  detail: ModelDetail;
  revision: PolicyRevision;
  schema: Schema;
  resolve: (reference: string) => Schema | undefined;
  editing: boolean;
  onEdit: (edit: boolean) => void;
  reload: () => void;
}) {
  const fields = useMemo(() => {
    const known = policyFields(schema, resolve);
    // A server that does not describe its policy still shows it.
    return known.length > 1 ? known : Object.entries(flatten(revision.policy)).map(([path, value]): PolicyField => ({ path, group: path.split(".")[0]!, kind: Array.isArray(value) ? "list" : typeof value === "boolean" ? "boolean" : "number", default: undefined, description: undefined }));
    // `resolve` reads from the same document as `schema`.
  }, [schema, revision]);
  const flat = useMemo(() => flattenPolicy(revision.policy, fields), [revision, fields]);
  const groups = [...new Set(fields.map((field) => field.group))].sort((a, b) => rank(a) - rank(b));
  const changed = fields.filter((field) => field.default !== undefined && !same(flat[field.path], field.default)).length;

  return (
    <>
      <div className="toolbar">
        <span className="toolbar-note">
          {revision.revision === 0 ? "All defaults: nobody has changed this policy." : <>Revision {revision.revision}, by <ActorName actor={revision.author} />, <Time at={revision.changedAt} />: {revision.reason}</>}
          {changed > 0 && <> · {plural(changed, "setting")} differ from the default</>}
        </span>
        {!editing && <button type="button" className="button toolbar-end" onClick={() => onEdit(true)}>Edit the policy</button>}
      </div>
      {editing ? (
        <EditedPolicy detail={detail} revision={revision} fields={fields} groups={groups} onDone={() => onEdit(false)} reload={reload} />
      ) : (
        <div className="policy-groups">
          {groups.map((group) => (
            <Panel key={group} title={groupWords[group]?.title ?? group} note={groupWords[group]?.note} flush>
              <dl className="properties properties-rows">
                {fields.filter((field) => field.group === group).map((field) => (
                  <PolicyRow key={field.path} field={field} value={flat[field.path]} />
                ))}
              </dl>
            </Panel>
          ))}
        </div>
      )}
      <History model={revision.model} current={revision.revision} defaults={Object.fromEntries(fields.map((field) => [field.path, field.default]))} />
    </>
  );
}

/** The form, with what it can offer: datasets of the model's team, and its versions. */
function EditedPolicy(props: Omit<Parameters<typeof PolicyForm>[0], "choices"> & { detail: ModelDetail }) {
  const { detail: { model, versions }, ...rest } = props;
  const datasets = useDatasets().data?.datasets.filter(({ team }) => team === model.team) ?? [];
  const others = (useModels().data?.models ?? []).filter(({ name, team }) => team === model.team && name !== model.name);
  const choices = { "fallback.model": others.map(({ name }) => name), "evaluation.dataset": datasets.map(({ name }) => name), "evaluation.baseline": versions.map(({ version }) => version) };
  return <PolicyForm {...rest} choices={choices} />;
}

function PolicyRow({ field, value }: { field: PolicyField; value: unknown }) {
  const isDefault = same(value, field.default);
  return (
    <div>
      <dt title={field.path}>{labelOf(field.path)}{field.description !== undefined && <span className="cell-note">{field.description}</span>}</dt>
      {field.path === "rollout.phases" && Array.isArray(value) && <dd className="policy-phases"><PlanPreview phases={value as RolloutPhase[]} /></dd>}
      <dd className={isDefault ? "policy-default" : "policy-changed"}>
        {policyText(field.path, value)}{" "}
        {isDefault ? <span className="muted small">default</span> : field.default !== undefined && <Chip tone="accent" title="Changed from the default">default {policyText(field.path, field.default)}</Chip>}
      </dd>
    </div>
  );
}

function rank(group: string): number {
  const index = groupOrder.indexOf(group);
  return index < 0 ? groupOrder.length : index;
}

function History({ model, current, defaults }: { model: string; current: number; defaults: Record<string, unknown> }) {
  // The key holds the revision, so that a new one is fetched.
  const history = useResource<{ revisions: PolicyRevision[] }>(`${apiPath`/api/models/${model}/policy/revisions`}?at=${current}`, { load: () => call(apiPath`/api/models/${model}/policy/revisions`) });
  if (history.data !== undefined && history.data.revisions.length === 0) return null;
  return (
    <Panel title="History" flush>
      <ResourceView resource={history}>
        {({ revisions }) => {
          const flats = revisions.map((revision) => flattenDeep(revision.policy));
          const first = flattenDeep(unflatten(defaults));
          return (
            <ol className="history">
              {revisions.map((revision, index) => (
                <li key={revision.revision}>
                  <p>
                    <strong>Revision {revision.revision}</strong> <span className="muted">by <ActorName actor={revision.author} />, <Time at={revision.changedAt} /></span>
                  </p>
                  <p>{revision.reason}</p>
                  <ul>
                    {differences(flats[index + 1] ?? first, flats[index]!).map(({ path, before, after }) => (
                      <li key={path}>
                        {labelOf(path)}: <del>{policyText(path, before)}</del> <ins>{policyText(path, after)}</ins>
                      </li>
                    ))}
                  </ul>
                </li>
              ))}
            </ol>
          );
        }}
      </ResourceView>
    </Panel>
  );
}
