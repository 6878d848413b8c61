import { Link } from "wouter";
import { useQuery } from "../../data/query.ts";
import { isOpen, useRollout, useRollouts } from "../../data/rollouts.ts";
import { useRights } from "../../data/session.ts";
import type { RolloutSummary } from "../../data/types.ts";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import type { ModelTabProps } from "../model/model-page.tsx";
import { PlanPreview } from "./plan-preview.tsx";
import { usePolicy } from "../../data/models.ts";
import { RolloutTable } from "./rollout-table.tsx";
import { RolloutView } from "./rollout-view.tsx";
import { StartDialog } from "./start-dialog.tsx";

/** The rollout of a model that is under way, or the latest, and those before. */
export function RolloutTab({ detail }: ModelTabProps) {
  const { name } = detail.model;
  const query = useQuery();
  const resource = useRollouts({ model: name, limit: 20 });
  return (
    <>
      <ResourceView resource={resource} lines={10}>
        {({ rollouts }) => (rollouts[0] === undefined ? <NoRollout model={name} /> : <Latest key={shownOf(rollouts).id} rollout={shownOf(rollouts)} others={rollouts.filter((entry) => entry !== shownOf(rollouts))} />)}
      </ResourceView>
      {query.get("start") !== null && <StartDialog model={name} onClose={() => query.set({ start: null }, { replace: true })} />}
    </>
  );
}

function shownOf(rollouts: readonly RolloutSummary[]): RolloutSummary {
  return rollouts.find(isOpen) ?? rollouts[0]!;
}

function Latest({ rollout, others }: { rollout: RolloutSummary; others: readonly RolloutSummary[] }) {
  return (
    <>
      <ResourceView resource={useRollout(rollout.id)} lines={10}>
        {(status) => <RolloutView status={status} />}
      </ResourceView>
      {others.length > 0 && (
        <Panel title="Before" note={<Link href={`/rollouts?model=${encodeURIComponent(rollout.model)}`}>all of this model</Link>} flush>
          <RolloutTable rollouts={others} />
        </Panel>
      )}
    </>
  );
}

function NoRollout({ model }: { model: string }) {
  const query = useQuery();
  const mayStart = useRights().somewhere("deployer");
  const phases = usePolicy(model).data?.policy.rollout.phases;
  return (
    <EmptyState
      title="Nothing was rolled out yet" command={`npx slipway rollout start ${model}`}
      after={mayStart && <button type="button" className="button button-primary" onClick={() => query.set({ start: "1" })}>Start a rollout</button>}
    >
      <p>A rollout gives a new version its traffic step by step, watches it beside the champion, and takes it away again by itself when it is worse. What the candidate fails at is answered by the champion, so callers see no error.</p>
      {phases !== undefined && <PlanPreview phases={phases} />}
    </EmptyState>
  );
}
