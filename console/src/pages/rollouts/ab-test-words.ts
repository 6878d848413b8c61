import { routeOf, versionMark } from "../../data/rollouts.ts";
import { absent, formatCount, formatMs, formatNumber, formatShare } from "../../format.ts";
import type { AbTestReport, AbTestSpec, Rollout } from "../../data/types.ts";
import { formatDollars } from "../costs/money.ts";

type Comparison = AbTestReport["comparisons"][number];

/** `+0.012`, as differences are written. */
export function signedNumber(value: number | null | undefined): string {
  return value === null || value === undefined ? absent : `${value > 0 ? "+" : ""}${formatNumber(value, 4)}`;
}

/** Values of a metric, and differences of them, in its unit: what calls cost in dollars, how long they take in milliseconds. */
export function metricFormat({ rollout, spec }: Pick<AbTestReport, "rollout" | "spec">): { value: (value: number | null | undefined) => string; difference: (value: number | null | undefined) => string } {
  const plain = (value: number | null | undefined): string => (value === null || value === undefined ? absent : formatNumber(value, 4));
  if (spec.metric === "latency") return { value: formatMs, difference: signed(formatMs) };
  return spec.metric === "cost" && routeOf(rollout.model) !== null ? { value: formatDollars, difference: signed(formatDollars) } : { value: plain, difference: signedNumber };
}

function signed(format: (value: number) => string): (value: number | null | undefined) => string {
  return (value) => (value === null || value === undefined ? absent : `${value > 0 ? "+" : ""}${format(value)}`);
}

/** What the states that a test can have mean; the end of a test is no judgement. */
export const abTestStateWords: Partial<Record<Rollout["state"], string>> = {
  preparing: "the variants are loaded and warmed up",
  running: "callers are shared among the control and the variants",
  succeeded: "the test was ended; nothing is shared any more",
  aborted: "somebody gave all traffic back to the control",
  failed: "it could not be carried out; the control has all traffic",
};

/** What a test compares: `v1 against v2 and v3`, `revision 1 against 2 and 3`. */
export function comparedWords({ model, stable, test }: Pick<Rollout, "model" | "stable" | "test">): string {
  const versions = variantsOf({ test }).map(({ version }) => (routeOf(model) === null ? `v${version}` : version));
  return `${versionMark(model, stable)} against ${versions.length < 2 ? versions.join("") : `${versions.slice(0, -1).join(", ")} and ${versions.at(-1)}`}`;
}

export function variantsOf({ test }: Pick<Rollout, "test">): AbTestSpec["variants"] {
  return (test as AbTestSpec | null)?.variants ?? [];
}

export function metricOf({ test }: Pick<Rollout, "test">): string {
  return (test as AbTestSpec | null)?.metric ?? absent;
}

/** What is left to do until the effect is found in 4 of 5 tests; of a test that is over, what was missing. */
export function neededWords({ needed, conclusion }: Comparison, isOver = false): string {
  if (conclusion === "better" || conclusion === "worse") return "concluded";
  if (needed === null) return absent;
  const samples = `${formatCount(needed.samplesSoFar)} of ${formatCount(needed.samples)} values`;
  if (needed.daysLeft === null || (isOver && needed.daysLeft > 0)) return samples;
  return needed.daysLeft === 0 ? `${samples}, enough` : `${samples}, ${formatNumber(needed.daysLeft, 2)} days left`;
}

/** What the covariate saves, where one is named. */
export function covariateWords({ covariate }: Comparison): string | null {
  return covariate === null ? null : `the covariate saves ${formatShare(covariate.saves)} of the samples`;
}

/** How the difference of one variant grew: times in seconds, and its band. */
export function differenceSeries({ looks, time, comparisons }: AbTestReport, variant: string): { times: number[]; values: number[]; low: (number | null)[]; high: (number | null)[] } {
  const kept = looks.flatMap((look) => look.variants.filter(({ name }) => name === variant).map((one) => ({ time: look.time, ...one })));
  const present = comparisons.find((comparison) => comparison.variant === variant)?.difference ?? null;
  // Of a test that has ended the last look is all there is.
  const all = present === null || (kept.at(-1)?.time ?? 0) >= time ? kept : [...kept, { time, ...present }];
  return { times: all.map((look) => look.time / 1000), values: all.map(({ estimate }) => estimate), low: all.map(({ low }) => low), high: all.map(({ high }) => high) };
}
