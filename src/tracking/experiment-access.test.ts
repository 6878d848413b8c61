import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Caller, Grant } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { ExperimentAccess } from "./experiment-access.ts";
import type { LoggedModelStore } from "./logged-model-store.ts";
import type { TrackingStore } from "./tracking-store.ts";

/** Experiment 1 is of the team red with run r1 and model m1, 2 of blue with r2. */
function stage(): { access: ExperimentAccess; reads: string[] } {
  const reads: string[] = [];
  const teams: Record<string, string> = { "1": "red", "2": "blue" };
  const read = <Value>(name: string, value: Value): Promise<Value> => (reads.push(name), Promise.resolve(value));
  const store = {
    findExperiment: (id: string) => read(`experiment ${id}`, teams[id] === undefined ? null : { id, team: teams[id] }),
    experimentOfRun: (id: string) => read(`run ${id}`, { r1: "1", r2: "2" }[id] ?? null),
  } as unknown as TrackingStore;
  const models = { experimentOfLoggedModel: (id: string) => read(`model ${id}`, id === "m1" ? "1" : null) } as unknown as LoggedModelStore;
  return { access: new ExperimentAccess(store, models), reads };
}

function caller(...grants: Grant[]): Caller {
  return { actor: "key:1", name: "one", grants };
}

async function refusal(ask: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await ask();
  } catch (error) {
    assert.ok(error instanceof AppError);
    return { code: error.code, message: error.message };
  }
  return assert.fail("it was allowed");
}

const red = caller({ role: "contributor", team: "red" });
const blue = caller({ role: "admin", team: "blue" });

describe("ExperimentAccess", () => {
  it("lets the team of an experiment to what belongs to it, as far as the role goes", async () => {
    const { access } = stage();
    await access.requireExperiment(red, "contributor", "1");
    assert.equal(await access.requireRun(red, "contributor", "r1"), "1");
    assert.equal(await access.requireModel(red, "viewer", "m1"), "1");
    assert.equal((await refusal(() => access.requireExperiment(red, "admin", "1"))).code, "FORBIDDEN");
  });

  it("answers for what a caller may not see as for what is not there", async () => {
    const { access } = stage();
    for (const known of [false, true]) {
      if (known) await access.requireRun(red, "viewer", "r1");
      assert.deepEqual(await refusal(() => access.requireRun(blue, "viewer", "r1")), { code: "TRACKING_RUN_NOT_FOUND", message: "Run with id=r1 not found" });
    }
    assert.deepEqual(await refusal(() => access.requireRun(red, "viewer", "rx")), { code: "TRACKING_RUN_NOT_FOUND", message: "Run with id=rx not found" });
    assert.deepEqual(await refusal(() => access.requireExperiment(blue, "viewer", "1")), { code: "EXPERIMENT_NOT_FOUND", message: "No Experiment with id=1 exists" });
    assert.deepEqual(await refusal(() => access.requireExperiment(blue, "viewer", "9")), { code: "EXPERIMENT_NOT_FOUND", message: "No Experiment with id=9 exists" });
    assert.equal((await refusal(() => access.requireModel(blue, "viewer", "m1"))).code, "LOGGED_MODEL_NOT_FOUND");
  });

  it("reads each owner once, and then answers without waiting", async () => {
    const { access, reads } = stage();
    await access.requireRun(red, "contributor", "r1");
    assert.equal(access.requireRun(red, "contributor", "r1"), "1");
    assert.throws(() => access.requireRun(blue, "viewer", "r1"), { code: "TRACKING_RUN_NOT_FOUND" });
    assert.deepEqual(reads, ["run r1", "experiment 1"]);
  });

  it("asks again for what was not there", async () => {
    const { access, reads } = stage();
    await refusal(() => access.requireRun(red, "viewer", "rx"));
    await refusal(() => access.requireRun(red, "viewer", "rx"));
    assert.deepEqual(reads, ["run rx", "run rx"]);
  });

  it("shows whole teams, and of named experiments those of the grant's team", async () => {
    const { access } = stage();
    assert.equal(await access.visible(caller({ role: "viewer", team: "*" })), "all");
    assert.deepEqual(await access.visible(red), { teams: ["red"], experiments: [] });
    assert.deepEqual(await access.visible(caller({ role: "viewer", team: "red", experiments: ["1", "2", "9"] })), { teams: [], experiments: ["1"] });
    for (const named of [{ models: ["m"] }, { routes: ["chat"] }]) for (const team of ["*", "red"]) assert.deepEqual(await access.visible(caller({ role: "admin", team, ...named })), { teams: [], experiments: [] });
    assert.deepEqual(await access.seen(red, ["1", "2", "x", "1"]), ["1"]);
  });
});
