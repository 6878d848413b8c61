import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { failsOnValue, identityModel, linearModel } from "../../../test/kit/onnx-models.ts";
import { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import { fallbackReason, providersToTry } from "./execution-provider.ts";
import { modelFiles } from "./model-files.fixture.ts";
import { OnnxModelWriter } from "./model-writer.ts";
import { loadError, runError } from "./onnx-session-errors.ts";
import { OnnxSession } from "./onnx-session.ts";

const { directory, save } = modelFiles();

const load = (bytes: Uint8Array): Promise<OnnxSession> => OnnxSession.load(save(bytes), { intraOpThreads: 1, executionProvider: "cpu" });

/** The failure that a caller sees: it must not carry a path, a source file or the library's name. */
async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(() => assert.fail("it must fail"), (reason: unknown) => reason);
  assert.ok(error instanceof AppError, String(error));
  assert.doesNotMatch(error.message, /onnxruntime|\.cc:|\.h:|\/|Status/i);
  assert.ok(error.cause instanceof Error, "the library's words are kept for the log");
  return error;
}

/** One operator on `x`, FP32 [batch, 2] unless told otherwise. */
function oneNode(opType: string, options: { datatype?: "FP32" | "INT16" | "BYTES"; domain?: string; opsets?: Record<string, number>; irVersion?: number; ints?: Record<string, number> } = {}): Uint8Array {
  const { datatype = "FP32", domain = "", ints = {}, ...model } = options;
  return new OnnxModelWriter(model).input("x", datatype, ["batch", 2]).node(opType, ["x"], ["y"], { ints }, domain).output("y", datatype, ["batch", 2]).toBytes();
}

const x = (data: number[], shape: number[]): Tensor[] => [{ name: "x", datatype: "FP32", shape, data: Float32Array.from(data) }];

describe("OnnxSession", () => {
  const refused: [string, Uint8Array, string, RegExp][] = [
    ["an operator that does not exist", oneNode("Frobnicate"), "MODEL_OPERATOR_UNSUPPORTED", /"Frobnicate" does not exist in operator set 17/],
    ["an operator newer than its operator set", oneNode("Mish", { opsets: { "ai.onnx": 11 } }), "MODEL_OPERATOR_UNSUPPORTED", /"Mish" does not exist in operator set 11/],
    ["an operator of an unknown domain", oneNode("Frob", { domain: "com.acme", opsets: { "com.acme": 1 } }), "MODEL_OPERATOR_UNSUPPORTED", /"Frob" of the domain "com\.acme"/],
    ["an operator set of the future", oneNode("Relu", { opsets: { "ai.onnx": 99 } }), "MODEL_OPERATOR_UNSUPPORTED", /operator set 99 of "ai\.onnx"; \d+ is the newest/],
    ["a format of the future", oneNode("Relu", { irVersion: 99 }), "MODEL_OPERATOR_UNSUPPORTED", /version 99 of the format/],
    ["a datatype without an implementation", oneNode("Relu", { datatype: "INT16" }), "MODEL_OPERATOR_UNSUPPORTED", /"Relu" .* is not implemented for the datatypes/],
    ["a datatype that the operator does not take", oneNode("Relu", { datatype: "BYTES" }), "MODEL_FILE_INVALID", /"Relu" does not take the datatype of "x"/],
    ["an attribute that does not exist", oneNode("Relu", { ints: { wings: 2 } }), "MODEL_FILE_INVALID", /"Relu" has no attribute "wings"/],
    ["an attribute out of its range", oneNode("Softmax", { ints: { axis: 9 } }), "MODEL_FILE_INVALID", /"Softmax" has attributes or inputs that do not fit/],
    ["bytes that are no model", Buffer.from("this is not a model"), "MODEL_FILE_INVALID", /not an ONNX model, or it is cut off/],
    ["a file that is cut off", linearModel({ weights: [1, 2] }).subarray(0, 100), "MODEL_FILE_INVALID", /cut off/],
    ["an empty file", new Uint8Array(0), "MODEL_FILE_INVALID", /no graph/],
  ];
  for (const [name, bytes, code, message] of refused) {
    it(`refuses ${name} with ${code}, in its own words`, async () => {
      const error = await failureOf(load(bytes));
      assert.equal(error.code, code);
      assert.match(error.message, message);
    });
  }

  it("names the input whose shape the model refuses", async () => {
    const session = await load(oneNode("Relu"));
    const rank = await failureOf(session.run(x([1, 2], [2])));
    assert.equal(rank.message, 'The model refused the input "x": it has 1 dimension, the model takes 2.');
    const dimension = await failureOf(session.run(x([1, 2, 3], [1, 3])));
    assert.deepEqual(dimension.problems, [{ path: "x", message: "dimension 1 is 3, the model takes 2" }]);
    const missing = await failureOf(session.run([]));
    assert.match(missing.message, /"x": it is missing/);
    const datatype = await failureOf(session.run([{ name: "x", datatype: "FP64", shape: [1, 2], data: new Float64Array(2) }]));
    assert.equal(datatype.message, "The model takes FP32 where it was given FP64.");
    for (const error of [rank, dimension, missing, datatype]) assert.equal(error.code, "MODEL_RUN_FAILED");
    await session.release();
  });

  it("names the operator that fails, with the numbers that help", async () => {
    const session = await load(failsOnValue());
    const error = await failureOf(session.run([{ name: "index", datatype: "INT64", shape: [1, 1], data: BigInt64Array.of(99n) }]));
    assert.equal(error.code, "MODEL_RUN_FAILED");
    assert.match(error.message, /^The operator "Gather" \(node "Gather_0"\) failed on these values: the index 99 is not within -10 to 9\.$/);
    assert.equal((await session.run([{ name: "index", datatype: "INT64", shape: [1, 1], data: BigInt64Array.of(9n) }])).outputs[0]!.data[0], 4.5);
    await session.release();
    await failureOf(session.run([{ name: "index", datatype: "INT64", shape: [1, 1], data: BigInt64Array.of(9n) }]));
  });

  it("refuses a text that the library would cut off", async () => {
    const session = await load(identityModel("BYTES"));
    const run = session.run([{ name: "x", datatype: "BYTES", shape: [1, 2], data: ["fine", "cut\0off"] }]);
    await assert.rejects(run, { code: "MODEL_RUN_FAILED", message: /"x" has a text with a zero character/ });
    await session.release();
  });

  it("measures the model and not what happens around it", async () => {
    const session = await load(oneNode("Relu"));
    await session.run(x([1, 2], [1, 2]));
    const run = session.run(x([1, 2], [1, 2]));
    const end = performance.now() + 300;
    while (performance.now() < end);
    assert.ok((await run).runUs < 300_000, "the 300 ms before it began are not the model's");
    await session.release();
  });
});

describe("errors of the library", () => {
  const words: [string, RegExp][] = [
    ["Node input 'zzz' is not a graph input, initializer, or output of a previous node.", /reads "zzz", which nothing/],
    ["This is an invalid model. Error: Duplicate definition of name (y).", /Two nodes of the graph make "y"/],
    ["This is an invalid model. Error: the graph is not acyclic.", /runs in a circle/],
    ["Type Error: Type (tensor(int64)) of output arg (y) of node () does not match expected type (tensor(float)).", /another datatype for "y"/],
    ["words that nobody knows yet", /^The model cannot be loaded\.$/],
  ];
  for (const [text, message] of words) {
    it(`at loading, "${text.slice(0, 40)}…" becomes our words`, () => {
      const error = loadError(new Error(`Load model from /secret/path failed:${text}`));
      assert.equal(error.code, "MODEL_FILE_INVALID");
      assert.match(error.message, message);
    });
  }

  it("tell weights in other files apart", () => {
    assert.equal(loadError(new Error('External data path does not exist: "/secret/weights.bin"')).code, "MODEL_EXTERNAL_DATA");
  });

  it("tell an operator of a domain that is not imported apart", () => {
    const error = loadError(new Error(`This is an invalid model. In Node, ("", Frob, "zzz", -1) : ("x": tensor(float),) -> ("y": tensor(float),) , Error No opset import for domain 'zzz'`));
    assert.equal(error.code, "MODEL_OPERATOR_UNSUPPORTED");
    assert.match(error.message, /"Frob" of the domain "zzz"/);
  });

  const failures: [string, RegExp][] = [
    ["Failed to allocate memory for requested buffer of size 1099511627776", /it needs 1099511627776 bytes of memory/],
    ["Input shape:{4,2}, requested shape:{3,2}", /the shape \[4,2\] cannot become \[3,2\]/],
    ["Attempting to broadcast an axis by a dimension other than 1. 3 by 4", /the dimensions 3 and 4 do not fit/],
    ["stod", /a text is not a number/],
    ["something else", /failed on these values\.$/],
  ];
  for (const [text, message] of failures) {
    it(`of an operator, "${text.slice(0, 40)}…", become our words`, () => {
      const error = runError(new Error(`Non-zero status code returned while running Add node. Name:'adder' Status Message: /onnxruntime_src/x.cc:360 void f() ${text}`));
      assert.match(error.message, /^The operator "Add" \(node "adder"\)/);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /onnxruntime|\.cc/);
    });
  }

  it("carry hostile names quoted and short", () => {
    const error = runError(new Error(`Non-zero status code returned while running Add node. Name:'${'"\n'.repeat(5000)}' Status Message: x`));
    assert.ok(error.message.length < 500);
    assert.doesNotMatch(error.message, /\n/);
  });
});

describe("execution providers", () => {
  it("try CUDA first where the build has it, and always end in the CPU", () => {
    const backends = [{ name: "cpu" }, { name: "webgpu" }, { name: "cuda" }];
    assert.deepEqual(providersToTry("auto", backends), [["cuda", "cpu"], ["cpu"]]);
    assert.deepEqual(providersToTry("cpu", backends), [["cpu"]]);
    assert.deepEqual(providersToTry("auto", [{ name: "cpu" }]), [["cpu"]]);
  });

  it("say why CUDA is not used", () => {
    assert.match(fallbackReason(new Error("OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library")), /libraries are not installed/);
    assert.match(fallbackReason(new Error("CUDA failure 100: no CUDA-capable device is detected")), /no usable device/);
    assert.match(fallbackReason(new Error("?")), /could not be loaded with it/);
  });

  it("fall back to the CPU, and load", async () => {
    const path = join(directory, "fallback.onnx");
    writeFileSync(path, linearModel({ weights: [1, 2] }));
    const session = await OnnxSession.load(path, { intraOpThreads: 1, executionProvider: "auto" });
    // With a GPU in the machine there is nothing to fall back from.
    if (session.executionProvider === "cpu") assert.match(session.executionProviderNote ?? "CUDA is not in the build", /CUDA is not/);
    else assert.equal(session.executionProviderNote, undefined);
    await session.release();
  });
});
