import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { TemporaryDatabases } from "../../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { rolloutStoreOn } from "../../adapters/sql/rollouts/rollout-store.fixture.ts";
import { SqlAbTestStore } from "../../adapters/sql/rollouts/sql-ab-test-store.ts";
import { localCaller } from "../../core/caller.ts";
import { epochMs, ManualClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { EventBus } from "../../core/events.ts";
import { TimeOrderedIds } from "../../core/ids.ts";
import { silentLogger } from "../../core/logger.ts";
import { championAlias, type ChangeBy, type Stage } from "../../registry/index.ts";
import { registryAddition } from "../../registry/registry-addition.fixture.ts";
import type { ArmSample, StoredTruth } from "../../serving/index.ts";
import { ManualTimers } from "../../workflows/manual-timers.fixture.ts";
import { until } from "../../workflows/workflow-stage.fixture.ts";
import type { RolloutRegistry } from "../rollout-parts.ts";
import type { RolloutStore } from "../rollout-store.ts";
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
      transition: async (name: string, version: string, stage: Stage, change: ChangeBy) => void (await registryStore.transition(name, version, stage, { archiveExisting: false }, change)),
    } as unknown as RolloutRegistry;
    /** `given` takes the place of what is shared: a server that dies, or whose versions do not load. */
    const activate = (version: string): Promise<void> => registryStore.setAlias({ model: "flights", alias: championAlias, version, actor: "user:usr_1", now: clock.now() });
    const standing = async () => ({
      champion: (await registryStore.findModel("flights"))!.aliases[championAlias], stages: await Promise.all(["1", "2", "3"].map(async (version) => (await registryStore.findVersion("flights", version))!.stage)),
      state: (await store.list({ limit: 1 }))[0]!.state, route: (await store.route("flights"))!.route?.rollout ?? null,
    });
    const serve = (replica: string, given: { store?: RolloutStore; registry?: RolloutRegistry; activate?: (version: string) => Promise<void> } = {}) => {
      const counts = new AbTestCounts();
      const parts = {
        store, registry, clock, counts, replica, timers, ids: new TimeOrderedIds(clock), events: new EventBus(), logger: silentLogger, abTests,
        serving: { cutArm: (_model: string, _rollout: string, arm: string) => void cut.push(arm), follow: async () => undefined, activate: async (_model: string, version: string) => (given.activate ?? activate)(version) },
        replicas: { apply: async () => undefined, whenTaken: async () => ({ missing: [] }) },
        teamOf: () => "default", truths: { readSince: async () => truths }, feedback: { readSince: async () => [], removedSince: async () => [], splitPlaces: async () => [] },
        ...(given.store === undefined ? {} : { store: given.store }), ...(given.registry === undefined ? {} : { registry: given.registry }),
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
    return { store, registry, abTests, serve, start, answer, when, clock, timers, cut, deleted, activate, standing };
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
    const looks = async () => testOf((await store.find(id))!).looks;
    // One may be under way that began before both had told theirs.
    const before = (await looks()).length + 1;
    await when(async () => (await looks()).length >= before + 2, "three looks", 60_000);
    for (const { variants } of (await looks()).slice(before)) assert.deepEqual(variants.map(({ name, n }) => [name, n]), [["b", 600], ["c", 600]]);
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

  it("loses no cut of two servers that cut at once, and gives a variant that was cut no traffic back", async () => {
    const { store, serve, start, cut } = await world();
    const [one, other] = [serve("one"), serve("other")];
    for (let round = 0; round < 5; round++) {
      const { id } = await start(one.service);
      const { route } = (await store.route("flights"))!;
      await Promise.all([one.service.cut(route!, "b", "INVALID_OUTPUT"), other.service.cut(route!, "c", "PROVIDER_UNAVAILABLE")]);
      const ended = (await store.find(id))!;
      assert.deepEqual(testOf(ended).variants.map(({ name, cut: why }) => [name, / (\w+)$/.exec(why?.reason ?? "")?.[1]]), [["b", "INVALID_OUTPUT"], ["c", "PROVIDER_UNAVAILABLE"]]);
      assert.match(`${ended.state}: ${ended.reason}`, /^succeeded: every variant lost its traffic; /);
      assert.equal((await store.route("flights"))!.route, null);
    }
    assert.deepEqual(cut, []);
    for (const { keeper } of [one, other]) await keeper.stop();
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

  const promoteB = { promote: "b", reason: "it is better" };
  const somebody = { actor: "user:usr_1", now: epochMs(1) };
  const died = () => new AppError("DATABASE_UNAVAILABLE", "The server died here.");

  it("ends with its promotion or not at all, wherever the server dies that was asked", async () => {
    const seen: string[] = [];
    for (let writes = 0; !seen.includes("answered"); writes++) {
      const { store, registry, serve, start, when, standing, activate, clock } = await world();
      const before = serve("before");
      await before.keeper.stop();
      const { id } = await start(before.service);
      await store.reportReplica({ id: "dying", seenAt: clock.now(), routes: {} });
      let left = writes;
      const dying = <Parts extends object>(parts: Parts, changing: readonly string[]): Parts => new Proxy(parts, {
        get: (target, name, receiver) => {
          const method: unknown = Reflect.get(target, name, receiver);
          if (typeof method !== "function" || !changing.includes(String(name))) return typeof method === "function" ? method.bind(target) as unknown : method;
          return async (...given: unknown[]) => (left-- > 0 ? (method.apply(target, given) as unknown) : Promise.reject(died()));
        },
      });
      const dead = serve("dying", {
        store: dying(store, ["request", "change", "writeRoute"]), registry: dying(registry, ["transition"]), activate: async (version) => (left-- > 0 ? activate(version) : Promise.reject(died())),
      });
      // Only what it is asked to: its heart has stopped.
      await dead.keeper.stop();
      const answer = await dead.service.stop(localCaller, id, promoteB, somebody).then(() => "answered", (error: AppError) => error.code);
      seen.push(answer);
      const other = serve("other");
      const isWanted = writes > 0;
      if (isWanted) {
        await store.reportReplica({ id: "other", seenAt: epochMs(clock.now() + 60_000), routes: {} });
        await when(async () => (await standing()).route === null, `its end after ${writes} writes`);
        assert.deepEqual(await standing(), { champion: "2", stages: ["None", "Production", "None"], state: "succeeded", route: null });
        assert.equal((await store.find(id))!.reason, "stopped, and b promoted, by user:usr_1: it is better");
      } else {
        assert.deepEqual(await standing(), { champion: "1", stages: ["None", "None", "None"], state: "running", route: id });
      }
      await other.keeper.stop();
    }
    assert.deepEqual(seen, [...Array.from({ length: 5 }, () => "DATABASE_UNAVAILABLE"), "answered"]);
  });

  it("leaves the wish to the server that was asked, as long as it is there", async () => {
    const { store, serve, start, when, clock, standing } = await world();
    const asked = serve("asked", { activate: () => Promise.reject(died()) });
    await asked.keeper.stop();
    const { id } = await start(asked.service);
    await store.reportReplica({ id: "asked", seenAt: clock.now(), routes: {} });
    await assert.rejects(asked.service.stop(localCaller, id, promoteB, somebody), { code: "DATABASE_UNAVAILABLE" });
    const other = serve("other");
    const [from, { request }] = [clock.now(), (await store.find(id))!];
    assert.deepEqual([request?.action, request?.stop], ["stop", { promote: "b", champion: "1", why: "it is better", server: "asked" }]);
    await when(async () => clock.now() > from + 20_000, "several looks");
    assert.equal((await standing()).state, "running");
    await assert.rejects(other.service.stop(localCaller, id, { promote: null, reason: "" }, somebody), { code: "ROLLOUT_ENDED", message: /is being ended already: stopped, and b promoted, by user:usr_1: it is better/ });
    await store.removeReplica("asked");
    await when(async () => (await standing()).champion === "2" && (await standing()).route === null, "the promotion by the other");
    await other.keeper.stop();
  });

  it("goes on where the variant does not load, and may be stopped again", async () => {
    const { store, serve, start, standing } = await world();
    const { service, keeper } = serve("one", { activate: () => Promise.reject(new AppError("VERSION_FAILED", "Version 2 cannot be loaded.")) });
    await keeper.stop();
    const { id } = await start(service);
    await assert.rejects(service.stop(localCaller, id, promoteB, somebody), { code: "VERSION_FAILED" });
    assert.deepEqual(await standing(), { champion: "1", stages: ["None", "None", "None"], state: "running", route: id });
    const { request, reason } = (await store.find(id))!;
    assert.deepEqual([request, reason], [null, "b could not be promoted: Version 2 cannot be loaded."]);
    assert.equal((await service.stop(localCaller, id, { promote: null, reason: "" }, somebody)).rollout.state, "succeeded");
  });

  it("promotes nobody where somebody made another version the champion meanwhile", async () => {
    const { store, serve, start, standing, activate, when } = await world();
    const asked = serve("asked", { activate: () => Promise.reject(died()) });
    await asked.keeper.stop();
    const { id } = await start(asked.service);
    await assert.rejects(asked.service.stop(localCaller, id, promoteB, somebody), { code: "DATABASE_UNAVAILABLE" });
    await activate("3");
    const other = serve("other");
    await when(async () => (await standing()).route === null, "its end");
    assert.deepEqual([(await standing()).champion, (await store.find(id))!.reason], ["3", "stopped, and b promoted, by user:usr_1: it is better; but version 3 was made the champion meanwhile, and stays it"]);
    await other.keeper.stop();
  });

  it("is ended by one of many who stop it at once on two servers, and begun by one of many who start it at once", async () => {
    const { serve, start, standing } = await world();
    const servers = [serve("one"), serve("other")];
    const of = (index: number): AbTestService => servers[index % 2]!.service;
    for (let round = 0; round < 3; round++) {
      const started = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => start(of(index))));
      const [winner, ...more] = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      assert.deepEqual([more.length, started.filter((one) => one.status === "rejected" && (one.reason as AppError).code === "ROLLOUT_UNDER_WAY").length], [0, 9]);
      const champion = (await standing()).champion;
      const stops = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => of(index).stop(localCaller, winner!.id, { promote: [null, "b", "c"][index % 3]!, reason: `${index}` }, somebody)));
      const ended = stops.flatMap((one) => (one.status === "fulfilled" ? [one.value.rollout] : []));
      assert.equal(ended.length, 1, stops.map((one) => String(one.status === "rejected" ? (one.reason as AppError).message : "ended")).join("\n"));
      for (const one of stops) if (one.status === "rejected") assert.equal((one.reason as AppError).code, "ROLLOUT_ENDED");
      const promoted = /and (\w) promoted/.exec(ended[0]!.reason)?.[1];
      const now = await standing();
      assert.deepEqual([now.champion, now.state, now.route], [promoted === undefined ? champion : promoted === "b" ? "2" : "3", "succeeded", null]);
      // A version that is the champion now is no variant of another test.
      if (promoted !== undefined) break;
    }
    for (const { keeper } of servers) await keeper.stop();
  });

  it("gives the next test its route where it is started while the one before is stopped", async () => {
    const { serve, start, standing } = await world();
    const [one, other] = [serve("one"), serve("other")];
    for (let round = 0; round < 8; round++) {
      const { id } = await start(one.service);
      const stopping = one.service.stop(localCaller, id, { promote: null, reason: "" }, somebody);
      let next: string | null = null;
      while (next === null) next = await start(other.service).then((started) => started.id, (error: AppError) => (assert.equal(error.code, "ROLLOUT_UNDER_WAY"), null));
      await stopping;
      assert.equal((await standing()).route, next);
      await other.service.stop(localCaller, next, { promote: null, reason: "" }, somebody);
    }
    for (const { keeper } of [one, other]) await keeper.stop();
  });

  it("ends what was to be aborted, where the server died that was asked", async () => {
    const { store, serve, start, when, standing } = await world();
    const { service, keeper } = serve("one");
    const { id } = await start(service);
    await store.request(id, { action: "abort", by: "user:usr_1", at: 1, reason: "aborted by user:usr_1" });
    await when(async () => (await standing()).route === null, "its end");
    const { state, reason } = (await store.find(id))!;
    assert.deepEqual([state, reason], ["aborted", "aborted by user:usr_1"]);
    await keeper.stop();
  });
});
