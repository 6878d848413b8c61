import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { OnnxRuntime } from "../../src/adapters/onnx/onnx-runtime.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { ServingBench } from "../../src/serving/serving-service.fixture.ts";
import { trafficRoute } from "../../src/serving/traffic/traffic-route.fixture.ts";
import { identityModel, identityThatDiesOnMinusOne, loopsAsOftenAsTold, slowModel, squareRootModel, twoColumnsModel } from "../kit/onnx-models.ts";

const directory = mkdtempSync(join(tmpdir(), "slipway-routing-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Real processes: version 1 is good, and answers x; version 2 is what the test makes of it. */
async function servingBeside(candidate: Uint8Array): Promise<ServingBench> {
  const folder = mkdtempSync(join(directory, "models-"));
  const pathOf = (version: string): string => join(folder, `${version.replace("/", "-")}.onnx`);
  writeFileSync(pathOf("m/1"), identityModel("FP32", ["batch", 1]));
  writeFileSync(pathOf("m/2"), candidate);
  const bench = new ServingBench({ runtime: new OnnxRuntime({ logger: silentLogger, environment: {}, intraOpThreads: 1 }), pathOf });
  await bench.add("m", 2);
  return bench;
}

describe("candidates that are bad, in processes of their own", () => {
  const candidates: { name: string; bytes: () => Uint8Array; values: readonly number[]; outcome: string; latencyMs?: number }[] = [
    { name: "dies", bytes: identityThatDiesOnMinusOne, values: [5, -1, 7, 8], outcome: "RUNNER_CRASHED" },
    { name: "hangs", bytes: loopsAsOftenAsTold, values: [0, Math.fround(1e18)], outcome: "CANDIDATE_TIMEOUT", latencyMs: 1000 },
    { name: "answers what is no number", bytes: squareRootModel, values: [-1, -4], outcome: "INVALID_OUTPUT" },
    { name: "answers another shape", bytes: twoColumnsModel, values: [1, 2], outcome: "INVALID_OUTPUT" },
    { name: "is far too slow", bytes: () => slowModel(30), values: [1, 2], outcome: "CANDIDATE_TIMEOUT", latencyMs: 5 },
  ];
  for (const { name, bytes, values, outcome, latencyMs = null } of candidates) {
    it(`${name}: every caller has the stable version's answer`, async () => {
      const bench = await servingBeside(bytes());
      try {
        await bench.serving.applyRoute(trafficRoute({ arms: [{ name: "candidate", version: "2", from: 0, to: 1 }], hard: { failures: 3, latencyMs } }));
        for (let round = 0; round < 2; round++) {
          const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => bench.infer("m", [values[index % values.length]!])));
          answers.forEach(({ outputs }, index) => assert.equal(outputs[0]!.data[0], values[index % values.length]));
        }
        assert.ok(bench.answered.some((sample) => sample.arm === "candidate" && sample.outcome === outcome && sample.isFailure));
        assert.ok(bench.entries.every((entry) => entry.outcome === "ok"));
        const failed = bench.answered.filter((sample) => sample.isFailure);
        assert.ok(failed.every((sample) => sample.version.version === "2"));
      } finally {
        await bench.serving.stop();
      }
    });
  }

  it("hang as a shadow, and their callers notice nothing", async () => {
    const bench = await servingBeside(loopsAsOftenAsTold());
    try {
      await bench.serving.applyRoute(trafficRoute({ shadow: { arm: "candidate", version: "2", share: 1, maxConcurrent: 2, maxPerSecond: 1000 } }));
      for (let request = 0; request < 50; request++) assert.equal((await bench.infer("m", [1e18])).version, "1");
      assert.ok(bench.skipped >= 40);
      bench.serving.cutArm("m", trafficRoute().rollout, "candidate");
    } finally {
      await bench.serving.stop();
    }
  });
});
