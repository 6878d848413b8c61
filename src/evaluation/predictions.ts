import { AppError } from "../core/errors.ts";
import { halfToNumber } from "../core/half-float.ts";
import { elementCount, type Tensor } from "../core/tensor.ts";
import type { TensorSpec } from "../registry/index.ts";

/** What a model answered to the rows of an evaluation set, row by row. */
export interface Predictions {
  rows: number;
  /** 1 where the model was asked, 0 for rows that were left out. */
  answered: Uint8Array;
  /** Empty text for rows that were left out; null where the model says no labels. */
  labels: string[] | null;
  /** Numbers of each row: probabilities of classes, or the one value of a regression; 0 where there are labels alone. */
  width: number;
  /** Row-major, rows × width. */
  numbers: Float64Array;
  /** What the graph says of the order of the classes. */
  columns: string[] | null;
  /** The numbers were doubles; otherwise singles or less. */
  isDouble: boolean;
  notes: string[];
}

/** Which outputs of a model are its predictions. */
export interface OutputRoles {
  label: string | null;
  numbers: string | null;
  columns: string[] | null;
}

type Task = "classification" | "regression" | "forecast";

const isFloat = ({ datatype }: TensorSpec): boolean => datatype.startsWith("FP");
/** One value for each row: [-1] and [-1, 1]. */
const isSingle = ({ shape }: TensorSpec): boolean => shape.length < 2 || (shape.length === 2 && shape[1] === 1);
const isVector = ({ shape }: TensorSpec): boolean => shape.length === 2 && shape[1] !== 1;

/** What is predicted where the policy does not say: labels and probabilities are classes, one number is a regression. */
export function taskOf(targetKind: string, outputs: readonly TensorSpec[]): "classification" | "regression" {
  if (targetKind === "text" || targetKind === "boolean") return "classification";
  const floats = outputs.filter(isFloat);
  return outputs.some((output) => !isFloat(output) && isSingle(output)) || (floats.length > 0 && floats.every(isVector)) ? "classification" : "regression";
}

/** Finds the outputs that hold the predictions; `named` decides where several could. Throws EVALUATION_IMPOSSIBLE. */
export function chooseOutputs(outputs: readonly TensorSpec[], task: Task, named: string | null): OutputRoles {
  const own = outputs.find(({ name }) => name === named);
  const only = (fitting: TensorSpec[], fits: (output: TensorSpec) => boolean): TensorSpec | undefined =>
    own !== undefined && fits(own) ? own : fitting.length === 1 ? fitting[0] : undefined;
  const roles = (label: TensorSpec | undefined, numbers: TensorSpec | undefined): OutputRoles => ({
    label: label?.name ?? null, numbers: numbers?.name ?? null, columns: numbers !== undefined && isVector(numbers) ? (numbers.columns ?? null) : null,
  });
  const singles = outputs.filter((output) => isFloat(output) && isSingle(output));
  if (task === "classification") {
    if (own !== undefined && isFloat(own) && isSingle(own)) return roles(undefined, own);
    const isLabel = (output: TensorSpec): boolean => !isFloat(output) && isSingle(output);
    const isScores = (output: TensorSpec): boolean => isFloat(output) && isVector(output);
    const label = only(outputs.filter(isLabel), isLabel);
    const scores = only(outputs.filter(isScores), isScores);
    // The one number beside a label, or alone, may be the probability of the second of two classes.
    const numbers = scores ?? (singles.length === 1 ? singles[0] : undefined);
    if (label !== undefined || numbers !== undefined) return roles(label, numbers);
  } else {
    const isNumber = (output: TensorSpec): boolean => output.datatype !== "BYTES" && isSingle(output);
    const numbers = only(singles.length > 0 ? singles : outputs.filter(isNumber), isNumber);
    if (numbers !== undefined) return roles(undefined, numbers);
  }
  const what = task === "classification" ? "labels or probabilities" : "one number for each row";
  const listed = outputs.slice(0, 20).map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join(", ")}]`).join(", ");
  throw new AppError("EVALUATION_IMPOSSIBLE", `Which output holds ${what} cannot be told; the policy's evaluation.output names it. The outputs are ${listed}.`);
}

/** Takes the answers of a model in, page by page. */
export class PredictionCollector {
  readonly #roles: OutputRoles;
  readonly #rows: number;
  readonly #answered: Uint8Array;
  readonly #labels: string[] | null;
  #numbers = new Float64Array(0);
  #width = 0;
  #isDouble = false;

  constructor(roles: OutputRoles, rows: number) {
    this.#roles = roles;
    this.#rows = rows;
    this.#answered = new Uint8Array(rows);
    this.#labels = roles.label === null ? null : new Array<string>(rows).fill("");
  }

  /** Answers to the rows with these numbers. Throws EVALUATION_IMPOSSIBLE where they are not one for each row. */
  add(rows: readonly number[], outputs: readonly Tensor[]): void {
    const { label, numbers } = this.#roles;
    if (label !== null) {
      const tensor = outputOf(outputs, label, rows.length);
      if (tensor.data.length !== rows.length) throw notOnePerRow(label);
      rows.forEach((row, index) => (this.#labels![row] = labelText(tensor, index)));
    }
    if (numbers !== null) this.#addNumbers(rows, outputOf(outputs, numbers, rows.length));
    for (const row of rows) this.#answered[row] = 1;
  }

  #addNumbers(rows: readonly number[], tensor: Tensor): void {
    const width = tensor.data.length / rows.length;
    if (this.#width === 0) {
      if (!Number.isInteger(width) || width < 1) throw notOnePerRow(tensor.name);
      this.#width = width;
      this.#isDouble = tensor.datatype !== "FP32" && tensor.datatype !== "FP16";
      this.#numbers = new Float64Array(this.#rows * width);
    }
    if (width !== this.#width) throw notOnePerRow(tensor.name);
    rows.forEach((row, index) => {
      for (let column = 0; column < width; column++) {
        const value = numberAt(tensor, index * width + column);
        if (!Number.isFinite(value)) throw new AppError("EVALUATION_IMPOSSIBLE", `The output ${tensor.name} of row ${row + 1} is no finite number.`);
        this.#numbers[row * width + column] = value;
      }
    });
  }

  finish(notes: readonly string[]): Predictions {
    return {
      rows: this.#rows, answered: this.#answered, labels: this.#labels, width: this.#width, numbers: this.#numbers,
      columns: this.#roles.columns, isDouble: this.#isDouble, notes: [...notes],
    };
  }
}

function outputOf(outputs: readonly Tensor[], name: string, rows: number): Tensor {
  const tensor = outputs.find((output) => output.name === name);
  if (tensor === undefined || tensor.data.length !== elementCount(tensor.shape) || (tensor.shape[0] ?? 1) !== rows) throw notOnePerRow(name);
  return tensor;
}

function notOnePerRow(output: string): AppError {
  return new AppError("EVALUATION_IMPOSSIBLE", `The output ${output} does not hold one prediction for each row.`);
}

function labelText({ datatype, data }: Tensor, index: number): string {
  return datatype === "FP16" ? String(halfToNumber(data[index] as number)) : String(data[index]);
}

function numberAt({ datatype, data }: Tensor, index: number): number {
  return datatype === "FP16" ? halfToNumber(data[index] as number) : Number(data[index]);
}
