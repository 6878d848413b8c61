import type { ArmSample, PairedSample, StoredTruth } from "../../serving/index.ts";
import { predictionValuesOf, type PredictionValues } from "./prediction-values.ts";
import { PredictedRows } from "./predicted-rows.ts";

/** An error that became known: 0 or 1 for labels, the absolute difference for numbers. */
export interface TruthError {
  rollout: string;
  phase: string;
  /** Arm whose prediction it is: the one that answered, or the one that was asked as a shadow. */
  arm: string;
  predictionId: string;
  row: number;
  /** Null when the truth was corrected to something that cannot be compared with the prediction. */
  error: number | null;
  /** What was told for this prediction before, and is to be taken back; null when nothing was. */
  former: number | null;
}

type Truth = Pick<StoredTruth, "predictionId" | "row" | "value">;

/**
 * What the arms of open rollouts predicted not long ago, so that truth that arrives can be held against it without asking a log. Bounded: of each rollout the newest
 * `capacity` rows (about 40 bytes each); truth of older ones is not counted for any arm. Answers that stable gave in an arm's place are left out: they are of inputs that were hard for the arm, and
 * no fair share of its own.
 */
export class PredictedLabels {
  readonly #capacity: number;
  readonly #rollouts = new Map<string, PredictedRows>();

  constructor({ capacity = 200_000 }: { capacity?: number } = {}) {
    this.#capacity = capacity;
  }

  /** An arm's answer to a caller. `values` are those of `predictionValuesOf`, where the caller has them already. */
  remember(sample: ArmSample, values: PredictionValues | null = valuesOf(sample)): void {
    if (sample.isRetry || sample.isFailure || values === null) return;
    this.#of(sample.route.rollout).put(sample.predictionId, { phase: sample.route.phase, arm: sample.arm }, values);
  }

  /** Both answers to one request: the truth of the caller's prediction is also that of the shadow's. */
  rememberPair(sample: PairedSample, values: { stable: PredictionValues | null; shadow: PredictionValues | null } = { stable: valuesOf({ ...sample.stable, rows: sample.rows }), shadow: valuesOf({ ...sample.shadow, rows: sample.rows }) }): void {
    const rows = this.#of(sample.route.rollout);
    const { phase } = sample.route;
    if (values.stable !== null) rows.put(sample.predictionId, { phase, arm: "stable" }, values.stable);
    if (values.shadow !== null) rows.put(sample.predictionId, { phase, arm: sample.shadow.arm }, values.shadow);
  }

  /**
   * What the records change: of each prediction and row that is remembered one entry for each arm that predicted it, so two next to each other where both answered the same request.
   * The same value again changes nothing, so the same record may be told twice; a corrected one takes the former error back.
   */
  errorsOf(records: readonly Truth[]): TruthError[] {
    const errors: TruthError[] = [];
    for (const { predictionId, row, value } of records) {
      for (const [rollout, rows] of this.#rollouts) {
        for (const { phase, arm, error, former } of rows.judge(predictionId, row, value)) errors.push({ rollout, phase, arm, predictionId, row, error, former });
      }
    }
    return errors;
  }

  /** Forgets a rollout that has ended. */
  drop(rollout: string): void {
    this.#rollouts.delete(rollout);
  }

  #of(rollout: string): PredictedRows {
    let rows = this.#rollouts.get(rollout);
    if (rows === undefined) this.#rollouts.set(rollout, (rows = new PredictedRows(this.#capacity)));
    return rows;
  }
}

function valuesOf({ outputs, rows, version }: Pick<ArmSample, "outputs" | "rows" | "version">): PredictionValues | null {
  return predictionValuesOf(outputs, rows, { specs: version.contract.signature.outputs });
}
