import { AppError } from "../../core/errors.ts";
import { elementCount, type Tensor } from "../../core/tensor.ts";
import type { TensorSpec } from "../../registry/index.ts";
import type { ExactValue } from "./exact-json.ts";
import { tensorJson, tensorOfNested, type ElementStyle } from "./json-tensors.ts";

type StyleOf = (tensor: Tensor) => ElementStyle;

/** A list with an element for each row: the value of an only input, else, or where `named`, an object by input. Throws MODEL_RUN_FAILED for inputs without rows. */
export function rowsJson(inputs: readonly Tensor[], styleOf: StyleOf, named = false): string {
  const rows = rowCount(inputs);
  const cell = (tensor: Tensor, row: number): string => tensorJson(tensor, styleOf(tensor), 1, row * elementCount(tensor.shape.slice(1)));
  const alone = !named && inputs.length === 1;
  const names = inputs.map(({ name }) => JSON.stringify(name));
  return `[${Array.from({ length: rows }, (_, row) => (alone ? cell(inputs[0]!, row) : `{${inputs.map((tensor, index) => `${names[index]!}:${cell(tensor, row)}`).join(",")}}`)).join(",")}]`;
}

/** Cells by row, inputs in their order. */
export function cellsJson(inputs: readonly Tensor[], styleOf: StyleOf): string {
  const rows = rowCount(inputs);
  return `[${Array.from({ length: rows }, (_, row) => `[${inputs.map((tensor) => tensorJson(tensor, styleOf(tensor), 1, row * elementCount(tensor.shape.slice(1)))).join(",")}]`).join(",")}]`;
}

/** Rows that every input has. */
export function rowCount(inputs: readonly Tensor[]): number {
  const rows = inputs[0]?.shape[0];
  if (rows === undefined || inputs.some(({ shape }) => shape[0] !== rows)) throw new AppError("MODEL_RUN_FAILED", "The server upstream takes rows, and the inputs have no common number of them.");
  return rows;
}

/** The opposite: a list of values, or of objects by output. Throws UPSTREAM_BAD_ANSWER. */
export function tensorsOfRows(outputs: readonly TensorSpec[], rows: ExactValue | undefined): Tensor[] {
  if (!Array.isArray(rows)) throw new AppError("UPSTREAM_BAD_ANSWER", "The answer of the server upstream has no list of predictions.");
  const isNamed = rows.length > 0 && rows.every((row) => row !== null && typeof row === "object" && !Array.isArray(row) && outputs.some(({ name }) => Object.hasOwn(row, name)));
  if (!isNamed && outputs.length > 1 && rows.length > 0) throw new AppError("UPSTREAM_BAD_ANSWER", "The predictions of the server upstream do not name their outputs, of which the version's signature has several.");
  return outputs.map((spec) => tensorOfNested(spec, isNamed ? rows.map((row) => cellOf(row, spec.name)) : rows));
}

function cellOf(row: ExactValue, name: string): ExactValue {
  if (row !== null && typeof row === "object" && !Array.isArray(row) && Object.hasOwn(row, name)) return row[name]!;
  throw new AppError("UPSTREAM_BAD_ANSWER", `A prediction of the server upstream has no output ${JSON.stringify(name)}.`);
}
