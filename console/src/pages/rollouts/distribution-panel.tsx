import { OverlaidDistribution } from "../../charts/distribution.tsx";
import { versionMark } from "../../data/rollouts.ts";
import type { RolloutStatus } from "../../data/types.ts";
import { Panel } from "../../parts/panel.tsx";
import { armOf } from "./arm-values.ts";
import { predictionShares } from "./prediction-shares.ts";

/** What both versions answer: their predictions over the same buckets, as shares of each. */
export function DistributionPanel({ status, arm }: { status: RolloutStatus; arm: string }) {
  const { figures, rollout } = status;
  const shares = predictionShares(armOf(figures, "stable")?.predictions ?? null, armOf(figures, arm)?.predictions ?? null);
  if (shares === null) return null;
  return (
    <Panel
      title="Predictions"
      note={<><i className="swatch swatch-reference" aria-hidden="true" /> {versionMark(rollout.model, rollout.stable)} <i className="swatch swatch-live swatch-candidate" aria-hidden="true" /> {versionMark(rollout.model, rollout.candidate)}</>}
    >
      <div className="rollout-distribution">
        <OverlaidDistribution labels={shares.labels} reference={shares.stable} live={shares.candidate} names={[rollout.stable, rollout.candidate].map((version) => versionMark(rollout.model, version)) as [string, string]} title="Predictions of both versions" />
      </div>
    </Panel>
  );
}
