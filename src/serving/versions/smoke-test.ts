import { AppError, toAppError } from "../../core/errors.ts";
import { numberToHalf } from "../../core/half-float.ts";
import { elementCount, typedArrayOf, type NumericData, type Tensor } from "../../core/tensor.ts";
import type { Contract, ExampleTensor } from "../../registry/index.ts";
import type { ModelRunner } from "./model-runtime.ts";

/** What a model answers with when it is at fault for the values that it was given. */
const ownFaults = new Set(["MODEL_RUN_FAILED", "OUTPUT_INVALID", "RUNNER_CRASHED"]);

/**
 * Runs the contract's input example, whole and as it is: a version that fails on what its own maker gave must never get traffic. Nothing happens where
 * there is no example, or one that leaves inputs out. Throws VERSION_FAILED.
 */
export async function smokeTest(runner: ModelRunner, { signature }: Contract): Promise<void> {
  const example = signature.inputs.map(({ name }) => signature.inputExample?.find((tensor) => tensor.name === name));
  if (example.length === 0 || !example.every((tensor) => tensor !== undefined)) return;
  let outputs: readonly Tensor[];
  try {
    const result = await runner.run(example.map(tensorOfExample));
    result.held?.release();
    ({ outputs } = result);
  } catch (thrown) {
    const error = toAppError(thrown);
    if (!ownFaults.has(error.code)) throw thrown;
    throw new AppError("VERSION_FAILED", `It fails on its own input example: ${error.message}`, { cause: thrown });
  }
  const missing = signature.outputs.filter(({ name }) => !outputs.some((output) => output.name === name));
  if (missing.length > 0) throw new AppError("VERSION_FAILED", `On its own input example it does not answer ${missing.map(({ name }) => JSON.stringify(name)).join(", ")}.`);
}

/** The values of an example as a model takes them; texts stand for integers beyond 2^53 and for what JSON has no number for. */
export function tensorOfExample({ name, datatype, shape, data }: ExampleTensor): Tensor {
  if (datatype === "BYTES") return { name, datatype, shape: [...shape], data: data.map(String) };
  const values: NumericData = new typedArrayOf[datatype](elementCount(shape));
  const isBigInt = values instanceof BigInt64Array || values instanceof BigUint64Array;
  data.forEach((value, index) => {
    const number = isBigInt ? BigInt(value) : datatype === "FP16" ? numberToHalf(Number(value)) : Number(value);
    (values as { [index: number]: number | bigint })[index] = number;
  });
  return { name, datatype, shape: [...shape], data: values };
}
