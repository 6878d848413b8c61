import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { NewRollout, Rollout, RolloutStatus } from "../../src/index.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { deployTwoVersions, openSharedStores, type SharedStores } from "../kit/two-versions.ts";

const open: readonly Rollout["state"][] = ["preparing", "running", "paused"];
const gates = [{ kind: "errors", maxRate: 0.5, compare: false }];
/** What a busy machine answers late is no failure of the candidate. */
const planOf = (phases: object[]): NonNullable<NewRollout["plan"]> => ({ phases: phases.map((phase) => ({ ...phase, gates })), hard: { latencyMs: 20_000 } }) as never;

describe("rollouts of servers that are killed", { timeout: 240_000 }, () => {
  it("go on after the next start, in the middle of a phase, and succeed", async () => {
    let own = await startServer();
    const at = (): RunningServer["client"] => own.client;
    await deployTwoVersions(own, "killed");
    const phases = [{ phase: "canary", weight: 0.5, minSeconds: 1, minSamples: 30 }, { phase: "full", weight: 1, minSamples: 10 }];
    await at().rollouts.start("killed", { plan: planOf(phases) });
    const status = (): Promise<RolloutStatus> => at().rollouts.status("killed");
    while ((await status()).rollout.state !== "running") await pause(20);
    await own.kill();
    own = await startServer({ directory: own.directory });
    try {
      assert.equal((await status()).rollout.phase, 0);
      let last = await status();
      while (open.includes(last.rollout.state)) {
        await own.client.infer("killed", [{ name: "features", datatype: "FP32", shape: [1, 1], data: [1] }]).catch((error: { code: string }) => assert.equal(error.code, "VERSION_NOT_READY"));
        // Most of the time the lease of the dead server is waited for.
        await pause(20);
        last = await status();
      }
      assert.equal(last.rollout.state, "succeeded", last.rollout.reason);
      assert.equal((await at().model("killed")).model.aliases.champion, "2");
    } finally {
      await own.stop();
    }
  });
});

describe("three servers on one Postgres", { timeout: 480_000 }, () => {
  let shared: SharedStores;
  before(async () => {
    shared = await openSharedStores();
  });
  after(() => shared.remove());

  it("take a rollout to its end where the one that carried it out is killed in the middle of a phase, without a failed request at the others", async () => {
    const { environment } = shared;
    // The first alone takes up the run; the others are there when the phase begins.
    const first = await startServer({ environment });
    const model = "shared";
    await deployTwoVersions(first, model);
    const others = await Promise.all([1, 2].map(() => startServer({ environment })));
    const seen = others.map(() => new Map<string, number>());
    let calling = true;
    try {
      for (const { client } of others) while (!(await fetch(`${client.api.baseUrl}/v2/health/ready`)).ok) await pause(50);
      const callers = others.map(async ({ client }, index) => {
        while (calling) {
          const { version } = await client.infer(model, [{ name: "features", datatype: "FP32", shape: [1, 1], data: [1] }]);
          seen[index]!.set(version, (seen[index]!.get(version) ?? 0) + 1);
          await pause(10);
        }
      });
      const phases = [{ phase: "canary", weight: 0.5, minSeconds: 5, minSamples: 30 }, { phase: "full", weight: 1, minSeconds: 1, minSamples: 10 }];
      await first.client.rollouts.start(model, { plan: planOf(phases) });
      const survivor = others[0]!.client;
      const status = (): Promise<RolloutStatus> => survivor.rollouts.status(model);
      while ((await status()).rollout.state !== "running") await pause(20);
      const canary = await status();
      assert.equal(canary.replicas.filter(({ live, revision }) => live && revision === canary.route?.revision).length, 3, "a step is taken when all three have it");
      await first.kill();
      while (seen.some((versions) => (versions.get("2") ?? 0) === 0)) await pause(20);
      await Promise.race([Promise.all(callers), (async () => {
        while (open.includes((await status()).rollout.state)) await pause(100);
      })()]);
      const { rollout } = await status();
      assert.equal(rollout.state, "succeeded", rollout.reason);
      for (const versions of seen) versions.clear();
      // The other survivor follows within moments.
      while (seen.some((versions) => (versions.get("2") ?? 0) < 20)) await pause(20);
      while ((await others[1]!.client.infer(model, [{ name: "features", datatype: "FP32", shape: [1, 1], data: [1] }])).version !== "2") await pause(20);
      calling = false;
      await Promise.all(callers);
      assert.equal((await survivor.model(model)).model.aliases.champion, "2");
    } finally {
      calling = false;
      for (const { stop } of others) await stop();
      await rm(first.directory, { recursive: true, force: true });
    }
  });
});
