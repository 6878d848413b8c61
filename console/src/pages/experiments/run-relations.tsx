import { Link } from "wouter";
import { useResource } from "../../data/resource.ts";
import { tagOf, useRunTable, wire, type WireDataset, type WireRun } from "../../data/tracking.ts";
import { Panel } from "../../parts/panel.tsx";
import { StatusMark } from "./status-mark.tsx";

/** So many children are listed. */
const shownChildren = 50;

/** The run that this one is nested in, and those nested in it. */
export function RunFamily({ run }: { run: WireRun }) {
  const { run_id: id, experiment_id: experiment } = run.info;
  const parent = tagOf(run.data.tags, "mlflow.parentRunId");
  const above = useResource<{ run: WireRun }>(parent === undefined ? null : `${wire}/runs/get?run_id=${encodeURIComponent(parent)}`).data?.run;
  const children = useRunTable({
    experiments: [experiment], filter: `tags.mlflow.parentRunId = '${id.replaceAll("'", "")}'`, order: ["attributes.start_time ASC"], view: "active",
    columns: ["attributes.name", "attributes.status"], limit: shownChildren, after: null,
  }).data;
  if (parent === undefined && (children === undefined || children.runs.length === 0)) return null;
  return (
    <Panel title="Nested runs">
      <ul className="plain-list">
        {parent !== undefined && <li><span className="muted">within</span> <Link href={`/experiments/${above?.info.experiment_id ?? experiment}/runs/${parent}`}>{above?.info.run_name ?? parent}</Link></li>}
        {children?.runs.map((child, index) => (
          <li key={child}><StatusMark status={String(children.rows[index]![1])} short /> <Link href={`/experiments/${experiment}/runs/${child}`}>{String(children.rows[index]![0])}</Link></li>
        ))}
        {children !== undefined && children.next !== null && <li><Link href={`/experiments/${experiment}?filter=${encodeURIComponent(`tags.mlflow.parentRunId = '${id}'`)}`}>all of them</Link></li>}
      </ul>
    </Panel>
  );
}

export function RunDatasets({ datasets }: { datasets: readonly WireDataset[] }) {
  if (datasets.length === 0) return null;
  return (
    <Panel title="Datasets" flush>
      <table className="table table-compact">
        <thead><tr><th scope="col">Name</th><th scope="col">Digest</th><th scope="col">Used for</th><th scope="col">From</th></tr></thead>
        <tbody>
          {datasets.map(({ dataset, tags }) => (
            <tr key={`${dataset.name}:${dataset.digest}:${tagOf(tags, "mlflow.data.context") ?? ""}`}>
              <th scope="row">{dataset.name}</th>
              <td><code>{dataset.digest}</code></td>
              <td>{tagOf(tags, "mlflow.data.context") ?? ""}</td>
              <td className="muted">{dataset.source_type}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

interface RegisteredVersion {
  name: string;
  version: string;
  current_stage?: string;
  aliases?: string[];
}

/** Models that the run made, and what became of them in the registry. */
export function RunModels({ run }: { run: WireRun }) {
  const { run_id: id } = run.info;
  const outputs = run.outputs?.model_outputs ?? [];
  const filter = encodeURIComponent(`run_id = '${id.replaceAll("'", "")}'`);
  const versions = useResource<{ model_versions?: RegisteredVersion[] }>(`${wire}/model-versions/search?filter=${filter}&max_results=50`).data?.model_versions ?? [];
  if (outputs.length === 0 && versions.length === 0) return null;
  return (
    <Panel title="Models">
      <ul className="plain-list">
        {outputs.map(({ model_id: model, step }) => <LoggedModelLine key={`${model}:${step}`} id={model} step={step} />)}
        {versions.map(({ name, version, current_stage: stage, aliases = [] }) => (
          <li key={`${name}:${version}`}>
            <span className="muted">registered as</span> <Link href={`/models/${name}/registry?version=${version}`}>{name} v{version}</Link>{" "}
            {stage !== undefined && stage !== "None" && stage !== "" && <span className="chip chip-good">{stage}</span>} {aliases.map((alias) => <span key={alias} className="chip chip-accent">{alias}</span>)}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function LoggedModelLine({ id, step }: { id: string; step: number | undefined }) {
  const model = useResource<{ model: { info: { name: string; model_type?: string; status?: string } } }>(`${wire}/logged-models/${encodeURIComponent(id)}`).data?.model.info;
  return <li><strong>{model?.name ?? id}</strong> <code className="small">{id}</code>{step !== undefined && step !== 0 && <span className="muted"> at step {step}</span>}</li>;
}
