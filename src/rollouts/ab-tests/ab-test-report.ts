import { counted } from "../../core/counted.ts";
import { routeOfSubject } from "../../core/traffic-subject.ts";
import { adjustByCovariate, carryForward, meanDifferenceSequence, meanSequence, sampleRatio, samplesNeeded, type SequentialResult } from "../statistics/index.ts";
import { countKeys, distinctKeys } from "../figures/key-sample.ts";
import type { Rollout } from "../schemas.ts";
import { isReported } from "./ab-test-plan.ts";
import { metricText } from "./metric-text.ts";
import { controlName, specOf, testOf, type AbTestComparison, type AbTestFigures, type AbTestLook, type AbTestReport, type AbTestSpec, type UnitFigures } from "./schemas.ts";
import { controlArm } from "./test-counters.ts";
import { unitMoments } from "./unit-moments.ts";

const dayMs = 86_400_000;
const mostLooks = 120;
const nothing: UnitFigures["all"] = { count: 0, meanX: 0, meanY: 0, m2X: 0, m2Y: 0, co: 0 };

interface Arm {
  /** As callers know it. */
  name: string;
  share: number;
  figures: UnitFigures;
}

/** What is known of a test at a moment, from its figures of all servers. Pure: the same figures give the same report. */
export function abTestReport(rollout: Rollout, figures: AbTestFigures, now: number): AbTestReport {
  const state = testOf(rollout);
  const spec = specOf(state);
  const control = armOf(figures, controlArm, controlName, 1 - spec.variants.reduce((sum, { from, to }) => sum + to - from, 0));
  const variants = spec.variants.map(({ name, from, to }) => armOf(figures, name, name, to - from));
  const days = Math.max(0, (rollout.endedAt ?? now) - rollout.startedAt) / dayMs;
  const comparisons = variants.map((variant) => compared(spec, control, variant, { days, looks: state.looks, text: metricText(rollout.model, spec.metric) }));
  const versions = new Map(spec.variants.map((variant) => [variant.name, variant]));
  const { plan: _plan, test: _test, ...head } = rollout;
  const ratio = ratioOf(spec, [control, ...variants], figures);
  return {
    rollout: head, spec, time: now,
    arms: [control, ...variants].map(({ name, share, figures: own }) => {
      const moments = unitMoments(own);
      const mean = meanSequence(moments, { alpha: spec.alpha });
      const { low, high } = mean.status === "estimated" ? mean : { low: null, high: null };
      return {
        name, version: versions.get(name)?.version ?? rollout.stable, share, cut: versions.get(name)?.cut ?? null, requests: own.requests, failures: own.failures,
        n: own.all.count, units: moments.count, mean: own.all.count === 0 ? null : own.all.meanY, low, high,
      };
    }),
    comparisons, keys: distinctKeys(figures.keys), sampleRatio: ratio, looks: state.looks, advice: adviceOf(spec, comparisons, [control, ...variants], { ratio, isOver: rollout.endedAt !== null, isOfRoute: routeOfSubject(rollout.model) !== null }),
  };
}

/** What is kept of a report, for the band to be drawn; null where there is nothing to compare yet. */
export function lookOf({ time, arms, comparisons }: AbTestReport): AbTestLook | null {
  const variants = comparisons.flatMap(({ variant: name, difference }) => {
    if (difference === null || difference.low === null || difference.high === null) return [];
    const n = arms.filter((arm) => arm.name === name || arm.name === controlName).reduce((sum, arm) => sum + arm.n, 0);
    return [{ name, n, estimate: difference.estimate, low: difference.low, high: difference.high, pValue: difference.pValue }];
  });
  return variants.length === 0 ? null : { time, variants };
}

/** Every second of the older half goes where there are too many; the newest stays. */
export function withLook(looks: readonly AbTestLook[], look: AbTestLook): AbTestLook[] {
  const kept = looks.length < mostLooks ? looks : looks.filter((_, index) => index >= mostLooks / 2 || index % 2 === 0);
  return [...kept, look];
}

function compared(spec: AbTestSpec, control: Arm, variant: Arm, { days, looks, text }: { days: number; looks: readonly AbTestLook[]; text: ReturnType<typeof metricText> }): AbTestComparison {
  const { name } = variant;
  const count = spec.variants.length;
  // Bonferroni: each variant is tested at its part of alpha.
  const alpha = spec.alpha / count;
  const plain = { stable: unitMoments(control.figures), candidate: unitMoments(variant.figures) };
  const cuped = spec.covariate === null ? null : adjustByCovariate(control.figures.all, variant.figures.all);
  const raw = meanDifferenceSequence(plain.stable, plain.candidate, { alpha });
  let adjusted: SequentialResult | null = null;
  if (cuped !== null && !("status" in cuped)) {
    const all = [control.figures.all, variant.figures.all];
    const meanX = all.reduce((sum, own) => sum + own.meanX * own.count, 0) / all.reduce((sum, own) => sum + own.count, 0);
    adjusted = meanDifferenceSequence(unitMoments(control.figures, cuped.slope, meanX), unitMoments(variant.figures, cuped.slope, meanX), { alpha });
  }
  const isAdjusted = adjusted?.status === "estimated";
  const result = isAdjusted ? adjusted! : raw;
  const former = Math.min(1, ...looks.flatMap((look) => look.variants.filter((one) => one.name === name).map(({ pValue }) => pValue / count)));
  // What was significant at an earlier look stays so.
  const carried = result.status === "estimated" ? carryForward({ ...result, pValue: former, low: null, high: null }, result) : result;
  const boundsOf = (of: SequentialResult): AbTestComparison["difference"] => of.status === "estimated" ? { estimate: of.estimate, low: of.low, high: of.high, pValue: Math.min(1, of.pValue * count) } : null;
  const correlation = isAdjusted && cuped !== null && !("status" in cuped) ? cuped.correlation : 0;
  return {
    variant: name, ...conclusionOf(spec, carried, text.difference), difference: boundsOf(carried), unadjusted: isAdjusted ? boundsOf(raw) : null,
    covariate: isAdjusted ? { correlation, saves: correlation ** 2 } : null,
    needed: neededFor(spec, control, variant, { plain, days, alpha, correlation }),
  };
}

function conclusionOf({ direction, metric }: AbTestSpec, result: SequentialResult, signed: (value: number) => string): Pick<AbTestComparison, "conclusion" | "detail"> {
  if (result.status === "no-data") {
    const why = {
      empty: isReported(metric) || metric === "accuracy" || metric === "error" ? `no values of ${metric} are known yet` : "one of both has answered nothing yet",
      "too-few": "fewer than 100 independent values of one of both", "no-variance": "all values are the same", identical: "all values are the same", "not-finite": "a sum is too large for a number",
    }[result.reason];
    return { conclusion: "no data", detail: why };
  }
  const { estimate, significant, low, high } = result;
  const text = `${signed(estimate)}, between ${signed(low ?? -Infinity)} and ${signed(high ?? Infinity)}`;
  if (!significant || estimate === 0) return { conclusion: "undecided", detail: `the difference is ${text}: no difference is shown` };
  const isBetter = estimate > 0 === (direction === "up");
  return { conclusion: isBetter ? "better" : "worse", detail: `the difference is ${text}` };
}

/** All in observations: what one independent value is worth of them is as it was so far. */
function neededFor(spec: AbTestSpec, control: Arm, variant: Arm, { plain, days, alpha, correlation }: { plain: { stable: { count: number; m2: number }; candidate: { count: number; m2: number } }; days: number; alpha: number; correlation: number }): AbTestComparison["needed"] {
  const { stable, candidate } = plain;
  if (spec.effect === null || Math.min(stable.count, candidate.count) < 2) return null;
  const samplesSoFar = control.figures.all.count + variant.figures.all.count;
  const each = samplesSoFar / (stable.count + candidate.count);
  const left = 1 - correlation ** 2;
  const answer = samplesNeeded({
    stableVariance: (stable.m2 / (stable.count - 1)) * left, candidateVariance: (candidate.m2 / (candidate.count - 1)) * left, difference: spec.effect,
    candidateShare: variant.share / (variant.share + control.share), alpha, samplesSoFar: samplesSoFar / each, samplesPerDay: days > 0 ? samplesSoFar / each / days : 0, longestDays: Math.max(0.001, spec.maxDays - days),
  });
  if (answer.status === "no-data") return null;
  return {
    samples: Math.ceil(answer.sequentialSamples * each), samplesSoFar, daysLeft: answer.daysLeft, concludes: answer.concludes,
    advice: answer.advice.map(({ action, detail, daysLeft }) => ({ action: action.replace("candidate", "variant"), detail, daysLeft })),
  };
}

/** Different keys by arm, and requests without a key. Variants that were cut are left out: they get less on purpose. */
function ratioOf({ variants }: AbTestSpec, arms: readonly Arm[], { keys }: AbTestFigures): AbTestReport["sampleRatio"] {
  const counted = arms.filter(({ name }) => variants.every((variant) => variant.name !== name || variant.cut === null));
  const { halvings, keys: byArm } = countKeys(keys);
  const keysOf = counted.map(({ share, figures }) => ({ share, count: byArm[figures.arm] ?? 0 }));
  const ratio = sampleRatio([{ arms: keysOf }, { arms: counted.map(({ share, figures }) => ({ share, count: figures.drawn })) }], { halvings });
  if (ratio.status === "no-data") return null;
  return { pValue: ratio.pValue, mismatch: ratio.mismatch, counted: counted.map(({ name }, index) => ({ name, expected: ratio.expected[index]!, observed: ratio.observed[index]! })) };
}

function adviceOf(spec: AbTestSpec, comparisons: readonly AbTestComparison[], arms: readonly Arm[], { ratio, isOver, isOfRoute }: { ratio: AbTestReport["sampleRatio"]; isOver: boolean; isOfRoute: boolean }): string[] {
  const advice: string[] = [];
  if (ratio?.mismatch === true) advice.push("The arms do not get the traffic that they should: find out why before you believe any difference.");
  for (const { name, cut } of spec.variants) if (cut !== null) advice.push(`${name} lost its traffic: ${cut.reason}. Its figures end there.`);
  for (const { name, figures } of arms) {
    if (figures.failures > 0) advice.push(`${name} failed at ${figures.failures} of ${figures.requests} requests; what it would have answered is in no figure.`);
  }
  // What comes next is asked of the next test.
  if (isOver) return advice;
  for (const { variant, conclusion, needed } of comparisons) {
    if (conclusion === "better" || conclusion === "worse" || needed === null) continue;
    if (needed.concludes === false) {
      advice.push(`${variant} will hardly conclude in the time that is left (${days(needed.daysLeft)}).`);
      for (const { action, detail } of needed.advice) advice.push(`What would help ${variant}: ${action}. ${detail}`);
      if (spec.covariate === null && !isOfRoute) advice.push(`Name an input that goes with ${spec.metric} as covariate: one with a correlation of 0.7 halves the samples that ${variant} needs.`);
    }
  }
  if (spec.effect === null) advice.push("Say which difference is worth finding (effect) to be told how long it takes.");
  return advice;
}

function armOf(figures: AbTestFigures, arm: string, name: string, share: number): Arm {
  const own = figures.arms.find((one) => one.arm === arm) ?? { arm, requests: 0, failures: 0, drawn: 0, all: nothing, single: nothing, buckets: [] };
  return { name, share, figures: own };
}

function days(left: number | null): string {
  return left === null ? "days unknown" : `it would take ${left > 10_000 ? "more than 10000 days" : counted(Number(left.toPrecision(2)), "day")} more`;
}
