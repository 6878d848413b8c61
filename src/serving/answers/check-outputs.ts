import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import { elementCount, type Tensor } from "../../core/tensor.ts";
import type { ModelVersion, Signature, TensorSpec } from "../../registry/index.ts";
import { rowsOf } from "../batching/batch.ts";

/**
 * What is wrong with a version's answer, in words; null when it is what the signature says. Every output must be there, with its datatype,
 * its dimensions and as many rows as `inputs` have, where one of the two answers row by row: callers of the stable version count on it, whatever the
 * other's graph lets it promise. Numbers must be finite unless the signature, or that of the version it is held
 * against, allows missing values. For versions that are tried out: it costs a look at every number.
 */
export function outputProblem(outputs: readonly Tensor[], signature: Signature, inputs: readonly Tensor[], stable: Signature): string | null {
  const rows = signature.batchable || stable.batchable ? rowsOf(inputs, true) : undefined;
  for (const spec of signature.outputs) {
    const output = outputs.find(({ name }) => name === spec.name);
    if (output === undefined) return `It did not answer ${JSON.stringify(spec.name)}.`;
    if (output.datatype !== spec.datatype) return `${JSON.stringify(spec.name)} is ${output.datatype} and not ${spec.datatype}.`;
    if (!fits(output.shape, spec.shape, rows) || output.data.length !== elementCount(output.shape)) {
      return `${JSON.stringify(spec.name)} has the shape [${output.shape.join(", ")}] for ${counted(rows ?? 1, "row")} of [${spec.shape.join(", ")}].`;
    }
    const mayMiss = spec.missingAllowed || stable.outputs.some(({ name, missingAllowed }) => missingAllowed && name === spec.name);
    if (!mayMiss && !isFinite(output)) return `${JSON.stringify(spec.name)} has values that are not numbers or are infinite.`;
  }
  return null;
}

function fits(shape: readonly number[], spec: TensorSpec["shape"], rows: number | undefined): boolean {
  if (shape.length !== spec.length) return false;
  if (rows !== undefined && shape[0] !== rows) return false;
  return spec.every((dimension, index) => dimension < 0 || (index === 0 && rows !== undefined) || shape[index] === dimension);
}

function isFinite({ datatype, data }: Tensor): boolean {
  if (datatype === "FP32" || datatype === "FP64") {
    for (let index = 0; index < data.length; index++) if (!Number.isFinite(data[index])) return false;
  } else if (datatype === "FP16") {
    // An exponent of ones is infinity or no number.
    for (let index = 0; index < data.length; index++) if (((data[index] as number) & 0x7c00) === 0x7c00) return false;
  }
  return true;
}

/** Throws INVALID_INPUT for names that are no outputs. */
export function assertOutputs(names: readonly string[] | undefined, version: ModelVersion): void {
  const unknown = names?.filter((name) => !version.contract.signature.outputs.some((output) => output.name === name)) ?? [];
  if (unknown.length === 0) return;
  const known = version.contract.signature.outputs.map((output) => output.name).join(", ");
  throw new AppError("INVALID_INPUT", `The model has no output named ${unknown.map((name) => JSON.stringify(name)).join(", ")}; it has ${known}.`);
}
