import type { WorkflowStep } from "../workflows/index.ts";
import { checkStep, type CheckResult } from "./entry-checks.ts";
import { liveReplicas } from "./replicas/index.ts";
import type { Replica, Rollout, RolloutStatus } from "./schemas.ts";

/** The checks of all phases, as the journal of the rollout's run has them. */
export function checksOf(rollout: Rollout, steps: readonly WorkflowStep[]): RolloutStatus["checks"] {
  if (rollout.kind !== "rollout") return [];
  return rollout.plan.phases.flatMap(({ checks }, phase) =>
    checks.map((check, number) => {
      const { name, kind } = check;
      const step = checkStep(phase, number, check);
      const own = steps.filter((one) => one.step === step || one.step.startsWith(`${step} #`)).at(-1);
      const shown = (state: RolloutStatus["checks"][number]["state"], detail = ""): RolloutStatus["checks"][number] => ({ phase, name, kind, state, detail });
      if (own === undefined) return shown("pending");
      if (kind === "approval") return own.state === "succeeded" ? approvalOf(own.result, shown) : shown("waits for approval");
      if (own.state !== "succeeded") return own.state === "failed" ? shown("failed", own.error?.message) : shown("running");
      const result = own.result as CheckResult | null;
      return result === null ? shown("pending") : shown(result.passed ? "passed" : "failed", result.detail);
    }),
  );
}

type Shown = RolloutStatus["checks"][number];

function approvalOf(payload: unknown, shown: (state: Shown["state"], detail?: string) => Shown): Shown {
  const given = payload as { action: string; by?: string; reason?: string } | null;
  if (given === null) return shown("failed", "nobody approved in time");
  if (given.action !== "approve") return shown("pending");
  return shown("passed", `approved by ${given.by ?? "somebody"}${given.reason === undefined || given.reason === "" ? "" : `: ${given.reason}`}`);
}

/** Every server that was heard of lately, with the revision of the model's route that it has. */
export function replicasOf(replicas: readonly Replica[], model: string): RolloutStatus["replicas"] {
  const live = new Set(liveReplicas(replicas));
  return replicas.map((replica) => ({ id: replica.id, seenAt: replica.seenAt, revision: replica.routes[model] ?? null, live: live.has(replica) }));
}
