import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { RecordedEvent } from "../../src/events/index.ts";
import type { WorkflowRun } from "../../src/workflows/index.ts";
import { faultyDiskMissing } from "../kit/faulty-disk.ts";
import { linearModel } from "../kit/onnx-models.ts";
import type { RunningServer } from "../kit/running-server.ts";
import { attempts, deaths, failures, FaultyServer, inLanes, Tally, until, type Attempt, type Changes } from "./faulty-server.ts";

const row = (value: number) => [{ name: "features", datatype: "FP32", shape: [1, 1], data: [value] }];
/** What a deployment may be refused with: each says that it is the server's own trouble, or that the version cannot be loaded. */
const refusals = /^(STORAGE_FULL|INTERNAL|DATABASE_UNAVAILABLE|VERSION_FAILED|REFERENCE_INVALID)$/;
const lanes = 2;
const folder = mkdtempSync(join(tmpdir(), "slipway-faults-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A deployment of its own for every attempt. */
interface Deployment {
  name: string;
  file: string;
  reference?: string;
  weight: number;
}

let deployments = 0;
/** Reference data takes a process of its own, which is worth its time where many deployments share it. */
async function newDeployment(server: RunningServer, withReference: boolean): Promise<Deployment> {
  const weight = ++deployments;
  const file = await server.file(`model-${weight}.onnx`, linearModel({ weights: [weight] }));
  return { name: `model-${weight}`, file, weight, ...(withReference ? { reference: await server.file("reference.csv", "features\n1\n2\n3\n") } : {}) };
}

const deploy = ({ client }: RunningServer, { name, file, reference }: Deployment) => client.deploy({ name, file, reference }).catch((error: { code: string; message: string }) => error);

/** The deployment can be done, or done again; then there is one version, which answers right, and its events came once. */
async function assertWell(server: RunningServer, deployment: Deployment, about: string): Promise<void> {
  // Whatever was said, a version that can be seen is a whole one.
  for (const { name } of (await server.client.models()).filter((model) => model.name === deployment.name)) {
    const { versions } = await server.client.model(name);
    assert.deepEqual(versions.map(({ contract }) => contract.runtime.artifacts.length), versions.length === 0 ? [] : [1], about);
  }
  const again = await deploy(server, deployment);
  assert.ok("version" in again && again.active, `${about}: ${JSON.stringify(again)}`);
  assert.equal(again.version.version, "1", about);
  assert.equal((await server.client.infer(deployment.name, row(2))).outputs.score!.data[0], deployment.weight * 2, about);
  const { events } = await server.client.api.get<{ events: RecordedEvent[] }>("/api/events", { object: `model:${deployment.name}` });
  assert.deepEqual(events.map(({ type }) => type).sort(), ["model.alias.changed", "model.version.registered"], about);
  assert.equal((await fetch(`${server.url}/health`)).status, 200);
}

async function failDeployment(faulty: FaultyServer, { name, fault }: Attempt, options: { withReference: boolean }): Promise<Deployment & { fired: boolean; refused: boolean }> {
  const server = faulty.now;
  const deployment = await newDeployment(server, options.withReference);
  faulty.disk.fail(fault);
  const outcome = await deploy(server, deployment);
  faulty.disk.heal();
  // Behind that: what the server does beside may meet the fault until then.
  const fired = faulty.disk.fired > 0;
  const refused = "code" in outcome;
  const about = `${name} (${faulty.disk.failed}): ${refused ? JSON.stringify(outcome) : "deployed"}`;
  if (fault.failure === "SIGKILL") {
    if (fired) await faulty.restart();
  } else if (refused) {
    assert.ok(fired && fault.failure !== "short", about);
    assert.match(outcome.code, refusals, about);
    assert.ok(!outcome.message.includes(folder), about);
  }
  await assertWell(faulty.now, deployment, about);
  return { ...deployment, fired, refused };
}

/** Changes of one deployment, the second with reference data and the second without. */
async function countChanges(): Promise<{ template: string; full: Changes; short: Changes }> {
  const empty = new FaultyServer(folder, "template");
  await empty.start();
  await empty.stop();
  const counting = new FaultyServer(folder, "counting", { template: empty.directory });
  const server = await counting.start();
  const count = async (withReference: boolean, operations?: readonly ["write"]): Promise<number> => {
    const deployment = await newDeployment(server, withReference);
    counting.disk.count(operations);
    assert.ok("version" in (await deploy(server, deployment)));
    return counting.disk.counted;
  };
  await count(true);
  const counted = [await count(true), await count(true, ["write"]), await count(false), await count(false, ["write"])] as const;
  await counting.stop();
  return { template: empty.directory, full: { all: counted[0], writes: counted[1] }, short: { all: counted[2], writes: counted[3] } };
}

describe("a disk that fails", { skip: faultyDiskMissing }, () => {
  let counted: Awaited<ReturnType<typeof countChanges>>;
  before(async () => {
    counted = await countChanges();
  });

  it("at any change of a deployment leaves it whole or absent, and the server well", async (t) => {
    const all = attempts("deployments on a failing disk", failures, counted.full);
    const tally = new Tally(all);
    await inLanes(all, lanes, async (lane, next) => {
      const faulty = new FaultyServer(folder, `deployments-${lane}`, { template: counted.template });
      await faulty.start();
      t.after(() => faulty.stop());
      const kept: Deployment[] = [];
      for (let attempt = next(); attempt !== undefined; attempt = next()) {
        const done = await failDeployment(faulty, attempt, { withReference: true });
        tally.add(done);
        kept.push(done);
        // Hundreds of loaded models would be another test.
        await faulty.now.client.api.send("POST", `/v2/repository/models/${done.name}/unload`, {});
      }
      // What was answered is there without the process that answered it.
      await faulty.stop();
      const server = await faulty.start();
      for (const { name, weight } of kept) assert.equal((await server.client.infer(name, row(3))).outputs.score!.data[0], weight * 3, name);
      await faulty.stop();
    });
    tally.tell(t, { refused: 0.3 });
  });

  it("or kills the server at any change of a deployment leaves it whole or absent", async (t) => {
    // The first changes make folders, in an empty one: there an error is tried too.
    const firstChanges = { all: 16, writes: 0 };
    const all = [...attempts("errors of first deployments", { "an I/O error in an empty folder": { failure: "EIO" } }, firstChanges), ...attempts("deaths in deployments", deaths, counted.short)];
    const tally = new Tally(all);
    await inLanes(all, lanes, async (lane, next) => {
      let faulty: FaultyServer | undefined;
      t.after(() => faulty?.stop());
      for (let attempt = next(), count = 0; attempt !== undefined; attempt = next(), count++) {
        if (faulty === undefined || attempt.fault.failure !== "SIGKILL" || count % 8 === 0) {
          await faulty?.stop();
          faulty = new FaultyServer(folder, `deaths-${lane}-${count}`, { template: counted.template });
          await faulty.start();
        }
        tally.add(await failDeployment(faulty, attempt, { withReference: false }));
      }
      await faulty?.stop();
    });
    tally.tell(t, { refused: 0.3 });
  });
});

const steps = ["first", "second", "third", "program"];
const hasEnded = ({ state }: WorkflowRun): boolean => ["succeeded", "failed", "cancelled"].includes(state);

describe("a disk that fails under workflows", { skip: faultyDiskMissing }, () => {
  const environment = { SLIPWAY_WORKFLOWS: fileURLToPath(new URL("../kit/effects-workflow.ts", import.meta.url)) };
  const effects = join(folder, "effects.txt");
  let template: string;
  let counted: Changes;

  before(async () => {
    writeFileSync(effects, "");
    const counting = new FaultyServer(folder, "runs", { environment });
    const { client } = await counting.start();
    const counts: number[] = [];
    for (const operations of [undefined, undefined, ["write"]] as const) {
      counting.disk.count(operations);
      const { run } = await client.workflows.start("effects", { file: effects });
      await client.workflows.wait(run.id);
      counts.push(counting.disk.counted);
    }
    await counting.stop();
    template = counting.directory;
    counted = { all: counts[1]!, writes: counts[2]! };
  });

  const keyOf = ({ name }: Attempt): string => name.replaceAll(/\W+/g, "-");
  const start = ({ now }: FaultyServer, attempt: Attempt) => now.client.workflows.start("effects", { file: effects }, { idempotencyKey: keyOf(attempt) });

  /** Begins a run under the fault, and goes on when it has met it or ended. Answers with what to say of it. */
  async function beginRun(faulty: FaultyServer, attempt: Attempt): Promise<{ attempt: Attempt; fired: boolean; id: string | undefined; about: string }> {
    const { name, fault } = attempt;
    faulty.disk.fail(fault);
    const begun = await start(faulty, attempt).catch(() => null);
    if (begun !== null && (fault.onward === true || fault.failure === "SIGKILL")) {
      const ended = async (): Promise<boolean> => hasEnded((await faulty.now.client.workflows.find(begun.run.id)).run);
      await until(async () => faulty.disk.fired > 0 || (await ended().catch(() => false)));
    } else if (begun !== null) await faulty.now.client.workflows.wait(begun.run.id);
    faulty.disk.heal();
    const fired = faulty.disk.fired > 0;
    const about = `${name} (${faulty.disk.failed})`;
    if (fired && fault.failure === "SIGKILL") await faulty.restart();
    return { attempt, fired, id: begun?.run.id, about };
  }

  /** The same start again finds the run, or makes it where the first one failed. `repeats`: of steps that may have been cut off. */
  async function assertEnds(faulty: FaultyServer, { attempt, id, about }: Awaited<ReturnType<typeof beginRun>>, repeats: number): Promise<void> {
    const { run } = await start(faulty, attempt);
    assert.equal(run.id, id ?? run.id, about);
    const seen = await faulty.now.client.workflows.wait(run.id);
    assert.equal(seen.state, "succeeded", `${about}: ${JSON.stringify(seen.error)}`);
    assert.deepEqual(seen.output, { values: [5, 6, 5], output: { answer: 42 } }, about);
    assert.deepEqual((await faulty.now.client.workflows.find(run.id)).steps.map(({ step, state }) => [step, state]), steps.map((step) => [step, "succeeded"]), about);
    // A step whose end could not be written down may run once more; one that was may not.
    const ran = readFileSync(effects, "utf8").split("\n").filter((line) => line.startsWith(run.id)).map((line) => line.split(" ")[1]!);
    assert.deepEqual([...new Set(ran)], steps, about);
    const repeated = steps.filter((step) => ran.filter((name) => name === step).length > 1);
    assert.ok(repeated.length <= repeats && (attempt.fault.onward === true || ran.length <= steps.length + repeats), `${about}: ${ran.join(" ")}`);
  }

  it("at any change of a workflow's steps repeats no finished step, and every run comes to its end", async (t) => {
    const all = attempts("runs on a failing disk", failures, counted);
    const tally = new Tally(all);
    await inLanes(all, lanes, async (lane, next) => {
      const faulty = new FaultyServer(folder, `runs-${lane}`, { template, environment });
      await faulty.start();
      t.after(() => faulty.stop());
      for (let attempt = next(); attempt !== undefined; attempt = next()) {
        const begun = await beginRun(faulty, attempt);
        await assertEnds(faulty, begun, 1);
        tally.add({ fired: begun.fired, refused: begun.id === undefined });
      }
      await faulty.stop();
    });
    tally.tell(t, { refused: 0 });
  });

  it("or kills the server at any change of a workflow's steps repeats no finished step, and every run comes to its end", async (t) => {
    const all = attempts("deaths in runs", deaths, counted);
    const tally = new Tally(all);
    // A server that starts goes on at once with the runs that the dead one left: several, that are cut off one after the other
    // and then end together. Fewer than the deaths in a row after which a run is given up.
    await inLanes(all, lanes, async (lane, next) => {
      const faulty = new FaultyServer(folder, `dying-runs-${lane}`, { template, environment });
      await faulty.start();
      t.after(() => faulty.stop());
      for (let attempt = next(); attempt !== undefined; ) {
        const begun: Awaited<ReturnType<typeof beginRun>>[] = [];
        for (; attempt !== undefined && begun.length < 4; attempt = next()) begun.push(await beginRun(faulty, attempt));
        for (const [index, one] of begun.entries()) {
          await assertEnds(faulty, one, begun.length - index);
          tally.add({ fired: one.fired, refused: one.id === undefined });
        }
      }
      await faulty.stop();
    });
    tally.tell(t, { refused: 0 });
  });
});
