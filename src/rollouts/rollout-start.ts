import { AppError } from "../core/errors.ts";
import { routeOfSubject } from "../core/traffic-subject.ts";
import { championAlias, type RolloutPlan, type TensorSpec } from "../registry/index.ts";
import { assertAnswering } from "./assert-answering.ts";
import type { RolledVersion, RolloutRegistry } from "./rollout-parts.ts";
import type { NewRollout } from "./schemas.ts";

export interface StartableRollout {
  team: string;
  stable: string;
  candidate: string;
  plan: RolloutPlan;
}

/** What a rollout would be of. Throws ROLLOUT_IMPOSSIBLE with what stands against it in words, VERSION_NOT_RUNNABLE, MODEL_NOT_FOUND, VERSION_NOT_FOUND. */
export async function startableRollout(registry: RolloutRegistry, name: string, { version, canary, plan: given }: NewRollout): Promise<StartableRollout> {
  const { team, aliases, latestVersion } = await registry.model(name);
  const stable = aliases[championAlias];
  const candidate = version ?? latestVersion;
  if (candidate === null) throw new AppError("ROLLOUT_IMPOSSIBLE", `${name} has no versions: deploy one first.`);
  if (stable === undefined) {
    throw new AppError("ROLLOUT_IMPOSSIBLE", `${name} has no champion to compare version ${candidate} with: give it the traffic with \`slipway activate ${name} ${candidate}\`. Rollouts are for the versions after the first.`);
  }
  const found = await registry.version(name, candidate);
  if (candidate === stable) throw new AppError("ROLLOUT_IMPOSSIBLE", routeOfSubject(name) === null ? `Version ${candidate} is the champion of ${name} already.` : `Revision ${candidate} is what ${name} answers with already: name another one, or what is different.`);
  assertAnswering(name, found);
  const differences = signatureDifferences(await registry.version(name, stable), found);
  if (differences.length > 0) {
    throw new AppError("ROLLOUT_IMPOSSIBLE", `Version ${candidate} of ${name} is not for the callers of version ${stable}: ${differences.join("; ")}.`, {
      problems: differences.map((message) => ({ path: "version", message })),
    });
  }
  const plan = given ?? (await registry.policy(name)).policy.rollout;
  return { team, stable, candidate, plan: canary === undefined ? plan : withCanary(plan, canary / 100) };
}

/** The canary phase with another share; no later phase has less. Throws ROLLOUT_IMPOSSIBLE where the plan has none. */
function withCanary(plan: RolloutPlan, share: number): RolloutPlan {
  const first = plan.phases.findIndex(({ phase }) => phase === "canary");
  if (first === -1) throw new AppError("ROLLOUT_IMPOSSIBLE", "The plan has no canary phase that could have another share.");
  const phases = plan.phases.map((phase, index) => {
    const weight = phase.phase === "canary" ? share : index < first ? Math.min(phase.weight, share) : Math.max(phase.weight, share);
    return { ...phase, weight };
  });
  return { ...plan, phases };
}

/** In words, what callers of the one could not send to the other, or would not get. */
export function signatureDifferences(stable: Pick<RolledVersion, "contract" | "version">, candidate: Pick<RolledVersion, "contract" | "version">): string[] {
  const [left, right] = [stable.contract.signature, candidate.contract.signature];
  return [...tensorDifferences("input", left.inputs, right.inputs), ...tensorDifferences("output", left.outputs, right.outputs)];
}

function tensorDifferences(kind: "input" | "output", left: readonly TensorSpec[], right: readonly TensorSpec[]): string[] {
  const others = new Map(right.map((tensor) => [tensor.name, tensor]));
  const differences = left.flatMap((tensor) => {
    const other = others.get(tensor.name);
    others.delete(tensor.name);
    if (other === undefined) return [`it has no ${kind} ${tensor.name}`];
    const [before, after] = [shapeText(tensor), shapeText(other)];
    return before === after ? [] : [`its ${kind} ${tensor.name} is ${after} and not ${before}`];
  });
  return [...differences, ...[...others.keys()].map((name) => `it has another ${kind}, ${name}`)];
}

function shapeText({ datatype, shape }: TensorSpec): string {
  return `${datatype}[${shape.join(", ")}]`;
}
