import type { EvaluationComparison, Evaluation, Rival } from "../../data/types.ts";

/** Metrics as people call them; one that is not here is shown under its own name. */
const metricNames: Record<string, string> = {
  accuracy: "accuracy", log_loss: "log loss", auc: "AUC", mean_absolute_error: "mean absolute error", mean_squared_error: "mean squared error",
};

export function metricName(metric: string): string {
  return metricNames[metric] ?? metric.replaceAll("_", " ");
}

export function rivalName(rival: Rival): string {
  switch (rival.kind) {
    case "version": return `v${rival.version}`;
    case "majority_class": return `always “${rival.label}”`;
    case "mean": return "always the mean";
    case "last_value": return "the value before";
  }
}

/** A sign that differs in form, not only in colour. */
export const verdictSigns: Record<EvaluationComparison["verdict"], string> = { better: "▲", worse: "▼", undecided: "≈" };

/** `better than v3, the champion`: what the interval decides. */
export function verdictWords({ verdict, role, rival }: EvaluationComparison): string {
  const name = rival.kind === "version" ? `${rivalName(rival)}, the ${role}` : `the trivial model (${rivalName(rival)})`;
  return verdict === "undecided" ? `Not decided against ${name}: the interval holds 0` : `${verdict === "better" ? "Better" : "Worse"} than ${name}`;
}

/** Every metric that the version or a rival has, the one that decides first. */
export function metricRows({ metric, metrics, comparisons }: Pick<Evaluation, "metric" | "metrics" | "comparisons">): string[] {
  const names = new Set([metric, ...Object.keys(metrics), ...comparisons.flatMap((comparison) => Object.keys(comparison.metrics))]);
  return [...names];
}

/** Half the width of a scale, centred on zero, on which all intervals can be drawn. */
export function differenceScale(comparisons: readonly Pick<EvaluationComparison, "interval" | "difference">[]): number {
  const sizes = comparisons.flatMap(({ interval: { low, high }, difference }) => [low, high, difference]).filter(Number.isFinite).map(Math.abs);
  return Math.max(Number.MIN_VALUE, ...sizes) * 1.15;
}
