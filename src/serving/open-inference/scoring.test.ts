import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import { elementCount, type Tensor } from "../../core/tensor.ts";
import type { Signature, TensorSpec } from "../../registry/index.ts";
import { parseInvocation, writeInvocation } from "./invocations.ts";
import { parsePredictV1, writePredictV1 } from "./predict-v1.ts";

function spec(name: string, datatype: TensorSpec["datatype"], shape: number[], more: Partial<TensorSpec> = {}): TensorSpec {
  return { name, datatype, shape, missingAllowed: false, ...more };
}

const signatureOf = (...inputs: TensorSpec[]): Signature => ({ inputs, outputs: [], batchable: true });
const matrix = signatureOf(spec("x", "FP32", [-1, 2], { columns: ["age", "height"] }));
const plain = signatureOf(spec("x", "FP32", [-1, 2]));
const scalars = signatureOf(spec("age", "INT64", [-1, 1]), spec("city", "BYTES", [-1, 1]), spec("member", "BOOL", [-1]));
const image = signatureOf(spec("pixels", "UINT8", [-1, 2, 2]));

const predict = (body: unknown, signature: Signature) => parsePredictV1(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), signature);
const invoke = (body: unknown, signature: Signature, contentType = "application/json") =>
  parseInvocation(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), contentType, signature);
const dataOf = (tensors: readonly Tensor[]) => tensors.map(({ data }) => Array.from(data as unknown[]));

function refusal(run: () => unknown, code = "INVALID_INPUT"): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof AppError, String((error as Error).stack));
    assert.equal(error.code, code, error.message);
    return error.message;
  }
  return assert.fail("it was accepted");
}

describe("POST /v1/models/M:predict", () => {
  it("takes rows as lists and as objects by column", () => {
    const wanted: Tensor[] = [{ name: "x", datatype: "FP32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }];
    assert.deepEqual(predict({ instances: [[1, 2], [3, 4]] }, matrix), { inputs: wanted, columnar: false });
    assert.deepEqual(predict({ signature_name: "serving_default", instances: [{ height: 2, age: 1 }, { age: 3, height: 4 }] }, matrix).inputs, wanted);
    assert.deepEqual(predict({ instances: [{ x: [1, 2] }, [3, 4]] }, matrix).inputs, wanted);
    assert.deepEqual(predict({ instances: [{ b: 1, a: 2 }, { a: 4, b: 3 }] }, plain).inputs, wanted);
  });

  it("takes rows of several inputs, by name or by order where each is one value", () => {
    const rows = [{ age: 30, city: "Zürich", member: true }, { member: 0, age: ["9007199254740993"], city: ["Bern"] }];
    assert.deepEqual(predict({ instances: rows }, scalars).inputs, [
      { name: "age", datatype: "INT64", shape: [2, 1], data: BigInt64Array.of(30n, 9007199254740993n) },
      { name: "city", datatype: "BYTES", shape: [2, 1], data: ["Zürich", "Bern"] },
      { name: "member", datatype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) },
    ]);
    assert.deepEqual(dataOf(predict({ instances: [[1, "a", false]] }, scalars).inputs), [[1n], ["a"], [0]]);
  });

  it("takes scalars for models of one value, and nested rows", () => {
    assert.deepEqual(dataOf(predict({ instances: [1, 2.5] }, signatureOf(spec("x", "FP64", [-1]))).inputs), [[1, 2.5]]);
    assert.deepEqual(dataOf(predict({ instances: [1, [2.5]] }, signatureOf(spec("x", "FP64", [-1, 1]))).inputs), [[1, 2.5]]);
    assert.deepEqual(dataOf(predict({ instances: [[[1, 2], [3, 4]], { pixels: [[5, 6], [7, 8]] }] }, image).inputs), [[1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  it("takes an open dimension from the first row", () => {
    const open = signatureOf(spec("x", "FP32", [-1, -1]));
    assert.deepEqual(predict({ instances: [[1, 2, 3], [4, 5, 6]] }, open).inputs[0]!.shape, [2, 3]);
    assert.match(refusal(() => predict({ instances: [[1, 2, 3], [4, 5]] }, open)), /^instances\[1\] has 2 elements, the shape \[2,3\] wants 3 here\.$/);
    assert.match(refusal(() => predict({ instances: [7] }, open)), /instances\[0\] has 0 dimensions for "x"; the model wants 1/);
  });

  it("takes columns, and says so", () => {
    assert.deepEqual(predict({ inputs: [[1, 2], [3, 4]] }, matrix), { inputs: predict({ instances: [[1, 2], [3, 4]] }, matrix).inputs, columnar: true });
    assert.deepEqual(dataOf(predict({ inputs: { height: [2, 4], age: [1, 3] } }, matrix).inputs), [[1, 2, 3, 4]]);
    const columns = predict({ inputs: { city: ["a", "b"], member: [true, false], age: [[1], [2]] } }, scalars).inputs;
    assert.deepEqual(columns.map(({ name, shape }) => [name, shape]), [["age", [2, 1]], ["city", [2, 1]], ["member", [2]]]);
  });

  it("names every problem by row and column", () => {
    const cases: [() => unknown, RegExp][] = [
      [() => predict({ instances: [{ age: 1, height: "x" }, { age: 1 }] }, matrix), /^The input has 2 problems: instances\[0\]\.height is the text "x" where FP32 wants a number; instances\[1\]\.height is missing \(NaN\)/],
      [() => predict({ instances: [[1, 2], [3, null]] }, matrix), /^instances\[1\]\.height is missing/],
      [() => predict({ instances: [[1, 2], [3]] }, plain), /^instances\[1\] has 1 element, the shape \[2,2\] wants 2 here\.$/],
      [() => predict({ instances: [[1, 2], [3, 1e39]] }, plain), /^instances\[1\]\[1\] is 1e\+39 and does not fit FP32/],
      [() => predict({ instances: [{ age: 1, height: 2, weight: 3 }] }, matrix), /^instances\[0\] has "weight", which is no input or column of this model; it has "x", "age", "height"\.$/],
      [() => predict({ instances: [{ age: 1.5, city: "a", member: 2 }] }, scalars), /instances\[0\]\.age is 1\.5.*instances\[0\]\.member is 2 and is not a BOOL/],
      [() => predict({ instances: [{ age: 1, city: "a" }] }, scalars), /^instances\[0\]\.member is missing; BOOL has no missing value/],
      [() => predict({ instances: [[1, "a"]] }, scalars), /^instances\[0\] has 2 values; 3 belong here\.$/],
      [() => predict({ instances: [7] }, scalars), /^instances\[0\] is a number; a row of this model is an object with "age", "city", "member"\.$/],
      [() => predict({ instances: [] }, matrix), /it has no rows/],
      [() => predict({ instances: {} }, matrix), /^"instances" is not a list of rows\.$/],
      [() => predict({}, matrix), /must have either "instances"/],
      [() => predict({ instances: [[1, 2]], inputs: [[1, 2]] }, matrix), /must have either "instances"/],
      [() => predict({ inputs: { age: [1], height: [1, 2] } }, matrix), /different lengths: age 1, height 2/],
      [() => predict({ inputs: { age: [1] } }, matrix), /^The input has 2 problems: inputs lacks "height"; inputs has columns of different lengths/],
      [() => predict({ inputs: { other: [1] } }, matrix), /^The input has 2 problems: inputs has "other".*inputs lack "x"\.$/],
      [() => predict({ inputs: [[1, 2], [3]] }, matrix), /^inputs\[1\] has 1 element/],
      [() => predict({ inputs: [[1, 2, 3]] }, matrix), /^inputs\.shape is \[1,3\]; the model wants \[-1,2\]/],
      [() => predict({ inputs: [1] }, scalars), /^inputs is not an object with "age", "city", "member"\.$/],
      [() => predict({ instances: [[1]] }, signatureOf(spec("h", "FP16", [-1, 1]))), /"h" is FP16, which JSON cannot carry/],
    ];
    for (const [run, pattern] of cases) assert.match(refusal(run), pattern);
    refusal(() => predict("{", matrix), "INVALID_JSON");
    refusal(() => predict("[]", matrix), "INVALID_JSON");
  });

  it("does not make arrays for rows that bring nothing", () => {
    const wide = signatureOf(spec("x", "FP32", [-1, 3, 1000, 1000]));
    assert.match(refusal(() => predict(`{"instances":[${"0,".repeat(5000)}0]}`, wide)), /has 5001 rows; they would need 15003000000 values/);
  });

  it("answers rows with rows and columns with columns", () => {
    const text = ({ chunks }: { chunks: Uint8Array[] }): unknown => JSON.parse(Buffer.concat(chunks).toString());
    const scores: Tensor = { name: "scores", datatype: "FP32", shape: [2, 2], data: Float32Array.of(0.1, 0.9, 1, NaN) };
    const labels: Tensor = { name: "label", datatype: "BYTES", shape: [2], data: ["a", "b"] };
    const half: Tensor = { name: "h", datatype: "FP16", shape: [2, 1], data: Uint16Array.of(0x3c00, 0xc000) };
    assert.deepEqual(text(writePredictV1([scores], { columnar: false })), { predictions: [[0.1, 0.9], [1, "NaN"]] });
    assert.deepEqual(text(writePredictV1([labels, scores, half], { columnar: false })), {
      predictions: [{ label: "a", scores: [0.1, 0.9], h: [1] }, { label: "b", scores: [1, "NaN"], h: [-2] }],
    });
    assert.deepEqual(text(writePredictV1([labels], { columnar: true })), { outputs: ["a", "b"] });
    assert.deepEqual(text(writePredictV1([labels, half], { columnar: true })), { outputs: { label: ["a", "b"], h: [[1], [-2]] } });
    assert.deepEqual(text(writeInvocation([half])), { predictions: [1, -2] });
    assert.deepEqual(text(writeInvocation([labels, half])), { predictions: [{ label: "a", h: 1 }, { label: "b", h: -2 }] });
  });
});

describe("POST /invocations", () => {
  const wanted = [[1, 2, 3, 4]];

  it("takes what MLflow's clients send", () => {
    const split = { columns: ["height", "extra", "age"], index: [0, 1], data: [[2, "z", 1], [4, "z", 3]] };
    assert.deepEqual(dataOf(invoke({ dataframe_split: split }, matrix)), wanted);
    assert.deepEqual(dataOf(invoke({ dataframe_split: { data: split.data, columns: split.columns } }, matrix)), wanted);
    assert.deepEqual(dataOf(invoke({ dataframe_records: [{ height: 2, age: 1, extra: null }, { age: 3, height: 4 }], params: { ignored: 1 } }, matrix)), wanted);
    assert.deepEqual(dataOf(invoke({ instances: [[1, 2], [3, 4]] }, matrix)), wanted);
    assert.deepEqual(dataOf(invoke({ inputs: [[1, 2], [3, 4]] }, matrix)), wanted);
    assert.deepEqual(dataOf(invoke({ inputs: { age: [1, 3], height: [2, 4] } }, matrix)), wanted);
    assert.deepEqual(dataOf(invoke({ inputs: [{ age: 1, height: 2 }, { age: 3, height: 4 }] }, matrix)), wanted);
    assert.deepEqual(dataOf(invoke("age,height\n1,2\n3,4\n", matrix, "text/csv; charset=utf-8")), wanted);
  });

  it("goes by order where there are no names", () => {
    assert.deepEqual(dataOf(invoke({ dataframe_split: { columns: ["a", "b"], data: [[1, 2], [3, 4]] } }, plain)), wanted);
    assert.deepEqual(dataOf(invoke({ dataframe_split: { columns: [0, 1], data: [[1, 2], [3, 4]] } }, matrix)), wanted);
    assert.deepEqual(dataOf(invoke({ dataframe_split: { data: [[1, 2], [3, 4]] } }, matrix)), wanted);
    assert.deepEqual(dataOf(invoke({ dataframe_records: [{ q: 1, r: 2 }, { r: 4, q: 3 }] }, plain)), wanted);
    assert.deepEqual(dataOf(invoke("q,r\r\n1,2\r\n3,4", plain, "text/csv")), wanted);
    assert.deepEqual(invoke({ dataframe_split: { data: [[1, 2, 3]] } }, signatureOf(spec("x", "FP32", [-1, -1])))[0]!.shape, [1, 3]);
  });

  it("reads CSV as pandas writes it", () => {
    const rows = invoke('\ufeff,city,age,member\n0,"Zürich, ""ZH""",30,True\n1,Bern,9007199254740993,false\n\n', scalars, "text/csv");
    assert.deepEqual(dataOf(rows), [[30n, 9007199254740993n], ['Zürich, "ZH"', "Bern"], [1, 0]]);
    const lenient = signatureOf(spec("x", "FP32", [-1, 2], { columns: ["age", "height"], missingAllowed: true }));
    assert.deepEqual(dataOf(invoke("age,height\n,1e3\nNaN,-.5\n", lenient, "text/csv")), [[NaN, 1000, NaN, -0.5]]);
    assert.match(refusal(() => invoke("age,height\n1,x\n,inf\n3\n", matrix, "text/csv")), /csv\[2\] has 1 value; the header has 2.*csv\[0\]\.height is the text "x"|csv\[0\]\.height is the text "x".*csv\[2\] has 1 value/);
    assert.match(refusal(() => invoke('age,height\n1,"2', matrix, "text/csv")), /csv\[0\] has a quote that does not close/);
    assert.match(refusal(() => invoke("", matrix, "text/csv")), /no header line/);
    assert.match(refusal(() => invoke("age\n1\n", matrix, "text/csv")), /^csv header lack "height"\.$/);
    assert.match(refusal(() => invoke("age,height\n", matrix, "text/csv")), /no rows/);
  });

  it("names what is wrong with a table", () => {
    const cases: [unknown, RegExp][] = [
      [{ dataframe_split: { columns: ["age"], data: [[1]] } }, /^dataframe_split\.columns lack "height"\.$/],
      [{ dataframe_split: { columns: ["age", "age", "height"], data: [] } }, /name a column twice/],
      [{ dataframe_split: { columns: ["age", "height"], data: [[1, 2], [3]] } }, /^dataframe_split\.data\[1\] has 1 element, the shape \[2,2\] wants 2 here\.$/],
      [{ dataframe_split: { columns: ["height", "age"], data: [[1, 2], [3]] } }, /^dataframe_split\.data\[1\] has 1 value; 2 belong here\.$/],
      [{ dataframe_split: { columns: ["height", "age"], data: [[1, 2], 3] } }, /^dataframe_split\.data\[1\] is not a list\.$/],
      [{ dataframe_split: { columns: ["age", "height"], data: [[1, 2], 3] } }, /^dataframe_split\.data\[1\] is not a list; the shape/],
      [{ dataframe_split: { columns: ["age", "height"], data: [[1, "x"]] } }, /^dataframe_split\.data\[0\]\.height is the text "x"/],
      [{ dataframe_split: { columns: ["age", "height"] } }, /^dataframe_split\.data is missing\.$/],
      [{ dataframe_split: [[1, 2]] }, /^dataframe_split is not an object with columns and data\.$/],
      [{ dataframe_split: { columns: "age", data: [] } }, /^dataframe_split\.columns is not a list of names\.$/],
      [{ dataframe_split: { columns: [0, 1, 2], data: [[1, 2, 3]] } }, /^dataframe_split\.columns are 3; the model takes 2 values in a row\.$/],
      [{ dataframe_records: { age: 1 } }, /^"dataframe_records" is not a list of rows\.$/],
      [{ dataframe_records: [{ age: 1 }] }, /^dataframe_records\[0\]\.height is missing/],
      [{ columns: ["age"], data: [[1]] }, /^The body must have exactly one of "dataframe_split", "dataframe_records", "instances", "inputs"\.$/],
    ];
    for (const [body, pattern] of cases) assert.match(refusal(() => invoke(body, matrix)), pattern);
    refusal(() => invoke("{}", matrix, "application/vnd.apache.parquet"), "UNSUPPORTED_MEDIA_TYPE");
    refusal(() => invoke("{}", matrix, "application/json; charset=latin1"), "UNSUPPORTED_MEDIA_TYPE");
  });

  it("gives the rows of any table back, in every form", () => {
    const table = fc.array(fc.tuple(fc.integer(), fc.string({ unit: codePoint }), fc.boolean()), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(table, (rows) => {
        const wantedRows = [rows.map(([age]) => BigInt(age)), rows.map(([, city]) => city), rows.map(([, , member]) => Number(member))];
        const records = rows.map(([age, city, member]) => ({ member, city, age }));
        const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
        assert.deepEqual(dataOf(invoke({ dataframe_records: records }, scalars)), wantedRows);
        assert.deepEqual(dataOf(invoke({ dataframe_split: { columns: ["age", "city", "member"], data: rows } }, scalars)), wantedRows);
        assert.deepEqual(dataOf(invoke({ inputs: { age: rows.map(([age]) => age), city: rows.map(([, city]) => city), member: rows.map(([, , member]) => member) } }, scalars)), wantedRows);
        assert.deepEqual(dataOf(invoke(`age,city,member\n${rows.map(([age, city, member]) => `${age},${quote(city)},${member}`).join("\n")}`, scalars, "text/csv")), wantedRows);
        assert.deepEqual(dataOf(predict({ instances: rows }, scalars).inputs), wantedRows);
      }),
    );
  });
});

describe("hostile bodies", () => {
  it("are read or refused as the caller's mistake, never anything else", () => {
    const json = fc.json({ maxDepth: 4 });
    const form = fc.constantFrom("instances", "inputs", "dataframe_records", "dataframe_split", "columns");
    const split = fc.record({ columns: fc.oneof(json, fc.constant('["age","height"]')), data: json }).map(({ columns, data }) => `{"columns":${columns},"data":${data}}`);
    const rows = fc.array(fc.oneof(fc.array(fc.oneof(fc.double().map(String), json)).map((cells) => `[${cells.join(",")}]`), json, fc.constant('{"age":1,"height":2}'))).map((list) => `[${list.join(",")}]`);
    fc.assert(
      fc.property(form, fc.oneof(json, split, rows), fc.constantFrom(matrix, plain, scalars, image, signatureOf(spec("x", "FP32", [-1, -1, -1]))), fc.string(), (name, value, signature, csv) => {
        const body = `{${JSON.stringify(name)}:${value}}`;
        for (const run of [() => predict(body, signature).inputs, () => invoke(body, signature), () => invoke(csv, signature, "text/csv")]) {
          try {
            for (const { shape, data } of run()) assert.equal(data.length, elementCount(shape));
          } catch (error) {
            assert.ok(error instanceof AppError, String((error as Error).stack));
            assert.ok(error.status >= 400 && error.status < 500, error.code);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
});
