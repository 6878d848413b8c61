import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import { Datatype, elementCount, typedArrayOf, type Tensor, type TensorData } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { encodeBinaryData } from "./binary-tensor-data.ts";
import { parseInferRequest } from "./parse-infer-request.ts";
import { writeInferResponse } from "./write-infer-response.ts";

const finiteHalf = fc.nat(0xffff).filter((bits) => (bits & 0x7c00) !== 0x7c00);
const elements: Record<Datatype, fc.Arbitrary<unknown>> = {
  BOOL: fc.nat(1), UINT8: fc.nat(255), UINT16: fc.nat(65_535), UINT32: fc.nat(4_294_967_295), UINT64: fc.bigInt(0n, 2n ** 64n - 1n),
  INT8: fc.integer({ min: -128, max: 127 }), INT16: fc.integer({ min: -32_768, max: 32_767 }), INT32: fc.integer(), INT64: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  FP16: finiteHalf, FP32: fc.float({ noNaN: true, noDefaultInfinity: true }), FP64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  BYTES: fc.string({ unit: codePoint }),
};

function tensorOf(name: string, datatypes: readonly Datatype[]): fc.Arbitrary<Tensor> {
  const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 });
  return fc.tuple(fc.constantFrom(...datatypes), shapes).chain(([datatype, shape]) => {
    const count = elementCount(shape);
    return fc.array(elements[datatype], { minLength: count, maxLength: count }).map((values) => ({ name, datatype, shape, data: dataOf(datatype, values) }));
  });
}

function dataOf(datatype: Datatype, values: unknown[]): TensorData {
  if (datatype === "BYTES") return values as string[];
  return (typedArrayOf[datatype] as unknown as { from(values: unknown[]): TensorData }).from(values);
}

function signatureFor(tensors: readonly Tensor[]): Signature {
  return { inputs: tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(() => -1), missingAllowed: false })), outputs: [], batchable: false };
}

/** The answer's body is also a request's: the same members, under another name. */
function asRequest({ headers, chunks }: ReturnType<typeof writeInferResponse>): { body: Buffer; header: string | undefined } {
  const length = headers["Inference-Header-Content-Length"];
  const whole = Buffer.concat(chunks);
  const json = whole.subarray(0, length === undefined ? whole.length : Number(length));
  const renamed = Buffer.from(json.toString().replace('"outputs":[', '"inputs":['));
  return { body: Buffer.concat([renamed, whole.subarray(json.length)]), header: length === undefined ? undefined : String(renamed.length) };
}

const result = { predictionId: "prd_01ktz0000000000000000000ab", model: "m", version: "1" };
const anyTensors = (datatypes: readonly Datatype[]) => fc.tuple(tensorOf("a", datatypes), tensorOf('b "quoted" größe', datatypes));

describe("reading what was written", () => {
  const jsonable = Datatype.options.filter((datatype) => datatype !== "FP16");

  it("gives every datatype back from JSON", () => {
    fc.assert(
      fc.property(anyTensors(jsonable), (tensors) => {
        const { body, header } = asRequest(writeInferResponse({ ...result, outputs: tensors }, { id: "q", outputs: undefined, binaryOutputDefault: false }));
        assert.equal(header, undefined);
        assert.doesNotThrow(() => JSON.parse(body.toString()));
        const request = parseInferRequest(body, header, signatureFor(tensors));
        assert.deepEqual(request.inputs, tensors);
        assert.equal(request.id, "q");
      }),
    );
  });

  it("gives every datatype back from binary data, and from the two mixed", () => {
    fc.assert(
      fc.property(anyTensors(Datatype.options), fc.boolean(), fc.boolean(), (tensors, first, second) => {
        const wants = [first, second].map((binary, index) => ({ name: tensors[index]!.name, binary: binary || tensors[index]!.datatype === "FP16" }));
        const { body, header } = asRequest(writeInferResponse({ ...result, outputs: tensors }, { id: undefined, outputs: wants, binaryOutputDefault: false }));
        assert.deepEqual(parseInferRequest(body, header, signatureFor(tensors)).inputs, tensors);
      }),
    );
  });
});

describe("hostile bodies", () => {
  it("are read or refused as the caller's mistake, never anything else", () => {
    const mutation = fc.record({ kind: fc.constantFrom("flip", "cut", "insert", "repeat"), at: fc.nat(), length: fc.nat(12), bytes: fc.uint8Array({ maxLength: 12 }) });
    fc.assert(
      fc.property(anyTensors(Datatype.options), fc.array(mutation, { maxLength: 4 }), fc.integer({ min: -3, max: 3 }), fc.boolean(), (tensors, mutations, shift, withSignature) => {
        const inputs = tensors.map(({ name, shape, datatype, data }, index) =>
          index === 0 ? { name, shape, datatype, parameters: { binary_data_size: encodeBinaryData(tensors[0]!).byteLength } } : { name, shape, datatype, data: Array.from(data as string[], jsonValue) });
        const json = Buffer.from(JSON.stringify({ id: "i", inputs, outputs: [{ name: "y" }] }));
        let body: Buffer = Buffer.concat([json, encodeBinaryData(tensors[0]!)]);
        for (const { kind, at, length, bytes } of mutations) body = mutate(body, kind, at % (body.length + 1), length, bytes);
        const header = String(json.length + shift);
        try {
          const request = parseInferRequest(body, header, withSignature ? { ...signatureFor(tensors), outputs: [] } : undefined);
          for (const { shape, data } of request.inputs) assert.equal(data.length, elementCount(shape));
        } catch (error) {
          assert.ok(error instanceof AppError, `${String((error as Error).stack)}`);
          assert.ok(error.status >= 400 && error.status < 500 || error.code === "NOT_SUPPORTED", error.code);
          assert.ok(error.message.length < 4000);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

function jsonValue(value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

function mutate(body: Buffer, kind: string, at: number, length: number, bytes: Uint8Array): Buffer {
  if (kind === "cut") return Buffer.concat([body.subarray(0, at), body.subarray(at + length)]);
  if (kind === "insert") return Buffer.concat([body.subarray(0, at), bytes, body.subarray(at)]);
  if (kind === "repeat") return Buffer.concat([body.subarray(0, at), body.subarray(Math.max(0, at - length), at), body.subarray(at)]);
  const copy = Buffer.from(body);
  if (at < copy.length) copy[at] = (copy[at]! ^ (1 << length % 8)) & 255;
  return copy;
}
