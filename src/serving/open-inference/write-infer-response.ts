import { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import { encodeBinaryData } from "./binary-tensor-data.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { InferRequest } from "./infer-request.ts";
import type { InferenceResult } from "./inference-service.ts";
import { writeElements } from "./write-tensor-json.ts";

export interface WireAnswer {
  headers: Record<string, string>;
  /** The body in order; large tensors are views of the tensors' own memory. */
  chunks: Uint8Array[];
}

/**
 * The answer to `POST /v2/models/M/infer`: JSON, or JSON and binary data as the request asked for each output. Floats
 * that JSON has no number for are written as the texts "NaN", "Infinity" and "-Infinity", which is proto3's JSON mapping
 * and which numpy reads. Throws OUTPUT_INVALID when an output that was asked for is not there.
 */
export function writeInferResponse(
  result: InferenceResult,
  request: Pick<InferRequest, "id" | "outputs" | "binaryOutputDefault">,
): WireAnswer {
  const outputs = selectOutputs(result.outputs, request.outputs);
  const writer = new ByteWriter(192 + outputs.length * 160);
  const blobs: Uint8Array[] = [];
  let binary = false;
  writer.ascii('{"model_name":');
  writer.text(result.model);
  writer.ascii(',"model_version":');
  writer.text(result.version);
  if (request.id !== undefined) {
    writer.ascii(',"id":');
    writer.text(request.id);
  }
  writer.ascii(',"parameters":{"prediction_id":');
  writer.text(result.predictionId);
  if (result.arm !== undefined) {
    writer.ascii(',"arm":');
    writer.text(result.arm);
  }
  writer.ascii('},"outputs":[');
  for (let index = 0; index < outputs.length; index++) {
    const output = outputs[index]!;
    if (index > 0) writer.byte(0x2c);
    writer.ascii('{"name":');
    writer.text(output.name);
    writer.ascii(',"datatype":"');
    writer.ascii(output.datatype);
    writer.ascii('","shape":[');
    for (let level = 0; level < output.shape.length; level++) {
      if (level > 0) writer.byte(0x2c);
      writer.integer(output.shape[level]!);
    }
    if (request.outputs?.[index]?.binary ?? request.binaryOutputDefault) {
      binary = true;
      const bytes = encodeBinaryData(output);
      blobs.push(bytes);
      writer.ascii('],"parameters":{"binary_data_size":');
      writer.integer(bytes.byteLength);
      writer.ascii("}}");
    } else {
      writer.ascii('],"data":[');
      writeElements(writer, output, 0, output.data.length);
      writer.ascii("]}");
    }
  }
  writer.ascii("]}");
  const json = writer.finish();
  if (!binary) return { headers: { "Content-Type": "application/json" }, chunks: [json] };
  return {
    headers: { "Content-Type": "application/octet-stream", "Inference-Header-Content-Length": String(json.length) },
    chunks: [json, ...blobs],
  };
}

/** The outputs that were asked for, in that order. */
export function selectOutputs(outputs: Tensor[], requested: InferRequest["outputs"]): Tensor[] {
  return requested === undefined ? outputs : requested.map(({ name }) => findOutput(outputs, name));
}

function findOutput(outputs: readonly Tensor[], name: string): Tensor {
  const found = outputs.find((output) => output.name === name);
  if (found === undefined) throw new AppError("OUTPUT_INVALID", `The model did not return the output ${JSON.stringify(name)}.`);
  return found;
}
