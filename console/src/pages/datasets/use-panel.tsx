import { Link } from "wouter";
import { useDatasetUse } from "../../data/datasets.ts";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";

/** What was trained with a version's content, and what was judged by it. */
export function UsePanel({ dataset, version }: { dataset: string; version: number }) {
  const use = useDatasetUse(dataset, version);
  return (
    <Panel title="Where it is used" note={`v${version}`}>
      <ResourceView resource={use} lines={3}>
        {({ models, evaluations }) =>
          models.length + evaluations.length === 0 ? (
            <p className="muted">Nothing yet. Name it in a model's policy, and each new version is evaluated on it.</p>
          ) : (
            <dl className="properties">
              {models.length > 0 && (
                <div>
                  <dt>models</dt>
                  <dd><ul className="plain-list">{models.map(({ model, version: number }) => <li key={`${model} ${number}`}><Link href={`/models/${encodeURIComponent(model)}/contract?version=${number}`}>{model} v{number}</Link> <span className="muted">names it in its contract</span></li>)}</ul></dd>
                </div>
              )}
              {evaluations.length > 0 && (
                <div>
                  <dt>evaluations</dt>
                  <dd><ul className="plain-list">{evaluations.map(({ model, version: number, evaluation }) => <li key={evaluation}><Link href={`/models/${encodeURIComponent(model)}/evaluations?version=${number}#${evaluation}`}>{model} v{number}</Link></li>)}</ul></dd>
                </div>
              )}
            </dl>
          )
        }
      </ResourceView>
    </Panel>
  );
}
