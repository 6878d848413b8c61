import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { WrittenEvent } from "../access/access-store.conformance.ts";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { registryAddition } from "../registry/registry-addition.fixture.ts";
import type { RegistryStores } from "../registry/registry-store.ts";
import { figuresOf, rolloutOf, routeFor, verdictOf } from "./rollout.fixture.ts";
import type { RolloutStore } from "./rollout-store.ts";
import type { ReplicaFigures, RolloutRequest } from "./schemas.ts";

const now = epochMs(1_700_000_001_000);
const by = { actor: "user:usr_2", now };
const failsWith = (code: string) => (error: unknown): boolean => error instanceof AppError && error.code === code;

export interface RolloutStoreUnderTest {
  store: RolloutStore;
  registry: RegistryStores;
  events: () => Promise<WrittenEvent[]>;
}

/** What every store of rollouts does. `open` gives an empty one, beside the registry whose models it is of. */
export function rolloutStoreConformance(adapter: string, open: () => Promise<RolloutStoreUnderTest>): void {
  const opened = async () => {
    const parts = await open();
    for (const model of ["flights", "flights", "trains", "trains"]) await parts.registry.addVersion(registryAddition(model));
    const eventsOf = async () => (await parts.events()).filter(({ type }) => type.startsWith("rollout.") || type === "model.route.changed");
    const told = async () => (await eventsOf()).map(({ type, object }) => `${type} ${object}`);
    return { ...parts, eventsOf, told };
  };
  const request = (action: RolloutRequest["action"], at = 1): RolloutRequest => ({ action, by: "user:usr_2", at, reason: `to ${action}` });

  describe(`RolloutStore: ${adapter}`, () => {
    it("gives a rollout back as it was added, and tells of it once", async () => {
      const { store, eventsOf } = await opened();
      const full = rolloutOf("rol_1", { reason: "é", workflowRun: "wfr_1", test: { variants: [{ name: "b" }] }, kind: "ab-test" });
      await store.add(full);
      await store.add(full);
      assert.deepEqual(await store.find("rol_1"), full);
      assert.deepEqual(await store.current("flights"), full);
      assert.deepEqual([await store.find("rol_2"), await store.current("trains")], [null, null]);
      assert.deepEqual(await eventsOf(), [{
        type: "rollout.started", object: "model:flights", team: "default", actor: "key:key_1", time: full.startedAt,
        payload: { model: "flights", rollout: "rol_1", kind: "ab-test", candidate: "2", stable: "1", reason: "é" },
      }]);
    });

    it("refuses what is not there, and a second open one, and writes nothing of it", async () => {
      const { store, eventsOf } = await opened();
      await assert.rejects(store.add(rolloutOf("rol_1", { model: "nothing" })), failsWith("MODEL_NOT_FOUND"));
      await assert.rejects(store.add(rolloutOf("rol_1", { candidate: "9" })), failsWith("VERSION_NOT_FOUND"));
      await assert.rejects(store.add(rolloutOf("rol_1", { stable: "9" })), failsWith("VERSION_NOT_FOUND"));
      await store.add(rolloutOf("rol_1"));
      await assert.rejects(store.add(rolloutOf("rol_2")), failsWith("ROLLOUT_UNDER_WAY"));
      await store.add(rolloutOf("rol_3", { model: "trains" }));
      assert.equal(await store.find("rol_2"), null);
      assert.equal((await eventsOf()).length, 2);
    });

    it("lets one of many begin that are started at once", async () => {
      const { store, eventsOf } = await opened();
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, index) => store.add(rolloutOf(`rol_${index}`))));
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      for (const outcome of outcomes) if (outcome.status === "rejected") assert.ok(failsWith("ROLLOUT_UNDER_WAY")(outcome.reason), String(outcome.reason));
      assert.equal((await store.list({ limit: 10 })).length, 1);
      assert.equal((await eventsOf()).length, 1);
    });

    it("changes an open one, tells of it, and changes none that has ended", async () => {
      const { store, eventsOf } = await opened();
      await store.add(rolloutOf("rol_1"));
      const entered = await store.change("rol_1", { state: "running", phase: 1, phaseSince: 5, workflowRun: "wfr_1" }, { ...by, event: "rollout.phase.entered" });
      assert.deepEqual(entered, rolloutOf("rol_1", { state: "running", phase: 1, phaseSince: 5, workflowRun: "wfr_1" }));
      assert.deepEqual(await store.find("rol_1"), entered);
      assert.deepEqual(await store.change("rol_1", {}, by), entered);
      const ended = await store.change("rol_1", { state: "rolled back", reason: "3 failures" }, { ...by, event: "rollout.rolled_back" });
      assert.deepEqual(ended, { ...entered, state: "rolled back", reason: "3 failures", endedAt: now });
      assert.equal(await store.change("rol_1", { state: "succeeded" }, { ...by, event: "rollout.succeeded" }), null);
      assert.equal(await store.change("rol_9", { state: "succeeded" }, by), null);
      assert.deepEqual([await store.find("rol_1"), await store.current("flights")], [ended, null]);
      const facts = { model: "flights", rollout: "rol_1", kind: "rollout", candidate: "2", stable: "1" };
      assert.deepEqual((await eventsOf()).slice(1).map(({ type, actor, time, payload }) => ({ type, actor, time, payload })), [
        { type: "rollout.phase.entered", actor: "user:usr_2", time: now, payload: { ...facts, phase: "canary" } },
        { type: "rollout.rolled_back", actor: "user:usr_2", time: now, payload: { ...facts, reason: "3 failures" } },
      ]);
      await store.add(rolloutOf("rol_2"));
    });

    it("loses nothing of what several write to its test at once", async () => {
      const { store } = await opened();
      await store.add(rolloutOf("rol_1", { kind: "ab-test", test: { looks: [], spec: "kept" } }));
      const looks = Array.from({ length: 12 }, (_, index) => index);
      const written = await Promise.all(looks.map((look) => store.change("rol_1", { test: (present) => ({ ...present, looks: [...(present.looks as number[]), look] }), reason: `look ${look}` }, by)));
      const last = await store.find("rol_1");
      assert.deepEqual([[...(last!.test!.looks as number[])].sort((one, other) => one - other), last!.test!.spec], [looks, "kept"]);
      // Each is answered with its own in it.
      written.forEach((rollout, look) => assert.ok((rollout!.test!.looks as number[]).includes(look)));
      await store.change("rol_1", { state: "aborted" }, by);
      assert.equal(await store.change("rol_1", { test: () => ({}) }, by), null);
      assert.deepEqual((await store.find("rol_1"))!.test, last!.test);
    });

    it("ends once when many end it at once", async () => {
      const { store, told } = await opened();
      await store.add(rolloutOf("rol_1"));
      const ended = await Promise.all(Array.from({ length: 6 }, () => store.change("rol_1", { state: "aborted" }, { ...by, event: "rollout.aborted" })));
      assert.equal(ended.filter((one) => one !== null).length, 1);
      assert.deepEqual((await told()).slice(1), ["rollout.aborted model:flights"]);
    });

    it("lists the newest first, of some models or all, open or ended, page by page", async () => {
      const { store } = await opened();
      await store.add(rolloutOf("rol_1"));
      await store.change("rol_1", { state: "succeeded" }, by);
      await store.add(rolloutOf("rol_3"));
      await store.add(rolloutOf("rol_2", { model: "trains" }));
      const idsOf = async (filter: Parameters<RolloutStore["list"]>[0]) => (await store.list(filter)).map(({ id }) => id);
      assert.deepEqual(await idsOf({ limit: 9 }), ["rol_3", "rol_2", "rol_1"]);
      assert.deepEqual(await idsOf({ limit: 1 }), ["rol_3"]);
      assert.deepEqual(await idsOf({ limit: 9, before: "rol_3" }), ["rol_2", "rol_1"]);
      assert.deepEqual(await idsOf({ limit: 9, models: ["flights"] }), ["rol_3", "rol_1"]);
      assert.deepEqual(await idsOf({ limit: 9, models: [] }), []);
      assert.deepEqual(await idsOf({ limit: 9, open: true }), ["rol_3", "rol_2"]);
      assert.deepEqual(await idsOf({ limit: 9, open: false, models: ["flights", "trains"] }), ["rol_1"]);
    });

    it("keeps the request that is asked, and takes off the one that was carried out", async () => {
      const { store } = await opened();
      await store.add(rolloutOf("rol_1"));
      const asked = async (one: RolloutRequest): Promise<[RolloutRequest | null, boolean]> => {
        const { rollout, isTaken } = (await store.request("rol_1", one))!;
        assert.deepEqual(await store.find("rol_1"), rollout);
        return [rollout.request, isTaken];
      };
      assert.deepEqual(await asked(request("promote", 1)), [request("promote", 1), true]);
      assert.deepEqual(await asked(request("pause", 2)), [request("pause", 2), true]);
      assert.deepEqual((await store.change("rol_1", { state: "paused" }, { ...by, request: request("promote", 1) }))?.request, request("pause", 2));
      assert.equal((await store.change("rol_1", {}, { ...by, request: request("pause", 2) }))?.request, null);
      for (const action of ["stop", "abort", "trip"] as const) {
        assert.deepEqual(await asked(request(action, 3)), [request(action, 3), true]);
        for (const [index, later] of (["resume", "abort", "promote", "stop"] as const).entries()) assert.deepEqual(await asked(request(later, 4 + index)), [request(action, 3), false]);
        if (action !== "trip") await store.change("rol_1", {}, { ...by, request: request(action, 3) });
      }
      await store.change("rol_1", { state: "rolled back" }, { ...by, request: request("trip", 3) });
      assert.deepEqual([await store.request("rol_1", request("promote", 6)), await store.request("rol_9", request("promote", 6))], [null, null]);
      assert.equal((await store.find("rol_1"))?.request, null);
    });

    it("takes one wish to leave a phase, of those who saw it, and lets it go with the phase", async () => {
      const { store } = await opened();
      await store.add(rolloutOf("rol_1", { state: "running", phase: 0 }));
      const promote = async (phase: number, at: number) => (await store.request("rol_1", { ...request("promote", at), phase }))?.isTaken;
      assert.equal(await promote(1, 1), false);
      const taken = await Promise.all(Array.from({ length: 8 }, (_, index) => promote(0, 10 + index)));
      assert.equal(taken.filter((one) => one === true).length, 1);
      assert.equal((await store.change("rol_1", { reason: "still there" }, by))?.request?.action, "promote");
      assert.equal((await store.change("rol_1", { phase: 1 }, by))?.request, null);
      assert.deepEqual([await promote(0, 30), await promote(1, 31), await promote(1, 32)], [false, true, false]);
      assert.deepEqual((await store.request("rol_1", request("abort", 33)))?.isTaken, true);
      assert.equal((await store.change("rol_1", { phase: 2 }, by))?.request?.action, "abort");
    });

    it("lets nobody write to the route for a rollout that is over, once the next one is open", async () => {
      const { store } = await opened();
      await store.add(rolloutOf("rol_1"));
      await store.writeRoute("flights", routeFor("rol_1"), by);
      await store.change("rol_1", { state: "aborted" }, by);
      // Nobody else is there yet: what it leaves behind may be tidied up.
      assert.equal(await store.writeRoute("flights", routeFor("rol_1"), { ...by, of: "rol_1" }), 2);
      await store.add(rolloutOf("rol_2"));
      assert.equal(await store.writeRoute("flights", routeFor("rol_1"), { ...by, of: "rol_1" }), 2);
      assert.equal(await store.writeRoute("flights", null, { ...by, of: "rol_9" }), 2);
      assert.equal(await store.writeRoute("flights", routeFor("rol_2"), { ...by, of: "rol_2" }), 3);
      assert.equal(await store.writeRoute("flights", null, { ...by, of: "rol_1" }), 3);
      assert.equal((await store.route("flights"))?.route?.rollout, "rol_2");
      assert.equal(await store.writeRoute("flights", null, { ...by, of: "rol_2" }), 4);
      assert.equal((await store.route("flights"))?.route, null);
    });

    it("counts the routes of each model, and tells of each", async () => {
      const { store, eventsOf } = await opened();
      assert.equal(await store.route("flights"), null);
      assert.equal(await store.writeRoute("flights", routeFor("rol_1"), by), 1);
      assert.equal(await store.writeRoute("trains", routeFor("rol_2", { model: "trains" }), by), 1);
      assert.deepEqual(await store.route("flights"), { revision: 1, route: { ...routeFor("rol_1"), revision: 1 } });
      assert.equal(await store.writeRoute("flights", null, by), 2);
      assert.deepEqual(await store.route("flights"), { revision: 2, route: null });
      assert.deepEqual(await store.routes(), [
        { model: "flights", revision: 2, route: null },
        { model: "trains", revision: 1, route: { ...routeFor("rol_2", { model: "trains" }), revision: 1 } },
      ]);
      assert.deepEqual((await eventsOf()).map(({ object, actor, time, payload }) => ({ object, actor, time, payload })), [
        { object: "model:flights", actor: "user:usr_2", time: now, payload: { model: "flights", revision: 1, rollout: "rol_1" } },
        { object: "model:trains", actor: "user:usr_2", time: now, payload: { model: "trains", revision: 1, rollout: "rol_2" } },
        { object: "model:flights", actor: "user:usr_2", time: now, payload: { model: "flights", revision: 2, rollout: null } },
      ]);
      await assert.rejects(store.writeRoute("nothing", routeFor("rol_1", { model: "nothing" }), by), failsWith("MODEL_NOT_FOUND"));
      assert.equal(await store.writeRoute("nothing", null, by), 0);
      assert.equal(await store.route("nothing"), null);
    });

    it("gives routes that are written at once revisions of their own", async () => {
      const { store } = await opened();
      const revisions = await Promise.all(Array.from({ length: 8 }, (_, index) => store.writeRoute("flights", index % 2 === 0 ? routeFor("rol_1") : null, by)));
      assert.deepEqual(revisions.toSorted((left, right) => left - right), [1, 2, 3, 4, 5, 6, 7, 8]);
    });

    it("keeps verdicts with their numbers, newest first, each once", async () => {
      const { store } = await opened();
      await store.add(rolloutOf("rol_1"));
      for (const id of ["ver_1", "ver_2", "ver_3"]) await store.addVerdict(verdictOf(id, "rol_1"));
      await store.addVerdict(verdictOf("ver_2", "rol_1", { decision: "promote" }));
      assert.deepEqual(await store.verdicts("rol_1", { limit: 2 }), [verdictOf("ver_3", "rol_1"), verdictOf("ver_2", "rol_1")]);
      assert.deepEqual(await store.verdicts("rol_1", { limit: 9, before: "ver_2" }), [verdictOf("ver_1", "rol_1")]);
      await store.addVerdict(verdictOf("ver_4", "rol_9"));
      assert.deepEqual(await store.verdicts("rol_9", { limit: 9 }), []);
    });

    it("keeps of each server and phase the figures that it wrote last", async () => {
      const { store } = await opened();
      await store.add(rolloutOf("rol_1"));
      await store.writeFigures("rol_1", "1-canary", "b", figuresOf(1), now);
      const keyed: ReplicaFigures = { ...figuresOf(2), assigned: { keys: { threshold: 2 ** 31, hashes: { candidate: [7], stable: [8, 2 ** 31 - 1] } }, drawn: { stable: 5 } } };
      await store.writeFigures("rol_1", "1-canary", "a", keyed, now);
      await store.writeFigures("rol_1", "1-canary", "b", figuresOf(3, { predictions: null }), now);
      await store.writeFigures("rol_1", "2-staged", "b", figuresOf(9), now);
      await store.writeFigures("rol_9", "1-canary", "b", figuresOf(9), now);
      assert.deepEqual(await store.readFigures("rol_1", "1-canary"), [{ replica: "a", figures: keyed }, { replica: "b", figures: figuresOf(3, { predictions: null }) }]);
      assert.deepEqual([await store.readFigures("rol_1", "3-full"), await store.readFigures("rol_9", "1-canary")], [[], []]);
    });

    it("leaves out what a newer release wrote beside the figures, and does not take less for nothing", async () => {
      const { store } = await opened();
      await store.add(rolloutOf("rol_1"));
      await store.writeFigures("rol_1", "p", "a", { ...figuresOf(1), later: [1] } as ReplicaFigures, now);
      assert.deepEqual(await store.readFigures("rol_1", "p"), [{ replica: "a", figures: figuresOf(1) }]);
      await store.writeFigures("rol_1", "p", "b", { arms: [] } as unknown as ReplicaFigures, now);
      await assert.rejects(store.readFigures("rol_1", "p"), failsWith("INTERNAL"));
    });

    it("says which servers are there, and forgets those that were not seen for a day", async () => {
      const { store } = await opened();
      const day = 86_400_000;
      await store.reportReplica({ id: "b", seenAt: now, routes: {} });
      await store.reportReplica({ id: "a", seenAt: now + 1, routes: { flights: 3 } });
      await store.reportReplica({ id: "b", seenAt: now + 2, routes: { flights: 2, trains: 1 } });
      assert.deepEqual(await store.replicas(), [{ id: "a", seenAt: now + 1, routes: { flights: 3 } }, { id: "b", seenAt: now + 2, routes: { flights: 2, trains: 1 } }]);
      await store.reportReplica({ id: "c", seenAt: now + day + 2, routes: {} });
      assert.deepEqual((await store.replicas()).map(({ id }) => id), ["b", "c"]);
      await store.removeReplica("b");
      await store.removeReplica("b");
      assert.deepEqual((await store.replicas()).map(({ id }) => id), ["c"]);
    });

    it("goes with the name of a renamed model", async () => {
      const { store, registry, eventsOf } = await opened();
      await store.add(rolloutOf("rol_1"));
      await store.writeRoute("flights", routeFor("rol_1"), by);
      await store.writeRoute("flights", routeFor("rol_1"), by);
      await store.addVerdict(verdictOf("ver_1", "rol_1"));
      await registry.renameModel("flights", "departures", by);
      assert.deepEqual(await store.current("departures"), rolloutOf("rol_1", { model: "departures" }));
      assert.equal((await store.verdicts("rol_1", { limit: 1 })).length, 1);
      assert.deepEqual(await store.routes(), [
        { model: "departures", revision: 3, route: { ...routeFor("rol_1", { model: "departures" }), revision: 3 } },
        { model: "flights", revision: 3, route: null },
      ]);
      assert.deepEqual((await eventsOf()).slice(-2).map(({ payload }) => payload), [
        { model: "flights", revision: 3, rollout: null }, { model: "departures", revision: 3, rollout: "rol_1" },
      ]);
      assert.equal((await store.change("rol_1", { state: "running" }, { ...by, event: "rollout.resumed" }))?.model, "departures");
      assert.equal((await eventsOf()).at(-1)?.object, "model:departures");
    });

    it("goes with the model, which ends what is open, and never counts the routes of a name anew", async () => {
      const { store, registry, told } = await opened();
      await store.add(rolloutOf("rol_1"));
      await store.writeRoute("flights", routeFor("rol_1"), by);
      await store.addVerdict(verdictOf("ver_1", "rol_1"));
      await store.writeFigures("rol_1", "p", "a", figuresOf(1), now);
      await registry.deleteModel("flights", by);
      assert.deepEqual([await store.find("rol_1"), await store.current("flights"), await store.change("rol_1", { state: "aborted" }, by)], [null, null, null]);
      assert.deepEqual([await store.verdicts("rol_1", { limit: 9 }), await store.readFigures("rol_1", "p")], [[], []]);
      assert.deepEqual(await store.route("flights"), { revision: 2, route: null });
      assert.deepEqual((await told()).slice(-2), ["model.route.changed model:flights", "rollout.aborted model:flights"]);
      assert.equal(await store.writeRoute("flights", null, by), 2);
      await registry.addVersion(registryAddition("flights"));
      assert.equal(await store.writeRoute("flights", routeFor("rol_2"), by), 3);
    });
  });
}
