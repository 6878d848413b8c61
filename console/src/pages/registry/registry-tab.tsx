import { Link } from "wouter";
import { aliasesOf } from "../../data/models.ts";
import { useQuery } from "../../data/query.ts";
import { useRun } from "../../data/tracking.ts";
import type { Model, ModelVersion, Stage } from "../../data/types.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { Chip, type Tone } from "../../parts/chip.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Time } from "../../parts/time.tsx";
import type { ModelTabProps } from "../model/model-page.tsx";
import { ChangesPanel } from "./changes-panel.tsx";
import { LineageView } from "./lineage-view.tsx";
import { AliasDialog, DescribeDialog, StageDialog, UnaliasDialog } from "./registry-dialogs.tsx";

const stageTones: Record<Stage, Tone> = { None: "neutral", Staging: "warning", Production: "good", Archived: "neutral" };

/** What people say of a model's versions: stages, aliases, words; with who changed them and why, and where each version comes from. */
export function RegistryTab({ detail, version }: ModelTabProps) {
  const { model, versions } = detail;
  const query = useQuery();
  const chosen = versions.find((entry) => entry.version === version) ?? versions[0];
  const edit = query.get("edit");
  const close = (): void => query.set({ edit: null }, { replace: true });
  return (
    <>
      <Panel title="About" actions={<button type="button" className="button button-small" onClick={() => query.set({ edit: "model" })}>Edit</button>}>
        <p className={model.description === "" ? "muted" : "description"}>{model.description === "" ? "No description yet: say what it predicts, for whom, and when not to use it." : model.description}</p>
        <Tags tags={model.tags} />
        <p className="muted small">Team {model.team}{model.owner !== "" && <>, made by <ActorName actor={model.owner} /></>}, <Time at={model.createdAt} /></p>
      </Panel>
      {chosen === undefined ? <EmptyState title="No version yet" command={`mlflow.register_model("runs:/RUN_ID/model", ${JSON.stringify(model.name)})`}><p>Register what a run logged, or deploy a file with <code>npx slipway deploy</code>:</p></EmptyState> : (
        <>
          <Versions model={model} versions={versions} chosen={chosen.version} />
          <Panel title={`Lineage of v${chosen.version}`} note={chosen.source === "" ? undefined : chosen.source} actions={<Link className="button button-small" href={`/models/${encodeURIComponent(model.name)}/contract?version=${chosen.version}`}>Contract</Link>}>
            <LineageView model={model} version={chosen} />
          </Panel>
        </>
      )}
      <ChangesPanel model={model.name} />
      {edit !== null && <Editing edit={edit} model={model} versions={versions} onClose={close} />}
    </>
  );
}

/** The dialog that the address names: `model`, `stage:3`, `alias:3`, `version:3` or `unalias:challenger`. */
function Editing({ edit, model, versions, onClose }: { edit: string; model: Model; versions: readonly ModelVersion[]; onClose: () => void }) {
  const at = edit.indexOf(":");
  const [kind, subject] = at < 0 ? [edit, ""] : [edit.slice(0, at), edit.slice(at + 1)];
  const version = versions.find((entry) => entry.version === subject);
  if (kind === "model") return <DescribeDialog model={model} version={null} onClose={onClose} />;
  if (kind === "unalias" && model.aliases[subject] !== undefined) return <UnaliasDialog model={model} alias={subject} onClose={onClose} />;
  if (version === undefined) return null;
  if (kind === "stage") return <StageDialog model={model} version={version} onClose={onClose} />;
  if (kind === "alias") return <AliasDialog model={model} version={version} onClose={onClose} />;
  return kind === "version" ? <DescribeDialog model={model} version={version} onClose={onClose} /> : null;
}

function Versions({ model, versions, chosen }: { model: Model; versions: readonly ModelVersion[]; chosen: string }) {
  const query = useQuery();
  return (
    <Panel title="Versions" note={String(versions.length)} flush>
      <table className="table table-cards registry-table">
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Stage</th>
            <th scope="col">Aliases</th>
            <th scope="col">Registered</th>
            <th scope="col">From</th>
            <th scope="col"><span className="visually-hidden">Actions</span></th>
          </tr>
        </thead>
        <tbody>
          {versions.map((entry) => (
            <tr key={entry.version} className={entry.version === chosen ? "registry-chosen" : undefined}>
              <th scope="row">
                <Link href={query.href({ version: entry.version })} aria-current={entry.version === chosen ? "true" : undefined} aria-label={`Show v${entry.version}`}>v{entry.version}</Link>
                {entry.description !== "" && <span className="cell-note">{entry.description}</span>}
                <Tags tags={entry.tags} />
              </th>
              <td data-label="Stage"><Chip tone={stageTones[entry.stage]}>{entry.stage}</Chip></td>
              <td data-label="Aliases">
                <span className="cell-line">
                  {aliasesOf(model, entry.version).map((alias) => (
                    <button key={alias} type="button" className={`chip axis-chip ${alias === "champion" ? "chip-accent" : "chip-neutral"}`} aria-label={`Remove the alias ${alias}`} onClick={() => query.set({ edit: `unalias:${alias}` })}>{alias} ✕</button>
                  ))}
                </span>
              </td>
              <td data-label="Registered"><Time at={entry.createdAt} /><span className="cell-note"><ActorName actor={entry.owner} /></span></td>
              <td data-label="From">
                <Origin version={entry} />
                {entry.status !== "READY" && <span className="cell-note cell-bad">{entry.statusMessage || entry.status.toLowerCase()}</span>}
              </td>
              <td className="cell-actions">
                <span className="cell-line cell-right">
                  <button type="button" className="button button-small" aria-label={`Move v${entry.version} to a stage`} onClick={() => query.set({ edit: `stage:${entry.version}` })}>Stage</button>
                  <button type="button" className="button button-small" aria-label={`Give v${entry.version} an alias`} onClick={() => query.set({ edit: `alias:${entry.version}` })}>Alias</button>
                  <button type="button" className="button button-small" aria-label={`Describe v${entry.version}`} onClick={() => query.set({ edit: `version:${entry.version}` })}>Describe</button>
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

/** The run that made a version, or else what kind of file it is. */
function Origin({ version }: { version: ModelVersion }) {
  const { run: noted } = version.contract.lineage;
  const run = useRun(noted === undefined ? version.runId : null).data?.run.info;
  const [id, experiment, name] = noted === undefined ? [version.runId, run?.experiment_id, run?.run_name] : [noted.id, noted.experiment, noted.name];
  if (id === null) return <span className="muted">{version.contract.runtime.kind === "none" ? "nothing that runs here" : `${version.contract.runtime.kind} file`}</span>;
  return experiment === undefined ? <span className="muted">run {id.slice(0, 8)}</span> : <Link href={`/experiments/${experiment}/runs/${id}`}>{name || id.slice(0, 8)}</Link>;
}

function Tags({ tags }: { tags: readonly { key: string; value: string }[] }) {
  if (tags.length === 0) return null;
  return <span className="cell-line tags">{tags.map(({ key, value }) => <span key={key} className="chip chip-neutral" title={`${key}: ${value}`}>{key}{value === "" ? "" : `: ${value.slice(0, 60)}`}</span>)}</span>;
}
