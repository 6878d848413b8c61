import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../../test/kit/fast-check.ts";
import protobuf from "protobufjs";
import { AppError } from "../../core/errors.ts";
import { Datatype, elementCount, typedArrayOf, type Tensor, type TensorData } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { encodeBinaryData } from "./binary-tensor-data.ts";
import { decodeInferMessage, encodeInferResponse, encodeStreamFailure, encodeStreamResponse, readInferMessage } from "./infer-message.ts";

/** The messages as the protocol publishes them, read by another implementation than ours. */
const { root } = protobuf.parse(
  `syntax = "proto3"; package inference;
  message InferParameter { oneof parameter_choice { bool bool_param = 1; int64 int64_param = 2; string string_param = 3; double double_param = 4; uint64 uint64_param = 5; } }
  message InferTensorContents { repeated bool bool_contents = 1; repeated int32 int_contents = 2; repeated int64 int64_contents = 3; repeated uint32 uint_contents = 4;
    repeated uint64 uint64_contents = 5; repeated float fp32_contents = 6; repeated double fp64_contents = 7; repeated bytes bytes_contents = 8; }
  message Unpacked { repeated float fp32_contents = 6 [packed = false]; repeated int32 int_contents = 2 [packed = false]; }
  message ModelInferRequest {
    message InferInputTensor { string name = 1; string datatype = 2; repeated int64 shape = 3; map<string, InferParameter> parameters = 4; InferTensorContents contents = 5; }
    message InferRequestedOutputTensor { string name = 1; map<string, InferParameter> parameters = 2; }
    string model_name = 1; string model_version = 2; string id = 3; map<string, InferParameter> parameters = 4;
    repeated InferInputTensor inputs = 5; repeated InferRequestedOutputTensor outputs = 6; repeated bytes raw_input_contents = 7; }
  message ModelInferResponse {
    message InferOutputTensor { string name = 1; string datatype = 2; repeated int64 shape = 3; map<string, InferParameter> parameters = 4; InferTensorContents contents = 5; }
    string model_name = 1; string model_version = 2; string id = 3; map<string, InferParameter> parameters = 4; repeated InferOutputTensor outputs = 5; repeated bytes raw_output_contents = 6; }
  message ModelStreamInferResponse { string error_message = 1; ModelInferResponse infer_response = 2; }`,
  { keepCase: true },
);
const Request = root.lookupType("inference.ModelInferRequest");
const Response = root.lookupType("inference.ModelInferResponse");
const StreamResponse = root.lookupType("inference.ModelStreamInferResponse");
const asObject = { longs: String, bytes: Buffer, defaults: false } as const;

function encode(message: object): Buffer {
  return Buffer.from(Request.encode(Request.fromObject(message)).finish());
}

function decode(type: protobuf.Type, bytes: Uint8Array): Record<string, never> {
  return type.toObject(type.decode(bytes), asObject as protobuf.IConversionOptions) as Record<string, never>;
}

function signatureFor(tensors: readonly Tensor[]): Signature {
  return { inputs: tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(() => -1), missingAllowed: false })), outputs: [], batchable: false };
}

function read(message: object, signature?: Signature) {
  return readInferMessage(decodeInferMessage(encode(message)), signature);
}

function messageOf(run: () => unknown, code = "INVALID_INPUT"): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    return error.message;
  }
  return assert.fail("it was accepted");
}

const contentsField: Partial<Record<Datatype, string>> = {
  BOOL: "bool_contents", INT8: "int_contents", INT16: "int_contents", INT32: "int_contents", INT64: "int64_contents", UINT8: "uint_contents",
  UINT16: "uint_contents", UINT32: "uint_contents", UINT64: "uint64_contents", FP32: "fp32_contents", FP64: "fp64_contents", BYTES: "bytes_contents",
};

const elements: Record<Datatype, fc.Arbitrary<unknown>> = {
  BOOL: fc.nat(1), UINT8: fc.nat(255), UINT16: fc.nat(65_535), UINT32: fc.nat(4_294_967_295), UINT64: fc.bigInt(0n, 2n ** 64n - 1n),
  INT8: fc.integer({ min: -128, max: 127 }), INT16: fc.integer({ min: -32_768, max: 32_767 }), INT32: fc.integer(), INT64: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  FP16: fc.nat(0x7bff), FP32: fc.float({ noNaN: true, noDefaultInfinity: true }), FP64: fc.double({ noNaN: true, noDefaultInfinity: true }), BYTES: fc.string({ unit: codePoint }),
};

function tensorOf(name: string, datatypes: readonly Datatype[]): fc.Arbitrary<Tensor> {
  return fc.tuple(fc.constantFrom(...datatypes), fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 })).chain(([datatype, shape]) =>
    fc.array(elements[datatype], { minLength: elementCount(shape), maxLength: elementCount(shape) }).map((values) => ({
      name, datatype, shape,
      data: datatype === "BYTES" ? (values as string[]) : (typedArrayOf[datatype] as unknown as { from(values: unknown[]): TensorData }).from(values),
    })),
  );
}

function wireInput({ name, datatype, shape, data }: Tensor, raw: boolean): object {
  if (raw) return { name, datatype, shape };
  const values = Array.from(data as unknown[] as Iterable<unknown>, (value) =>
    typeof value === "bigint" ? String(value) : typeof value === "string" ? Buffer.from(value) : datatype === "BOOL" ? value === 1 : value);
  return { name, datatype, shape, contents: { [contentsField[datatype]!]: values } };
}

const withoutHalf = Datatype.options.filter((datatype) => datatype !== "FP16");

describe("ModelInferRequest", () => {
  it("gives every datatype back, raw and in contents", () => {
    const tensors = fc.boolean().chain((raw) => fc.record({ raw: fc.constant(raw), list: fc.array(fc.nat(), { maxLength: 2 }).chain((extra) =>
      fc.tuple(...["a", "b", ...extra.map((number) => `c${number}`)].filter((name, index, all) => all.indexOf(name) === index).map((name) => tensorOf(name, raw ? Datatype.options : withoutHalf)))) }));
    fc.assert(
      fc.property(tensors, ({ raw, list }) => {
        const message = { model_name: "m", id: "größe", inputs: list.map((tensor) => wireInput(tensor, raw)), raw_input_contents: raw ? list.map(encodeBinaryData) : [] };
        const request = read(message, signatureFor(list));
        assert.deepEqual(request.inputs, list);
        assert.equal(request.id, "größe");
        assert.equal(request.binaryOutputDefault, raw);
      }),
    );
  });

  it("views aligned raw contents in the message", () => {
    const bytes = encode({ model_name: "m", inputs: [{ name: "x", datatype: "UINT8", shape: [3] }], raw_input_contents: [Buffer.of(1, 2, 3)] });
    const { data } = readInferMessage(decodeInferMessage(bytes), undefined).inputs[0]!;
    assert.equal((data as Uint8Array).buffer, bytes.buffer);
  });

  it("reads unpacked elements and contents in several parts, as protobuf allows", () => {
    const part = (field: string, values: number[]): Buffer => {
      const Unpacked = root.lookupType("inference.Unpacked");
      return Buffer.from(Unpacked.encode(Unpacked.create({ [field]: values })).finish());
    };
    const delimited = (tag: number, content: Buffer): Buffer => Buffer.concat([Buffer.of(tag << 3 | 2, content.length), content]);
    for (const [field, datatype] of [["fp32_contents", "FP32"], ["int_contents", "INT16"]] as const) {
      const frame = Buffer.from(encode({ inputs: [{ name: "x", datatype, shape: [3] }] })).subarray(2);
      const inputs = Buffer.concat([frame, delimited(5, part(field, [1, -2])), delimited(5, part(field, [3]))]);
      const request = readInferMessage(decodeInferMessage(delimited(5, inputs)), undefined);
      assert.deepEqual([...(request.inputs[0]!.data as Float32Array)], [1, -2, 3]);
    }
  });

  it("knows parameters and outputs", () => {
    const request = read({
      model_name: "m", model_version: "3", parameters: { timeout: { int64_param: 5000 }, other: { string_param: "x" } },
      inputs: [{ name: "x", datatype: "FP32", shape: [1], contents: { fp32_contents: [1] } }], outputs: [{ name: "y", parameters: { binary_data: { bool_param: false } } }],
    });
    assert.equal(request.timeoutMs, 5);
    assert.deepEqual(request.outputs?.map(({ name }) => name), ["y"]);
    messageOf(() => read({ inputs: [], outputs: [{ name: "y", parameters: { classification: { int64_param: 2 } } }] }), "NOT_SUPPORTED");
    messageOf(() => read({ inputs: [{ name: "x", datatype: "FP32", shape: [1], parameters: { shared_memory_region: { string_param: "r" } } }] }), "NOT_SUPPORTED");
  });

  it("does not take a field for whole that the message cuts off", () => {
    const bytes = encode({ model_name: "m", inputs: [{ name: "x", datatype: "UINT8", shape: [3] }], raw_input_contents: [Buffer.of(1, 2, 3)] });
    bytes[bytes.length - 4]!++;
    assert.match(messageOf(() => decodeInferMessage(bytes), "INVALID_REQUEST"), /a field is longer than the message/);
    assert.match(messageOf(() => decodeInferMessage(bytes.subarray(0, 2)), "INVALID_REQUEST"), /a field is longer than the message/);
  });

  it("names every problem in the same words as REST", () => {
    const signature: Signature = { inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2], missingAllowed: false }], outputs: [{ name: "y", datatype: "FP32", shape: [-1], missingAllowed: false }], batchable: true };
    const input = (more: object) => ({ inputs: [{ name: "x", datatype: "FP32", shape: [1, 2], ...more }] });
    const cases: [object, RegExp][] = [
      [input({ datatype: "FP64" }), /^inputs\[0\]\.datatype is FP64; the model's input "x" is FP32\.$/],
      [input({ shape: [2], contents: { fp32_contents: [1, 2] } }), /^inputs\[0\]\.shape is \[2\], with 1 dimension; the model wants 2/],
      [input({ shape: ["-9223372036854775808", 2] }), /^inputs\[0\]\.shape\[0\] is -9223372036854776000; a dimension/],
      [input({ shape: ["9223372036854775807", 2] }), /^inputs\[0\]\.shape\[0\] is 9223372036854776000/],
      [input({ contents: { fp32_contents: [1, 2, 3] } }), /^inputs\[0\]\.contents has 3 elements, the shape needs 2\.$/],
      [input({ contents: { int_contents: [1, 2] } }), /^inputs\[0\]\.contents has int_contents; FP32 goes into fp32_contents\.$/],
      [input({ contents: { fp32_contents: [1, NaN] } }), /^inputs\[0\]\.contents\[1\] is missing \(NaN\)/],
      [input({ contents: { fp32_contents: [Infinity, 1] } }), /^inputs\[0\]\.contents\[0\] is infinite/],
      [input({ shape: [2 ** 40, 2], contents: { fp32_contents: [1] } }), /has 1 element, the shape needs 2199023255552/],
      [{ ...input({}), raw_input_contents: [Buffer.alloc(4)] }, /^inputs\[0\]\.data is 4 bytes; 2 elements of FP32 \(shape \[1,2\]\) are 8 bytes\.$/],
      [{ ...input({}), raw_input_contents: [Buffer.alloc(8), Buffer.alloc(8)] }, /^raw_input_contents has 2 elements for 1 input;/],
      [{ ...input({ contents: { fp32_contents: [1, 2] } }), raw_input_contents: [Buffer.alloc(8)] }, /contents stand beside raw_input_contents/],
      [{ inputs: [] }, /^inputs lack "x"\.$/],
      [{ ...input({ contents: { fp32_contents: [1, 2] } }), outputs: [{ name: "z" }] }, /^outputs\[0\]\.name is "z"; the model's outputs are "y"\.$/],
    ];
    for (const [message, pattern] of cases) assert.match(messageOf(() => read(message, signature)), pattern);
    const small = (datatype: Datatype, contents: object): string =>
      messageOf(() => read({ inputs: [{ name: "x", datatype, shape: [1], contents }] }));
    assert.match(small("UINT8", { uint_contents: [300] }), /contents\[0\] is 300 and is outside UINT8/);
    assert.match(small("INT8", { int_contents: [-129] }), /is -129 and is outside INT8/);
    assert.match(small("FP16", { bytes_contents: [Buffer.alloc(2)] }), /cannot carry FP16; send it in raw_input_contents/);
    assert.match(small("BYTES", { bytes_contents: [Buffer.of(255)] }), /contents\[0\] is not valid UTF-8/);
  });

  it("answers hostile bytes as the caller's mistake, never anything else", () => {
    const mutation = fc.record({ at: fc.nat(), remove: fc.nat(6), insert: fc.uint8Array({ maxLength: 6 }) });
    fc.assert(
      fc.property(tensorOf("a", withoutHalf), fc.boolean(), fc.array(mutation, { minLength: 1, maxLength: 4 }), (tensor, raw, mutations) => {
        let bytes = encode({ model_name: "m", id: "i", parameters: { p: { double_param: 1 } }, inputs: [wireInput(tensor, raw)], outputs: [{ name: "y" }], raw_input_contents: raw ? [encodeBinaryData(tensor)] : [] });
        for (const { at, remove, insert } of mutations) {
          const place = at % (bytes.length + 1);
          bytes = Buffer.concat([bytes.subarray(0, place), insert, bytes.subarray(place + remove)]);
        }
        try {
          for (const { shape, data } of readInferMessage(decodeInferMessage(bytes), undefined).inputs) assert.equal(data.length, elementCount(shape));
        } catch (error) {
          assert.ok(error instanceof AppError, String((error as Error).stack));
          assert.ok((error.status >= 400 && error.status < 500) || error.code === "NOT_SUPPORTED");
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("ModelInferResponse", () => {
  const result = (outputs: Tensor[]) => ({ predictionId: "prd_1", model: "m", version: "2", outputs });
  const tensors: Tensor[] = [
    { name: "y", datatype: "FP32", shape: [1, 2], data: Float32Array.of(0.5, -1) },
    { name: "label", datatype: "INT64", shape: [2], data: BigInt64Array.of(-1n, 9223372036854775807n) },
    { name: "text", datatype: "BYTES", shape: [2], data: ["größe", ""] },
    { name: "flag", datatype: "BOOL", shape: [1], data: Uint8Array.of(1) },
    { name: "small", datatype: "INT8", shape: [2], data: Int8Array.of(-128, 127) },
    { name: "large", datatype: "UINT64", shape: [1], data: BigUint64Array.of(18446744073709551615n) },
    { name: "long", datatype: "FP64", shape: [60], data: new Float64Array(60).fill(1.25) },
  ];

  it("is read by another implementation, in contents", () => {
    const answer = decode(Response, encodeInferResponse(result(tensors), { id: "i", outputs: undefined, binaryOutputDefault: false })) as unknown as {
      model_name: string; model_version: string; id: string; parameters: unknown; outputs: { name: string; shape: string[]; contents: Record<string, unknown[]> }[];
    };
    assert.deepEqual([answer.model_name, answer.model_version, answer.id], ["m", "2", "i"]);
    assert.deepEqual(answer.parameters, { prediction_id: { string_param: "prd_1" } });
    assert.deepEqual(answer.outputs.map(({ name, shape }) => [name, shape.map(Number)]), tensors.map(({ name, shape }) => [name, shape]));
    assert.deepEqual(answer.outputs.map(({ contents }) => contents), [
      { fp32_contents: [0.5, -1] }, { int64_contents: ["-1", "9223372036854775807"] }, { bytes_contents: [Buffer.from("größe"), Buffer.alloc(0)] }, { bool_contents: [true] },
      { int_contents: [-128, 127] }, { uint64_contents: ["18446744073709551615"] }, { fp64_contents: new Array(60).fill(1.25) },
    ]);
  });

  it("is raw when the request was, and for half floats always", () => {
    const wanted = [{ name: "label", binary: undefined }, { name: "y", binary: undefined }];
    const raw = decode(Response, encodeInferResponse(result(tensors), { id: undefined, outputs: wanted, binaryOutputDefault: true })) as unknown as {
      outputs: object[]; raw_output_contents: Buffer[];
    };
    assert.deepEqual(raw.outputs, [{ name: "label", datatype: "INT64", shape: ["2"] }, { name: "y", datatype: "FP32", shape: ["1", "2"] }]);
    assert.deepEqual(raw.raw_output_contents.map((bytes) => [...bytes]), [tensors[1]!, tensors[0]!].map((tensor) => [...encodeBinaryData(tensor)]));
    const half: Tensor = { name: "h", datatype: "FP16", shape: [1], data: Uint16Array.of(0x3c00) };
    const mixed = decode(Response, encodeInferResponse(result([tensors[0]!, half]), { id: undefined, outputs: undefined, binaryOutputDefault: false })) as unknown as { raw_output_contents: Buffer[] };
    assert.equal(mixed.raw_output_contents.length, 2);
  });

  it("comes in a frame on a stream, and so do failures", () => {
    const answer = decode(StreamResponse, encodeStreamResponse(result([tensors[6]!]), { id: "i", outputs: undefined, binaryOutputDefault: true })) as unknown as {
      infer_response: { id: string; parameters: Record<string, unknown>; raw_output_contents: Buffer[] };
    };
    assert.equal(answer.infer_response.id, "i");
    assert.deepEqual(answer.infer_response.parameters.triton_final_response, { bool_param: true });
    assert.equal(answer.infer_response.raw_output_contents[0]!.length, 480);
    assert.deepEqual(decode(StreamResponse, encodeStreamFailure("it failed", "i")), { error_message: "it failed", infer_response: { id: "i" } });
  });
});
