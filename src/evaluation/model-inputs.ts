import { AppError, type Problem } from "../core/errors.ts";
import { numberToHalf } from "../core/half-float.ts";
import { typedArrayOf, type Datatype, type Tensor, type TensorData } from "../core/tensor.ts";
import type { CellValue, DatasetColumn } from "../datasets/index.ts";
import { matchReference, type Signature, type TensorSpec } from "../registry/index.ts";

/** Which columns of a table feed a model, and how. */
export interface InputPlan {
  /** Each once. */
  columns: string[];
  inputs: { spec: TensorSpec; /** Indices in `columns`. */ at: number[] }[];
}

type Element = number | bigint | string;

/**
 * Finds the columns for a model's inputs: those that its contract names, else by name and order as at a deployment with
 * reference data. Throws EVALUATION_IMPOSSIBLE with each problem.
 */
export function planInputs({ inputs }: Signature, columns: readonly DatasetColumn[], target: string): InputPlan {
  const isNamed = inputs.every((input) => input.columns !== undefined && input.shape.length <= 2);
  const { inputs: matched, problems } = isNamed ? { inputs, problems: missingColumns(inputs, columns) } : matchReference(inputs, columns, { target });
  if (problems.length > 0) {
    const more = problems.length === 1 ? "" : ` There ${problems.length === 2 ? "is one more problem" : `are ${problems.length - 1} more problems`}.`;
    throw new AppError("EVALUATION_IMPOSSIBLE", `The dataset does not fit the model's inputs: ${problems[0]!.path}: ${problems[0]!.message}.${more}`, { problems: problems.slice(0, 64) });
  }
  const names = [...new Set(matched.flatMap((input) => input.columns ?? []))];
  return { columns: names, inputs: matched.map((spec) => ({ spec, at: (spec.columns ?? []).map((name) => names.indexOf(name)) })) };
}

function missingColumns(inputs: readonly TensorSpec[], columns: readonly DatasetColumn[]): Problem[] {
  const known = new Set(columns.map(({ name }) => name));
  return inputs.flatMap((input) => (input.columns ?? []).filter((name) => !known.has(name)).map((name) => ({ path: `inputs.${input.name}`, message: `the dataset has no column ${JSON.stringify(name)}` })));
}

/** Rows of a table as a model takes them; those that it cannot take are missing. */
export interface ModelRows {
  /** Indices of the rows that are in the tensors, in their order. */
  rows: number[];
  /** Values of one input for all rows, row-major. */
  elements: Element[][];
}

/**
 * Turns cells, one array for each column of the plan, into elements. A row with a missing value is left out where the input allows none,
 * one with an infinity or a value that the input does not list always. Throws EVALUATION_IMPOSSIBLE for a value that is none of the datatype.
 */
export function modelRows({ columns, inputs }: InputPlan, cells: readonly (readonly CellValue[])[]): ModelRows {
  const count = cells[0]?.length ?? 0;
  const taken: ModelRows = { rows: [], elements: inputs.map(() => []) };
  for (let row = 0; row < count; row++) {
    const values = inputs.map(({ spec, at }) => {
      return at.map((column) => {
        const element = elementOf(cells[column]![row]!, spec, columns[column]!);
        return element !== undefined && isAllowed(element, spec) ? element : undefined;
      });
    });
    if (values.some((ofInput) => ofInput.includes(undefined))) continue;
    taken.rows.push(row);
    values.forEach((ofInput, input) => taken.elements[input]!.push(...(ofInput as Element[])));
  }
  return taken;
}

/** Rows `from` to `to` of those that were taken. */
export function tensorsOf({ inputs }: InputPlan, { elements }: ModelRows, from: number, to: number): Tensor[] {
  return inputs.map(({ spec: { name, datatype, shape }, at }, input) => ({
    name, datatype, shape: shape.length < 2 ? [to - from] : [to - from, at.length],
    data: dataOf(datatype, elements[input]!.slice(from * at.length, to * at.length)),
  }));
}

function dataOf(datatype: Datatype, elements: readonly Element[]): TensorData {
  if (datatype === "BYTES") return elements as string[];
  const data = new typedArrayOf[datatype](elements.length);
  elements.forEach((element, index) => (data[index] = element as never));
  return data;
}

/** Bit patterns of halves are compared with nothing. */
function isAllowed(element: Element, { allowedValues, datatype }: TensorSpec): boolean {
  if (allowedValues === undefined || datatype === "FP16") return true;
  const value = typeof element === "bigint" ? Number(element) : element;
  return allowedValues.some((allowed) => Object.is(typeof allowed === "boolean" ? Number(allowed) : allowed, value));
}

function elementOf(cell: CellValue, { datatype, missingAllowed }: TensorSpec, column: string): Element | undefined {
  if (cell === null || Number.isNaN(cell)) return datatype.startsWith("FP") && missingAllowed ? (datatype === "FP16" ? numberToHalf(NaN) : NaN) : undefined;
  if (datatype === "BYTES") return String(cell);
  const number = typeof cell === "string" && cell.trim() === "" ? NaN : Number(cell);
  const refuse = (): never => {
    throw new AppError("EVALUATION_IMPOSSIBLE", `The column ${column} holds ${JSON.stringify(String(cell).slice(0, 80))}, which is no ${datatype}.`);
  };
  if (Number.isNaN(number)) return refuse();
  if (datatype.startsWith("FP")) return Number.isFinite(number) ? (datatype === "FP16" ? numberToHalf(number) : number) : undefined;
  if (!Number.isInteger(number) && !(typeof cell === "string" && /^-?\d+$/.test(cell))) return refuse();
  const whole = typeof cell === "string" ? BigInt(cell) : BigInt(number);
  const [low, high] = rangeOf(datatype);
  if (whole < low || whole > high) return refuse();
  return datatype.endsWith("64") ? whole : Number(whole);
}

function rangeOf(datatype: Datatype): [bigint, bigint] {
  if (datatype === "BOOL") return [0n, 1n];
  const bits = BigInt(datatype.replace(/\D/g, ""));
  return datatype.startsWith("U") ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
}
