import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { TemporaryDatabases } from "../../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { rolloutStoreOn } from "../../adapters/sql/rollout-store.fixture.ts";
import { SqlAbTestStore } from "../../adapters/sql/sql-ab-test-store.ts";
import { localCaller } from "../../core/caller.ts";
import { epochMs, ManualClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { EventBus } from "../../core/events.ts";
import { TimeOrderedIds } from "../../core/ids.ts";
import { silentLogger } from "../../core/logger.ts";
import { championAlias } from "../../registry/index.ts";
import { registryAddition } from "../../registry/registry-addition.fixture.ts";
import type { ArmSample, StoredTruth } from "../../serving/index.ts";
import { ManualTimers } from "../../workflows/manual-timers.fixture.ts";
import { until } from "../../workflows/workflow-stage.fixture.ts";
import type { RolloutRegistry } from "../rollout-parts.ts";
import { AbTestCounts } from "./ab-test-counts.ts";
import { AbTestKeeper } from "./ab-test-keeper.ts";
import { AbTestService } from "./ab-test-service.ts";
import { NewAbTest, testOf } from "./schemas.ts";

const dayMs = 86_400_000;

describe("A/B tests without a server", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());

  /** The model flights with three versions, the first of them champion; each server is a service with its keeper, which pretends to serve. */
  async function world() {
    const database = await databases.open();
    const { store, registry: registryStore } = rolloutStoreOn(database);
    for (let version = 0; version < 3; version++) await registryStore.addVersion(registryAddition("flights"));
    await registryStore.setAlias({ model: "flights", alias: championAlias, version: "1", actor: "user:usr_1", now: epochMs(1) });
    const clock = new ManualClock();
    const timers = new ManualTimers(clock);
    const truths: StoredTruth[] = [];
    const abTests = new SqlAbTestStore(database);
    const cut: string[] = [];
    const deleted = new Set<string>();
    const registry = {
      model: async (name: string) => (await registryStore.findModel(name))!,
      version: async (name: string, version: string) => {
        if (deleted.has(version)) throw new AppError("VERSION_NOT_FOUND", "It is gone.");
        return (await registryStore.findVersion(name, version))!;
      },
    } as unknown as RolloutRegistry;
    const serve = (replica: string) => {
      const counts = new AbTestCounts();
      const parts = {
        store, registry, clock, counts, replica, timers, ids: new TimeOrderedIds(clock), events: new EventBus(), logger: silentLogger, abTests,
        serving: { cutArm: (_model: string, _rollout: string, arm: string) => void cut.push(arm), follow: async () => undefined, activate: async () => undefined },
        replicas: { apply: async () => undefined, whenTaken: async () => ({ missing: [] }) },
        teamOf: () => "default", truths: { readSince: async () => truths }, feedback: { readSince: async () => [], removedSince: async () => [], splitPlaces: async () => [] },
      };
      const service = new AbTestService(parts);
      const keeper = new AbTestKeeper({ ...parts, service });
      keeper.start();
      return { counts, service, keeper };
    };
    const start = (service: AbTestService, asked: Partial<NewAbTest> = {}) =>
      service.start("flights", NewAbTest.parse({ variants: [{ name: "b", version: "2" }, { name: "c", version: "3" }], metric: "prediction", direction: "up", ...asked }), { actor: "user:usr_1", now: clock.now() });
    /** Answers of every arm in turn, as serving tells of them. */
    const answer = async ({ counts }: { counts: AbTestCounts }, id: string, requests: number): Promise<void> => {
      const { route } = (await store.route("flights"))!;
      assert.equal(route!.rollout, id);
      const version = { version: "1", contract: { signature: { inputs: [], outputs: [] } } } as unknown as ArmSample["version"];
      for (let index = 0; index < requests; index++) {
        const fraction = (index + 0.5) / requests;
        const arm = fraction < 1 / 3 ? "b" : fraction < 2 / 3 ? "c" : "stable";
        counts.answered({
          route: route!, arm, version, predictionId: `prd_${index}`, time: clock.now(), rows: 1, outcome: "ok", isFailure: false, latencyUs: 1, inputs: [], isRetry: false, choice: { by: "draw", fraction },
          outputs: [{ name: "y", datatype: "FP64", shape: [1], data: Float64Array.of((index % 10) + (arm === "b" ? 4 : 0)) }],
        });
      }
    };
    const when = (condition: () => Promise<boolean>, what: string, stepMs = 500): Promise<true> =>
      until(async () => {
        if (await condition()) return true;
        timers.advance(stepMs);
        return false;
      }, what);
    return { store, abTests, serve, start, answer, when, clock, timers, cut, deleted };
  }

  it("adds up what several servers saw, keeps looks, and ends after its days", async () => {
    const { store, abTests, serve, start, answer, when, clock } = await world();
    const [one, other] = [serve("one"), serve("other")];
    const { id } = await start(one.service, { maxDays: 2 });
    await answer(one, id, 600);
    await answer(other, id, 300);
    await when(async () => (await abTests.readFigures(id)).length === 2, "figures of both servers");
    const report = await one.service.report(localCaller, id);
    assert.deepEqual(report.arms.map(({ name, n }) => [name, n]), [["control", 300], ["b", 300], ["c", 300]]);
    assert.deepEqual(report.comparisons.map(({ variant, conclusion }) => [variant, conclusion]), [["b", "better"], ["c", "undecided"]]);
    await when(async () => testOf((await store.find(id))!).looks.length >= 3, "three looks", 60_000);
    const { looks } = testOf((await store.find(id))!);
    assert.deepEqual(looks[0]!.variants.map(({ name, n }) => [name, n]), [["b", 600], ["c", 600]]);
    await when(async () => (await store.find(id))!.state === "succeeded", "its end", dayMs / 4);
    const ended = (await store.find(id))!;
    assert.equal(ended.reason, "it lasted for its 2 days");
    assert.ok(clock.now() - ended.startedAt >= 2 * dayMs);
    await when(async () => (await store.route("flights"))!.route === null, "no route");
    for (const { keeper } of [one, other]) await keeper.stop();
    // What was seen stays with the test, also without the servers that saw it.
    const later = serve("later");
    assert.deepEqual((await later.service.report(localCaller, id)).arms.map(({ n }) => n), [300, 300, 300]);
    await later.keeper.stop();
  });

  it("takes variants out one after the other, and ends with the last", async () => {
    const { store, serve, start, when, cut } = await world();
    const { service, keeper } = serve("one");
    const { id } = await start(service);
    const { route } = (await store.route("flights"))!;
    keeper.trip(route!, "b", "INVALID_OUTPUT");
    assert.deepEqual(cut, ["b"], "at once, before anything is written");
    await when(async () => (await store.route("flights"))!.route!.arms.length === 1, "the route without it");
    const [b, c] = testOf((await store.find(id))!).variants;
    assert.match(b!.cut!.reason, /INVALID_OUTPUT/);
    assert.equal(c!.cut, null);
    // The other one keeps its slot.
    assert.deepEqual((await store.route("flights"))!.route!.arms, [{ name: "c", version: "3", from: c!.from, to: c!.to }]);
    keeper.trip(route!, "b", "INVALID_OUTPUT");
    keeper.trip(route!, "c", "CANDIDATE_TIMEOUT");
    await when(async () => (await store.find(id))!.state === "succeeded", "its end");
    assert.match((await store.find(id))!.reason, /every variant lost its traffic; the last was c/);
    await when(async () => (await store.route("flights"))!.route === null, "no route");
    await keeper.stop();
  });

  it("gives a test its route, and an ended one's traffic back, where the server died in between", async () => {
    const { store, serve, start, when, clock } = await world();
    const { service, keeper } = serve("one");
    const started = await start(service);
    await store.writeRoute("flights", null, { actor: "user:usr_1", now: clock.now() });
    await when(async () => (await store.route("flights"))!.route?.rollout === started.id, "its route again");
    await keeper.stop();
    await store.change(started.id, { state: "succeeded", reason: "" }, { now: clock.now(), actor: "user:usr_1" });
    const other = serve("other");
    await when(async () => (await store.route("flights"))!.route === null, "no route");
    await assert.rejects(service.addOutcomes(localCaller, started.id, [], clock.now()), { code: "ROLLOUT_ENDED" });
    await other.keeper.stop();
  });

  it("goes on without a variant whose version was deleted", async () => {
    const { store, serve, start, when, deleted } = await world();
    const { service, keeper } = serve("one");
    const { id } = await start(service);
    deleted.add("3");
    await when(async () => (await store.route("flights"))!.route!.arms.length === 1, "the route without it");
    assert.deepEqual(testOf((await store.find(id))!).variants.map(({ cut }) => cut?.reason ?? null), [null, "version 3 was deleted"]);
    await keeper.stop();
  });

  it("does not end for a variant that cannot be promoted", async () => {
    const { store, serve, start, deleted } = await world();
    const { service, keeper } = serve("one");
    await keeper.stop();
    const { id } = await start(service);
    deleted.add("3");
    const stop = (promote: string | null) => service.stop(localCaller, id, { promote, reason: "" }, { actor: "user:usr_1", now: epochMs(1) });
    await assert.rejects(stop("c"), { code: "VERSION_NOT_FOUND" });
    assert.equal((await store.find(id))!.state, "running");
    assert.equal((await stop(null)).rollout.state, "succeeded");
  });
});
