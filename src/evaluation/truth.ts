import { AppError } from "../core/errors.ts";
import type { CellValue } from "../datasets/index.ts";

/** The target of an evaluation set: labels for classes, numbers for the rest; null and NaN where it is missing. */
export type Truth =
  | { kind: "classes"; labels: (string | null)[]; isBoolean: boolean }
  | { kind: "numbers"; numbers: Float64Array };

/** Booleans are the classes 1 and 0. Throws EVALUATION_IMPOSSIBLE for a column that is not of the task. */
export function truthOf(cells: readonly CellValue[], task: "classification" | "regression" | "forecast", target: string): Truth {
  if (task === "classification") {
    const labels = cells.map((cell) => (cell === null || Number.isNaN(cell) ? null : typeof cell === "boolean" ? (cell ? "1" : "0") : String(cell)));
    return { kind: "classes", labels, isBoolean: cells.some((cell) => typeof cell === "boolean") };
  }
  const numbers = Float64Array.from(cells, (cell) => (cell === null ? NaN : typeof cell === "string" ? numberIn(cell) : Number(cell)));
  cells.forEach((cell, row) => {
    const isMissing = cell === null || Number.isNaN(cell);
    if (!isMissing && !Number.isFinite(numbers[row])) throw new AppError("EVALUATION_IMPOSSIBLE", `The target ${target} of row ${row + 1} is no finite number, which the task ${task} needs.`);
  });
  return { kind: "numbers", numbers };
}

export function hasTruth(truth: Truth, row: number): boolean {
  return truth.kind === "classes" ? truth.labels[row] !== null : !Number.isNaN(truth.numbers[row]);
}

function numberIn(text: string): number {
  return text.trim() === "" ? NaN : Number(text);
}
