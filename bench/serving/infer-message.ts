import protobuf from "protobufjs";

const { root } = protobuf.parse(`syntax = "proto3";
  message In { message Tensor { string name = 1; string datatype = 2; repeated int64 shape = 3; } string model_name = 1; repeated Tensor inputs = 5; repeated bytes raw_input_contents = 7; }`, { keepCase: true });

/** A ModelInferRequest with one FP32 tensor as raw bytes. */
export function inferMessage(model: string, input: string, shape: readonly number[], data: Float32Array): Buffer {
  const type = root.lookupType("In");
  return Buffer.from(type.encode({ model_name: model, inputs: [{ name: input, datatype: "FP32", shape }], raw_input_contents: [new Uint8Array(data.buffer)] }).finish());
}
