import { counted } from "../core/counted.ts";
import type { StepGate } from "../registry/index.ts";
import { answer, intervalOf, leftOut, noData, text, worst, type Answer, type GateFacts, type JudgedGate } from "./gate-answers.ts";
import { cost, score } from "./judge-values.ts";
import type { ArmFigures } from "./schemas.ts";
import {
  againstLimit, alignBuckets, alignLabels, compareDistributions, compareQuantiles, disagreementRate, errorRateTest, eventRateSequence, groupByQuantiles, meanDifferenceSequence, meanSequence, quantileBounds,
} from "./statistics/index.ts";

type Kind = StepGate["kind"];
type GateOf<K extends Kind> = Extract<StepGate, { kind: K }>;

export function gateName(gate: StepGate): string {
  return gate.kind === "latency" ? `latency ${gate.quantile}` : gate.kind === "metric" || gate.kind === "score" ? `${gate.kind} ${gate.name}` : gate.kind;
}

/** How many questions of all gates compare by chance: alpha is shared among them (Bonferroni). */
export function questionsOf(gates: readonly StepGate[]): number {
  const asked = { latency: 2, errors: 2, distribution: 1, paired: 2, accuracy: 1, metric: 0, cost: 2, score: 1 } satisfies Record<Kind, number>;
  return gates.reduce((sum, { kind }) => sum + asked[kind], 0);
}

export function failuresOf({ failures }: ArmFigures): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

export function judgeGate(gate: StepGate, facts: GateFacts): JudgedGate {
  switch (gate.kind) {
    case "latency": return latency(gate, facts);
    case "errors": return errors(gate, facts);
    case "distribution": return distribution(gate, facts);
    case "paired": return paired(gate, facts);
    case "accuracy": return accuracy(gate, facts);
    case "metric": return metric(gate, facts);
    case "cost": return cost(gate, facts);
    case "score": return score(gate, facts);
  }
}

/**
 * An absolute limit that the stable version is beyond too, in the same window, says nothing of the candidate: it is held, not rolled back. So it is
 * while the limit lies within the bounds: of a hundred answers the slowest is the 99th percentile, and may be so by chance.
 */
function latency({ quantile, maxMs, maxRatio, fromMs }: GateOf<"latency">, { candidate, stable, alpha, isDue, compares }: GateFacts): JudgedGate {
  const at = Number(quantile.slice(1)) / 100;
  const own = candidate === null ? null : quantileBounds(candidate.latencyUs, at, { alpha });
  const answers: Answer[] = [];
  if (maxMs !== null) {
    if (own === null || own.status === "no-data") answers.push(noData("the candidate has no answers to time yet", maxMs));
    else {
      const ms = own.estimate / 1000;
      const interval = intervalOf(own, 0.001);
      const isCertain = againstLimit(own, maxMs * 1000) === "over";
      const isOver = isCertain || (isDue && ms > maxMs);
      const theirs = compares && stable !== null ? quantileBounds(stable.latencyUs, at, { alpha }) : null;
      const stableMs = theirs?.status === "estimated" ? theirs.estimate / 1000 : null;
      const isOfBoth = isOver && stableMs !== null && stableMs > maxMs;
      const result = isOfBoth || (isOver && !isCertain) ? "undecided" : isOver ? "fail" : isDue ? "pass" : "undecided";
      const both = isOfBoth ? `, and so is the stable version's with ${text(stableMs)} ms` : isOver && !isCertain ? ", which may be chance" : "";
      answers.push(answer(result, { candidate: ms, ...(stableMs === null ? {} : { stable: stableMs }), limit: maxMs, interval }, `${quantile} ${text(ms)} ms ${isOver ? "is above" : "of"} the limit of ${text(maxMs)} ms${both}`));
    }
  }
  if (maxRatio !== null && compares) {
    const compared = candidate === null || stable === null ? null : compareQuantiles(stable.latencyUs, candidate.latencyUs, { quantile: at, alpha });
    if (compared === null || compared.status === "no-data") answers.push(noData("there are not enough answers of both to compare", maxRatio));
    else {
      const isOver = compared.candidate.estimate >= fromMs * 1000 && againstLimit(compared, maxRatio) === "over";
      const facts = { candidate: compared.candidate.estimate / 1000, stable: compared.stable.estimate / 1000, limit: maxRatio, interval: intervalOf(compared) };
      answers.push(answer(isOver ? "fail" : isDue ? "pass" : "undecided", facts, `${quantile} ${text(facts.candidate)} ms is ${text(compared.ratio)} times the stable version's ${text(facts.stable)} ms; at most ${text(maxRatio)} times is allowed`));
    }
  }
  return worst(answers);
}

function errors({ maxRate, compare }: GateOf<"errors">, { candidate, stable, alpha, isDue, compares }: GateFacts): JudgedGate {
  if (candidate === null || candidate.requests === 0) return { ...noData("the candidate has no answers yet", maxRate), applies: maxRate !== null || compare };
  const failed = failuresOf(candidate);
  const rate = failed / candidate.requests;
  const answers: Answer[] = [];
  if (maxRate !== null) {
    const bounds = eventRateSequence(failed, candidate.requests, { alpha, side: "greater" });
    const isOver = againstLimit(bounds, maxRate) === "over" || (isDue && rate > maxRate);
    answers.push(answer(isOver ? "fail" : isDue ? "pass" : "undecided", { candidate: rate, limit: maxRate, interval: bounds.status === "no-data" ? null : intervalOf(bounds) }, `${failed} of ${candidate.requests} failed, ${isOver ? "more than" : "with a limit of"} ${text(maxRate * 100)}%`));
  }
  if (compare && compares) {
    if (stable === null || stable.requests === 0) answers.push(noData("the stable version has no answers to compare with", null));
    else {
      const theirs = failuresOf(stable);
      const tested = errorRateTest([{ stableErrors: theirs, candidateErrors: failed, candidateShare: candidate.requests / (candidate.requests + stable.requests) }], { alpha, side: "greater" });
      const isWorse = tested.status === "estimated" && tested.significant;
      const interval: [number, number] | null = tested.status === "estimated" ? intervalOf(tested) : null;
      answers.push(answer(isWorse ? "fail" : isDue ? "pass" : "undecided", { candidate: rate, stable: theirs / stable.requests, interval }, `${failed} of ${candidate.requests} failed, and ${theirs} of ${stable.requests} of the stable version's`));
    }
  }
  return worst(answers);
}

function distribution({ output, maxDistance }: GateOf<"distribution">, { candidate, stable, alpha, isDue, compares }: GateFacts): JudgedGate {
  if (!compares) return leftOut("the stable version has no traffic to compare with");
  const [left, right] = [stable?.predictions ?? null, candidate?.predictions ?? null];
  if (left === null || right === null) {
    const answered = (stable?.requests ?? 0) > 0 && (candidate?.requests ?? 0) > 0;
    // Answers that are neither numbers nor labels will never be counted: nobody should wait for them.
    return left === null && right === null && answered ? leftOut("the answers are neither numbers nor labels") : { ...noData("there are no predictions of both to compare", maxDistance), applies: true };
  }
  if (left.kind !== right.kind) return { ...answer("fail", { limit: maxDistance }, `the candidate predicts ${right.kind}s, the stable version ${left.kind}s`), applies: true };
  const aligned =
    left.kind === "number" && right.kind === "number"
      ? groupByQuantiles(alignBuckets(left.counts, right.counts), deviation(left.moments) ?? 0)
      : alignLabels(labelsOf(left), labelsOf(right));
  const candidateShare = candidate!.rows / Math.max(1, candidate!.rows + stable!.rows);
  const compared = compareDistributions([{ ...aligned, candidateShare }], { alpha });
  if (compared.status === "no-data") return { ...noData("there are not enough predictions of both to compare", maxDistance), applies: true };
  // The index alone grows with few samples: beyond chance it must be too.
  const isFar = compared.stabilityIndex > maxDistance && compared.significant;
  const what = output === null ? "the predictions" : output;
  return { ...answer(isFar ? "fail" : isDue ? "pass" : "undecided", { candidate: compared.stabilityIndex, limit: maxDistance }, `${what} are ${text(compared.stabilityIndex)} away from the stable version's, of at most ${text(maxDistance)}${compared.significant ? "" : ", which may be chance"}`), applies: true };
}

function paired({ maxDisagreement, maxDifference }: GateOf<"paired">, { paired: pairs, stable, alpha, isDue, shadows }: GateFacts): JudgedGate {
  if (!shadows) return leftOut("nothing is mirrored in this phase");
  if (pairs === null || pairs.pairs === 0) return { ...noData("there are no answers of both to one request yet", maxDisagreement), applies: true };
  const answers: Answer[] = [];
  if (maxDisagreement !== null && pairs.labels > 0) {
    const bounds = disagreementRate(pairs.disagreements, pairs.labels, { alpha });
    const rate = pairs.disagreements / pairs.labels;
    const isOver = againstLimit(bounds, maxDisagreement) === "over" || (isDue && rate > maxDisagreement);
    answers.push(answer(isOver ? "fail" : isDue ? "pass" : "undecided", { candidate: rate, limit: maxDisagreement, interval: bounds.status === "no-data" ? null : intervalOf(bounds) }, `${pairs.disagreements} of ${counted(pairs.labels, "label")} ${pairs.disagreements === 1 ? "differs" : "differ"} on the same inputs, of at most ${text(maxDisagreement * 100)}%`));
  }
  if (maxDifference !== null && pairs.absoluteDifference.count > 0) {
    const spread = stable?.predictions?.kind === "number" ? deviation(stable.predictions.moments) : null;
    if (spread === null) answers.push(noData("the spread of the stable version's answers is not known yet", maxDifference));
    else {
      const mean = pairs.absoluteDifference.mean;
      // Of answers that never vary, any difference is infinitely many deviations.
      const ratio = mean === 0 ? 0 : spread === 0 ? Number.MAX_VALUE : mean / spread;
      const bounds = meanSequence(pairs.absoluteDifference, { alpha });
      const isOver = againstLimit(bounds, maxDifference * spread) === "over" || (isDue && ratio > maxDifference);
      answers.push(answer(isOver ? "fail" : isDue ? "pass" : "undecided", { candidate: ratio, limit: maxDifference, interval: bounds.status === "no-data" || spread === 0 ? null : intervalOf(bounds, 1 / spread) }, `answers to the same inputs are ${text(ratio)} standard deviations apart, of at most ${text(maxDifference)}`));
    }
  }
  return answers.length === 0 ? leftOut("the answers are neither numbers nor labels") : worst(answers);
}

function accuracy({ maxLoss, minTruths, required }: GateOf<"accuracy">, { candidate, stable, alpha, isDue, compares }: GateFacts): JudgedGate {
  if (!compares) return leftOut("the stable version has no traffic to compare with");
  const [own, theirs] = [candidate?.errors ?? null, stable?.errors ?? null];
  const known = Math.min(own?.count ?? 0, theirs?.count ?? 0);
  if (own === null || theirs === null || known < minTruths) {
    return { ...noData(`the truth of ${counted(own?.count ?? 0, "prediction")} is known and of ${theirs?.count ?? 0} of the stable version's; ${minTruths} of each are needed`, maxLoss), applies: required };
  }
  const isLabel = candidate?.predictions?.kind !== "number";
  const limit = isLabel ? maxLoss : maxLoss * theirs.mean;
  const compared = meanDifferenceSequence(theirs, own, { alpha, side: "greater", nullValue: limit });
  const isWorse = compared.status === "estimated" && compared.significant;
  const facts = isLabel ? { candidate: 1 - own.mean, stable: 1 - theirs.mean, limit: maxLoss } : { candidate: own.mean, stable: theirs.mean, limit };
  const detail = isLabel
    ? `accuracy ${text(facts.candidate)} beside ${text(facts.stable)} of the stable version's, of which it may be ${text(maxLoss)} below`
    : `mean absolute error ${text(own.mean)} beside ${text(theirs.mean)} of the stable version's, of which it may be ${text(maxLoss * 100)}% above`;
  return { ...answer(isWorse ? "fail" : isDue ? "pass" : "undecided", { ...facts, interval: compared.status === "estimated" ? intervalOf(compared) : null }, detail), applies: true };
}

function metric({ name, min, max, maxRatio }: GateOf<"metric">, { metrics, isDue, compares }: GateFacts): JudgedGate {
  const found = metrics.find((value) => value.name === name);
  const limit = max ?? min ?? maxRatio;
  if (found === undefined || found.candidate === null) return { ...noData("the metric has no value yet", limit), applies: true };
  const { candidate, stable } = found;
  const problems: string[] = [];
  if (max !== null && candidate > max) problems.push(`above ${text(max)}`);
  if (min !== null && candidate < min) problems.push(`below ${text(min)}`);
  if (maxRatio !== null && compares) {
    if (stable === null) return { ...noData("the metric has no value of the stable version", maxRatio), candidate, applies: true };
    if (candidate > maxRatio * stable) problems.push(`more than ${text(maxRatio)} times the stable version's ${text(stable)}`);
  }
  // One number without a measure of chance: it counts when the phase is due.
  const result = !isDue ? "undecided" : problems.length > 0 ? "fail" : "pass";
  return { ...answer(result, { candidate, stable, limit }, `${text(candidate)}${problems.length === 0 ? " is within the limits" : ` is ${problems.join(" and ")}`}`), applies: true };
}

function labelsOf(predictions: NonNullable<ArmFigures["predictions"]>): Record<string, number> {
  if (predictions.kind !== "label") return {};
  // A label that no prediction can have: those beyond the ones that are counted by name.
  return predictions.other === 0 ? predictions.counts : { ...predictions.counts, "\u0000other": predictions.other };
}

function deviation({ count, m2 }: { count: number; m2: number }): number | null {
  return count < 2 ? null : Math.sqrt(m2 / (count - 1));
}
