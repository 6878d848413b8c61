import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { NewRollout, ServedVersion } from "../../src/index.ts";
import { shiftedModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const name = "kept";

describe("the version that a rollout replaced", { timeout: 120_000 }, () => {
  it("is loaded again after a restart of the server, for the way back", async () => {
    let server = await startServer({ modelsInProcess: true });
    try {
      for (const shift of [1, 2]) await server.client.deploy({ file: await server.file(`${shift}.onnx`, shiftedModel(shift)), name, activate: shift === 1 });
      const plan = { phases: [{ phase: "full", weight: 1, gates: [] }], keepWarmSeconds: 3600 } as unknown as NonNullable<NewRollout["plan"]>;
      await server.client.rollouts.start(name, { plan });
      await until(async () => (await server.client.rollouts.status(name)).rollout.state === "succeeded");
      await server.kill();

      server = await startServer({ directory: server.directory, modelsInProcess: true });
      await until(async () => isReady(await servedBy(server), "1"));
      assert.deepEqual((await servedBy(server)).filter(({ active }) => active).map(({ version }) => version), ["2"]);
      const { version, outputs } = await infer(server);
      assert.deepEqual([version, outputs.y!.data], ["2", [12]]);
      const loads = (): number => server.logLines.filter((line) => line.includes('"version.state"') && line.includes('"ready"')).length;
      await until(() => loads() === 2);
      assert.equal((await server.client.rollouts.rollback(name)).champion, "1");
      assert.deepEqual((await infer(server)).outputs.y!.data, [11]);
      assert.equal(loads(), 2, "the way back needs no loading");
    } finally {
      await server.stop();
    }
  });
});

async function servedBy({ client }: RunningServer): Promise<ServedVersion[]> {
  return (await client.model(name)).served;
}

function isReady(served: readonly ServedVersion[], wanted: string): boolean {
  return served.some(({ version, state }) => version === wanted && state === "ready");
}

function infer({ client }: RunningServer) {
  return client.infer(name, [{ name: "x", datatype: "FP32", shape: [1, 1], data: [10] }]);
}

async function until(isThere: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 20));
}
