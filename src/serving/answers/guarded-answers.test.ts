import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ServingBench, type Behaviour } from "../serving-service.fixture.ts";
import { trafficRoute } from "../traffic/traffic-route.fixture.ts";
import type { TrafficRoute } from "../traffic/traffic-route.ts";

let bench: ServingBench;
beforeEach(async () => {
  bench = new ServingBench();
  await bench.add("m", 3);
});
afterEach(() => {
  for (const version of ["1", "2", "3"]) bench.behaviours.set(`m/${version}`, "good");
  return bench.serving.stop();
});

let revision = 0;
/** All requests to version 2, unless the change says otherwise. */
async function route(change: Partial<TrafficRoute> = {}): Promise<TrafficRoute> {
  const made = trafficRoute({ revision: ++revision, arms: [{ name: "candidate", version: "2", from: 0, to: 1 }], ...change });
  await bench.serving.applyRoute(made);
  return made;
}

/** Until it is so: what happens after an answer has no other sign. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

const factorOf = async (value = 1): Promise<number> => (await bench.infer("m", [value])).outputs[0]!.data[0] as number;

describe("a candidate that is bad", () => {
  const outcomes: [Behaviour, outcome: string][] = [
    ["throws", "INVALID_OUTPUT"], ["hangs", "CANDIDATE_TIMEOUT"], ["not a number", "INVALID_OUTPUT"], ["wrong shape", "INVALID_OUTPUT"], ["another name", "INVALID_OUTPUT"],
    ["dies", "RUNNER_CRASHED"], ["refuses", "MODEL_RUN_FAILED"],
  ];
  for (const [behaviour, outcome] of outcomes) {
    it(`${behaviour}: its callers get the stable version's answer`, async () => {
      // One that hangs is given up soon, for a test's sake.
      const made = await route({ hard: { failures: 3, latencyMs: behaviour === "hangs" ? 500 : null } });
      assert.equal((await bench.infer("m", [3])).outputs[0]!.data[0], 6);
      bench.behaviours.set("m/2", behaviour);
      const result = await bench.infer("m", [3]);
      assert.deepEqual([result.version, result.arm, result.outputs[0]!.data], ["1", "stable", Float32Array.of(3)]);
      const [, failed, retry] = bench.answered;
      assert.deepEqual([failed!.arm, failed!.version.version, failed!.outcome, failed!.isFailure, failed!.isRetry], ["candidate", "2", outcome, true, false]);
      assert.deepEqual([retry!.arm, retry!.version.version, retry!.outcome, retry!.isFailure, retry!.isRetry], ["stable", "1", "ok", false, true]);
      assert.deepEqual([failed!.predictionId, retry!.predictionId], [result.predictionId, result.predictionId]);
      const { version, outcome: logged, assignment } = bench.entries.find(({ id }) => id === result.predictionId)!;
      assert.deepEqual([version, logged, assignment?.arm, assignment?.rollout, assignment?.failed?.version, assignment?.failed?.arm, assignment?.failed?.outcome], ["1", "ok", "stable", made.rollout, "2", "candidate", outcome]);
      // Many at once, in batches: nobody sees an error.
      const many = await Promise.all(Array.from({ length: 40 }, (_, index) => bench.infer("m", [index])));
      assert.deepEqual(many.map(({ outputs }) => outputs[0]!.data[0]), Array.from({ length: 40 }, (_, index) => index));
    });
  }

  it("is not blamed for what the stable version fails at too, nor for what its caller did", async () => {
    await route();
    for (const version of ["1", "2"]) bench.behaviours.set(`m/${version}`, "refuses");
    await assert.rejects(bench.infer("m", [1]), { code: "MODEL_RUN_FAILED" });
    assert.deepEqual(bench.answered.map(({ isFailure }) => isFailure), [false, false]);
    await bench.setPolicy("m", { serving: { maxRowsPerRequest: 1 } });
    await assert.rejects(bench.infer("m", [1, 2]), { code: "INVALID_INPUT" });
    assert.deepEqual(bench.answered.slice(2).map(({ outcome, isFailure }) => [outcome, isFailure]), [["INVALID_INPUT", false]]);
  });

  it("is not blamed for numbers that the stable version answers too", async () => {
    await route();
    for (const version of ["1", "2"]) bench.behaviours.set(`m/${version}`, "not a number");
    assert.ok(Number.isNaN(await factorOf()));
    assert.deepEqual(bench.answered.map(({ isFailure }) => isFailure), [false, false]);
  });

  it("is let be where the route says so", async () => {
    await route({ retryOnStable: false });
    bench.behaviours.set("m/2", "dies");
    await assert.rejects(bench.infer("m", [1]), { code: "RUNNER_CRASHED" });
    assert.deepEqual(bench.answered.map(({ arm, isFailure }) => [arm, isFailure]), [["candidate", true]]);
  });
});

describe("a route", () => {
  it("changes 500 times between requests, and each is answered by one of both versions", async () => {
    await route({ arms: [] });
    let running = true;
    let answered = 0;
    const callers = Array.from({ length: 8 }, async (_, caller) => {
      for (let value = 1; running; value++) {
        const { version, outputs } = await bench.infer("m", [value], { key: `caller-${caller}` });
        assert.equal(outputs[0]!.data[0], value * Number(version));
        answered++;
      }
    });
    for (let swap = 0; swap < 500; swap++) {
      const before = answered;
      if (swap % 10 === 9) await bench.serving.applyRoute({ model: "m", revision: ++revision, route: null });
      else await route({ arms: [{ name: "candidate", version: "2", from: 0, to: (swap % 5) / 4 }] });
      await Promise.race([until(() => answered > before), Promise.all(callers)]);
    }
    running = false;
    await Promise.all(callers);
    assert.deepEqual(new Set(bench.observed.map(({ outcome }) => outcome)), new Set(["ok"]));
    assert.deepEqual(new Set(bench.observed.map(({ version }) => version.version)), new Set(["1", "2"]));
  });

  it("leaves those alone who name a version", async () => {
    await route({ shadow: { arm: "candidate", version: "2", share: 1, maxConcurrent: 9, maxPerSecond: 99 } });
    for (const version of ["1", "2"]) assert.equal((await bench.infer("m", [1], { version })).arm, undefined);
    assert.deepEqual([bench.answered.length, bench.entries.map(({ assignment }) => assignment)], [0, [null, null]]);
  });

  it("keeps a caller's key with one version, and says which", async () => {
    await route({ arms: [{ name: "candidate", version: "2", from: 0, to: 0.5 }] });
    const arms = await Promise.all(Array.from({ length: 40 }, (_, key) => bench.infer("m", [1], { key: String(key) })));
    const again = await Promise.all(Array.from({ length: 40 }, (_, key) => bench.infer("m", [1], { headers: { "slipway-key": String(key) } })));
    assert.deepEqual(again.map(({ arm }) => arm), arms.map(({ arm }) => arm));
    assert.deepEqual(new Set(arms.map(({ arm, version }) => `${arm} ${version}`)), new Set(["stable 1", "candidate 2"]));
    assert.deepEqual(bench.entries.map(({ assignment }) => assignment?.by), new Array(80).fill("key"));
  });

  it("loses an arm at once when it is cut, until a later route", async () => {
    const made = await route();
    assert.equal(await factorOf(), 2);
    bench.serving.cutArm("m", "rol_other", "candidate");
    assert.equal(await factorOf(), 2);
    bench.serving.cutArm("m", made.rollout, "candidate");
    assert.equal(await factorOf(), 1);
    await bench.serving.applyRoute(made);
    assert.equal(await factorOf(), 1, "the same again is no later one");
    await route();
    assert.equal(await factorOf(), 2);
  });

  it("stays as it was when something cannot be loaded, and is not replaced by an older one", async () => {
    const made = await route();
    bench.behaviours.set("m/3", "cannot load");
    await assert.rejects(route({ arms: [{ name: "candidate", version: "3", from: 0, to: 1 }], warm: [] }), { code: "VERSION_FAILED" });
    await assert.rejects(route({ warm: ["9"] }), { code: "VERSION_NOT_FOUND" });
    await bench.serving.applyRoute({ ...made, revision: 0, arms: [] });
    assert.equal(bench.serving.routeOf("m"), made);
    assert.equal(await factorOf(), 2);
    await assert.rejects(bench.serving.applyRoute({ ...made, model: "none" }), { code: "MODEL_NOT_FOUND" });
  });

  it("runs what is tried out in processes alone, until it has proved itself", async () => {
    bench.inlineAllowed = true;
    const placement = (version: string): string => bench.serving.views("m").find((view) => view.version === version)!.placement;
    await bench.serving.load("m", "2");
    assert.equal(placement("2"), "inline");
    await route();
    assert.deepEqual([placement("2"), await factorOf()], ["runner", 2]);
    await bench.serving.activate("m", "2", "somebody");
    assert.deepEqual([placement("2"), await factorOf()], ["runner", 2]);
    await bench.serving.applyRoute({ model: "m", revision: ++revision, route: null });
    assert.equal(await factorOf(), 2);
    await until(() => placement("2") === "inline");
    assert.equal(await factorOf(), 2);
  });

  it("keeps the version in memory that was replaced, and lets go the one that was not taken", async () => {
    await route();
    await bench.serving.activate("m", "2", "somebody");
    await bench.serving.applyRoute({ model: "m", revision: ++revision, route: null });
    assert.deepEqual(bench.serving.views("m").map(({ version, state }) => [version, state]), [["1", "ready"], ["2", "ready"]]);
    const loads = bench.started.length;
    await bench.serving.activate("m", "1", "somebody");
    assert.deepEqual([await factorOf(), bench.started.length], [1, loads]);
    await until(() => bench.closedVersions.includes("m/2"));
    await route({ arms: [{ name: "candidate", version: "3", from: 0, to: 1 }], warm: [] });
    await bench.serving.applyRoute({ model: "m", revision: ++revision, route: null });
    await until(() => bench.closedVersions.includes("m/3"));
    assert.deepEqual(bench.serving.views("m").map(({ version }) => version), ["1"]);
    await bench.setPolicy("m", { rollout: { keepWarmSeconds: 0 } });
    await route();
    await bench.serving.activate("m", "2", "somebody");
    await bench.serving.applyRoute({ model: "m", revision: ++revision, route: null });
    await until(() => bench.closedVersions.includes("m/1"));
    // The route says it for its own rollout, whatever the policy has.
    await route({ stable: "2", arms: [{ name: "candidate", version: "1", from: 0, to: 1 }], warm: ["1", "2"], keepWarmSeconds: 60 });
    await bench.serving.activate("m", "1", "somebody");
    await bench.serving.applyRoute({ model: "m", revision: ++revision, route: null });
    assert.deepEqual(bench.serving.views("m").map(({ version, state }) => [version, state]).sort(), [["1", "ready"], ["2", "ready"]]);
  });
});

describe("a shadow", () => {
  const shadow = { arm: "candidate", version: "2", share: 1, maxConcurrent: 2, maxPerSecond: 1000 };

  it("is asked what stable answered, and both answers are told and written down", async () => {
    const made = await route({ arms: [], shadow });
    const { predictionId, arm } = await bench.infer("m", [3]);
    assert.equal(arm, "stable");
    await until(() => bench.entries.length === 2);
    const [pair] = bench.paired;
    assert.deepEqual([pair!.predictionId, pair!.stable.outputs[0]!.data, pair!.shadow.outputs[0]!.data, pair!.shadow.outcome, pair!.shadow.isFailure], [predictionId, Float32Array.of(3), Float32Array.of(6), "ok", false]);
    const { version, assignment } = bench.entries[1]!;
    assert.deepEqual([version, assignment?.shadowOf, assignment?.rollout], ["2", predictionId, made.rollout]);
    assert.equal(bench.answered.length, 1, "an answer that nobody got is not one of the arm's");
  });

  it("that hangs keeps nobody waiting, and no more than its share is mirrored", async () => {
    await route({ arms: [], shadow });
    bench.behaviours.set("m/2", "hangs");
    for (let request = 0; request < 20; request++) assert.equal(await factorOf(), 1);
    await until(() => bench.skipped === 18);
    assert.equal(bench.paired.length, 0);
  });

  it("that fails is told of with the outcome, and to its callers nothing", async () => {
    await route({ arms: [], shadow });
    for (const [behaviour, outcome] of [["not a number", "INVALID_OUTPUT"], ["refuses", "MODEL_RUN_FAILED"], ["dies", "RUNNER_CRASHED"]] as const) {
      bench.behaviours.set("m/2", behaviour);
      const pairs = bench.paired.length;
      assert.equal(await factorOf(), 1);
      await until(() => bench.paired.length > pairs);
      assert.deepEqual([bench.paired.at(-1)!.shadow.outcome, bench.paired.at(-1)!.shadow.isFailure, bench.paired.at(-1)!.shadow.outputs], [outcome, true, []]);
    }
  });
});

describe("a version that fails", () => {
  const breaker = { failures: 2, openSeconds: 3600 };

  it("is left alone by its breaker after failures in a row, and its state is shown", async () => {
    await bench.setPolicy("m", { fallback: { breaker } });
    const state = (): unknown => bench.serving.views("m")[0]!.breaker;
    assert.deepEqual([await factorOf(), state()], [1, "closed"]);
    bench.behaviours.set("m/1", "refuses");
    for (let request = 0; request < 3; request++) await assert.rejects(bench.infer("m", [1]), { code: "MODEL_RUN_FAILED" });
    assert.equal(state(), "closed", "who sends what no model takes must not take it from others");
    bench.behaviours.set("m/1", "throws");
    for (let request = 0; request < 2; request++) await assert.rejects(bench.infer("m", [1]), { code: "OUTPUT_INVALID" });
    assert.equal(state(), "open");
    await assert.rejects(bench.infer("m", [1]), ({ code, status, retryAfterSeconds }: { code: string; status: number; retryAfterSeconds: number }) => code === "MODEL_UNAVAILABLE" && status === 503 && retryAfterSeconds > 3000);
    bench.behaviours.set("m/1", "good");
    assert.equal((await bench.infer("m", [1], { version: "1" })).version, "1", "who names it gets it");
  });

  it("is answered for by the fallback model, then by the default answer, then by 503", async () => {
    await bench.add("other", 1);
    await bench.setPolicy("m", { fallback: { model: "other", answer: { y: [-7] }, breaker } });
    assert.equal((await bench.infer("m", [5])).arm, undefined);
    bench.behaviours.set("m/1", "throws");
    const other = await bench.infer("m", [5, 6]);
    assert.deepEqual([other.model, other.version, other.arm, other.outputs[0]!.data], ["other", "1", "fallback model", Float32Array.of(5, 6)]);
    const records = bench.entries.slice(1).map(({ id, model, outcome }) => [id === other.predictionId, model, outcome]);
    assert.deepEqual(records, [[true, "other", "ok"], [false, "m", "OUTPUT_INVALID"]]);
    bench.behaviours.set("other/1", "dies");
    const given = await bench.infer("m", [5, 6]);
    assert.deepEqual([given.model, given.version, given.arm, given.outputs[0]!.data], ["m", "1", "default answer", Float32Array.of(-7, -7)]);
    assert.deepEqual(bench.entries.find(({ id }) => id === given.predictionId)!.outcome, "default");
    await bench.setPolicy("m", { fallback: { model: "other" } });
    bench.behaviours.set("other/1", "throws");
    await assert.rejects(bench.infer("m", [5]), { code: "MODEL_UNAVAILABLE", status: 503 });
    bench.behaviours.set("other/1", "good");
  });

  it("or is not in memory is answered for by the fallback model", async () => {
    await bench.add("other", 1);
    await bench.setPolicy("m", { fallback: { model: "other" } });
    await bench.serving.unload("m");
    assert.equal(bench.serving.signature("m"), bench.serving.signature("other"));
    assert.deepEqual([(await bench.infer("m", [5])).model, (await bench.infer("m", [5])).arm], ["other", "fallback model"]);
    await bench.serving.unload("other");
    await assert.rejects(bench.infer("m", [5]), { code: "VERSION_NOT_READY" });
    assert.throws(() => bench.serving.signature("m"), { code: "VERSION_NOT_READY" });
  });

  it("in a route is answered for in the same way when the stable version fails too", async () => {
    await bench.setPolicy("m", { fallback: { answer: { y: [-7] } } });
    await route();
    for (const version of ["1", "2"]) bench.behaviours.set(`m/${version}`, "throws");
    const given = await bench.infer("m", [1]);
    assert.deepEqual([given.arm, given.outputs[0]!.data], ["default answer", Float32Array.of(-7)]);
    assert.equal(bench.entries.find(({ id }) => id === given.predictionId)!.assignment?.failed?.arm, "candidate");
  });
});
