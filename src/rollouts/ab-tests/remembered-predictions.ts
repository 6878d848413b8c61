import type { PredictionValues } from "../figures/prediction-values.ts";
import type { ArmUnits, Unit } from "./arm-units.ts";

/** A prediction whose metric becomes known later. */
export interface RememberedPrediction {
  units: ArmUnits;
  unit: Unit;
  /** Covariate of each row; zeros where none is named. */
  covariate: readonly number[];
  values: PredictionValues | null;
  /** What was added for each row; NaN where nothing was. */
  added: number[];
}

/**
 * The newest predictions of one A/B test, up to so many rows: values that arrive for older ones are not counted for any arm. A row
 * takes some 300 bytes.
 */
export class RememberedPredictions {
  readonly #capacity: number;
  readonly #predictions = new Map<string, RememberedPrediction>();
  #rows = 0;

  constructor(capacity = 100_000) {
    this.#capacity = capacity;
  }

  put(predictionId: string, prediction: RememberedPrediction): void {
    this.#predictions.set(predictionId, prediction);
    this.#rows += prediction.covariate.length;
    for (const [id, { covariate }] of this.#predictions) {
      if (this.#rows <= this.#capacity || id === predictionId) break;
      this.#predictions.delete(id);
      this.#rows -= covariate.length;
    }
  }

  get(predictionId: string): RememberedPrediction | undefined {
    return this.#predictions.get(predictionId);
  }
}
