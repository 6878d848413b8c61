import { AppError } from "../../core/errors.ts";
import { elementCount, typedArrayOf, type NumericData, type Tensor } from "../../core/tensor.ts";
import type { Artifact, ExampleTensor, PythonFacts, TensorSpec } from "../../registry/index.ts";
import type { ModelRunner } from "../../serving/versions/model-runtime.ts";
import type { PythonRuntime } from "./python-runtime.ts";

export interface PythonInspection {
  signature: { inputs: TensorSpec[]; outputs: TensorSpec[] };
  /** The row that it was tried with. */
  example: ExampleTensor[];
  /** Whether rows answer alike together and alone. */
  batchable: boolean;
}

interface NativeFacts {
  features: number | null;
  names: string[] | null;
  /** A value that each column of texts has learned, by column. */
  texts: Record<string, string>;
  kind: string | null;
}

const tryMs = 60_000;
const rowsTogether = 3;

/**
 * Loads a model that has no signature in its runner, asks it what it takes, and tries it with one row and with several: its
 * code runs in that process and nowhere else.
 */
export class PythonInspector {
  readonly #runtime: PythonRuntime;

  constructor(runtime: PythonRuntime) {
    this.#runtime = runtime;
  }

  /**
   * `given` are inputs that are known otherwise, such as those of an example. Throws PYTHON_MISSING, ENVIRONMENT_FAILED,
   * MODEL_FILE_INVALID when it does not load or does not say what it takes, MODEL_PROBE_FAILED when it refuses the row.
   */
  async inspect(files: readonly Artifact[], python: PythonFacts, given: { inputs: readonly TensorSpec[]; example: readonly ExampleTensor[] | null } | null): Promise<PythonInspection> {
    const runner = await this.#start(files, python, given?.inputs ?? []);
    const timer = setTimeout(() => runner.kill(`it was tried for ${tryMs} ms`), tryMs);
    try {
      const facts = JSON.parse(String((await runner.run([])).outputs[0]?.data[0])) as NativeFacts;
      const inputs = given === null ? inputsOf(facts) : [...given.inputs];
      const row = inputs.map((input, index) => given?.example?.[index] ?? exampleRow(input, facts));
      return { signature: { inputs, outputs: await tryOutputs(runner, inputs, row) }, example: row, batchable: await rowsAgree(runner, inputs, row) };
    } finally {
      clearTimeout(timer);
      await runner.close();
    }
  }

  async #start(files: readonly Artifact[], python: PythonFacts, inputs: readonly TensorSpec[]): Promise<ModelRunner> {
    try {
      return await this.#runtime.startProcess({ files, python, signature: { inputs: [...inputs], outputs: [] }, logFields: { inspecting: python.entry }, inspect: true });
    } catch (error) {
      if (error instanceof AppError && error.code === "VERSION_FAILED") throw new AppError("MODEL_FILE_INVALID", error.message, { cause: error });
      throw error;
    }
  }
}

/** What scikit-learn's attributes say: one matrix, or a tensor for each column where some hold texts. */
function inputsOf({ features, names, texts }: NativeFacts): TensorSpec[] {
  if (names !== null && names.length > 0 && Object.keys(texts).length > 0) {
    return names.map((name) => ({ name, datatype: Object.hasOwn(texts, name) ? "BYTES" : "FP64", shape: [-1], missingAllowed: false }));
  }
  if (features === null || features < 1) {
    throw new AppError("MODEL_FILE_INVALID", "The model does not say what it takes: log it with a signature or an input example, as mlflow.models.infer_signature makes them.");
  }
  return [{ name: "input", datatype: "FP64", shape: [-1, features], ...(names?.length === features && { columns: names }), missingAllowed: false }];
}

function exampleRow(input: TensorSpec, { texts }: NativeFacts): ExampleTensor {
  const shape = input.shape.map((dimension, position) => (position === 0 || dimension < 0 ? 1 : dimension));
  const value = input.datatype === "BYTES" ? (texts[input.name] ?? "") : input.datatype === "BOOL" ? false : 0;
  return { name: input.name, datatype: input.datatype, shape, data: Array.from({ length: elementCount(shape) }, () => value) };
}

/** The row as many times as asked for; numbers of the later ones differ, so that mixed-up rows show. */
function repeated(row: readonly ExampleTensor[], rows: number, from = 0): Tensor[] {
  return row.map(({ name, datatype, shape, data }) => {
    const width = data.length;
    const whole = [rows, ...shape.slice(1)];
    if (datatype === "BYTES") return { name, datatype, shape: whole, data: Array.from({ length: rows * width }, (_, index) => String(data[index % width])) };
    const values: NumericData = new typedArrayOf[datatype](rows * width);
    for (let index = 0; index < rows * width; index++) {
      const shift = datatype.startsWith("FP") && datatype !== "FP16" ? (from + Math.floor(index / width)) * 0.5 : 0;
      const value = Number(data[index % width]) + shift;
      (values as { [index: number]: number | bigint })[index] = values instanceof BigInt64Array || values instanceof BigUint64Array ? BigInt(Math.trunc(value)) : value;
    }
    return { name, datatype, shape: whole, data: values };
  });
}

async function tryOutputs(runner: ModelRunner, inputs: readonly TensorSpec[], row: readonly ExampleTensor[]): Promise<TensorSpec[]> {
  try {
    const { outputs } = await runner.run(repeated(row, 1));
    if (outputs.length === 0) throw new AppError("MODEL_PROBE_FAILED", "The model answered nothing to an example row.");
    return outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: [-1, ...shape.slice(1)], missingAllowed: false }));
  } catch (error) {
    if (error instanceof AppError && error.code !== "MODEL_PROBE_FAILED") {
      const what = inputs.map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join(", ")}]`).slice(0, 10).join(", ");
      throw new AppError("MODEL_PROBE_FAILED", `The model loads but does not run on an example of ${what}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

async function rowsAgree(runner: ModelRunner, inputs: readonly TensorSpec[], row: readonly ExampleTensor[]): Promise<boolean> {
  if (inputs.some(({ shape }) => shape[0] !== -1)) return false;
  try {
    const together = await runner.run(repeated(row, rowsTogether));
    for (let index = 0; index < rowsTogether; index++) {
      const alone = await runner.run(repeated(row, 1, index));
      for (const [position, output] of together.outputs.entries()) {
        const single = alone.outputs[position];
        if (output.shape[0] !== rowsTogether || single === undefined) return false;
        const width = elementCount(output.shape.slice(1));
        for (let at = 0; at < width; at++) if (!close(output.data[index * width + at], single.data[at])) return false;
      }
    }
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code !== "RUNNER_CRASHED") return false;
    throw error;
  }
}

function close(left: unknown, right: unknown): boolean {
  if (typeof left !== "number" || typeof right !== "number") return left === right;
  return Object.is(left, right) || Math.abs(left - right) <= 1e-5 * Math.max(1, Math.abs(left));
}
