import { createHash } from "node:crypto";
import { elementCount, type Tensor } from "../../core/tensor.ts";
import type { Policy, Signature, TensorSpec } from "../../registry/index.ts";
import type { LogTensor } from "./prediction-log.ts";

/**
 * What of a tensor may reach the log. A redacted tensor keeps its shape only. A redacted column of a float matrix
 * becomes NaN; of another datatype the whole tensor is withheld, since no value stands for "not shown". A tensor beyond
 * the policy's size keeps shape and digest.
 */
export function logTensors(tensors: readonly Tensor[], specs: readonly TensorSpec[], policy: Policy["log"]): readonly LogTensor[] {
  if (policy.redact.length === 0 && tensors.every((tensor) => tensor.data.length <= policy.maxElements)) return tensors;
  return tensors.map((tensor) => {
    const columns = specs.find((spec) => spec.name === tensor.name)?.columns ?? [];
    const hidden = columns.flatMap((column, index) => (policy.redact.includes(column) ? [index] : []));
    if (policy.redact.includes(tensor.name) || (hidden.length > 0 && hidden.length === columns.length)) return withheld(tensor, { redacted: true });
    if (hidden.length > 0) {
      if (tensor.datatype !== "FP32" && tensor.datatype !== "FP64") return withheld(tensor, { redacted: true });
      tensor = hideColumns(tensor, hidden);
    }
    return tensor.data.length > policy.maxElements ? withheld(tensor, { digest: tensorDigest(tensor) }) : tensor;
  });
}

/** Names in `redact` that are neither a tensor nor a column of the signature: a typing error would log what it meant to hide. */
export function unknownRedactions(signature: Signature, policy: Policy["log"]): string[] {
  const known = new Set([...signature.inputs, ...signature.outputs].flatMap((spec) => [spec.name, ...(spec.columns ?? [])]));
  return policy.redact.filter((name) => !known.has(name));
}

function withheld(tensor: Tensor, why: { redacted: true } | { digest: string }): LogTensor {
  return { name: tensor.name, datatype: tensor.datatype, shape: tensor.shape, data: null, ...why };
}

function hideColumns(tensor: Tensor, hidden: readonly number[]): Tensor {
  const data = (tensor.data as Float32Array | Float64Array).slice();
  const width = tensor.shape[tensor.shape.length - 1]!;
  for (let row = 0; row < elementCount(tensor.shape) / width; row++) for (const column of hidden) data[row * width + column] = NaN;
  return { ...tensor, data };
}

function tensorDigest(tensor: Tensor): string {
  const hash = createHash("sha256");
  if (Array.isArray(tensor.data)) for (const text of tensor.data) hash.update(`${Buffer.byteLength(text)}:`).update(text);
  else hash.update(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
  return `sha256:${hash.digest("hex")}`;
}
