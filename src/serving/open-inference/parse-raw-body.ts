import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import { elementSize } from "../../core/tensor.ts";
import type { Signature, TensorSpec } from "../../registry/index.ts";
import { decodeBinaryData } from "./binary-tensor-data.ts";
import type { InferRequest } from "./infer-request.ts";
import { ProblemList } from "./problem-list.ts";
import { shapeText } from "./read-tensor-data.ts";
import { RequestAdmission } from "./request-admission.ts";

/** A body that is one input's bytes and nothing else; its shape follows from the signature and the length. Throws INVALID_INPUT. */
export function parseRawBody(body: Buffer, signature: Signature | undefined): InferRequest {
  if (signature?.inputs.length !== 1) {
    const count = signature === undefined ? "a model without a signature" : `a model with ${counted(signature.inputs.length, "input")}`;
    throw new AppError("INVALID_INPUT", `A raw body (Inference-Header-Content-Length: 0) does not fit ${count}; send the JSON header with it.`);
  }
  const problems = new ProblemList();
  const admission = new RequestAdmission(signature, problems);
  const spec = signature.inputs[0]!;
  const path = (): string => "inputs[0]";
  const shape = rawShape(spec, signature.batchable, body.length);
  const admitted = admission.admit(spec.name, spec.datatype, shape, path);
  let bytes: Uint8Array = body;
  if (spec.datatype === "BYTES") {
    bytes = Buffer.allocUnsafe(body.length + 4);
    (bytes as Buffer).writeUInt32LE(body.length);
    bytes.set(body, 4);
  }
  const data = admitted === null ? null : decodeBinaryData(spec.datatype, shape, admitted.count, bytes, problems, path);
  if (data !== null) {
    admission.keep({ name: spec.name, datatype: spec.datatype, shape, data }, admitted!.rule, (element) => `inputs[0].data[${element}]`);
  }
  return { id: undefined, timeoutMs: undefined, routingKey: undefined, inputs: admission.finish(), outputs: undefined, binaryOutputDefault: true };
}

/** A body of BYTES is one element. Of two variable dimensions the first is the batch, and a raw body is one row of it. */
function rawShape(spec: TensorSpec, batchable: boolean, bodyLength: number): number[] {
  const shape = [...spec.shape];
  if (spec.datatype === "BYTES") return shape.map((dimension) => (dimension === -1 ? 1 : dimension));
  const variable = (): number => shape.filter((dimension) => dimension === -1).length;
  if (variable() === 2 && batchable && shape[0] === -1) shape[0] = 1;
  if (variable() > 1) {
    throw new AppError(
      "INVALID_INPUT",
      `A raw body (Inference-Header-Content-Length: 0) cannot tell the ${variable()} variable dimensions of ${shapeText(spec.shape)}; send the JSON header with it.`,
    );
  }
  const fixedBytes = shape.reduce((product, dimension) => (dimension === -1 ? product : product * dimension), elementSize[spec.datatype]);
  return shape.map((dimension) => (dimension === -1 ? Math.max(1, Math.floor(bodyLength / Math.max(fixedBytes, 1))) : dimension));
}
