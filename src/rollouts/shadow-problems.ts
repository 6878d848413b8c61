import type { Problem } from "../core/errors.ts";
import type { RolloutPlan } from "../registry/index.ts";

/**
 * Phases that are called shadow and would give the candidate callers: `weight` is the share of callers that get its answers, and whoever took it for the share that is mirrored would show all of them what nobody has
 * compared yet.
 */
export function shadowProblems({ phases }: Pick<RolloutPlan, "phases">, path: string): Problem[] {
  return phases.flatMap(({ phase, weight }, index) =>
    phase === "shadow" && weight > 0 ? [{ path: `${path}.phases[${index}].weight`, message: "a phase shadow gives the candidate no callers: weight must be 0, and shadow is the share of calls that it is asked too" }] : []);
}
