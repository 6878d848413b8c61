import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../../test/kit/fast-check.ts";
import type { Tensor } from "../../core/tensor.ts";
import { ByteWriter } from "./byte-writer.ts";
import { writeInferResponse } from "./write-infer-response.ts";
import { writeSingle } from "./write-single.ts";

const result = (...outputs: Tensor[]) => ({ predictionId: "prd_1", model: "m", version: "2", outputs });
const plain = { id: undefined, outputs: undefined, binaryOutputDefault: false };
const scores: Tensor = { name: "y", datatype: "FP32", shape: [2, 2], data: Float32Array.of(0.1, 1, -2.5, 1e-10) };
const label: Tensor = { name: "label", datatype: "INT64", shape: [2], data: BigInt64Array.of(9223372036854775807n, -1n) };

describe("writeInferResponse", () => {
  it("writes one JSON document, floats short and integers exact", () => {
    const { headers, chunks } = writeInferResponse(result(scores, label), { ...plain, id: 'a"b' });
    assert.deepEqual(headers, { "Content-Type": "application/json" });
    assert.equal(
      Buffer.concat(chunks).toString(),
      '{"model_name":"m","model_version":"2","id":"a\\"b","parameters":{"prediction_id":"prd_1"},"outputs":[' +
        '{"name":"y","datatype":"FP32","shape":[2,2],"data":[0.1,1,-2.5,1e-10]},{"name":"label","datatype":"INT64","shape":[2],"data":[9223372036854775807,-1]}]}',
    );
  });

  it("writes binary data where it was asked for, in the order asked for, without copying it", () => {
    const { headers, chunks } = writeInferResponse(result(scores, label), { ...plain, outputs: [{ name: "label", binary: undefined }, { name: "y", binary: true }] });
    assert.equal(headers["Content-Type"], "application/octet-stream");
    assert.equal(headers["Inference-Header-Content-Length"], String(chunks[0]!.byteLength));
    assert.deepEqual(JSON.parse(Buffer.from(chunks[0]!).toString()).outputs, [
      { name: "label", datatype: "INT64", shape: [2], data: [9223372036854775807, -1] },
      { name: "y", datatype: "FP32", shape: [2, 2], parameters: { binary_data_size: 16 } },
    ]);
    assert.equal(chunks[1]!.buffer, (scores.data as Float32Array).buffer);
  });

  it("lets an output override the request's default", () => {
    const { headers, chunks } = writeInferResponse(result(scores, label), { ...plain, binaryOutputDefault: true, outputs: [{ name: "y", binary: false }, { name: "label", binary: undefined }] });
    assert.deepEqual(JSON.parse(Buffer.from(chunks[0]!).toString()).outputs.map((output: object) => "data" in output), [true, false]);
    assert.equal(chunks.length, 2);
    assert.equal(headers["Content-Type"], "application/octet-stream");
  });

  it("stays JSON when the model answers with what JSON has no number for", () => {
    const odd: Tensor = { name: "y", datatype: "FP32", shape: [3], data: Float32Array.of(NaN, Infinity, -Infinity) };
    const doubles: Tensor = { name: "z", datatype: "FP64", shape: [5], data: Float64Array.of(NaN, -Infinity, -0, 1e300, 0.1) };
    assert.deepEqual(JSON.parse(Buffer.concat(writeInferResponse(result(odd, doubles), plain).chunks).toString()).outputs.map((output: { data: unknown }) => output.data), [
      ["NaN", "Infinity", "-Infinity"], ["NaN", "-Infinity", -0, 1e300, 0.1],
    ]);
  });

  it("does not pass over an output that the model owes", () => {
    assert.throws(() => writeInferResponse(result(scores), { ...plain, outputs: [{ name: "other", binary: false }] }), { code: "OUTPUT_INVALID" });
  });
});

describe("writeSingle", () => {
  const write = (value: number): string => {
    const buffer = Buffer.alloc(40);
    return buffer.toString("latin1", 0, writeSingle(buffer, 0, value));
  };

  it("writes the decimals that people wrote", () => {
    for (const text of ["0.1", "0.3", "-0.7", "1", "10", "123456", "0.33333334", "16777216", "3.4028235e38", "1e-45", "1.5e-7", "0.00001", "1e15", "100000000000000", "0", "-0.0"]) {
      assert.equal(write(Math.fround(Number(text))), text);
    }
  });

  it("reads back as the same float, for every float", () => {
    const bits = new Uint32Array(1);
    const single = new Float32Array(bits.buffer);
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (pattern) => {
        bits[0] = pattern;
        const value = single[0]!;
        if (!Number.isFinite(value)) return assert.equal(writeSingle(Buffer.alloc(40), 0, value), -1);
        const text = write(value);
        assert.match(text, /^-?(0|[1-9]\d*)(\.\d+)?(e-?\d+)?$/);
        assert.ok(Object.is(Math.fround(Number(text)), value), `${text} for ${value}`);
        assert.ok(text.replace(/e.*|[-.]/g, "").replace(/^0+|0+$/g, "").length <= 9, text);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("ByteWriter", () => {
  it("grows, and escapes as JSON.stringify does", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: codePoint })), fc.array(fc.maxSafeInteger()), (texts, integers) => {
        const writer = new ByteWriter(1);
        for (const text of texts) writer.text(text);
        for (const integer of integers) writer.integer(integer);
        assert.equal(writer.finish().toString(), texts.map((text) => JSON.stringify(text)).join("") + integers.join(""));
      }),
    );
  });
});
