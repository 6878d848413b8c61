import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { AppError } from "../core/errors.ts";
import { replay } from "./judge.ts";
import type { ArmFigures } from "./schemas.ts";
import { armFigures, by, rolloutWorld, shortPlan } from "./rollout-world.fixture.ts";

const databases = new TemporaryDatabases();
after(() => databases.remove());

type World = Awaited<ReturnType<typeof rolloutWorld>>;
const refusedAs = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

/** On a database of its own: the engine goes on with whatever run it finds, also one that a test before left. */
async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  const world = await rolloutWorld(await databases.open());
  try {
    await work(world);
  } finally {
    await world.stage.engine.stop(0);
  }
}

/** Enough good answers for every phase. */
function goodFigures(world: World): void {
  world.figures.set("canary", { arms: [armFigures("stable", 900), armFigures("candidate", 100)], paired: [] });
  world.figures.set("full", { arms: [armFigures("candidate", 100)], paired: [] });
}

describe("the workflow of rollouts", { timeout: 240_000 }, () => {
  it("takes a good version through its phases, to all traffic, the alias and the stage", () => inWorld(async (world) => {
    goodFigures(world);
    const { id } = await world.start(shortPlan());
    await world.phase(0);
    assert.deepEqual(await world.stages(), ["None", "Staging"]);
    assert.equal((await world.aliases()).challenger, "2");
    const ended = await world.ended();
    assert.equal(ended.state, "succeeded", ended.reason);
    assert.deepEqual(await world.stages(), ["Archived", "Production"]);
    assert.deepEqual(await world.aliases(), { champion: "2" });
    await world.when(() => world.traffic.at(-1) === "no route" || null, "the route to go");
    // A move that took longer than its lease, on a machine that is busy, is made again.
    const moves = world.traffic.filter((move, index) => move !== world.traffic[index - 1]);
    assert.deepEqual(moves, ["preparing: all 1", "canary: 2 0.1", "full: 2 1", "ended: all 2", "no route"]);
    const { verdicts } = await world.service.verdicts(world.caller, id, { limit: 200 });
    // So may a verdict be: the one who lost the run was about to write it.
    const decided = verdicts.flatMap(({ phase, decision }) => (decision === "hold" ? [] : [`${phase} ${decision}`]));
    assert.deepEqual(decided.filter((each, index) => each !== decided[index - 1]), ["1 promote", "0 promote"]);
    for (const verdict of verdicts) assert.deepEqual(JSON.parse(JSON.stringify(replay(verdict, ended.plan))), { decision: verdict.decision, reason: verdict.reason, gates: verdict.gates });
    const own = (await world.written()).filter(({ object }) => object === `model:${world.model}`).map(({ type }) => type).filter((type) => type.startsWith("rollout."));
    assert.deepEqual(own, ["rollout.started", "rollout.phase.entered", "rollout.phase.entered", "rollout.succeeded"]);
  }));

  it("writes verdicts when something is news and each minute, not each second", () => inWorld(async (world) => {
    world.figures.set("canary", { arms: [armFigures("stable", 90), armFigures("candidate", 10)], paired: [] });
    const { id } = await world.start(shortPlan());
    const { phaseSince } = await world.phase(0);
    await world.when(() => world.clock.now() >= phaseSince! + 300_000 || null, "five minutes");
    const { verdicts } = await world.service.verdicts(world.caller, id, { limit: 200 });
    assert.ok(verdicts.length >= 4 && verdicts.length <= 8, `${verdicts.length} verdicts in five minutes`);
    await world.service.abort(world.model, by);
  }));

  it("goes through the last phase by what the present settings met of limits before it, and keeps that with the verdict", () => inWorld(async (world) => {
    const limited = (arm: string, calls: number): ArmFigures => ({ ...armFigures(arm, 700), limited: { calls, own: 0 } });
    world.figures.set("canary", { arms: [{ ...limited("stable", 3000), requests: 7000, rows: 7000 }, limited("candidate", 300)], paired: [] });
    world.figures.set("full", { arms: [limited("candidate", 300)], paired: [] });
    const { id } = await world.start(shortPlan());
    const ended = await world.ended();
    assert.equal(ended.state, "succeeded", ended.reason);
    const { verdicts } = await world.service.verdicts(world.caller, id, { limit: 200 });
    assert.deepEqual(new Map(verdicts.filter(({ decision }) => decision === "promote").map(({ phase, figures }) => [phase, figures.stableLimits])), new Map([[1, { calls: 3000, of: 10_000 }], [0, undefined]]));
    for (const verdict of verdicts) assert.deepEqual(JSON.parse(JSON.stringify(replay(verdict, ended.plan))), { decision: verdict.decision, reason: verdict.reason, gates: verdict.gates });
  }));

  it("rolls back at hard failures and puts the registry back", () => inWorld(async (world) => {
    await world.start(shortPlan());
    await world.phase(0);
    world.figures.set("canary", { arms: [armFigures("stable", 90), armFigures("candidate", 10, { INVALID_OUTPUT: 3 })], paired: [] });
    const ended = await world.ended();
    assert.equal(ended.state, "rolled back");
    assert.match(ended.reason, /hard failures: 3/);
    assert.deepEqual(await world.aliases(), { champion: "1" });
    assert.deepEqual(await world.stages(), ["None", "None"]);
    assert.deepEqual(world.traffic.slice(-2), ["cut candidate of it", "no route"]);
  }));

  it("gives the alias and the stage back where the last phase fails", () => inWorld(async (world) => {
    goodFigures(world);
    // Nothing is known of the last phase, which would be over else before it is told that it fails.
    world.figures.delete("full");
    await world.start(shortPlan());
    await world.phase(1);
    await world.when(async () => ((await world.aliases()).champion === "2" ? true : null), "the alias", 10);
    world.figures.set("full", { arms: [armFigures("candidate", 10, { RUNNER_CRASHED: 4 })], paired: [] });
    const ended = await world.ended();
    assert.equal(ended.state, "rolled back");
    assert.deepEqual(await world.aliases(), { champion: "1" });
    assert.deepEqual(await world.stages(), ["Production", "None"]);
    await world.when(() => world.traffic.at(-1) === "no route" || null, "the route to go");
    // Everything stays with the stable version until the servers follow the alias.
    assert.deepEqual(world.traffic.slice(-3), ["cut candidate of it", "ended: all 1", "no route"]);
  }));

  it("takes the traffic away before an abort answers", () => inWorld(async (world) => {
    await world.start(shortPlan());
    await world.phase(0);
    const aborted = await world.service.abort(world.model, { ...by, reason: "it looks odd" });
    assert.equal(aborted.state, "aborted");
    assert.equal(aborted.reason, "aborted by key:key_1: it looks odd");
    assert.deepEqual(world.traffic.slice(-2), ["cut candidate of it", "no route"]);
    assert.deepEqual(await world.aliases(), { champion: "1" });
    await assert.rejects(world.service.abort(world.model, by), refusedAs("ROLLOUT_ENDED"));
    const run = await world.when(async ({ workflowRun }) => {
      const found = await world.stage.service.find(workflowRun!);
      return found.state === "succeeded" ? found : null;
    }, "the end of the run");
    assert.deepEqual(run.output, { state: "aborted", reason: "" });
  }));

  it("goes on in another server where one dies in the middle of a phase, with the time that has passed", () => inWorld(async (world) => {
    goodFigures(world);
    const { id } = await world.start(shortPlan({}, { minSeconds: 120 }));
    const { phaseSince } = await world.phase(0);
    const former = world.stage.engine;
    world.restart();
    await former.stop(0);
    const next = await world.when(({ phase, phaseSince: since }) => (phase === 1 && since !== null ? since : null), "the next phase");
    assert.ok(next >= phaseSince! + 120_000, "not before its time");
    assert.equal((await world.ended()).state, "succeeded");
    const { verdicts } = await world.service.verdicts(world.caller, id, { limit: 200 });
    assert.equal(verdicts.filter(({ phase, decision }) => phase === 0 && decision === "promote").length, 1);
  }));

  it("begins a phase when every live server has its route", () => inWorld(async (world) => {
    world.missing = ["another server"];
    await world.start(shortPlan());
    const waiting = await world.when((rollout) => (rollout.reason.startsWith("waits for 1 server") ? rollout : null), "a word of the server");
    assert.equal(waiting.state, "preparing");
    assert.equal(waiting.phaseSince, null);
    world.missing = [];
    await world.phase(0);
    await world.service.abort(world.model, by);
  }));

  it("stands still while it is paused, and goes on where it was", () => inWorld(async (world) => {
    goodFigures(world);
    const { id } = await world.start(shortPlan());
    const { phaseSince } = await world.phase(0);
    await world.when(() => world.clock.now() >= phaseSince! + 10_000 || null, "ten seconds");
    await world.service.pause(world.model, { ...by, now: world.clock.now() });
    const pausedAt = world.clock.now();
    await world.when(() => world.clock.now() >= pausedAt + 100_000 || null, "a long pause");
    const paused = await world.find();
    assert.equal(paused.state, "paused");
    assert.equal(paused.phase, 0);
    await world.service.resume(world.model, { ...by, now: world.clock.now() });
    const resumed = await world.find();
    const passed = (world.clock.now() - resumed.phaseSince!) / 1000;
    const { verdicts } = await world.service.verdicts(world.caller, id, { limit: 1 });
    assert.equal(passed, verdicts[0]!.seconds);
    assert.ok(passed >= 10 && passed < 30, `${passed} seconds of the phase had passed`);
    assert.equal((await world.ended()).state, "succeeded");
  }));

  it("takes the next phase when a person says so, and keeps who it was", () => inWorld(async (world) => {
    const { id } = await world.start(shortPlan());
    await world.phase(0);
    await world.service.promote(world.model, { ...by, reason: "looks good" });
    await world.phase(1);
    const { verdicts } = await world.service.verdicts(world.caller, id, { limit: 200 });
    const promoted = verdicts.find(({ decision }) => decision === "promote")!;
    assert.equal(promoted.by, "key:key_1");
    assert.equal(promoted.reason, "promoted by key:key_1: looks good");
    assert.equal((await world.find()).request, null);
    await world.service.abort(world.model, by);
  }));

  it("leaves one phase where many promote it at once, and tells the others", () => inWorld(async (world) => {
    await world.start(shortPlan({ phases: [{ phase: "canary", weight: 0.1, minSeconds: 900 }, { phase: "staged", weight: 0.5, minSeconds: 900 }, { phase: "full", weight: 1, minSeconds: 900 }] }));
    await world.phase(0);
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => world.service.promote(world.model, by)));
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    for (const outcome of outcomes) if (outcome.status === "rejected") assert.match(String(outcome.reason), /was promoted by key:key_1 already|being prepared|went on meanwhile/);
    const entered = await world.phase(1);
    await world.when(() => world.clock.now() >= entered.phaseSince! + 20_000 || null, "some time in the next phase");
    assert.deepEqual([(await world.find()).phase, (await world.find()).request], [1, null]);
    await world.service.abort(world.model, by);
  }));

  it("ends once where it is aborted and promoted by many at once", () => inWorld(async (world) => {
    goodFigures(world);
    await world.start(shortPlan());
    await world.phase(0);
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? world.service.promote(world.model, by) : world.service.abort(world.model, by))));
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [(outcome.reason as AppError).code] : []));
    assert.ok(refused.every((code) => code === "ROLLOUT_ENDED" || code === "ROLLOUT_IMPOSSIBLE"), refused.join());
    assert.equal((await world.ended()).state, "aborted");
    await world.when(async () => ((await world.store.route(world.model))?.route === null ? true : null), "no route");
    assert.deepEqual(await world.aliases(), { champion: "1" });
    assert.equal((await world.written()).filter(({ type, object }) => type === "rollout.aborted" && object === `model:${world.model}`).length, 1);
  }));

  it("waits for an approval, and ends where nobody gives one", () => inWorld(async (world) => {
    goodFigures(world);
    const plan = shortPlan({}, { checks: [{ kind: "approval", timeoutSeconds: 600 }] });
    await world.start(plan);
    const waits = async () => (await world.status()).checks.find(({ state }) => state === "waits for approval") ?? null;
    await world.when(waits, "the wait for an approval");
    await assert.rejects(world.service.promote(world.model, by), refusedAs("ROLLOUT_IMPOSSIBLE"));
    await world.service.approve(world.model, { ...by, reason: "read the report" });
    await world.phase(0);
    assert.deepEqual((await world.status()).checks.map(({ state, detail }) => [state, detail]), [["passed", "approved by key:key_1: read the report"]]);
    await assert.rejects(world.service.approve(world.model, by), refusedAs("ROLLOUT_IMPOSSIBLE"));
    assert.equal((await world.ended()).state, "succeeded");
  }));

  it("rolls back where an approval does not come in time", () => inWorld(async (world) => {
    await world.start(shortPlan({}, { checks: [{ kind: "approval", timeoutSeconds: 60 }] }));
    const ended = await world.ended();
    assert.equal(ended.state, "rolled back");
    assert.match(ended.reason, /nobody approved within 60 seconds/);
  }));

  it("runs the commands of a phase with the model and the version, and rolls back where one fails", () => inWorld(async (world) => {
    goodFigures(world);
    const plan = shortPlan({}, { checks: [{ kind: "command", command: ["./test.sh", "--fast"] }, { kind: "scan", of: "image", image: "app:2", command: ["scan"] }] });
    await world.start(plan);
    await world.phase(0);
    assert.deepEqual(world.commands, [
      { command: ["./test.sh", "--fast"], environment: { SLIPWAY_MODEL: world.model, SLIPWAY_VERSION: "2", SLIPWAY_URL: "http://127.0.0.1:1" } },
      { command: ["scan"], environment: { SLIPWAY_MODEL: world.model, SLIPWAY_VERSION: "2", SLIPWAY_URL: "http://127.0.0.1:1", SLIPWAY_IMAGE: "app:2" } },
    ]);
    await world.service.abort(world.model, by);
    world.commandFails = new AppError("STEP_FAILED", "It ended with code 1: 2 tests failed");
    await world.start(plan);
    const ended = await world.ended();
    assert.equal(ended.state, "rolled back");
    assert.equal(ended.reason, "integration-test: It ended with code 1: 2 tests failed");
    assert.equal((await world.stages())[1], "None");
  }));

  it("fails where the version cannot be loaded, and leaves everything as it was", () => inWorld(async (world) => {
    world.refuses = new AppError("VERSION_FAILED", "Version 2 cannot be loaded.");
    await world.start(shortPlan());
    // Its end meets the refusal too and is made again: it is no other one then.
    const ended = await world.ended();
    assert.equal(ended.state, "failed");
    assert.equal(ended.reason, "Version 2 cannot be loaded.");
    assert.deepEqual(await world.aliases(), { champion: "1" });
  }));

  it("starts one rollout at a time, and none that cannot be", () => inWorld(async (world) => {
    await assert.rejects(world.service.start(world.model, { version: "1", plan: shortPlan(), reason: "" }, by), refusedAs("ROLLOUT_IMPOSSIBLE"));
    await world.start(shortPlan());
    await assert.rejects(world.start(shortPlan()), refusedAs("ROLLOUT_UNDER_WAY"));
    await world.service.abort(world.model, by);
  }));

  it("ends when somebody makes another version the champion, and lets that stand", () => inWorld(async (world) => {
    await world.start(shortPlan());
    await world.phase(0);
    await world.registry.setAlias({ model: world.model, alias: "champion", version: "2", ...by });
    await world.service.championMoved(world.model, "2");
    const ended = await world.find();
    assert.equal(ended.state, "aborted");
    assert.equal(ended.reason, "version 2 was made the champion by hand");
    assert.deepEqual(await world.aliases(), { champion: "2" });
  }));

  it("rolls back to the version before, and to any", () => inWorld(async (world) => {
    goodFigures(world);
    await world.start(shortPlan());
    await world.ended();
    const back = await world.service.rollback(world.model, null, { ...by, now: world.clock.now() });
    assert.deepEqual(back, { model: world.model, champion: "1", before: "2", rollout: null });
    assert.deepEqual(await world.stages(), ["Production", "Archived"]);
    assert.equal((await world.service.rollback(world.model, "2", { ...by, now: world.clock.now() })).champion, "2");
    await assert.rejects(async () => world.service.rollback((await world.registry.createModel({ name: `${world.model}-b`, team: "default", actor: "a", now: by.now, description: "", tags: [] })).name, null, by), refusedAs("ROLLOUT_IMPOSSIBLE"));
  }));

  it("says nothing of rollouts of other teams", () => inWorld(async (world) => {
    const { id } = await world.start(shortPlan());
    const stranger = { actor: "key:key_2", name: "stranger", grants: [{ role: "admin" as const, team: "other" }] };
    assert.deepEqual(await world.service.list(stranger, { limit: 10 }), { rollouts: [], next: null });
    await assert.rejects(world.service.statusOf(stranger, id), refusedAs("ROLLOUT_NOT_FOUND"));
    await assert.rejects(world.service.verdicts(stranger, id, { limit: 1 }), refusedAs("ROLLOUT_NOT_FOUND"));
    assert.equal((await world.service.list(world.caller, { model: world.model, limit: 10 })).rollouts.length, 1);
    await world.service.abort(world.model, by);
  }));
});
