/** How good probabilities are against what happened. */
export interface Scores {
  rows: number;
  /** Chance that a late flight gets a higher probability than one that is not; 0.5 is guessing. NaN without both kinds. */
  auc: number;
  /** Mean squared error of the probability; lower is better. */
  brier: number;
  /** Mean negative log likelihood, in nats; lower is better. */
  logLoss: number;
  meanPrediction: number;
  lateShare: number;
}

/** `late` holds 0 and 1. */
export function scoresOf(probabilities: Float64Array, late: Uint8Array): Scores {
  const rows = probabilities.length;
  let squared = 0, logLoss = 0, predicted = 0, lateRows = 0;
  for (let row = 0; row < rows; row++) {
    const probability = probabilities[row]!;
    const happened = late[row]!;
    squared += (probability - happened) ** 2;
    logLoss -= Math.log(Math.max(1e-15, happened === 1 ? probability : 1 - probability));
    predicted += probability;
    lateRows += happened;
  }
  return {
    rows,
    auc: areaUnderCurve(probabilities, late),
    brier: squared / rows,
    logLoss: logLoss / rows,
    meanPrediction: predicted / rows,
    lateShare: lateRows / rows,
  };
}

/** Area under the ROC curve by Mann and Whitney's U: late flights are ranked among the punctual ones, and ties count half. */
export function areaUnderCurve(probabilities: Float64Array, late: Uint8Array): number {
  // Sorting plain numbers is many times faster than sorting indices with a comparison.
  const ofLate = probabilities.filter((_, row) => late[row] === 1).sort();
  const ofPunctual = probabilities.filter((_, row) => late[row] !== 1).sort();
  let below = 0, notAbove = 0, sum = 0;
  for (const probability of ofLate) {
    while (below < ofPunctual.length && ofPunctual[below]! < probability) below++;
    while (notAbove < ofPunctual.length && ofPunctual[notAbove]! <= probability) notAbove++;
    sum += (below + notAbove) / 2;
  }
  return sum / (ofLate.length * ofPunctual.length);
}
