import type { SplitSample } from "../../gateway/index.ts";
import type { ArmSample, StoredTruth } from "../../serving/index.ts";
import { armOfFraction, KeySample } from "../figures/key-sample.ts";
import { predictionValuesOf } from "../figures/prediction-values.ts";
import { ArmUnits, type Unit } from "./arm-units.ts";
import { covariateValues, errorOf, predictedNumber } from "./metric-values.ts";
import { RememberedPredictions, type RememberedPrediction } from "./remembered-predictions.ts";
import type { AbTestFigures, AbTestOutcome, AbTestSpec } from "./schemas.ts";

/** Name of the control's arm in routes. */
export const controlArm = "stable";

/** Of most requests, so that each does not have its own. */
const noCovariate: readonly number[] = [0];

/** Metric of calls of routes: US dollars. */
const costMetric = "cost";

/** Whether a metric of calls is known with the answer; every other one is a score that its trace gets later. */
export function isMeasured(metric: string): boolean {
  return metric === costMetric || metric === "latency";
}

/** Everything that is counted of one A/B test on this server. */
export class TestCounters {
  readonly spec: AbTestSpec;
  /** Goes up with everything that is counted. */
  changes = 0;
  readonly #arms = new Map<string, ArmUnits>();
  readonly #keys = new KeySample();
  readonly #remembered = new RememberedPredictions();

  constructor(spec: AbTestSpec) {
    this.spec = spec;
  }

  answered(sample: ArmSample): void {
    const { choice, outcome, outputs, rows, latencyUs, version } = sample;
    const units = this.#assigned(sample);
    if (units === null || outputs.length === 0) return;
    const { metric, covariate: named } = this.spec;
    const covariate = named !== null ? covariateValues(sample, named) : rows === 1 ? noCovariate : new Array<number>(rows).fill(0);
    const unit = unitOf(choice!, rows);
    if (metric === "latency") {
      // Cached answers say nothing of the version's speed.
      if (outcome === "ok") units.add(unit, covariate[0] ?? NaN, latencyUs / 1000);
      return;
    }
    const values = predictionValuesOf(outputs, rows, { specs: version.contract.signature.outputs });
    if (metric === "prediction") {
      for (let row = 0; values !== null && row < rows; row++) units.add(unit, covariate[row]!, predictedNumber(values, row));
      return;
    }
    const byTruth = metric === "accuracy" || metric === "error";
    if (byTruth && values === null) return;
    this.#remembered.put(sample.predictionId, { units, unit, covariate, values: byTruth ? values : null, added: new Array<number>(byTruth ? rows : 1).fill(NaN) });
  }

  /** A call of a route with its cost or latency. Scores are read from the stored traces. */
  answeredCall(sample: SplitSample): void {
    const units = this.#assigned(sample);
    const { choice, outcome } = sample;
    // What a cache answered says nothing of the settings.
    if (units === null || outcome !== "ok" || !isMeasured(this.spec.metric)) return;
    units.add(unitOf(choice!, 1), 0, this.spec.metric === "latency" ? sample.latencyUs / 1000 : (sample.costDollars ?? NaN));
  }

  truth({ predictionId, row, value }: Pick<StoredTruth, "predictionId" | "row" | "value">): void {
    const { metric } = this.spec;
    if (metric !== "accuracy" && metric !== "error") return;
    const prediction = this.#remembered.get(predictionId);
    if (prediction === undefined || prediction.values === null) return;
    const error = errorOf(prediction.values, row, value);
    // Numbers are never right or wrong.
    if (metric === "accuracy") this.#put(prediction, row, prediction.values.kind === "label" ? 1 - error : NaN);
    else this.#put(prediction, row, error);
  }

  outcome({ predictionId, metric, value }: AbTestOutcome): void {
    if (metric !== this.spec.metric) return;
    const prediction = this.#remembered.get(predictionId);
    if (prediction !== undefined && prediction.values === null) this.#put(prediction, 0, value);
  }

  toFigures(): AbTestFigures {
    return { arms: [...this.#arms.values()].map((units) => units.toFigures()), keys: this.#keys.toFigures() };
  }

  /** The same value again changes nothing, another one takes its place. */
  #put({ units, unit, covariate, added }: RememberedPrediction, row: number, value: number): void {
    const [former, x] = [added[row], covariate[row]];
    if (former === undefined || x === undefined || Object.is(former, value)) return;
    this.changes++;
    units.remove(unit, x, former);
    units.add(unit, x, value);
    added[row] = value;
  }

  /** Counts it, with the sample's failure; null where it is nobody's, or failed. */
  #assigned({ choice, arm, isFailure, isRetry }: Pick<ArmSample, "choice" | "arm" | "isFailure" | "isRetry">): ArmUnits | null {
    if (choice === undefined || choice.fraction === null || isRetry) return null;
    // Whose slot it is by the plan: keys of a variant that lost its traffic are no fair share of anybody's.
    if (armOfFraction(this.spec.variants, choice.fraction) !== arm) return null;
    this.changes++;
    const units = this.#armOf(arm);
    units.requests++;
    if (choice.by === "key") this.#keys.add(choice.fraction, arm);
    else units.drawn++;
    if (!isFailure) return units;
    units.failures++;
    return null;
  }

  #armOf(arm: string): ArmUnits {
    let units = this.#arms.get(arm);
    if (units === undefined) this.#arms.set(arm, (units = new ArmUnits(arm)));
    return units;
  }
}

function unitOf({ by, fraction }: NonNullable<ArmSample["choice"]>, rows: number): Unit {
  return { fraction: fraction!, isSingle: by !== "key" && rows === 1 };
}
