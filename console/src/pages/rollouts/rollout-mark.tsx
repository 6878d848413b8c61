import type { Rollout, RolloutVerdict } from "../../data/types.ts";
import { isOpen } from "../../data/rollouts.ts";
import { Chip } from "../../parts/chip.tsx";
import { abTestStateWords } from "./ab-test-words.ts";
import { decisionSigns, decisionTones, rolloutStateWords, rolloutTones } from "./rollout-words.ts";

/** State of a rollout; what was asked of it and is not done yet stands beside it. */
export function RolloutMark({ rollout }: { rollout: Rollout }) {
  const { state, request } = rollout;
  return (
    <span className="cell-line">
      <Chip tone={rolloutTones[state]} title={stateWords(rollout)}>{state}</Chip>
      {request !== null && isOpen(rollout) && <Chip tone="warning" title={`${request.by}: ${request.reason}`}>{request.action === "trip" ? "ending" : `${request.action} asked`}</Chip>}
    </span>
  );
}

/** What its state means. */
export function stateWords({ kind, state }: Pick<Rollout, "kind" | "state">): string {
  return (kind === "ab-test" ? abTestStateWords[state] : undefined) ?? rolloutStateWords[state];
}

export function DecisionMark({ decision }: Pick<RolloutVerdict, "decision">) {
  return <Chip tone={decisionTones[decision]}><span className="decision-sign" aria-hidden="true">{decisionSigns[decision]}</span>{decision}</Chip>;
}
