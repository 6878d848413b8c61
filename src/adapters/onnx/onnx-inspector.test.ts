import assert from "node:assert/strict";
import { closeSync, ftruncateSync, openSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { compileCache } from "../../../test/kit/compile-cache.ts";
import {
  diesOnMinusOne, failsOnValue, identityModel, linearModel, loopsAsOftenAsTold, mixedInputsModel, neverReturns, notRowWise, translationModel, zipMapClassifier,
} from "../../../test/kit/onnx-models.ts";
import type { AppError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import type { ModelInspection, ModelProbe } from "../../registry/model-inspector.ts";
import { modelFiles } from "./model-files.fixture.ts";
import { OnnxModelWriter } from "./model-writer.ts";
import { inspectOnnx } from "./onnx-inspection.ts";
import { OnnxInspector } from "./onnx-inspector.ts";

const { directory, save } = modelFiles();

function inspector(limits: { probeTimeLimitMs?: number; timeLimitMs?: number } = {}): OnnxInspector {
  return new OnnxInspector({ environment: compileCache, logger: silentLogger, intraOpThreads: 1, ...limits });
}

async function probe(bytes: Uint8Array, limits: { probeTimeLimitMs?: number } = {}): Promise<ModelProbe> {
  const path = save(bytes);
  const shared = inspector(limits);
  const inspection = await shared.inspect(path);
  return shared.probe(inspection.rewritten ? save(inspection.rewritten) : path, inspection);
}

/** The same model with 2 MiB of metadata: too long to be read in this process. */
const withPadding = (writer: OnnxModelWriter): Uint8Array => writer.metadata("padding", "x".repeat(2 * 1024 * 1024)).toBytes();

describe("OnnxInspector", { timeout: 300_000 }, () => {
  describe("inspect", () => {
    it("reads a small file", async () => {
      const bytes = mixedInputsModel();
      assert.deepEqual(await inspector().inspect(save(bytes)), inspectOnnx(bytes));
    });

    it("reads a large file in a process of its own, with the same result", async () => {
      const writer = new OnnxModelWriter({ producer: "somebody" }).input("x", "FP32", ["batch", 2]).node("NonZero", ["x"], ["y"]).output("y", "INT64", [2, -1]);
      const bytes = withPadding(writer);
      const inspection = await inspector().inspect(save(bytes));
      assert.deepEqual(inspection, inspectOnnx(bytes));
      assert.equal(inspection.valueDependentCost, true);
    });

    it("brings a rewritten file back from there", async () => {
      const classes = Array.from({ length: 3 }, () => Array.from({ length: 100_000 }, (_, index) => index));
      const bytes = zipMapClassifier({ coefficients: classes, labels: { texts: ["a", "b", "c"] } });
      assert.ok(bytes.length > 1024 * 1024);
      const expected = inspectOnnx(bytes);
      const inspection = await inspector().inspect(save(bytes));
      assert.ok(inspection.rewritten && expected.rewritten);
      assert.ok(Buffer.from(inspection.rewritten).equals(expected.rewritten));
      assert.deepEqual({ ...inspection, rewritten: null } as unknown, { ...expected, rewritten: null });
    });

    it("keeps code and message of what a large file is refused for", async () => {
      const bytes = Buffer.alloc(2 * 1024 * 1024, "no model ");
      const expected = ((): AppError => {
        try {
          inspectOnnx(bytes);
        } catch (error) {
          return error as AppError;
        }
        return assert.fail("it must be refused");
      })();
      await assert.rejects(inspector().inspect(save(bytes)), { code: expected.code, message: expected.message });
    });

    it("refuses more than 2 GiB without reading it", async () => {
      const path = join(directory, "huge.onnx");
      const file = openSync(path, "w");
      ftruncateSync(file, 2 ** 31);
      closeSync(file);
      await assert.rejects(inspector().inspect(path), { code: "MODEL_FILE_INVALID", message: /2 GiB/ });
    });

    it("refuses a file that takes too long", async () => {
      await assert.rejects(inspector({ timeLimitMs: 1 }).inspect(save(Buffer.alloc(2 * 1024 * 1024))), { code: "MODEL_FILE_INVALID", message: /time and memory/ });
    });
  });

  describe("probe", () => {
    const batchable: [string, Uint8Array][] = [
      ["a linear model", linearModel({ weights: [1, 2, 3] })],
      ["mixed inputs", mixedInputsModel()],
      ["texts", translationModel()],
      ["half precision", identityModel("FP16")],
      ["a classifier that was rewritten", zipMapClassifier({ coefficients: [[1, 2], [3, -1], [0, 0]], labels: { integers: [0, 1, 2] } })],
    ];
    for (const [name, bytes] of batchable) {
      it(`proves batching for ${name}`, async () => {
        const { batchable, notes } = await probe(bytes);
        assert.deepEqual({ batchable, notes }, { batchable: true, notes: [] });
      });
    }

    it("finds a model whose rows depend on each other", async () => {
      const { batchable, notes } = await probe(notRowWise());
      assert.equal(batchable, false);
      assert.match(notes[0]!, /"y" of a row depends on the other rows/);
    });

    it("tries indices within the range of a small table", async () => {
      assert.equal((await probe(failsOnValue())).batchable, true);
    });

    it("fills in a shape that the graph leaves open, and corrects a wrong one", async () => {
      const writer = () => new OnnxModelWriter().input("x", "FP32", ["batch", 3]).node("Relu", ["x"], ["y"]);
      assert.deepEqual((await probe(writer().output("y", "FP32").toBytes())).outputs[0]!.shape, [-1, 3]);
      const wrong = new OnnxModelWriter().input("x", "FP32", ["batch", 1]).initializer("axes", "INT64", [1], [1]).node("Squeeze", ["x", "axes"], ["y"]);
      const { outputs, batchable, notes } = await probe(wrong.output("y", "FP32", ["batch", 1]).toBytes());
      assert.deepEqual([outputs[0]!.shape, batchable], [[-1], true]);
      assert.match(notes[0]!, /declares the shape \[-1, 1\]/);
    });

    it("accepts a model that never returns, as its graph says that values decide; it is killed", async () => {
      const { batchable, notes } = await probe(neverReturns(), { probeTimeLimitMs: 300 });
      assert.equal(batchable, false);
      assert.match(notes[0]!, /did not finish on a made-up input within 300 ms/);
    });

    it("refuses it when the graph says no such thing", async () => {
      const path = save(neverReturns());
      const inspection: ModelInspection = { ...(await inspector().inspect(path)), valueDependentCost: false };
      await assert.rejects(inspector({ probeTimeLimitMs: 300 }).probe(path, inspection), { code: "MODEL_PROBE_FAILED", message: /did not finish one run/ });
    });

    it("tries a loop with values for which it ends", async () => {
      const { notes } = await probe(loopsAsOftenAsTold(), { probeTimeLimitMs: 5000 });
      assert.ok(notes.every((note) => !note.includes("did not finish on")), notes.join());
    });

    it("refuses operators that the runtime does not have", async () => {
      const unknown = new OnnxModelWriter().input("x", "FP32", [-1]).node("Frobnicate", ["x"], ["y"]).output("y", "FP32", [-1]).toBytes();
      await assert.rejects(probe(unknown), { code: "MODEL_OPERATOR_UNSUPPORTED", message: /"Frobnicate"/ });
    });

    it("refuses a model that does not load in time", async () => {
      const path = save(linearModel({ weights: [1] }));
      const inspection = await inspector().inspect(path);
      await assert.rejects(inspector({ timeLimitMs: 1 }).probe(path, inspection), { code: "MODEL_PROBE_FAILED", message: /did not load within 1 ms/ });
    });

    it("refuses a model whose process dies on what it tries", { skip: process.arch === "x64" ? false : "only x86 traps on this division" }, async () => {
      // x - x - 1 is -1, whatever the input.
      const fatal = new OnnxModelWriter()
        .input("x", "INT64", ["batch", 1])
        .initializer("one", "INT64", [], [1])
        .initializer("smallest", "INT64", [], [-(2n ** 63n)])
        .node("Sub", ["x", "x"], ["zero"])
        .node("Sub", ["zero", "one"], ["divisor"])
        .node("Div", ["smallest", "divisor"], ["y"])
        .output("y", "INT64", ["batch", 1])
        .toBytes();
      await assert.rejects(probe(fatal), { code: "MODEL_PROBE_FAILED", message: /SIGFPE/ });
      assert.equal((await probe(diesOnMinusOne())).batchable, true, "made-up whole numbers are not negative");
    });
  });
});
