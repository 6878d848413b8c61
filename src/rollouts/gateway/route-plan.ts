import { z } from "zod";
import { AppError, type Problem } from "../../core/errors.ts";
import { RolloutPhase, RolloutPlan, StepGate } from "../../registry/index.ts";
import { shadowProblems } from "../shadow-problems.ts";

type Kind = StepGate["kind"];

/** What only models can be asked for, and why. */
const ofModels: Partial<Record<Kind, string>> = {
  distribution: "answers of language models are neither numbers nor labels",
  paired: "answers of language models are not compared word by word; `cost` compares pairs where a shadow makes them",
  accuracy: "there is no truth of a call; name a score that is given to traces with `score`",
  metric: "there are no logged predictions of calls; name a score that is given to traces with `score`",
};

const [latency, ...others] = StepGate.options;
/** A language model takes seconds, and differs more from call to call. */
const RouteGate = z.discriminatedUnion("kind", [
  latency.extend({ maxMs: latency.shape.maxMs.unwrap().default(null), maxRatio: latency.shape.maxRatio.unwrap().default(1.5), fromMs: latency.shape.fromMs.unwrap().default(100) }), ...others,
]);

const gates: z.output<typeof StepGate>[] = [
  { kind: "latency", quantile: "p95", maxMs: null, maxRatio: 1.5, fromMs: 100, onFailure: "roll back" },
  { kind: "errors", maxRate: 0.05, compare: true, onFailure: "roll back" },
  { kind: "cost", maxRatio: 1.25, maxDollars: null, onFailure: "roll back" },
];

const RoutePhase = RolloutPhase.extend({ gates: z.array(RouteGate).max(50).default(gates) });

/** A plan with the defaults of routes of the gateway: no shadow, which costs what a call costs, and gates that calls can be judged by. */
export const RouteRolloutPlan = RolloutPlan.extend({
  phases: z.array(RoutePhase).min(1).max(20).refine((phases) => phases.every(({ weight }, index) => weight >= (phases[index - 1]?.weight ?? 0)), "no phase may have less weight than the one before").prefault([
    { phase: "canary", weight: 0.05, minSeconds: 600, minSamples: 100 },
    { phase: "staged", weight: 0.25, minSeconds: 1800, minSamples: 500 },
    { phase: "full", weight: 1, minSeconds: 600 },
  ]),
}).meta({ id: "RouteRolloutPlan" });

/** A model that answers calls, and whether what it answers has a price. */
export interface PricedTarget {
  provider: string;
  model: string;
  isPriced: boolean;
}

/**
 * The plan of a rollout of a route, and what to know of its gate `cost`: calls without a price are no data for it, and it would hold its phase for good. The plan that nobody asked for otherwise (`given` is
 * undefined) has no such gate where no model of either side has a price.
 */
export function planByPrices(given: RolloutPlan | undefined, { stable, candidate }: { stable: readonly PricedTarget[]; candidate: readonly PricedTarget[] }): { plan: RolloutPlan; notes: string[] } {
  const plan = given ?? RouteRolloutPlan.parse({});
  const unpriced = [stable, candidate].filter((targets) => !targets.some(({ isPriced }) => isPriced)).flat();
  if (unpriced.length === 0 || !plan.phases.some(({ gates: asked }) => asked.some(({ kind }) => kind === "cost"))) return { plan, notes: [] };
  const [first] = unpriced;
  const names = [...new Set(unpriced.map(({ provider, model }) => `${provider}/${model}`))].join(", ");
  const command = `\`slipway prices set ${first!.provider} ${first!.model} --input ... --output ...\``;
  if (given !== undefined || unpriced.length < stable.length + candidate.length) return { plan, notes: [`The gate cost holds its phase until there are calls of both with a price, and ${names} has none: set one with ${command}.`] };
  const phases = plan.phases.map((phase) => ({ ...phase, gates: phase.gates.filter(({ kind }) => kind !== "cost") }));
  return { plan: { ...plan, phases }, notes: [`The plan has no gate cost: no model of either side has a price (${names}). To have costs judged, set prices with ${command} and start it again.`] };
}

/** Throws INVALID_REQUEST with each thing that a rollout of a route cannot have. */
export function assertRoutePlan({ phases, startOn }: RolloutPlan): void {
  const problems: Problem[] = startOn.length === 0 ? [] : [{ path: "plan.startOn", message: "a rollout of a route is started by a person or a program" }];
  for (const [index, phase] of phases.entries()) {
    for (const [number, { kind }] of phase.gates.entries()) {
      const why = ofModels[kind];
      if (why !== undefined) problems.push({ path: `plan.phases[${index}].gates[${number}]`, message: `a route has no gate ${kind}: ${why}` });
    }
    for (const [number, { kind }] of phase.checks.entries()) {
      if (kind !== "approval") problems.push({ path: `plan.phases[${index}].checks[${number}]`, message: `a route has no check ${kind}: before its phase nobody can call a draft; try it in the playground, and use approval` });
    }
  }
  problems.push(...shadowProblems({ phases }, "plan"));
  if (problems.length > 0) throw new AppError("INVALID_REQUEST", problems.map(({ message }) => message).join("; "), { problems });
}

/** What only routes of the gateway can be asked for. */
export function routeOnlyProblems({ phases }: RolloutPlan, path: string): Problem[] {
  return phases.flatMap(({ gates: asked }, phase) =>
    asked.flatMap(({ kind }, gate) => (kind === "cost" || kind === "score" ? [{ path: `${path}.phases[${phase}].gates[${gate}]`, message: `The gate ${kind} is for routes of the gateway: a model's predictions have none.` }] : [])));
}
