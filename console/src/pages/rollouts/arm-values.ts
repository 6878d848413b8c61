import {
  disagreementRate, eventRateSequence, meanSequence, pairedDifference, quantileBounds, type QuantileBounds, type SequentialResult,
} from "../../../../src/rollouts/statistics/index.ts";
import { nameOrder } from "../../../../src/core/name-order.ts";
import type { ArmFigures, PairedFigures, PhaseFigures } from "../../data/types.ts";
import type { MeasureUnit } from "./measure-format.ts";

/** A figure and the bounds that hold it, however often one looks; null where there is too little to say it. */
export interface BoundedValue {
  value: number | null;
  low: number | null;
  high: number | null;
}

export type MeasureId = "p50" | "p95" | "p99" | "errors" | "mean" | "accuracy" | "deviation" | "cost" | `score ${string}`;

export interface Measure {
  id: MeasureId;
  label: string;
  unit: MeasureUnit;
  /** Null where neither is better. */
  lessIsBetter: boolean | null;
  of: (figures: ArmFigures, alpha: number) => BoundedValue;
}

const nothing: BoundedValue = { value: null, low: null, high: null };

const latency = (id: MeasureId, quantile: number): Measure => ({
  id, label: `Latency ${id}`, unit: "ms", lessIsBetter: true,
  of: ({ latencyUs }, alpha) => scaled(bounded(quantileBounds(latencyUs, quantile, { alpha })), 1 / 1000),
});

/** Of calls of a route. */
const valueMeasure = (id: "cost" | `score ${string}`): Measure => ({
  id, label: id === "cost" ? "Cost of a call" : id.replace(/^score/, "Score"), unit: id === "cost" ? "dollars" : "number", lessIsBetter: id === "cost" ? true : null,
  of: ({ values }, alpha) => (values?.[id] === undefined ? nothing : bounded(meanSequence(values[id], { alpha }), values[id])),
});

/** What is compared of two versions. Those that a model has no figures for are left out by `measuresOf`. */
const measures: readonly Measure[] = [
  latency("p50", 0.5), latency("p95", 0.95), latency("p99", 0.99),
  { id: "errors", label: "Error rate", unit: "share", lessIsBetter: true, of: (figures, alpha) => bounded(eventRateSequence(failuresOf(figures), figures.requests, { alpha })) },
  valueMeasure("cost"),
  {
    id: "mean", label: "Mean prediction", unit: "number", lessIsBetter: null,
    of: ({ predictions }, alpha) => (predictions?.kind === "number" ? bounded(meanSequence(predictions.moments, { alpha }), predictions.moments) : nothing),
  },
  {
    id: "accuracy", label: "Accuracy", unit: "share", lessIsBetter: false,
    of: ({ predictions, errors }, alpha) => (predictions?.kind === "label" ? oneLess(bounded(meanSequence(errors, { alpha }), errors)) : nothing),
  },
  {
    id: "deviation", label: "Mean absolute error", unit: "number", lessIsBetter: true,
    of: ({ predictions, errors }, alpha) => (predictions?.kind === "number" ? bounded(meanSequence(errors, { alpha }), errors) : nothing),
  },
];

/** The measures that any of these figures has a value of, in the order in which they are read. */
export function measuresOf(figures: readonly ArmFigures[]): Measure[] {
  const scores = new Set(figures.flatMap(({ values }) => Object.keys(values ?? {})).filter((name) => name.startsWith("score ")));
  return [...measures, ...[...scores].sort(nameOrder).map((name) => valueMeasure(name as `score ${string}`))].filter(({ of }) => figures.some((arm) => of(arm, 0.05).value !== null));
}

export function armOf(figures: PhaseFigures, arm: string): ArmFigures | undefined {
  return figures.arms.find((entry) => entry.arm === arm);
}

/** Requests that it failed at by its own fault, whatever the outcome was called. */
function failuresOf({ failures }: Pick<ArmFigures, "failures">): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

export interface PairedMeasure {
  id: "disagreement" | "difference" | "cost";
  label: string;
  unit: MeasureUnit;
  value: BoundedValue;
  /** How many answers to the same inputs it was made of. */
  count: number;
}

/** Differences on the same inputs; labels and numbers each where there are any. */
export function pairedMeasures({ disagreements, labels, difference, values }: PairedFigures, alpha: number): PairedMeasure[] {
  const found: PairedMeasure[] = [];
  if (labels > 0) found.push({ id: "disagreement", label: "Labels that differ", unit: "share", value: bounded(disagreementRate(disagreements, labels, { alpha })), count: labels });
  if (difference.count > 0) found.push({ id: "difference", label: "Candidate less stable", unit: "number", value: bounded(pairedDifference(difference, { alpha }), difference), count: difference.count });
  if (values?.cost !== undefined) found.push({ id: "cost", label: "Cost, candidate less stable", unit: "dollars", value: bounded(pairedDifference(values.cost, { alpha }), values.cost), count: values.cost.count });
  return found;
}

/** `fallback` has the mean where there are too few values, or too like ones, to say how sure it is. */
function bounded(result: SequentialResult | QuantileBounds | { status: "no-data" }, fallback?: { count: number; mean: number }): BoundedValue {
  if (result.status === "estimated") return { value: result.estimate, low: result.low, high: result.high };
  return fallback === undefined || fallback.count === 0 ? nothing : { ...nothing, value: fallback.mean };
}

function scaled({ value, low, high }: BoundedValue, factor: number): BoundedValue {
  const times = (figure: number | null): number | null => (figure === null ? null : figure * factor);
  return { value: times(value), low: times(low), high: times(high) };
}

function oneLess({ value, low, high }: BoundedValue): BoundedValue {
  const less = (figure: number | null): number | null => (figure === null ? null : 1 - figure);
  return { value: less(value), low: less(high), high: less(low) };
}
