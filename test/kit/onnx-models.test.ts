import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { inspectOnnx } from "../../src/adapters/onnx/onnx-inspection.ts";
import { typedArrayOf, type TensorData } from "../../src/core/tensor.ts";
import {
  bigMemory,
  conv224,
  diesOnMinusOne,
  failsOnValue,
  identityModel,
  identityThatDoublesAboveZero,
  identityThatThrowsFromTen,
  linearModel,
  loopsAsOftenAsTold,
  mixedInputsModel,
  mlpModel,
  neverReturns,
  notRowWise,
  shiftedModel,
  slowModel,
  translationModel,
  zipMapClassifier,
} from "./onnx-models.ts";
import { float32Rows, runOnnx } from "./run-onnx.ts";

describe("models for tests", () => {
  it("linear: a weighted sum and its sigmoid, row by row", async () => {
    const outputs = await runOnnx(linearModel({ weights: [1, -2], bias: 0.5 }), {
      features: float32Rows([
        [1, 0],
        [0, 1],
        [2, 2],
      ]),
    });
    deepEqual(outputs.score, { type: "float32", shape: [3, 1], data: [1.5, -1.5, -1.5] });
    equal((outputs.probability!.data[0] as number).toFixed(6), (1 / (1 + Math.exp(-1.5))).toFixed(6));
  });

  it("dense layers: probabilities that add up to 1 and differ from row to row", async () => {
    const { probabilities } = await runOnnx(mlpModel({ features: 4, hidden: [8, 8], classes: 3 }), {
      features: float32Rows([
        [1, 2, 3, 4],
        [4, 3, 2, 1],
      ]),
    });
    const data = probabilities!.data as number[];
    deepEqual(probabilities!.shape, [2, 3]);
    for (const row of [data.slice(0, 3), data.slice(3)]) ok(Math.abs(row[0]! + row[1]! + row[2]! - 1) < 1e-6);
    ok(Math.abs(data[0]! - data[3]!) > 1e-3);
  });

  it("mixed inputs: amounts, a country and a weekday each count", async () => {
    const { risk } = await runOnnx(mixedInputsModel(), {
      amounts: float32Rows([
        [1, 1],
        [0, 0],
        [0, 0],
      ]),
      country: { datatype: "BYTES", shape: [3, 1], data: ["DE", "US", "nowhere"] },
      weekday: { datatype: "INT64", shape: [3, 1], data: BigInt64Array.of(0n, 0n, 5n) },
    });
    deepEqual(risk!.data, [13, 30, 500]);
  });

  it("texts go in and come out", async () => {
    const { translation } = await runOnnx(translationModel(), { word: { datatype: "BYTES", shape: [2, 1], data: ["two", "zwei"] } });
    deepEqual(translation, { type: "string", shape: [2, 1], data: ["zwei", "?"] });
  });

  it("identity returns every datatype as it came", async () => {
    const cases: [Parameters<typeof identityModel>[0], TensorData][] = [["BYTES", ["", "ü", "\u{1f600}", "a\nb"]]];
    for (const [datatype, array] of Object.entries(typedArrayOf)) {
      cases.push([
        datatype as keyof typeof typedArrayOf,
        new array(Uint8Array.from({ length: array.BYTES_PER_ELEMENT * 4 }, (_, index) => (datatype === "BOOL" ? index % 2 : index)).buffer),
      ]);
    }
    for (const [datatype, data] of cases) {
      const { y } = await runOnnx(identityModel(datatype), { x: { datatype, shape: [2, 2], data } });
      deepEqual(y!.shape, [2, 2], datatype);
      deepEqual(y!.data, [...data], datatype);
    }
  });

  it("identity keeps scalars and fixed dimensions", async () => {
    deepEqual((await runOnnx(identityModel("FP32", []), { x: { datatype: "FP32", shape: [], data: Float32Array.of(7) } })).y!.shape, []);
    deepEqual(inspectOnnx(identityModel("INT8", ["batch", 2, -1])).inputs[0]!.shape, [-1, 2, -1]);
  });

  it("a loop told to run 3 rounds or none returns its input", async () => {
    deepEqual((await runOnnx(loopsAsOftenAsTold(), { x: float32Rows([[3], [0]]) })).y!.data, [3, 0]);
    ok(inspectOnnx(loopsAsOftenAsTold()).valueDependentCost);
    ok(inspectOnnx(neverReturns()).valueDependentCost);
  });

  it("the slow model returns its input and has no loop", async () => {
    deepEqual((await runOnnx(slowModel(3), { x: float32Rows([[3], [-1]]) })).y!.data, [3, -1]);
    equal(inspectOnnx(slowModel(3)).valueDependentCost, false);
    ok(slowModel(1000).length < 1_000_000);
  });

  it("the convolution answers for an image", async () => {
    const image = {
      datatype: "FP32",
      shape: [1, 3, 224, 224],
      data: Float32Array.from({ length: 3 * 224 * 224 }, (_, index) => (index % 255) / 255),
    } as const;
    const { probabilities } = await runOnnx(conv224(), { image });
    deepEqual(probabilities!.shape, [1, 10]);
    ok(Math.abs((probabilities!.data as number[]).reduce((sum, value) => sum + value, 0) - 1) < 1e-5);
  });

  it("not row-wise: an answer changes with its neighbours", async () => {
    deepEqual((await runOnnx(notRowWise(), { x: float32Rows([[1, 2]]) })).y!.data, [0, 0]);
    deepEqual(
      (
        await runOnnx(notRowWise(), {
          x: float32Rows([
            [1, 2],
            [3, 4],
          ]),
        })
      ).y!.data,
      [-1, -1, 1, 1],
    );
  });

  it("fails on a value, and only on that", async () => {
    const run = (index: bigint) => runOnnx(failsOnValue(), { index: { datatype: "INT64", shape: [1, 1], data: BigInt64Array.of(index) } });
    deepEqual((await run(9n)).y!.data, [4.5]);
    await rejects(run(10n), /out of data bounds/);
  });

  it("identities go wrong from where they say", async () => {
    const answer = async (model: Uint8Array, ...rows: number[]) => (await runOnnx(model, { x: float32Rows(rows.map((value) => [value])) })).y!;
    deepEqual((await answer(identityThatThrowsFromTen(), 9, -3)).data, [9, -3]);
    await rejects(answer(identityThatThrowsFromTen(), 1, 10), /out of data bounds/);
    deepEqual(await answer(identityThatDoublesAboveZero(), 0, -3), { type: "float32", shape: [2, 1], data: [0, -3] });
    deepEqual((await answer(identityThatDoublesAboveZero(), 0, 3)).shape, [4, 1]);
    deepEqual(inspectOnnx(identityThatDoublesAboveZero()).outputs[0]!.shape, [-1, 1]);
    deepEqual((await answer(shiftedModel(0.5), 1, 2)).data, [1.5, 2.5]);
  });

  it("big memory returns its input", async () => {
    deepEqual((await runOnnx(bigMemory(2), { x: float32Rows([[3], [4]]) })).y!.data, [3, 4]);
  });

  it("dies on minus one, and only on that", { skip: process.arch === "x64" ? false : "integer division traps on x86 only" }, async () => {
    const run = (x: bigint) => runOnnx(diesOnMinusOne(), { x: { datatype: "INT64", shape: [1, 1], data: BigInt64Array.of(x) } });
    deepEqual((await run(2n)).y!.data, [-(2n ** 62n)]);
    const here = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
    const script = `
      import { diesOnMinusOne } from ${here("onnx-models.ts")};
      import { runOnnx } from ${here("run-onnx.ts")};
      await runOnnx(diesOnMinusOne(), { x: { datatype: "INT64", shape: [1, 1], data: BigInt64Array.of(-1n) } });`;
    equal(spawnSync(process.execPath, ["--input-type=module", "--eval", script], { stdio: "ignore" }).signal, "SIGFPE");
  });

  it("the classifier with a ZipMap answers after its import", async () => {
    const { rewritten } = inspectOnnx(
      zipMapClassifier({
        coefficients: [
          [1, 0],
          [0, 1],
        ],
        labels: { texts: ["left", "right"] },
      }),
    );
    const { output_label, output_probability } = await runOnnx(rewritten!, {
      X: float32Rows([
        [2, 0],
        [0, 2],
      ]),
    });
    deepEqual(output_label!.data, ["left", "right"]);
    deepEqual(
      (output_probability!.data as number[]).map((value) => value.toFixed(4)),
      ["0.8808", "0.1192", "0.1192", "0.8808"],
    );
  });
});
