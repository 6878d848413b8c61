import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { HeldWrites } from "../kit/held-writes.ts";
import { startServer } from "../kit/running-server.ts";
import { deployTwoVersions, openSharedStores, type SharedStores } from "../kit/two-versions.ts";

describe("a rollout whose server is killed before its run is there", { timeout: 480_000 }, () => {
  let shared: SharedStores;
  before(async () => {
    shared = await openSharedStores();
  });
  after(() => shared.remove());

  it("is taken up by the servers that are up, in one run, without the start of another", async () => {
    const { cluster, environment } = shared;
    const first = await startServer({ environment });
    await deployTwoVersions(first, "killed");
    const others = await Promise.all([1, 2].map(() => startServer({ environment })));
    const held = await HeldWrites.hold(cluster, { change: "INSERT", table: "workflow_runs", when: "NEW.workflow = 'rollout'" });
    try {
      const started = first.client.rollouts.start("killed").catch(() => undefined);
      await held.isThere();
      await first.kill();
      await started;
      assert.deepEqual(await cluster.query("SELECT state, workflow_run FROM rollouts"), [{ state: "preparing", workflow_run: null }]);
      await held.release();
      const { client } = others[0]!;
      const status = () => client.rollouts.status("killed");
      while ((await status()).rollout.state === "preparing") await pause(100);
      const { rollout } = await status();
      assert.equal(rollout.state, "running", rollout.reason);
      const runs = await cluster.query<{ id: string }>("SELECT id FROM workflow_runs WHERE workflow = 'rollout'");
      assert.deepEqual(runs, [{ id: rollout.workflowRun }]);
      await client.rollouts.abort("killed");
    } finally {
      await first.kill();
      await held.release();
      for (const { stop } of others) await stop();
      await rm(first.directory, { recursive: true, force: true });
    }
  });
});
