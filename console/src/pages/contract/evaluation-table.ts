/** Metrics of a model, each beside the same metric of what it was compared with. */
export interface EvaluationTable {
  /** Names of what the model was compared with, such as `baseline`. */
  rivals: string[];
  rows: { metric: string; value: number; rivals: (number | undefined)[] }[];
}

/**
 * `baseline_auc` belongs to `auc`, and so does `origin_hour_auc`: a name that ends in another metric's name is that
 * metric of a rival. A baseline comes first, metrics that have rivals before those that stand alone.
 */
export function evaluationTable(evaluation: Readonly<Record<string, number>>): EvaluationTable {
  const names = Object.keys(evaluation);
  const rivalOf = new Map<string, { rival: string }>();
  for (const name of names) {
    // The shortest ending is never a rival's itself, so every number finds a row.
    const metric = names.filter((candidate) => name.endsWith(`_${candidate}`)).sort((a, b) => a.length - b.length)[0];
    if (metric !== undefined) rivalOf.set(name, { rival: name.slice(0, -metric.length - 1) });
  }
  const own = names.filter((name) => !rivalOf.has(name));
  const rivals = [...new Set([...rivalOf.values()].map(({ rival }) => rival))].sort((a, b) => Number(b === "baseline") - Number(a === "baseline"));
  const rows = own.map((metric) => ({ metric, value: evaluation[metric]!, rivals: rivals.map((rival) => evaluation[`${rival}_${metric}`]) }));
  const compared = (row: { rivals: (number | undefined)[] }): boolean => row.rivals.some((value) => value !== undefined);
  return { rivals, rows: [...rows.filter(compared), ...rows.filter((row) => !compared(row))] };
}
