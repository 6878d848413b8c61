import type { SplitPair, SplitSample } from "../../gateway/index.ts";
import type { ArmSample, PairedSample, StoredTruth, TrafficObserver, TrafficRoute } from "../../serving/index.ts";
import type { ReplicaFigures } from "../schemas.ts";
import { mergeFigures } from "./merge-figures.ts";
import { PhaseCounters } from "./phase-counters.ts";
import { PredictedLabels } from "./predicted-labels.ts";
import { predictionValuesOf, type PredictionValues } from "./prediction-values.ts";

export interface RolloutFiguresParts {
  /** Called once for each arm of a phase, on the request path: the arm is to lose its traffic before this returns. `reason` says what its last failure was. */
  onHardFailure(route: TrafficRoute, arm: string, reason: string): void;
}

const stableArm = "stable";

/**
 * What the arms of routes do, added up in memory by rollout and phase. Phases go on being counted for requests that began in them. An attempt that is a repetition on the
 * stable version counts there as a retry and as nothing else: it was not assigned to it, and its input was hard for another.
 */
export class RolloutFigures implements TrafficObserver {
  readonly #onHardFailure: RolloutFiguresParts["onHardFailure"];
  readonly #ofRoute = new WeakMap<TrafficRoute, PhaseCounters>();
  readonly #phases = new Map<string, Map<string, PhaseCounters>>();
  readonly #labels = new PredictedLabels();

  constructor({ onHardFailure }: RolloutFiguresParts) {
    this.#onHardFailure = onHardFailure;
  }

  answered(sample: ArmSample): void {
    const { route, arm, version, isFailure, isRetry } = sample;
    // Nothing is compared: versions are loaded or kept warm.
    if (route.arms.length === 0 && route.shadow === null) return;
    const phase = this.#countersOf(route);
    phase.changes++;
    const counters = phase.arm(arm, version.version);
    if (isRetry) {
      counters.addRetry();
      return;
    }
    const values = sample.outputs.length === 0 || isFailure ? null : valuesOf(sample);
    counters.add(sample, values);
    phase.countAssignment(sample);
    if (values !== null) this.#labels.remember(sample, values);
    if (arm !== stableArm) this.#judge(phase, route, arm, sample);
  }

  paired(sample: PairedSample): void {
    const { route, rows, stable, shadow } = sample;
    const phase = this.#countersOf(route);
    phase.changes++;
    const shadowValues = shadow.outcome === "ok" && !shadow.isFailure ? valuesOf({ ...shadow, rows }) : null;
    // Where the arm has requests of its own, those alone are its figures: a shadow's are of inputs that were assigned to the stable version.
    if (!hasTraffic(route, shadow.arm)) phase.arm(shadow.arm, shadow.version.version).add({ ...shadow, rows }, shadowValues);
    if (shadow.outcome === "ok" && !shadow.isFailure) {
      const stableValues = valuesOf({ ...stable, rows });
      phase.paired(shadow.arm).add(stableValues, shadowValues, shadow.latencyUs - stable.latencyUs);
      this.#labels.rememberPair(sample, { stable: stableValues, shadow: shadowValues });
    }
    this.#judge(phase, route, shadow.arm, shadow);
  }

  shadowSkipped(route: TrafficRoute): void {
    if (route.shadow === null) return;
    const phase = this.#countersOf(route);
    phase.changes++;
    phase.paired(route.shadow.arm).skip();
  }

  /** A call of a route of the gateway. */
  answeredCall(sample: SplitSample): void {
    const { route, arm, revision, isFailure, outcome, costDollars } = sample;
    if (route.arms.length === 0 && route.shadow === null) return;
    const phase = this.#countersOf(route);
    phase.changes++;
    const counters = phase.arm(arm, revision);
    if (sample.isRetry) {
      counters.addRetry();
      return;
    }
    if (sample.limit !== undefined) {
      counters.addLimited(sample.limit === "own");
      phase.countAssignment(sample);
      // A test has no gates that would end it.
      if (route.kind === "ab-test" && arm !== stableArm && counters.isLimitedBeyond && phase.isFirstLimit(arm)) this.#onHardFailure(route, arm, outcome);
      return;
    }
    counters.add({ ...sample, rows: 1 }, null);
    // Cached answers and failures cost little, and say nothing of what an answer by these settings costs.
    if (costDollars !== null && outcome === "ok" && !isFailure) counters.addValue("cost", costDollars);
    phase.countAssignment(sample);
    if (arm !== stableArm) this.#judge(phase, route, arm, sample);
  }

  /** A call of a route that a shadow was asked too. */
  pairedCalls({ route, stable, shadow }: SplitPair): void {
    const phase = this.#countersOf(route);
    phase.changes++;
    const isAnswer = shadow.outcome === "ok" && !shadow.isFailure;
    if (shadow.isLimited === true) {
      if (!hasTraffic(route, shadow.arm)) phase.arm(shadow.arm, shadow.revision).addLimited(true);
      return;
    }
    if (!hasTraffic(route, shadow.arm)) {
      const counters = phase.arm(shadow.arm, shadow.revision);
      counters.add({ ...shadow, rows: 1 }, null);
      if (shadow.costDollars !== null && isAnswer) counters.addValue("cost", shadow.costDollars);
    }
    if (isAnswer) {
      const pairs = phase.paired(shadow.arm);
      pairs.add(null, null, shadow.latencyUs - stable.latencyUs);
      if (stable.costDollars !== null && shadow.costDollars !== null) pairs.addCosts(stable.costDollars, shadow.costDollars);
    }
    this.#judge(phase, route, shadow.arm, shadow);
  }

  /** Truth that arrived, at this server or at another; the same again changes nothing. */
  truth(records: readonly Pick<StoredTruth, "predictionId" | "row" | "value">[]): void {
    for (const { rollout, phase: name, arm, error, former } of this.#labels.errorsOf(records)) {
      const phase = this.#phases.get(rollout)?.get(name);
      if (phase === undefined) continue;
      phase.changes++;
      phase.knownArm(arm)?.addError(error, former);
    }
  }

  /** Of this process alone. */
  ofPhase(rollout: string, phase: string): ReplicaFigures {
    return mergeFigures([this.#phases.get(rollout)?.get(phase)?.toFigures() ?? { arms: [], paired: [] }]);
  }

  /** Phases with figures, and a number for each that goes up with every change of them. */
  open(): { rollout: string; phase: string; changes: number }[] {
    return [...this.#phases.values()].flatMap((phases) => [...phases.values()].map(({ rollout, phase, changes }) => ({ rollout, phase, changes })));
  }

  /** Forgets a rollout that has ended. */
  drop(rollout: string): void {
    this.#phases.delete(rollout);
    this.#labels.drop(rollout);
  }

  #countersOf(route: TrafficRoute): PhaseCounters {
    const known = this.#ofRoute.get(route);
    if (known !== undefined) return known;
    const { rollout, phase } = route;
    let phases = this.#phases.get(rollout);
    if (phases === undefined) this.#phases.set(rollout, (phases = new Map()));
    let counters = phases.get(phase);
    if (counters === undefined) phases.set(phase, (counters = new PhaseCounters(rollout, phase)));
    this.#ofRoute.set(route, counters);
    return counters;
  }

  /** Whoever tells of an attempt has seen to it that the stable version could do what the arm could not. */
  #judge(phase: PhaseCounters, route: TrafficRoute, arm: string, { isFailure, outcome, latencyUs }: Pick<ArmSample, "isFailure" | "outcome" | "latencyUs">): void {
    const { failures, latencyMs } = route.hard;
    if (!isFailure && (latencyMs === null || latencyUs <= latencyMs * 1000)) return;
    if (phase.countHardFailure(arm) === failures) this.#onHardFailure(route, arm, isFailure ? outcome : `answered after ${Math.round(latencyUs / 1000)} ms`);
  }
}

function hasTraffic(route: TrafficRoute, name: string): boolean {
  for (const arm of route.arms) if (arm.name === name) return arm.to > arm.from;
  return false;
}

function valuesOf({ outputs, rows, version }: Pick<ArmSample, "outputs" | "rows" | "version">): PredictionValues | null {
  return predictionValuesOf(outputs, rows, { specs: version.contract.signature.outputs });
}
