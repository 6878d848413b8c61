import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import { InferenceSession, Tensor } from "onnxruntime-node";
import protobuf from "protobufjs";

/** The gRPC floor: grpc-js, protobufjs and onnxruntime-node; no validation, batching, log or metrics. `node grpc-floor.ts MODEL INPUT WIDTH OUTPUT`. */
const [file, input, widths, output] = process.argv.slice(2) as [string, string, string, string];
const session = await InferenceSession.create(file);
const shape = widths.split("x").map(Number);

const { root } = protobuf.parse(`syntax = "proto3";
  message In { message Tensor { string name = 1; string datatype = 2; repeated int64 shape = 3; } string model_name = 1; repeated Tensor inputs = 5; repeated bytes raw_input_contents = 7; }
  message Out { message Tensor { string name = 1; string datatype = 2; repeated int64 shape = 3; } string model_name = 1; repeated Tensor outputs = 5; repeated bytes raw_output_contents = 6; }`, { keepCase: true });
const In = root.lookupType("In");
const Out = root.lookupType("Out");

interface Call {
  raw_input_contents: Uint8Array[];
}

const server = new Server({ "grpc.max_receive_message_length": -1 });
server.addService(
  {
    ModelInfer: {
      path: "/inference.GRPCInferenceService/ModelInfer", requestStream: false, responseStream: false,
      requestSerialize: (value: Buffer) => value, requestDeserialize: (bytes: Buffer) => In.decode(bytes) as unknown as Call,
      responseSerialize: (value: object) => Out.encode(value).finish() as Buffer, responseDeserialize: (bytes: Buffer) => bytes,
    },
  },
  {
    ModelInfer: (call: ServerUnaryCall<Call, object>, callback: sendUnaryData<object>) => {
      const raw = call.request.raw_input_contents[0]!;
      const data = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
      void session.run({ [input]: new Tensor("float32", data, [data.length / shape.reduce((a, b) => a * b), ...shape]) }).then((results) => {
        const values = results[output]!.data as Float32Array;
        callback(null, { model_name: "floor", outputs: [{ name: output, datatype: "FP32", shape: results[output]!.dims }], raw_output_contents: [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)] });
      });
    },
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(JSON.stringify({ port }));
});
