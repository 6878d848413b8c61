import type { ArmSample, StoredTruth } from "../../serving/index.ts";
import { armOfFraction, KeySample } from "../figures/key-sample.ts";
import { predictionValuesOf } from "../figures/prediction-values.ts";
import { ArmUnits } from "./arm-units.ts";
import { covariateValues, errorOf, predictedNumber } from "./metric-values.ts";
import { RememberedPredictions, type RememberedPrediction } from "./remembered-predictions.ts";
import type { AbTestFigures, AbTestOutcome, AbTestSpec } from "./schemas.ts";

/** Name of the control's arm in routes. */
export const controlArm = "stable";

/** Of most requests, so that each does not have its own. */
const noCovariate: readonly number[] = [0];

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
    const { choice, arm, isFailure, outcome, outputs, rows, latencyUs, version } = sample;
    if (choice === undefined || choice.fraction === null || sample.isRetry) return;
    // Whose slot it is by the plan: keys of a variant that lost its traffic are no fair share of anybody's.
    if (armOfFraction(this.spec.variants, choice.fraction) !== arm) return;
    this.changes++;
    const units = this.#armOf(arm);
    units.requests++;
    if (choice.by === "key") this.#keys.add(choice.fraction, arm);
    else units.drawn++;
    if (isFailure) {
      units.failures++;
      return;
    }
    if (outputs.length === 0) return;
    const { metric, covariate: named } = this.spec;
    const covariate = named !== null ? covariateValues(sample, named) : rows === 1 ? noCovariate : new Array<number>(rows).fill(0);
    const unit = { fraction: choice.fraction, isSingle: choice.by !== "key" && rows === 1 };
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

  #armOf(arm: string): ArmUnits {
    let units = this.#arms.get(arm);
    if (units === undefined) this.#arms.set(arm, (units = new ArmUnits(arm)));
    return units;
  }
}
