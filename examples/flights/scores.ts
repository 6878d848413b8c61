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

/** Area under the ROC curve by the rank sum of Mann and Whitney; ties count half. */
export function areaUnderCurve(probabilities: Float64Array, late: Uint8Array): number {
  const order = sortedOrder(probabilities);
  let rankSum = 0, lateRows = 0;
  for (let start = 0; start < order.length; ) {
    let end = start;
    let lateHere = 0;
    while (end < order.length && probabilities[order[end]!] === probabilities[order[start]!]) lateHere += late[order[end++]!]!;
    rankSum += lateHere * ((start + 1 + end) / 2);
    lateRows += lateHere;
    start = end;
  }
  return (rankSum - (lateRows * (lateRows + 1)) / 2) / (lateRows * (order.length - lateRows));
}

/** Indices in the order of their values. */
function sortedOrder(values: Float64Array): Uint32Array {
  const order = Uint32Array.from(values, (_, index) => index);
  return order.sort((a, b) => values[a]! - values[b]!);
}
