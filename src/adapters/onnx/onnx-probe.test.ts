import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { halfToNumber } from "../../core/half-float.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ModelInspection } from "../../registry/model-inspector.ts";
import type { TensorSpec } from "../../registry/schemas.ts";
import type { ModelRunner } from "../../serving/versions/model-runtime.ts";
import { sameRow } from "./onnx-probe-comparison.ts";
import { joinRows, madeUpInputs, probeAttempts } from "./onnx-probe-inputs.ts";
import { probeModel } from "./onnx-probe.ts";

const spec = (name: string, shape: number[], datatype: TensorSpec["datatype"] = "FP32"): TensorSpec => ({ name, datatype, shape, missingAllowed: false });

function inspection(inputs: TensorSpec[], outputs: TensorSpec[], valueDependentCost = false): ModelInspection {
  return { inputs, outputs, opsets: {}, producer: undefined, notes: [], valueDependentCost };
}

/** A runner whose model is a function; `kill` makes the run under way fail as it does with a process. */
function runnerOf(model: (inputs: readonly Tensor[]) => Tensor[] | Promise<Tensor[]>): ModelRunner & { killed: string[] } {
  const killed: string[] = [];
  let fail: ((error: AppError) => void) | undefined;
  return {
    killed,
    placement: "runner",
    executionProvider: "cpu",
    processId: undefined,
    run: (inputs) =>
      new Promise((resolve, reject) => {
        fail = reject;
        Promise.resolve()
          .then(() => model(inputs))
          .then((outputs) => resolve({ outputs, runUs: 1 }), reject);
      }),
    onExit() {},
    kill(reason) {
      killed.push(reason);
      fail?.(new AppError("RUNNER_CRASHED", "The model's process was ended."));
    },
    async close() {},
  };
}

const refusal = (message = "No.") => new AppError("MODEL_RUN_FAILED", message);

/** y = f(row) for each row of the first input, FP32 [n, m]. */
function rowWise(f: (row: Float32Array, all: Float32Array) => number[], shapeOf = (rows: number, width: number) => [rows, width]) {
  return ([x]: readonly Tensor[]): Tensor[] => {
    const all = x!.data as Float32Array;
    const [rows = 0, width = 1] = x!.shape;
    const results = Array.from({ length: rows }, (_, index) => f(all.subarray(index * width, (index + 1) * width), all));
    return [{ name: "y", datatype: "FP32", shape: shapeOf(rows, results[0]!.length), data: Float32Array.from(results.flat()) }];
  };
}

const sum = (row: Float32Array) => [row.reduce((total, value) => total + value, 0)];
const table = inspection([spec("x", [-1, 3])], [spec("y", [-1, 1])]);

describe("probe", () => {
  it("finds a model whose rows are independent batchable, and says nothing", async () => {
    const probe = await probeModel(runnerOf(rowWise(sum)), table, 10_000);
    assert.deepEqual(probe, { outputs: table.outputs, batchable: true, notes: [] });
  });

  it("accepts the rounding that another order of summation brings", async () => {
    const model = rowWise((row, all) => [sum(row)[0]! * (1 + all.length * 1e-6)]);
    assert.equal((await probeModel(runnerOf(model), table, 10_000)).batchable, true);
  });

  const dependent: [string, Parameters<typeof runnerOf>[0], ModelInspection, RegExp][] = [
    ["a row's output depends on the others", rowWise((row, all) => [sum(row)[0]! - sum(all)[0]! / all.length]), table, /"y" of a row depends on the other rows/],
    ["rows come out in another order", ([x]) => [{ ...x!, name: "y", data: (x!.data as Float32Array).toReversed() }], inspection([spec("x", [-1, 1])], [spec("y", [-1, 1])]), /depends on the other rows/],
    ["the output has one row for all", ([x]) => [{ name: "y", datatype: "FP32", shape: [1, 1], data: Float32Array.of(sum(x!.data as Float32Array)[0]!) }], table, /does not have one row for each/],
    ["the output's width depends on the rows", rowWise((_row, all) => Array.from({ length: all.length }, () => 0)), inspection([spec("x", [-1, 1])], [spec("y", [-1, -1])]), /shape of the output "y" depends on how many rows/],
    ["an output has a fixed first dimension", rowWise(sum), inspection([spec("x", [-1, 3])], [spec("y", [1, 1])]), /output "y" has no variable first/],
    ["an input has a fixed first dimension", rowWise(sum), inspection([spec("x", [1, 3])], [spec("y", [-1, 1])]), /input "x" has no variable first/],
    ["an input is a scalar", rowWise(sum), inspection([spec("x", [-1, 3]), spec("scale", [])], [spec("y", [-1, 1])]), /input "scale" has no variable first/],
    ["several rows are refused", (inputs) => { if (inputs[0]!.shape[0]! > 1) throw refusal("One row only."); return rowWise(sum)(inputs); }, table, /does not run on several rows at once: One row only\.$/],
  ];
  for (const [name, model, facts, note] of dependent) {
    it(`finds it not batchable when ${name}, and says so`, async () => {
      const probe = await probeModel(runnerOf(model), facts, 10_000);
      assert.equal(probe.batchable, false);
      assert.match(probe.notes[0]!, /^Requests are never joined into batches: /);
      assert.match(probe.notes[0]!, note);
    });
  }

  it("tells a random model from one that mixes rows", async () => {
    let call = 0;
    const probe = await probeModel(runnerOf(rowWise((row) => [sum(row)[0]! + call++])), table, 10_000);
    assert.equal(probe.batchable, false);
    assert.match(probe.notes[0]!, /different outputs for the same input/);
  });

  it("accepts a model that refuses made-up values, untried, with its first reason", async () => {
    const reasons: string[] = [];
    const model = () => {
      reasons.push(`Reason ${reasons.length + 1}.`);
      throw refusal(reasons.at(-1));
    };
    const probe = await probeModel(runnerOf(model), table, 10_000);
    assert.deepEqual([probe.outputs, probe.batchable], [table.outputs, false]);
    assert.deepEqual(probe.notes, ["The model did not run on made-up inputs, so it was not tried: Reason 1. Requests are never joined into batches."]);
    assert.equal(reasons.length, 3, "without variable dimensions, other sizes are not worth a try");
  });

  it("tries smaller values and larger dimensions until the model runs", async () => {
    const indices = ([x]: readonly Tensor[]): Tensor[] => {
      if ((x!.data as BigInt64Array).some((value) => value > 1n)) throw refusal();
      return [{ ...x!, name: "y" }];
    };
    const small = await probeModel(runnerOf(indices), inspection([spec("x", [-1, 20], "INT64")], [spec("y", [-1, 20], "INT64")]), 10_000);
    assert.equal(small.batchable, true);
    const image = ([x]: readonly Tensor[]): Tensor[] => {
      if (x!.shape[2]! < 30) throw refusal("Smaller than the kernel.");
      return [{ name: "y", datatype: "FP32", shape: [x!.shape[0]!, 1], data: new Float32Array(x!.shape[0]!) }];
    };
    assert.equal((await probeModel(runnerOf(image), inspection([spec("x", [-1, 3, -1, -1])], [spec("y", [-1, 1])]), 10_000)).batchable, true);
  });

  it("does not make up what would not fit into memory", async () => {
    const probe = await probeModel(runnerOf(() => assert.fail("it must not run")), inspection([spec("x", [-1, 2 ** 28])], [spec("y", [-1])]), 10_000);
    assert.match(probe.notes[0]!, /too large to be made up/);
  });

  it("refuses a model that ends its process", async () => {
    const model = () => {
      throw new AppError("RUNNER_CRASHED", "The model's process died (signal SIGSEGV).");
    };
    await assert.rejects(probeModel(runnerOf(model), table, 10_000), { code: "MODEL_PROBE_FAILED", message: /SIGSEGV/ });
  });

  const never = () => new Promise<never>(() => {});

  it("refuses a model that does not end, and kills it", async () => {
    const runner = runnerOf(never);
    await assert.rejects(probeModel(runner, table, 5), { code: "MODEL_PROBE_FAILED", message: /did not finish one run/ });
    assert.equal(runner.killed.length, 1);
  });

  it("accepts one whose time depends on the values, and kills it all the same", async () => {
    const runner = runnerOf(never);
    const probe = await probeModel(runner, { ...table, valueDependentCost: true }, 5);
    assert.equal(runner.killed.length, 1);
    assert.deepEqual([probe.outputs, probe.batchable], [table.outputs, false]);
    assert.match(probe.notes[0]!, /did not finish on a made-up input.*never joined/);
  });

  it("accepts a model that ran once but was too slow to be proven batchable", async () => {
    let runs = 0;
    const probe = await probeModel(runnerOf((inputs) => (++runs === 1 ? rowWise(sum)(inputs) : never())), table, 20);
    assert.equal(probe.batchable, false);
    assert.match(probe.notes[0]!, /ran out of time/);
  });

  describe("shapes of outputs", () => {
    const shapeAfter = async (declared: number[], shapeOf: (rows: number, width: number) => number[], inputShape = [-1, 3]) => {
      const probe = await probeModel(runnerOf(rowWise((row) => [...row], shapeOf)), inspection([spec("x", inputShape)], [spec("y", declared)]), 10_000);
      return { shape: probe.outputs[0]!.shape, notes: probe.notes, batchable: probe.batchable };
    };

    it("stay as declared where the runs agree", async () => {
      assert.deepEqual(await shapeAfter([-1, -1], (rows, width) => [rows, width]), { shape: [-1, -1], notes: [], batchable: true });
    });
    it("are filled in where the graph leaves them open", async () => {
      assert.deepEqual(await shapeAfter([-1], (rows, width) => [rows, width]), { shape: [-1, 3], notes: [], batchable: true });
    });
    it("keep open what another input could change", async () => {
      assert.deepEqual((await shapeAfter([-1], (rows, width) => [rows, width], [-1, -1])).shape, [-1, -1]);
    });
    it("are corrected where the graph is wrong, with a note", async () => {
      const { shape, notes, batchable } = await shapeAfter([-1, 1, 9], (rows, width) => [rows, width]);
      assert.deepEqual([shape, batchable], [[-1, 3], true]);
      assert.match(notes[0]!, /declares the shape \[-1, 1, 9\].*returned \[1, 3\].*says \[-1, 3\]/);
    });
  });
});

describe("made-up inputs", () => {
  const datatypes = ["BOOL", "UINT8", "UINT64", "INT64", "FP16", "FP32", "FP64", "BYTES"] as const;

  it("fit their signature, are equal for equal seeds and differ for others", () => {
    const inputs = datatypes.map((datatype) => spec(datatype, [-1, 40, -1], datatype));
    for (const attempt of probeAttempts) {
      const once = madeUpInputs(inputs, attempt, 7)!;
      assert.deepEqual(once, madeUpInputs(inputs, attempt, 7));
      const other = madeUpInputs(inputs, attempt, 8)!;
      for (const [index, tensor] of once.entries()) {
        assert.deepEqual(tensor.shape, [1, 40, attempt.dimension]);
        assert.equal(tensor.data.length, 40 * attempt.dimension);
        if (attempt.values !== "zero") assert.notDeepEqual(tensor.data, other[index]!.data);
      }
    }
  });

  it("take the allowed values only", () => {
    const inputs = [{ ...spec("country", [-1, 50], "BYTES"), allowedValues: ["DE", "FR"] }, { ...spec("size", [-1, 50], "INT64"), allowedValues: [3, 7] }];
    const [country, size] = madeUpInputs(inputs, probeAttempts[0]!, 1)!;
    assert.deepEqual(new Set(country!.data as string[]), new Set(["DE", "FR"]));
    assert.deepEqual(new Set(size!.data as BigInt64Array), new Set([3n, 7n]));
  });

  it("are numbers of a sane size, also in half precision", () => {
    const [half] = madeUpInputs([spec("x", [-1, 1000], "FP16")], probeAttempts[0]!, 1)!;
    for (const bits of half!.data as Uint16Array) {
      const size = Math.abs(halfToNumber(bits));
      assert.ok(size >= 0.25 && size < 2);
    }
  });

  it("repeat themselves in long tensors, to their end", () => {
    const [x] = madeUpInputs([spec("x", [-1, 10_001])], probeAttempts[0]!, 1)!;
    const data = x!.data as Float32Array;
    assert.deepEqual(data.subarray(4096, 8192), data.subarray(0, 4096));
    assert.deepEqual(data.subarray(8192), data.subarray(0, 10_001 - 8192));
  });

  it("are joined along the rows", () => {
    const request = (value: bigint, text: string): Tensor[] => [
      { name: "a", datatype: "INT64", shape: [1, 2], data: BigInt64Array.of(value, -value) },
      { name: "b", datatype: "BYTES", shape: [1], data: [text] },
    ];
    assert.deepEqual(joinRows([request(1n, "x"), request(2n, "y")]), [
      { name: "a", datatype: "INT64", shape: [2, 2], data: BigInt64Array.of(1n, -1n, 2n, -2n) },
      { name: "b", datatype: "BYTES", shape: [2], data: ["x", "y"] },
    ]);
  });
});

describe("comparison of rows", () => {
  const same = (datatype: Tensor["datatype"], left: Tensor["data"], right: Tensor["data"]) =>
    sameRow({ name: "y", datatype, shape: [left.length], data: left }, 0, { name: "y", datatype, shape: [right.length], data: right });

  it("is exact but for floating point", () => {
    assert.equal(same("INT64", BigInt64Array.of(2n ** 60n), BigInt64Array.of(2n ** 60n)), true);
    assert.equal(same("INT64", BigInt64Array.of(2n ** 60n), BigInt64Array.of(2n ** 60n + 1n)), false);
    assert.equal(same("BYTES", ["a"], ["b"]), false);
  });
  it("takes a part in ten thousand for rounding, and no more", () => {
    assert.equal(same("FP32", Float32Array.of(1), Float32Array.of(1.00005)), true);
    assert.equal(same("FP32", Float32Array.of(1), Float32Array.of(1.001)), false);
    assert.equal(same("FP64", Float64Array.of(1e9), Float64Array.of(1e9 + 1)), true);
  });
  it("allows for cancellation near zero beside large values", () => {
    assert.equal(same("FP32", Float32Array.of(100, 1e-6), Float32Array.of(100, 3e-6)), true);
    assert.equal(same("FP32", Float32Array.of(100, 1), Float32Array.of(100, 3)), false);
  });
  it("takes NaN and infinities for what they are", () => {
    assert.equal(same("FP32", Float32Array.of(NaN, Infinity, -0), Float32Array.of(NaN, Infinity, 0)), true);
    assert.equal(same("FP32", Float32Array.of(NaN), Float32Array.of(1)), false);
    assert.equal(same("FP32", Float32Array.of(1), Float32Array.of(NaN)), false);
    assert.equal(same("FP32", Float32Array.of(Infinity), Float32Array.of(-Infinity)), false);
    assert.equal(same("FP32", Float32Array.of(1), Float32Array.of(Infinity)), false);
    assert.equal(same("FP32", Float32Array.of(Infinity), Float32Array.of(1)), false);
  });

  it("reads half precision", () => {
    assert.equal(same("FP16", Uint16Array.of(0x3c00), Uint16Array.of(0x3c01)), true);
    assert.equal(same("FP16", Uint16Array.of(0x3c00), Uint16Array.of(0x3d00)), false);
  });
});
