import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { WorkflowRun, WorkflowStep } from "../../src/workflows/index.ts";
import { FaultyDisk, faultyDiskMissing } from "../kit/faulty-disk.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const row = (value: number) => [{ name: "features", datatype: "FP32", shape: [1, 1], data: [value] }];
const failures = ["EIO", "ENOSPC"] as const;
const folder = mkdtempSync(join(tmpdir(), "slipway-faults-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Every Nth change up to `dense`, then every `stride`-th: the ones at the end are many and alike. */
const positions = (dense: number, stride: number) => (at: number) => (at < dense ? at + 1 : at + stride);

async function ready(server: RunningServer): Promise<RunningServer> {
  while ((await fetch(`${server.url}/ready`)).status !== 200) await new Promise((resolve) => setImmediate(resolve));
  return server;
}

function newDisk(name: string): { disk: FaultyDisk; directory: string } {
  const directory = join(folder, name);
  mkdirSync(join(directory, "data"), { recursive: true });
  return { disk: new FaultyDisk(join(folder, `${name}-disk`), join(directory, "data")), directory };
}

describe("a disk that fails", { skip: faultyDiskMissing }, () => {
  it("at any change of a deployment leaves it whole or absent, and the server well", async (t) => {
    const { disk, directory } = newDisk("deploy");
    const server = await ready(await startServer({ directory, environment: disk.environment }));
    t.after(() => server.stop({ keep: true }));
    const reference = await server.file("reference.csv", `features\n${Array.from({ length: 50 }, (_, index) => index).join("\n")}\n`);
    let failed = 0;
    for (let at = 1, fired = true; fired; at = positions(12, 13)(at)) {
      const [name, weight] = [`model-${at}`, at];
      const file = await server.file(`${name}.onnx`, linearModel({ weights: [weight] }));
      disk.fail({ at, failure: failures[at % 2]! });
      const outcome = await server.client.deploy({ file, name, reference }).catch((error: { code: string }) => error);
      fired = disk.fired > 0;
      disk.heal();
      if ("code" in outcome) {
        failed++;
        assert.match(outcome.code, /^(STORAGE_FULL|INTERNAL|DATABASE_UNAVAILABLE|VERSION_FAILED|REFERENCE_INVALID)$/, `change ${at}: ${JSON.stringify(outcome)}`);
        // Whatever was said, a version that can be seen is a whole one.
        for (const model of await server.client.models()) {
          for (const version of (await server.client.model(model.name)).versions) assert.equal(version.contract.runtime.artifacts.length, 1);
        }
        await server.client.deploy({ file, name, reference });
      }
      assert.equal((await server.client.infer(name, row(2))).outputs.score!.data[0], weight * 2, `change ${at}`);
      assert.equal((await fetch(`${server.url}/health`)).status, 200);
    }
    assert.ok(failed >= 10, `only ${failed} deployments failed: were the faults there?`);
  });

  it("at any change of a workflow's steps repeats no finished step, and every run comes to its end", async (t) => {
    const { disk, directory } = newDisk("workflow");
    const definitions = fileURLToPath(new URL("../kit/effects-workflow.ts", import.meta.url));
    const environment = { ...disk.environment, SLIPWAY_WORKFLOWS: definitions };
    let server = await ready(await startServer({ directory, environment }));
    t.after(() => server.stop({ keep: true }));
    const file = join(folder, "effects.txt");
    writeFileSync(file, "");
    const { api } = server.client;
    const start = (key: string) =>
      api.send<{ run: WorkflowRun }>("POST", "/api/workflows/effects/runs", { input: { file }, idempotencyKey: key }).catch(() => null);

    for (let at = 1, fired = true; fired; at = positions(12, 9)(at)) {
      disk.fail({ at, failure: failures[at % 2]! });
      const first = await start(`run-${at}`);
      if (first !== null) while (disk.fired === 0 && !hasEnded(await find(server, first.run.id)));
      fired = disk.fired > 0;
      disk.heal();
      // The same start again finds the run, or makes it where the first one failed.
      const run = first?.run ?? (await start(`run-${at}`))!.run;
      let seen = await find(server, run.id);
      while (!hasEnded(seen)) seen = await find(server, run.id);
      assert.equal(seen.state, "succeeded", `change ${at}: ${JSON.stringify(seen.error)}`);
      assert.deepEqual(seen.output, { values: [5, 6, 5], output: { answer: 42 } });
      assert.deepEqual((await stepsOf(server, run.id)).map(({ step, state }) => [step, state]), ["first", "second", "third", "program"].map((step) => [step, "succeeded"]));
      // A step whose end could not be written down may run once more; one that was may not.
      const ran = effectsOf(file, run.id);
      assert.deepEqual([...new Set(ran)], ["first", "second", "third", "program"]);
      assert.ok(ran.length <= 5, `change ${at}: ${ran.join(" ")}`);
    }

    for (let at = 1; at <= 40; at += 3) {
      disk.fail({ at, failure: "SIGKILL" });
      const first = await start(`killed-${at}`);
      if (first !== null) while (disk.fired === 0 && !hasEnded(await find(server, first.run.id).catch(() => null)));
      if (disk.fired > 0) {
        await server.kill();
        disk.heal();
        server = await ready(await startServer({ directory, environment }));
      }
      disk.heal();
      const { run } = (await server.client.api.send<{ run: WorkflowRun }>("POST", "/api/workflows/effects/runs", { input: { file }, idempotencyKey: `killed-${at}` }));
      let seen = await find(server, run.id);
      while (!hasEnded(seen)) seen = await find(server, run.id);
      assert.equal(seen.state, "succeeded", JSON.stringify(seen.error));
      const ran = effectsOf(file, run.id);
      assert.deepEqual([...new Set(ran)], ["first", "second", "third", "program"]);
      assert.ok(ran.length <= 5, `killed at ${at}: ${ran.join(" ")}`);
    }
  });
});

function hasEnded(run: WorkflowRun | null): boolean {
  return run === null || ["succeeded", "failed", "cancelled"].includes(run.state);
}

async function find(server: RunningServer, id: string): Promise<WorkflowRun> {
  return (await server.client.api.get<{ run: WorkflowRun }>(`/api/workflow-runs/${id}`)).run;
}

async function stepsOf(server: RunningServer, id: string): Promise<WorkflowStep[]> {
  return (await server.client.api.get<{ steps: WorkflowStep[] }>(`/api/workflow-runs/${id}`)).steps;
}

/** Names of the steps that ran, in order. */
function effectsOf(file: string, run: string): string[] {
  return readFileSync(file, "utf8").split("\n").filter((line) => line.startsWith(run)).map((line) => line.split(" ")[1]!);
}
