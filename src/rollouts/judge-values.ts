import { counted } from "../core/counted.ts";
import { formatDollars } from "../core/dollars.ts";
import type { StepGate } from "../registry/index.ts";
import { answer, intervalOf, leftOut, noData, text, worst, type Answer, type GateFacts, type JudgedGate } from "./gate-answers.ts";
import { againstLimit, emptyMoments, fewestSamples, meanDifferenceSequence, meanSequence, pairedDifference, type Moments, type SequentialResult } from "./statistics/index.ts";

type GateOf<K extends StepGate["kind"]> = Extract<StepGate, { kind: K }>;

/** Of calls that all cost the same, so many show that they do. */
const fewestConstant = 10;
/** Where a side has none at all, most often its model has no price, and waiting would not help. */
const untilPriced = " (a model without a price gets one with `slipway prices set`)";

/**
 * Mean dollars of a call. The ratio r is judged as a difference: the candidate's mean less r times the stable version's, which is 0 where they are equal; on the same calls where a shadow has made pairs,
 * which takes away what differs from call to call.
 */
export function cost({ maxRatio, maxDollars }: GateOf<"cost">, { candidate, stable, paired, alpha, isDue, compares, shadows }: GateFacts): JudgedGate {
  const own = candidate?.values?.cost ?? emptyMoments;
  const answers: Answer[] = [];
  if (maxDollars !== null) {
    if (own.count === 0) answers.push(noData(`the candidate has no calls with a price yet${untilPriced}`, maxDollars));
    else {
      const bounds = meanSequence(own, { alpha });
      const isOver = own.mean > maxDollars && (isDue || againstLimit(bounds, maxDollars) === "over" || isConstant([own]));
      answers.push(answer(isOver ? "fail" : isDue ? "pass" : "undecided", { candidate: own.mean, limit: maxDollars, interval: boundsOf(bounds) }, `a call costs ${formatDollars(own.mean)}, ${isOver ? "more than" : "with a limit of"} ${formatDollars(maxDollars)}`));
    }
  }
  if (maxRatio !== null && compares) {
    const pairs = shadows ? paired?.values?.cost : undefined;
    const theirs = (pairs === undefined ? stable?.values?.cost : paired?.values?.["stable cost"]) ?? emptyMoments;
    const mean = pairs === undefined ? own.mean : theirs.mean + pairs.mean;
    const isOver =
      pairs === undefined
        ? isAbove(meanDifferenceSequence(scaled(theirs, maxRatio), own, { alpha, side: "greater" }), [theirs, own], mean > maxRatio * theirs.mean)
        // The stable mean of the pairs counts as it is known so far.
        : isAbove(pairedDifference(pairs, { alpha, side: "greater", nullValue: (maxRatio - 1) * theirs.mean }), [pairs], mean > maxRatio * theirs.mean);
    const facts = { candidate: mean, stable: theirs.mean, limit: maxRatio };
    if (isOver === null) answers.push(noData(`${counted((pairs ?? own).count, "call of the candidate has", "calls of the candidate have")} a price and ${theirs.count} of the stable version's; ${fewestSamples} of each are needed${(pairs ?? own).count === 0 || theirs.count === 0 ? untilPriced : ""}`, maxRatio));
    else {
      const ratio = theirs.mean === 0 ? (mean === 0 ? 1 : Number.MAX_VALUE) : mean / theirs.mean;
      const same = pairs === undefined ? "" : " for the same calls";
      answers.push(answer(isOver ? "fail" : isDue ? "pass" : "undecided", facts, `a call costs ${formatDollars(mean)}, ${text(ratio)} times the stable version's ${formatDollars(theirs.mean)}${same}; at most ${text(maxRatio)} times is allowed`));
    }
  }
  return worst(answers);
}

/** A score that is given to traces, often long after the call. */
export function score({ name, better, maxLoss, minScores, required }: GateOf<"score">, { candidate, stable, alpha, isDue, compares }: GateFacts): JudgedGate {
  if (!compares) return leftOut("the stable version has no traffic to compare with");
  const [own, theirs] = [candidate?.values?.[`score ${name}`] ?? emptyMoments, stable?.values?.[`score ${name}`] ?? emptyMoments];
  // How much worse, whichever way is better.
  const [worse, base] = better === "lower" ? [own, theirs] : [negated(own), negated(theirs)];
  const compared = meanDifferenceSequence(base, worse, { alpha, side: "greater", nullValue: maxLoss, minimumSamples: minScores });
  const isWorse = Math.min(own.count, theirs.count) < minScores ? null : isAbove(compared, [own, theirs], worse.mean - base.mean > maxLoss);
  if (isWorse === null) return { ...noData(`${counted(own.count, "call has", "calls have")} the score and ${theirs.count} of the stable version's; ${minScores} of each are needed`, maxLoss), applies: required };
  const detail = `${name} is ${text(own.mean)} beside ${text(theirs.mean)} of the stable version's, of which it may be ${text(maxLoss)} ${better === "lower" ? "above" : "below"}`;
  return { ...answer(isWorse ? "fail" : isDue ? "pass" : "undecided", { candidate: own.mean, stable: theirs.mean, limit: maxLoss, interval: boundsOf(compared) }, detail), applies: true };
}

/** Whether it is above beyond chance; null where there is too little to tell. Where nothing varies there is nothing that chance could explain. */
function isAbove(compared: SequentialResult, series: readonly Moments[], isMore: boolean): boolean | null {
  if (compared.status === "estimated") return compared.significant;
  if (isConstant(series)) return isMore;
  return compared.reason === "too-few" || compared.reason === "empty" ? null : false;
}

function isConstant(series: readonly Moments[]): boolean {
  return series.every(({ count, m2 }) => m2 === 0 && count >= fewestConstant);
}

function scaled({ count, mean, m2 }: Moments, factor: number): Moments {
  return { count, mean: mean * factor, m2: m2 * factor * factor };
}

function negated({ count, mean, m2 }: Moments): Moments {
  return { count, mean: -mean, m2 };
}

function boundsOf(compared: SequentialResult): [number, number] | null {
  return compared.status === "no-data" ? null : intervalOf(compared);
}
