import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import type { Datatype, Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { encodeBinaryData } from "./binary-tensor-data.ts";
import { parseInferRequest } from "./parse-infer-request.ts";

function signatureOf(datatype: Datatype, shape: number[]): Signature {
  return { inputs: [{ name: "x", datatype, shape, missingAllowed: false }], outputs: [], batchable: true };
}

/** A request whose JSON ends at a place modulo 8, followed by the blobs. */
function binaryRequest(inputs: object[], blobs: Uint8Array[], alignment = 0): { body: Buffer; header: string } {
  let json = JSON.stringify({ inputs });
  while (json.length % 8 !== alignment) json += " ";
  return { body: Buffer.concat([Buffer.from(json), ...blobs]), header: String(json.length) };
}

function parseOne(datatype: Datatype, shape: number[], blob: Uint8Array, options: { wanted?: number[]; size?: unknown; alignment?: number } = {}) {
  const { body, header } = binaryRequest([{ name: "x", shape, datatype, parameters: { binary_data_size: options.size ?? blob.byteLength } }], [blob], options.alignment);
  return parseInferRequest(body, header, signatureOf(datatype, options.wanted ?? shape.map(() => -1)));
}

function messageOf(run: () => unknown, code = "INVALID_INPUT"): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    return error.message;
  }
  return assert.fail("it was accepted");
}

describe("parseInferRequest: binary data", () => {
  it("views aligned bytes and copies the others once", () => {
    const values = Float32Array.of(1.5, -2, 3);
    const blob = new Uint8Array(values.buffer);
    for (const alignment of [0, 1, 2, 3, 4]) {
      const json = JSON.stringify({ inputs: [{ name: "x", shape: [3], datatype: "FP32", parameters: { binary_data_size: 12 } }] });
      const memory = new ArrayBuffer(400);
      const length = json.length + ((alignment - (json.length % 4) + 4) % 4);
      const body = Buffer.from(memory, 0, length + 12);
      body.write(json.padEnd(length), 0);
      body.set(blob, length);
      const { data } = parseInferRequest(body, String(length), signatureOf("FP32", [-1])).inputs[0]!;
      assert.deepEqual(data, values);
      assert.equal((data as Float32Array).buffer === memory, length % 4 === 0);
    }
  });

  it("cuts the blobs in the order of the inputs, whatever the signature's order is", () => {
    const signature: Signature = {
      inputs: [{ name: "a", datatype: "INT8", shape: [-1], missingAllowed: false }, { name: "b", datatype: "BYTES", shape: [-1], missingAllowed: false }, { name: "c", datatype: "BOOL", shape: [-1], missingAllowed: false }],
      outputs: [], batchable: true,
    };
    const texts = encodeBinaryData({ name: "b", datatype: "BYTES", shape: [2], data: ["größe", ""] });
    const { body, header } = binaryRequest(
      [
        { name: "b", shape: [2], datatype: "BYTES", parameters: { binary_data_size: texts.byteLength } },
        { name: "c", shape: [2], datatype: "BOOL", data: [true, false] },
        { name: "a", shape: [2], datatype: "INT8", parameters: { binary_data_size: 2 } },
      ],
      [texts, Uint8Array.of(255, 7)],
    );
    assert.deepEqual(parseInferRequest(body, header, signature).inputs.map(({ data }) => data), [Int8Array.of(-1, 7), ["größe", ""], Uint8Array.of(1, 0)]);
  });

  it("names what is wrong with sizes and lengths", () => {
    const four = new Uint8Array(4);
    assert.match(messageOf(() => parseOne("FP32", [2], four)), /^inputs\[0\]\.data is 4 bytes; 2 elements of FP32 \(shape \[2\]\) are 8 bytes\.$/);
    assert.match(messageOf(() => parseOne("FP32", [1], four, { size: 8 })), /binary_data_size is 8, but only 4 bytes of the body are left/);
    assert.match(messageOf(() => parseOne("FP32", [1], four, { size: -1 })), /binary_data_size is -1; it must be a whole number/);
    assert.match(messageOf(() => parseOne("FP32", [1], four, { size: "4" })), /binary_data_size is "4"/);
    assert.match(messageOf(() => parseOne("FP32", [0], four, { size: 0, wanted: [0] })), /^body carries 4 bytes of binary data; the inputs' binary_data_size add up to 0\.$/);
    const both = binaryRequest([{ name: "x", shape: [1], datatype: "FP32", data: [1], parameters: { binary_data_size: 4 } }], [four]);
    assert.match(messageOf(() => parseInferRequest(both.body, both.header, signatureOf("FP32", [-1]))), /binary_data_size stands beside data/);
    const plain = Buffer.from(JSON.stringify({ inputs: [{ name: "x", shape: [1], datatype: "FP32", parameters: { binary_data_size: 4 } }] }));
    assert.match(messageOf(() => parseInferRequest(plain, undefined, signatureOf("FP32", [-1]))), /needs the header Inference-Header-Content-Length/);
  });

  it("names what is wrong with a header", () => {
    const body = Buffer.from("{}");
    assert.match(messageOf(() => parseInferRequest(body, "3", undefined), "BODY_INCOMPLETE"), /is 3, but the body has 2 bytes/);
    for (const header of ["", "x", "-1", "1.5", "0x2", "1e1", "99999999999999999999"]) messageOf(() => parseInferRequest(body, header, undefined), "INVALID_REQUEST");
    messageOf(() => parseInferRequest(body, "1", undefined), "INVALID_JSON");
  });

  it("names values that no JSON could have brought", () => {
    assert.match(messageOf(() => parseOne("BOOL", [2], Uint8Array.of(1, 2))), /^inputs\[0\]\.data\[1\] is the byte 2; a BOOL is 0 or 1/);
    assert.match(messageOf(() => parseOne("FP32", [2], new Uint8Array(Float32Array.of(1, NaN).buffer))), /data\[1\] is missing \(NaN\)/);
    assert.match(messageOf(() => parseOne("FP64", [3], new Uint8Array(Float64Array.of(1, 2, -Infinity).buffer))), /data\[2\] is infinite/);
    assert.match(messageOf(() => parseOne("FP16", [3], new Uint8Array(Uint16Array.of(0x3c00, 0x7c00, 0x7e00).buffer))), /2 problems: inputs\[0\]\.data\[1\] is infinite.*data\[2\] is missing/);
  });

  it("does not believe the lengths of BYTES", () => {
    const element = (length: number, text: string): Buffer => {
      const head = Buffer.alloc(4);
      head.writeUInt32LE(length);
      return Buffer.concat([head, Buffer.from(text, "latin1")]);
    };
    const blob = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
    assert.match(messageOf(() => parseOne("BYTES", [1], blob(element(4_294_967_295, "ab")))), /data\[0\] says that it has 4294967295 bytes, but only 2 are left/);
    assert.match(messageOf(() => parseOne("BYTES", [2], blob(element(4, "abcd")))), /data\[1\] has no length/);
    assert.match(messageOf(() => parseOne("BYTES", [1], blob(element(1, "ab")))), /has 1 byte after the last of 1 element\b/);
    assert.match(messageOf(() => parseOne("BYTES", [1], blob(element(2, "\xff\xfe")))), /data\[0\] is not valid UTF-8/);
    assert.match(messageOf(() => parseOne("BYTES", [1_000_000_000], blob(element(1, "a")))), /take at least 4000000000/);
    assert.deepEqual(parseOne("BYTES", [1], blob(element(3, "\xef\xbf\xbd"))).inputs[0]!.data, ["\ufffd"]);
  });
});

describe("parseInferRequest: raw bodies", () => {
  const raw = (signature: Signature, body: Uint8Array) => parseInferRequest(Buffer.from(body), "0", signature);

  it("finds the one variable dimension by the length, and answers in binary", () => {
    const request = raw(signatureOf("FP32", [-1, 2]), new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
    assert.deepEqual(request.inputs[0]!.shape, [2, 2]);
    assert.equal(request.binaryOutputDefault, true);
    assert.deepEqual(raw(signatureOf("INT32", [-1, -1]), new Uint8Array(12)).inputs[0]!.shape, [1, 3]);
    assert.deepEqual(raw(signatureOf("BYTES", [-1]), Buffer.from("größe")).inputs[0]!.data, ["größe"]);
  });

  it("refuses what it cannot tell", () => {
    assert.match(messageOf(() => raw(signatureOf("FP32", [-1, 2]), new Uint8Array(12))), /is 12 bytes; 2 elements of FP32 \(shape \[1,2\]\) are 8 bytes/);
    assert.match(messageOf(() => raw(signatureOf("FP32", [-1, 2]), new Uint8Array(0))), /is 0 bytes/);
    assert.match(messageOf(() => raw(signatureOf("FP32", [-1, -1, -1]), new Uint8Array(12))), /cannot tell the 3 variable dimensions of \[-1,-1,-1\]/);
    assert.match(messageOf(() => parseInferRequest(Buffer.alloc(4), "0", undefined)), /does not fit a model without a signature/);
    const two: Signature = { ...signatureOf("FP32", [-1]), inputs: [...signatureOf("FP32", [-1]).inputs, ...signatureOf("FP32", [-1]).inputs] };
    assert.match(messageOf(() => raw(two, new Uint8Array(4))), /does not fit a model with 2 inputs/);
  });
});

describe("encodeBinaryData", () => {
  it("views numeric tensors, from their own offset", () => {
    const memory = Float32Array.of(9, 1, 2);
    const tensor: Tensor = { name: "y", datatype: "FP32", shape: [2], data: memory.subarray(1) };
    const bytes = encodeBinaryData(tensor);
    assert.equal(bytes.buffer, memory.buffer);
    assert.deepEqual([bytes.byteOffset, bytes.byteLength], [4, 8]);
  });
});
