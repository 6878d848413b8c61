import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import type { Signature, TensorSpec } from "../../registry/index.ts";
import { parseInferRequest } from "./parse-infer-request.ts";

function spec(name: string, datatype: TensorSpec["datatype"], shape: number[], more: Partial<TensorSpec> = {}): TensorSpec {
  return { name, datatype, shape, missingAllowed: false, ...more };
}

function signatureOf(...inputs: TensorSpec[]): Signature {
  return { inputs, outputs: [spec("y", "FP32", [-1, 2]), spec("label", "INT64", [-1])], batchable: true };
}

const pair = signatureOf(spec("x", "FP32", [-1, 2]));

function parse(body: unknown, signature: Signature | undefined = pair, header?: string) {
  return parseInferRequest(Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), header, signature);
}

function input(data: unknown, more: object = {}) {
  return { inputs: [{ name: "x", shape: [1, 2], datatype: "FP32", ...more, data }] };
}

function problemsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, "INVALID_INPUT", error.message);
    assert.ok(error.problems.every(({ path, message }) => error.problems.length > 5 || error.message.includes(`${path} ${message}`)));
    return error.problems.map(({ path, message }) => `${path} ${message}`);
  }
  return assert.fail("it was accepted");
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error.code;
  }
  return assert.fail("it was accepted");
}

describe("parseInferRequest: JSON", () => {
  it("reads flat and nested data into the same tensor, in any order of the members", () => {
    const flat = parse(input([1, 2.5, 3, -4e-3], { shape: [2, 2] }));
    const nested = parse('{"inputs":[{"data":[[1,2.5],[3,-4e-3]],"shape":[2,2],"datatype":"FP32","name":"x"}], "model_name": "m"}');
    assert.deepEqual(flat.inputs, [{ name: "x", datatype: "FP32", shape: [2, 2], data: Float32Array.of(1, 2.5, 3, -4e-3) }]);
    assert.deepEqual(nested, flat);
    assert.deepEqual({ id: flat.id, outputs: flat.outputs, byDefault: flat.binaryOutputDefault }, { id: undefined, outputs: undefined, byDefault: false });
  });

  it("names exactly the numbers that are finite and become infinite as singles", () => {
    // The last digits of a long number may differ: it was read as one that rounds to the same single.
    const withoutNumber = (problem: string): string => problem.replace(/ is -?[0-9.e+]+ and/, " is N and");
    const edge = 3.4028235677973366e38; // the least double that rounds to infinity
    const large = fc.constantFrom(edge, 3.4028235677973362e38, 3.4028234663852886e38, 3.4e38, 3.41e38, 1e39, Number.MAX_VALUE);
    const one = fc.oneof(fc.double({ noNaN: true }), large, large.map((value) => -value), fc.constant(Infinity), fc.constant(-Infinity), fc.constant(NaN));
    fc.assert(fc.property(fc.array(one, { minLength: 1, maxLength: 12 }), (values) => {
      const body = `{"inputs":[{"name":"x","shape":[${values.length}],"datatype":"FP32","data":[${values.map((value) => (Object.is(value, -0) ? "-0" : String(value))).join(",")}]}]}`;
      const signature = signatureOf(spec("x", "FP32", [-1], { missingAllowed: true }));
      const expected = values.flatMap((value, index) => {
        if (Number.isNaN(value) || Number.isFinite(Math.fround(value))) return [];
        const reason = Number.isFinite(value) ? "is N and does not fit FP32, which ends at 3.4028234663852886e+38" : "is infinite, which no input may be";
        return [`inputs[0].data[${index}] ${reason}`];
      });
      if (expected.length === 0) assert.deepEqual(parse(body, signature).inputs[0]!.data, Float32Array.from(values));
      else assert.deepEqual(problemsOf(() => parse(body, signature)).map(withoutNumber).sort(), expected.sort());
    }));
  });

  it("gives up a large body of JSON, of which nothing is left in the request, and keeps one with binary data", () => {
    const values = Array.from({ length: 10_000 }, (_, index) => index / 8);
    const body = Buffer.from(JSON.stringify(input(values, { shape: [5000, 2] })));
    assert.deepEqual(parse(body).inputs[0]!.data, Float32Array.from(values));
    assert.equal(body.length, 0);
    const header = Buffer.from(JSON.stringify({ inputs: [{ name: "x", shape: [5000, 2], datatype: "FP32", parameters: { binary_data_size: 40_000 } }] }));
    const binary = Buffer.concat([header, Buffer.from(Float32Array.from(values).buffer)]);
    assert.deepEqual(parse(binary, pair, String(header.length)).inputs[0]!.data, Float32Array.from(values));
    assert.equal(binary.length, header.length + 40_000);
  });

  it("keeps the id, the outputs asked for and the timeout in milliseconds", () => {
    const request = parse({
      id: "größe-1", parameters: { binary_data_output: true, timeout: 250_000, nested: { ignored: [1] } },
      outputs: [{ name: "label", parameters: { binary_data: false } }, { name: "y" }], ...input([1, 2]),
    });
    assert.equal(request.id, "größe-1");
    assert.equal(request.timeoutMs, 250);
    assert.deepEqual(request.outputs, [{ name: "label", binary: false }, { name: "y", binary: undefined }]);
    assert.equal(request.binaryOutputDefault, true);
  });

  it("hands inputs over in the signature's order", () => {
    const two = signatureOf(spec("a", "FP32", [-1]), spec("b", "BYTES", [-1]));
    const request = parse({ inputs: [{ name: "b", shape: [1], datatype: "BYTES", data: ["z"] }, { name: "a", shape: [1], datatype: "FP32", data: [1] }] }, two);
    assert.deepEqual(request.inputs.map(({ name }) => name), ["a", "b"]);
  });

  it("reads 64-bit integers exactly, as numbers and as texts", () => {
    const long = signatureOf(spec("x", "INT64", [-1]));
    const data = '[9223372036854775807,-9223372036854775808,"-9007199254740993",9007199254740993,1e3,-2.0,4294967296,-1,0,1.50e1,100e-2]';
    const request = parse(`{"inputs":[{"name":"x","shape":[11],"datatype":"INT64","data":${data}}]}`, long);
    assert.deepEqual(
      [...(request.inputs[0]!.data as BigInt64Array)],
      [9223372036854775807n, -9223372036854775808n, -9007199254740993n, 9007199254740993n, 1000n, -2n, 4294967296n, -1n, 0n, 15n, 1n],
    );
    const unsigned = parse('{"inputs":[{"name":"x","shape":[2],"datatype":"UINT64","data":[18446744073709551615,"0"]}]}', signatureOf(spec("x", "UINT64", [-1])));
    assert.deepEqual([...(unsigned.inputs[0]!.data as BigUint64Array)], [18446744073709551615n, 0n]);
  });

  it("rounds long decimals as the platform does", () => {
    for (const text of ["0.10000000149011612", "3.4028234663852886e38", "1.401298464324817e-45", "16777217.0000000001", "0.5000000298023223876953125", "123456789012345678901234567890"]) {
      const [single] = parse(`{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[${text},-${text}]}]}`).inputs[0]!.data as Float32Array;
      assert.equal(single, Math.fround(Number(text)), text);
      const doubles = signatureOf(spec("x", "FP64", [-1]));
      const [double] = parse(`{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[${text}]}]}`, doubles).inputs[0]!.data as Float64Array;
      assert.equal(double, Number(text), text);
    }
  });

  it("rounds decimals beside the middle of two floats to the right one", () => {
    const bits = new Uint32Array(1);
    const single = new Float32Array(bits.buffer);
    fc.assert(
      fc.property(fc.integer({ min: 0x0080_0000, max: 0x7f00_0000 }), fc.integer({ min: 17, max: 21 }), fc.integer({ min: -2, max: 2 }), (pattern, digits, ulps) => {
        bits[0] = pattern;
        const low = single[0]!;
        bits[0] = pattern + 1;
        const middle = low + (single[0]! - low) / 2;
        const text = (middle * (1 + ulps * Number.EPSILON)).toPrecision(digits);
        const read = parse(`{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[${text},-${text}]}]}`).inputs[0]!.data as Float32Array;
        assert.deepEqual([...read], [Math.fround(Number(text)), Math.fround(-Number(text))]);
      }),
      { numRuns: 2000 },
    );
  });

  it("takes Python's tokens, the proto3 texts and null as missing, where the model takes missing values", () => {
    const lenient = signatureOf(spec("x", "FP32", [-1], { missingAllowed: true }));
    const read = (data: string) => parse(`{"inputs":[{"name":"x","shape":[4],"datatype":"FP32","data":${data}}]}`, lenient).inputs[0]!.data;
    assert.deepEqual(read('[NaN,"NaN",null,1]'), Float32Array.of(NaN, NaN, NaN, 1));
    assert.match(problemsOf(() => parse(input([1, null])))[0]!, /^inputs\[0\]\.data\[1\] is missing .*--allow-missing/);
    assert.deepEqual(
      problemsOf(() => read('[Infinity,-Infinity,"Infinity","-Infinity"]')),
      [0, 1, 2, 3].map((index) => `inputs[0].data[${index}] is infinite, which no input may be`),
    );
  });

  it("reads BOOL from true, false, 1 and 0, and BYTES with every kind of escape", () => {
    const signature = signatureOf(spec("b", "BOOL", [-1]), spec("t", "BYTES", [-1]));
    const request = parse(
      String.raw`{"inputs":[{"name":"b","shape":[4],"datatype":"BOOL","data":[true,0,1,false]},
        {"name":"t","shape":[4],"datatype":"BYTES","data":["\ud83d\ude00 \"quoted\" \\ \/ \n","größe","","\u0041"]}]}`, signature);
    assert.deepEqual(request.inputs[0]!.data, Uint8Array.of(1, 0, 1, 0));
    assert.deepEqual(request.inputs[1]!.data, ['😀 "quoted" \\ / \n', "größe", "", "A"]);
  });

  it("takes names that mean something to JavaScript for what they are", () => {
    const odd = signatureOf(spec("__proto__", "FP32", [-1]));
    const request = parse('{"__proto__":{"polluted":1},"parameters":{"__proto__":1},"inputs":[{"name":"__proto__","shape":[1],"datatype":"FP32","data":[1]}]}', odd);
    assert.equal(request.inputs[0]!.name, "__proto__");
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  it("checks a request against itself when there is no signature", () => {
    assert.equal(parseInferRequest(Buffer.from(JSON.stringify(input([1, 2]))), undefined, undefined).inputs.length, 1);
    assert.match(problemsOf(() => parseInferRequest(Buffer.from(JSON.stringify(input([1]))), undefined, undefined))[0]!, /has 1 element/);
  });
});

describe("parseInferRequest: every problem is named", () => {
  const cases: [string, () => unknown, RegExp[]][] = [
    ["unknown datatype", () => parse(input([1, 2], { datatype: "FLOAT" })), [/^inputs\[0\]\.datatype is "FLOAT"; the datatypes are BOOL, UINT8/]],
    ["BF16", () => parse(input([1, 2], { datatype: "BF16" })), [/BF16 is not supported/]],
    ["another datatype than the model's", () => parse(input([1, 2], { datatype: "FP64" })), [/^inputs\[0\]\.datatype is FP64; the model's input "x" is FP32$/]],
    ["unknown and missing input", () => parse(input([1, 2], { name: "z" })), [/^inputs\[0\]\.name is "z"; the model's inputs are "x"$/, /^inputs lack "x"$/]],
    ["repeated input", () => parse({ inputs: [...input([1, 2]).inputs, ...input([1, 2]).inputs] }), [/^inputs\[1\] repeats the input "x"$/]],
    ["no inputs", () => parse({}), [/^inputs are missing$/, /^inputs lack "x"$/]],
    ["inputs that are no list", () => parse({ inputs: {} }), [/^inputs is not a list$/, /lack/]],
    ["rank", () => parse(input([1, 2], { shape: [2] })), [/^inputs\[0\]\.shape is \[2\], with 1 dimension; the model wants 2: \[-1,2\]$/]],
    ["fixed dimension", () => parse(input([1, 2, 3], { shape: [1, 3] })), [/^inputs\[0\]\.shape is \[1,3\]; the model wants \[-1,2\]/]],
    ["no rows", () => parse(input([], { shape: [0, 2] })), [/^inputs\[0\]\.shape is \[0,2\]: it has no rows$/]],
    ["negative dimension", () => parse(input([1], { shape: [-1, 2] })), [/^inputs\[0\]\.shape\[0\] is -1; a dimension is a whole number from 0$/]],
    ["fractional dimension", () => parse(input([1], { shape: [1.5, 2] })), [/^inputs\[0\]\.shape\[0\] is 1\.5/]],
    ["huge dimension", () => parse(input([1], { shape: [1e300, 2] })), [/^inputs\[0\]\.shape\[0\] is 1e\+300/]],
    ["product beyond everything", () => parse(input([], { shape: [2 ** 31, 2 ** 31] })), [/^inputs\[0\]\.shape has more elements than any request can carry$/]],
    ["absurd dimension behind a zero", () => parse(input([], { shape: [0, 2 ** 50] })), [/more elements than any request/]],
    ["shape larger than the body", () => parse(input([1, 2], { shape: [500_000_000, 2] })), [/^inputs\[0\]\.data is too short: the shape \[500000000,2\] needs 1000000000 elements$/]],
    ["shape of texts", () => parse(input([1, 2], { shape: ["1", 2] })), [/^inputs\[0\]\.shape\[0\] is not a whole number$/, /lack|missing/]],
    ["too few elements", () => parse(input([1, 2, 3], { shape: [2, 2] })), [/^inputs\[0\]\.data has 3 elements, the shape \[2,2\] needs 4$/]],
    ["too many elements", () => parse(input([1, 2, 3])), [/has 3 elements, the shape \[1,2\] needs 2/]],
    ["every ragged row", () => parse(input([[1, 2], [3], [4, 5, 6], 7], { shape: [4, 2] })), [
      /^inputs\[0\]\.data\[1\] has 1 element, the shape \[4,2\] wants 2 here$/, /^inputs\[0\]\.data\[2\] has 3 elements/, /^inputs\[0\]\.data\[3\] is not a list/]],
    ["rows too many", () => parse(input([[1, 2], [3, 4]])), [/^inputs\[0\]\.data has 2 elements, the shape \[1,2\] wants 1 here$/]],
    ["nested too deep", () => parse(input([[[1], 2]])), [/^inputs\[0\]\.data\[0\]\[0\] is nested deeper than the shape says$/]],
    ["text for a number", () => parse(input(["x", true])), [/^inputs\[0\]\.data\[0\] is the text "x" where FP32 wants a number$/, /^inputs\[0\]\.data\[1\] is true where FP32 wants a number$/]],
    ["float that does not fit", () => parse(input([1e39, -1e39])), [/data\[0\] is 1e\+39 and does not fit FP32/, /data\[1\] is -1e\+39/]],
    ["no data", () => parse({ inputs: [{ name: "x", shape: [1, 2], datatype: "FP32" }] }), [/^inputs\[0\]\.data is missing$/]],
    ["nothing but an object", () => parse({ inputs: [{}] }), [/^inputs\[0\]\.name is missing$/, /lack/]],
    ["element that is no object", () => parse({ inputs: [7] }), [/^inputs\[0\] is not an object$/, /lack/]],
    ["data that is no list", () => parse(input(5)), [/^inputs\[0\]\.data is a number where a list belongs$/]],
    ["data twice", () => parse('{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2],"data":[3,4]}]}'), [/^inputs\[0\]\.data appears twice$/]],
    ["id that is no text", () => parse({ id: 7, ...input([1, 2]) }), [/^id is not a text$/]],
    ["endless id", () => parse({ id: "x".repeat(1025), ...input([1, 2]) }), [/^id is 1025 characters long/]],
    ["unknown and repeated outputs", () => parse({ ...input([1, 2]), outputs: [{ name: "y" }, { name: "y" }, { name: "z" }, {}] }), [
      /^outputs\[3\]\.name is missing$/, /^outputs\[1\] repeats the output "y"$/, /^outputs\[2\]\.name is "z"; the model's outputs are "y", "label"$/, /^outputs\[3\]\.name/]],
    ["binary data without its header", () => parse(input([1, 2], { parameters: { binary_data_size: 8 } })), [/binary_data_size stands beside data/]],
  ];
  for (const [name, run, expected] of cases) {
    it(name, () => {
      const problems = problemsOf(run);
      assert.equal(problems.length, expected.length, problems.join("\n"));
      expected.forEach((pattern, index) => assert.match(problems[index]!, pattern));
    });
  }

  it("values outside an integer datatype, each with its place", () => {
    const values: [TensorSpec["datatype"], string, RegExp][] = [
      ["UINT8", "300", /is 300 and is outside UINT8, which goes from 0 to 255/], ["UINT8", "-1", /outside UINT8/], ["INT32", "1.5", /is 1\.5 and is not a whole number/],
      ["INT32", "2147483648", /outside INT32/], ["UINT32", "4294967296", /outside UINT32/], ["INT8", "-129", /outside INT8/], ["INT16", "NaN", /is missing; INT16 has no missing value/],
      ["UINT16", "null", /is missing; UINT16/], ["INT32", "true", /is true where INT32/], ["INT32", '"1"', /is the text "1"/],
      ["INT64", "9223372036854775808", /outside INT64/], ["INT64", "-9223372036854775809", /outside INT64/], ["UINT64", "-1", /outside UINT64/],
      ["UINT64", "18446744073709551616", /outside UINT64/], ["INT64", "0.5", /not a whole number/], ["INT64", "1e17", /beyond 2\^53 in floating notation/],
      ["INT64", "9007199254740991.4", /not a whole number/], ["INT64", "45035996273704961e-1", /not a whole number/], ["INT64", '"1.0"', /is the text "1\.0"/], ["INT64", "null", /is missing/], ["INT64", "NaN", /is missing/], ["INT64", "Infinity", /is infinite/], ["INT64", "[1]", /nested deeper/],
      ["BOOL", "2", /is not a BOOL/], ["BOOL", '"true"', /is the text "true"/], ["BYTES", "5", /is a number where BYTES wants a text/], ["BYTES", "null", /is missing; BYTES/],
    ];
    for (const [datatype, text, pattern] of values) {
      const good = datatype === "BYTES" ? '"a"' : "1";
      const body = `{"inputs":[{"name":"x","shape":[2,2],"datatype":"${datatype}","data":[[${good},${good}],[${good},${text}]]}]}`;
      const problems = problemsOf(() => parse(body, signatureOf(spec("x", datatype, [-1, 2]))));
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0]!, /^inputs\[0\]\.data(\[1\]\[1\]|\[3\]) /);
      assert.match(problems[0]!, pattern);
    }
  });

  it("values that the contract does not list", () => {
    const carriers = signatureOf(spec("x", "BYTES", [-1], { allowedValues: ["AA", "UA"] }), spec("n", "INT64", [-1], { allowedValues: [1, "9007199254740993"] }), spec("f", "FP32", [-1], { allowedValues: [0.1] }));
    const body = (text: string, long: string, float: number) =>
      `{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["${text}"]},{"name":"n","shape":[1],"datatype":"INT64","data":[${long}]},{"name":"f","shape":[1],"datatype":"FP32","data":[${float}]}]}`;
    assert.equal(parse(body("UA", "9007199254740993", 0.1), carriers).inputs.length, 3);
    assert.deepEqual(problemsOf(() => parse(body("ZZ", "2", 0.2), carriers)), [
      'inputs[0].data[0] is "ZZ"; allowed are "AA", "UA"',
      "inputs[1].data[0] is 2; allowed are 1, 9007199254740993",
      `inputs[2].data[0] is ${Math.fround(0.2)}; allowed are ${Math.fround(0.1)}`,
    ]);
  });

  it("keeps the first 64 of many and counts the rest", () => {
    const body = `{"inputs":[{"name":"x","shape":[450,2],"datatype":"FP32","data":[${"true,".repeat(899)}true]}]}`;
    assert.throws(() => parse(body), (error: AppError) => error.problems.length === 64 && error.message.startsWith("The input has 900 problems: ") && error.message.endsWith("; and 895 more."));
  });

  it("stops to look where there is no end of them", () => {
    const body = `{"inputs":[{"name":"x","shape":[50000,2],"datatype":"FP32","data":[${"true,".repeat(99_999)}true]}]}`;
    assert.throws(() => parse(body), (error: AppError) => error.message.startsWith("The input has at least 1000 problems: "));
  });

  it("half floats do not travel as JSON, in either direction", () => {
    const half: Signature = { inputs: [spec("x", "FP16", [-1])], outputs: [spec("h", "FP16", [-1])], batchable: true };
    assert.deepEqual(problemsOf(() => parse({ inputs: [{ name: "x", shape: [1], datatype: "FP16", data: [1] }] }, half)), [
      "inputs[0].data is FP16, which JSON cannot carry; send it as binary data",
      'outputs would send "h" as JSON, which cannot carry FP16; ask for binary data',
    ]);
  });

  it("what Slipway does not do is said, not passed over", () => {
    assert.equal(codeOf(() => parse({ ...input([1, 2]), outputs: [{ name: "y", parameters: { classification: 3 } }] })), "NOT_SUPPORTED");
    assert.equal(codeOf(() => parse({ inputs: [{ name: "x", shape: [1, 2], datatype: "FP32", parameters: { shared_memory_region: "r", shared_memory_byte_size: 8 } }] })), "NOT_SUPPORTED");
  });
});

describe("parseInferRequest: what is not JSON", () => {
  const broken = [
    "", " ", "{", "[]", "null", '{"inputs":[}', '{"inputs":[],}', '{"a":01}', '{"a":1.}', '{"a":.5}', '{"a":+1}', '{"a":1e}', '{"a":tru}', '{"a":"\u0001"}', '{"a":"\\x"}',
    '{"a":"\\ud800"}', '{"a":"', '{"a":"\\', '{a:1}', "{'a':1}", '{"a":1}}', '{"a":1} x', '{"a":nan}', '{"a":-}', '{"a" 1}', '{"a":[1 2]}', '{"a":{"b"}}', `{"a":${"[".repeat(40)}${"]".repeat(40)}}`,
  ];
  for (const text of broken) it(JSON.stringify(text.slice(0, 30)), () => assert.equal(codeOf(() => parse(text)), "INVALID_JSON"));

  it("bytes that are not UTF-8", () => {
    assert.equal(codeOf(() => parse(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))), "INVALID_JSON");
  });

  it("a document that ends within a number, with other bytes behind it", () => {
    for (const length of ['{"a":12', '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2'].map(({ length: of }) => of)) {
      const body = Buffer.from('{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,25]}]}');
      assert.equal(codeOf(() => parse(length < 10 ? Buffer.from('{"a":123}') : body, pair, String(length))), "INVALID_JSON");
    }
  });

  it("says where", () => {
    assert.throws(() => parse('{"inputs": [1, ?]}'), { message: 'The JSON is broken at byte 15: expected a value, found "?".' });
    assert.throws(() => parse('{"inputs": '), { message: "The JSON is broken at byte 11: expected a value, found the end." });
  });
});
