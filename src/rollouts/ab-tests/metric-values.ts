import type { ModelVersion } from "../../registry/index.ts";
import type { ArmSample } from "../../serving/index.ts";
import type { PredictionValues } from "../figures/prediction-values.ts";

const booleans: Readonly<Record<string, number>> = { true: 1, false: 0, True: 1, False: 0 };

/** The prediction of a row as a number; NaN for a label that is none. */
export function predictedNumber(values: PredictionValues, row: number): number {
  return values.kind === "number" ? (values.numbers[row] ?? NaN) : numberOf(values.labels[row] ?? "");
}

/** 0 or 1 for labels, the absolute difference for numbers; NaN where they cannot be compared. */
export function errorOf(values: PredictionValues, row: number, truth: number | string | boolean): number {
  if (values.kind === "number") return Math.abs((values.numbers[row] ?? NaN) - (typeof truth === "string" ? numberOf(truth) : Number(truth)));
  const label = values.labels[row] ?? "";
  return label === "" || truth === "" ? NaN : textOf(label) === textOf(String(truth)) ? 0 : 1;
}

/** Where a covariate is in the inputs of a version; null where there is none of this name. */
export function covariatePlace({ contract }: { contract: { signature: Pick<ModelVersion["contract"]["signature"], "inputs"> } }, name: string): { tensor: string; column: number } | null {
  for (const { name: tensor, columns, datatype } of contract.signature.inputs) {
    if (datatype === "BYTES") continue;
    if (tensor === name) return { tensor, column: 0 };
    const column = columns?.indexOf(name) ?? -1;
    if (column >= 0) return { tensor, column };
  }
  return null;
}

/** Of each row; NaN where it is missing. */
export function covariateValues({ inputs, rows, version }: Pick<ArmSample, "inputs" | "rows" | "version">, name: string): number[] {
  const place = covariatePlace(version, name);
  const tensor = place === null ? undefined : inputs.find((input) => input.name === place.tensor);
  if (place === null || tensor === undefined || rows === 0) return new Array<number>(rows).fill(NaN);
  const width = tensor.data.length / rows;
  return Array.from({ length: rows }, (_, row) => Number(tensor.data[row * width + place.column] ?? NaN));
}

function numberOf(text: string): number {
  return booleans[text] ?? (text.trim() === "" ? NaN : Number(text));
}

/** `true` is 1, as in data that came from elsewhere. */
function textOf(label: string): string {
  return label in booleans ? String(booleans[label]) : label;
}
