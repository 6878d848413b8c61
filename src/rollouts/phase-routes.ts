import type { RolloutPlan } from "../registry/index.ts";
import type { TrafficRoute } from "../serving/index.ts";
import type { Rollout } from "./schemas.ts";

/** Name of the one arm of a rollout. */
export const candidateArm = "candidate";
/** A route that the store has not numbered yet. */
export type NewRoute = Omit<TrafficRoute, "revision">;

/** What the figures of a phase are kept under: its name, with a number where the plan has several of that name. */
export function phaseKey(plan: RolloutPlan, index: number): string {
  const { phase } = plan.phases[index]!;
  const before = plan.phases.slice(0, index).filter((other) => other.phase === phase).length;
  return before === 0 ? phase : `${phase} ${before + 1}`;
}

/** Both versions are loaded everywhere, and the stable one answers all. */
export function preparingRoute(rollout: Rollout): NewRoute {
  return routeOf(rollout, "preparing", { warm: [rollout.stable, rollout.candidate] });
}

/** The traffic of a phase of the plan. In the last one the stable version still answers what the candidate fails at. */
export function phaseRoute(rollout: Rollout, index: number): NewRoute {
  const { plan, candidate, stable } = rollout;
  const { weight, shadow } = plan.phases[index]!;
  return routeOf(rollout, phaseKey(plan, index), {
    arms: [{ name: candidateArm, version: candidate, from: 0, to: weight }],
    rules: plan.rules.map(({ header, equals, to }) => ({ header, equals, arm: to })),
    shadow: shadow === 0 ? null : { arm: candidateArm, version: candidate, share: shadow, ...plan.shadow },
    warm: [stable, candidate],
  });
}

/** Nothing for the candidate any more, whatever the champion is at this moment. */
export function stableRoute(rollout: Rollout): NewRoute {
  return routeOf(rollout, "ended", { warm: [rollout.stable] });
}

/** Everything for the candidate, which is the champion. That the former version stays loaded is serving's doing. */
export function wonRoute(rollout: Rollout): NewRoute {
  return { ...routeOf(rollout, "ended", { warm: [rollout.candidate] }), stable: rollout.candidate };
}

function routeOf({ id, model, kind, stable, salt, plan }: Rollout, phase: string, traffic: Partial<NewRoute> & Pick<NewRoute, "warm">): NewRoute {
  const { key, retryOnStable, hard, keepWarmSeconds } = plan;
  return { model, rollout: id, phase, kind, stable, salt, key, retryOnStable, hard, keepWarmSeconds, arms: [], rules: [], shadow: null, ...traffic };
}
