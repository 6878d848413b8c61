import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OnnxModelWriter } from "../../src/adapters/onnx/model-writer.ts";
import { linearModel } from "../../test/kit/onnx-models.ts";
import { assignmentCost } from "./assignment-cost.ts";
import { hardFailures, rollbacks } from "./reactions.ts";
import { features } from "./rollout-server.ts";
import { subtleDifferences } from "./subtle-differences.ts";
import { trafficCost } from "./traffic-cost.ts";

/** What rollouts cost callers, and how fast they end. */
export async function run({ quick }: { quick: boolean }): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "slipway-bench-"));
  const write = (name: string, content: Uint8Array): string => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };
  try {
    const weights = Array.from({ length: features }, (_, index) => index / 10);
    const stable = write("stable.onnx", linearModel({ weights }));
    const candidate = write("candidate.onnx", linearModel({ weights, bias: 0.01 }));
    const failing = write("failing.onnx", notANumberBelowZero(weights));
    assignmentCost();
    subtleDifferences({ simulations: quick ? 100 : 1000 });
    await trafficCost(directory, [stable, candidate], { seconds: quick ? 1 : 3, rounds: quick ? 1 : 5 });
    await hardFailures(directory, [stable, failing], quick ? 1 : 5);
    await rollbacks(directory, [stable, candidate], quick ? 3 : 20);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Like the linear model, and 0 divided by 0 where the score is not above 0. */
function notANumberBelowZero(weights: readonly number[]): Uint8Array {
  return new OnnxModelWriter({ producer: "slipway bench" })
    .input("features", "FP32", ["batch", weights.length])
    .initializer("weights", "FP32", [weights.length, 1], weights)
    .node("MatMul", ["features", "weights"], ["sound_score"])
    .node("Relu", ["sound_score"], ["above"])
    .node("Div", ["above", "above"], ["one"])
    .node("Mul", ["sound_score", "one"], ["score"])
    .node("Sigmoid", ["score"], ["probability"])
    .output("score", "FP32", ["batch", 1])
    .output("probability", "FP32", ["batch", 1])
    .toBytes();
}
