import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { NewRollout, Rollout, RolloutStatus } from "../../src/index.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const open: readonly Rollout["state"][] = ["preparing", "running", "paused"];

describe("rollouts of servers that are killed", { timeout: 240_000 }, () => {
  it("go on after the next start, in the middle of a phase, and succeed", async () => {
    let own = await startServer();
    const at = (): RunningServer["client"] => own.client;
    await at().deploy({ file: await own.file("one.onnx", linearModel({ weights: [2] })), name: "killed" });
    await at().deploy({ file: await own.file("two.onnx", linearModel({ weights: [3] })), name: "killed", activate: false });
    const phases = [{ phase: "canary", weight: 0.5, minSeconds: 1, minSamples: 30 }, { phase: "full", weight: 1, minSamples: 10 }];
    const gates = [{ kind: "errors", maxRate: 0.5, compare: false }];
    await at().rollouts.start("killed", { plan: { phases: phases.map((phase) => ({ ...phase, gates })) } as unknown as NonNullable<NewRollout["plan"]> });
    const status = (): Promise<RolloutStatus> => at().rollouts.status("killed");
    while ((await status()).rollout.state !== "running");
    await own.kill();
    own = await startServer({ directory: own.directory });
    try {
      assert.equal((await status()).rollout.phase, 0);
      let last = await status();
      while (open.includes(last.rollout.state)) {
        await own.client.infer("killed", [{ name: "features", datatype: "FP32", shape: [1, 1], data: [1] }]).catch((error: { code: string }) => assert.equal(error.code, "VERSION_NOT_READY"));
        last = await status();
      }
      assert.equal(last.rollout.state, "succeeded", last.rollout.reason);
      assert.equal((await at().model("killed")).model.aliases.champion, "2");
    } finally {
      await own.stop();
    }
  });
});
