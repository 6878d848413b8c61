import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { AppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { ArmSample, StoredTruth, TrafficRoute } from "../../serving/index.ts";
import { ManualTimers } from "../../workflows/manual-timers.fixture.ts";
import { RolloutFigures } from "../figures/rollout-figures.ts";
import type { Replica } from "../schemas.ts";
import { liveReplicas } from "./live-replicas.ts";
import { SharedRoutes } from "./memory-rollout-store.fixture.ts";
import { replicaCheck } from "./replica-check.ts";
import { RouteReplica } from "./route-replica.ts";

type AppliedRoute = TrafficRoute | { model: string; revision: number; route: null };

/** Servers on one store and one clock; nothing moves but by `pass`. */
class Servers {
  readonly shared = new SharedRoutes();
  readonly timers = new ManualTimers();
  readonly truths: StoredTruth[] = [];
  readonly all: RouteReplica[] = [];

  open(id: string, isAlone = false) {
    const connection = this.shared.connect();
    // A server that dies takes its timers along.
    const life = { ended: false };
    const applied: AppliedRoute[] = [];
    const cut: string[] = [];
    const logged: string[] = [];
    const tripped: string[] = [];
    const log = (event: string): void => void logged.push(event);
    const logger: Logger = { info: log, warn: log, error: log };
    const serving = {
      /** Set: what loading does before it is done. */
      loading: null as ((route: AppliedRoute) => Promise<void>) | null,
      applyRoute: async (route: AppliedRoute): Promise<void> => {
        await serving.loading?.(route);
        const newest = applied.findLast(({ model }) => model === route.model)?.revision ?? 0;
        if (route.revision > newest) applied.push(route);
      },
      cutArm: (...parts: string[]): void => void cut.push(parts.join(" ")),
    };
    const figures: RolloutFigures = new RolloutFigures({ onHardFailure: (...parts) => replica.trip(...parts) });
    const replica: RouteReplica = new RouteReplica({
      id, isAlone, store: connection.store, serving, figures, clock: this.timers.clock, logger, onTrip: (model, rollout) => void tripped.push(`${model} ${rollout}`),
      timers: { after: (milliseconds, callback) => this.timers.after(milliseconds, () => void (life.ended || callback())) },
      feedback: { readSince: async () => [], removedSince: async () => [], splitPlaces: async () => [] },
      truths: { readSince: async (from) => (connection.cut ? Promise.reject(new AppError("DATABASE_UNAVAILABLE", "planted")) : this.truths.filter(({ receivedAt }) => receivedAt >= from)) },
    });
    this.all.push(replica);
    return { replica, connection, life, applied, cut, logged, tripped, serving, figures };
  }

  /** Lets time pass in small steps, each until everything that it started has come to rest. */
  async pass(milliseconds: number): Promise<void> {
    await turn();
    for (let left = milliseconds; left > 0; left -= 100) {
      this.timers.advance(Math.min(100, left));
      await turn();
      await turn();
    }
  }
}

/** Whether and how something has settled. */
function outcomeOf<Result>(work: Promise<Result>): { result?: Result; error?: unknown } {
  const outcome: { result?: Result; error?: unknown } = {};
  work.then((result) => (outcome.result = result), (error: unknown) => (outcome.error = error));
  return outcome;
}

const sampleOf = (route: TrafficRoute, change: Partial<ArmSample> = {}): ArmSample => ({
  route, arm: "candidate", version: { version: "2", contract: { signature: { outputs: [] } } } as unknown as ArmSample["version"], predictionId: "prd_1", time: 0 as ArmSample["time"], rows: 1,
  outcome: "ok", isFailure: false, latencyUs: 1000, inputs: [], outputs: [{ name: "y", datatype: "BYTES", shape: [1], data: ["late"] }], isRetry: false, ...change,
});
const failure = { outcome: "INVALID_OUTPUT", isFailure: true, outputs: [] };
const signal = new AbortController().signal;

describe("RouteReplica", () => {
  let opened: Servers[] = [];
  const servers = (): Servers => {
    const all = new Servers();
    opened.push(all);
    return all;
  };
  afterEach(async () => {
    for (const { all } of opened.splice(0)) for (const replica of all) await replica.stop();
    opened = [];
  });

  it("takes the stored routes at its start, says so, and takes leave", async () => {
    const all = servers();
    const { shared } = all;
    shared.write("flights", "rol_1");
    shared.write("trains", null);
    const a = all.open("a");
    await a.replica.start();
    assert.deepEqual(a.applied.map(({ model, revision }) => [model, revision]), [["flights", 1], ["trains", 1]]);
    await all.pass(100);
    assert.deepEqual(shared.servers.get("a")?.routes, { flights: 1, trains: 1 });
    await a.replica.stop();
    assert.equal(shared.servers.size, 0);
    const { writes } = shared;
    await all.pass(5000);
    assert.equal(shared.writes, writes, "nothing after its end");
  });

  it("waits for every server that is up before a step counts as taken", async () => {
    const all = servers();
    const [a, b, c] = ["a", "b", "c"].map((id) => all.open(id));
    for (const one of [a, b, c]) await one!.replica.start();
    await all.pass(100);
    const revision = all.shared.write("flights", "rol_1");
    await a!.replica.apply("flights");
    const step = outcomeOf(a!.replica.whenTaken("flights", revision, { signal, timeoutMs: 60_000 }));
    await all.pass(1000);
    assert.deepEqual(step, {});
    b!.replica.follow("flights");
    await all.pass(1000);
    assert.deepEqual(step, {}, "c has not taken it");
    c!.replica.follow("flights");
    await all.pass(1000);
    assert.deepEqual(step, { result: { missing: [] } });
    assert.deepEqual(await a!.replica.whenTaken("flights", revision, { signal, timeoutMs: 0 }), { missing: [] });
  });

  it("finds a route that no event told of", async () => {
    const all = servers();
    const a = all.open("a");
    await a.replica.start();
    await all.pass(100);
    all.shared.write("flights", "rol_1");
    await all.pass(11_000);
    assert.equal(a.applied.length, 1);
  });

  it("waits for a server that dies until it counts as dead, and for one that appears", async () => {
    const all = servers();
    all.shared.write("trains", "rol_2");
    const [a, b] = [all.open("a"), all.open("b")];
    for (const one of [a, b]) await one.replica.start();
    await all.pass(2000);
    b.life.ended = true;
    await all.pass(3000);
    const revision = all.shared.write("flights", "rol_1");
    await a.replica.apply("flights");
    const step = outcomeOf(a.replica.whenTaken("flights", revision, { signal, timeoutMs: 60_000 }));
    await all.pass(5000);
    assert.deepEqual(step, {});
    const c = all.open("c");
    const loads: (() => void)[] = [];
    c.serving.loading = () => new Promise((resolve) => loads.push(resolve));
    const started = c.replica.start();
    await all.pass(10_000);
    assert.deepEqual(step, {}, "b is dead now, and c loads");
    for (const load of loads) load();
    await started;
    await all.pass(1000);
    assert.deepEqual(step, { result: { missing: [] } });
  });

  it("waits for no killed server where one at a time has the database, and on a shared one does", async () => {
    for (const isAlone of [true, false]) {
      const all = servers();
      const killed = all.open("a-1", isAlone);
      await killed.replica.start();
      await all.pass(100);
      killed.life.ended = true;
      const next = all.open("a-2", isAlone);
      await next.replica.start();
      await all.pass(100);
      assert.deepEqual([...all.shared.servers.keys()], isAlone ? ["a-2"] : ["a-1", "a-2"]);
      const revision = all.shared.write("flights", "rol_1");
      await next.replica.apply("flights");
      assert.deepEqual(await next.replica.whenTaken("flights", revision, { signal, timeoutMs: 0 }), { missing: isAlone ? [] : ["a-1"] });
    }
  });

  it("says who is missing when the time is over, and ends with the signal", async () => {
    const all = servers();
    const [a, b] = [all.open("a"), all.open("b")];
    for (const one of [a, b]) await one.replica.start();
    await all.pass(100);
    b.serving.loading = () => Promise.reject(new AppError("VERSION_FAILED", "planted"));
    const revision = all.shared.write("flights", "rol_1");
    b.replica.follow("flights");
    const step = outcomeOf(a.replica.whenTaken("flights", revision, { signal, timeoutMs: 3000 }));
    await all.pass(4000);
    assert.deepEqual(step, { result: { missing: ["b"] } });
    assert.ok(b.logged.includes("rollouts.trouble"));
    const controller = new AbortController();
    const other = outcomeOf(a.replica.whenTaken("flights", revision, { signal: controller.signal, timeoutMs: 60_000 }));
    await all.pass(1000);
    controller.abort(new Error("planted"));
    await all.pass(100);
    assert.match(String(other.error), /planted/);
    // What was broken is mended: it is tried again without an event.
    b.serving.loading = null;
    await all.pass(11_000);
    assert.deepEqual(await a.replica.whenTaken("flights", revision, { signal, timeoutMs: 0 }), { missing: [] });
  });

  it("tells whoever asks for a route that it cannot be taken, and keeps the former one", async () => {
    const all = servers();
    const a = all.open("a");
    await a.replica.start();
    all.shared.write("flights", "rol_1");
    await a.replica.apply("flights");
    all.shared.write("flights", "rol_1", { phase: "full" });
    a.serving.loading = () => Promise.reject(new AppError("VERSION_FAILED", "planted"));
    await assert.rejects(a.replica.apply("flights"), (error: unknown) => error instanceof AppError && error.code === "VERSION_FAILED");
    await all.pass(100);
    assert.deepEqual([a.applied.length, all.shared.servers.get("a")?.routes], [1, { flights: 1 }]);
  });

  it("takes a route back without waiting for one that still loads", async () => {
    const all = servers();
    const a = all.open("a");
    await a.replica.start();
    all.shared.write("flights", "rol_1");
    let load = (): void => undefined;
    a.serving.loading = (route) => ("route" in route ? Promise.resolve() : new Promise((resolve) => (load = resolve)));
    const first = outcomeOf(a.replica.apply("flights"));
    await all.pass(100);
    all.shared.write("flights", null);
    await a.replica.apply("flights");
    assert.deepEqual(a.applied, [{ model: "flights", revision: 2, route: null }]);
    load();
    await all.pass(100);
    assert.deepEqual([first, a.applied.length, all.shared.servers.get("a")?.routes], [{ result: undefined }, 1, { flights: 2 }]);
  });

  it("lets go of the route of a model that was deleted", async () => {
    const all = servers();
    const a = all.open("a");
    await a.replica.start();
    all.shared.write("flights", null);
    a.serving.loading = () => Promise.reject(new AppError("MODEL_NOT_FOUND", "planted"));
    await a.replica.apply("flights");
    await all.pass(100);
    assert.deepEqual(all.shared.servers.get("a")?.routes, { flights: 1 });
  });

  it("keeps its routes without the database, says so once each way, and catches up", async () => {
    const all = servers();
    const [a, b] = [all.open("a"), all.open("b")];
    for (const one of [a, b]) await one.replica.start();
    all.shared.write("flights", "rol_1");
    for (const one of [a, b]) await one.replica.apply("flights");
    await all.pass(1000);
    b.connection.cut = true;
    const seen = b.replica.state.lastSeenDatabaseAt;
    await all.pass(3000);
    assert.equal(b.replica.state.isCutOff, false);
    await all.pass(5000);
    assert.equal(b.replica.state.isCutOff, true);
    assert.ok(b.replica.state.lastSeenDatabaseAt - seen < 1100);
    assert.match((await replicaCheck({ replica: b.replica, store: b.connection.store }).run(all.timers.clock.now())).finding, /has not reached the database for \d+ s/);
    all.shared.write("flights", "rol_1", { phase: "staged" });
    const newest = all.shared.write("flights", "rol_1", { phase: "full" });
    await a.replica.apply("flights");
    const step = outcomeOf(a.replica.whenTaken("flights", newest, { signal, timeoutMs: 60_000 }));
    await all.pass(8000);
    assert.deepEqual(step, { result: { missing: [] } }, "a goes on without b");
    assert.deepEqual(b.applied.map(({ revision }) => revision), [1]);
    b.connection.cut = false;
    await all.pass(3000);
    assert.equal(b.replica.state.isCutOff, false);
    assert.deepEqual(b.applied.map(({ revision }) => revision), [1, newest]);
    assert.deepEqual(all.shared.servers.get("b")?.routes, { flights: newest });
    assert.deepEqual(b.logged, ["rollouts.cut_off", "rollouts.connected"]);
    await assert.doesNotReject(b.replica.whenTaken("flights", newest, { signal, timeoutMs: 0 }));
  });

  it("cuts an arm at once, and asks for the way back as soon as somebody can be asked", async () => {
    const all = servers();
    const a = all.open("a");
    await a.replica.start();
    all.shared.write("flights", "rol_1");
    await a.replica.apply("flights");
    await all.pass(100);
    a.connection.cut = true;
    const route = a.applied[0] as TrafficRoute;
    for (let count = 0; count < 3; count++) a.figures.answered(sampleOf(route, failure));
    assert.deepEqual(a.cut, ["flights rol_1 candidate"]);
    await all.pass(7000);
    assert.deepEqual([all.shared.requests, a.tripped], [[], []]);
    a.connection.cut = false;
    await all.pass(1100);
    assert.deepEqual(all.shared.requests.map(({ rollout, request: { action, by, reason } }) => [rollout, action, by, reason]), [
      ["rol_1", "trip", "rollouts", "candidate failed 3 times on one server, the last time with: INVALID_OUTPUT"],
    ]);
    assert.deepEqual(a.tripped, ["flights rol_1"]);
  });

  it("writes figures where they changed, the last ones at its end, and adds up those of all servers", async () => {
    const all = servers();
    const [a, b] = [all.open("a"), all.open("b")];
    for (const one of [a, b]) await one.replica.start();
    all.shared.write("flights", "rol_1");
    for (const one of [a, b]) await one.replica.apply("flights");
    await all.pass(1000);
    const route = a.applied[0] as TrafficRoute;
    a.figures.answered(sampleOf(route));
    assert.equal((await a.replica.figuresOf("rol_1", "1-canary")).arms[0]?.requests, 1, "its own without a write");
    assert.equal((await b.replica.figuresOf("rol_1", "1-canary")).arms.length, 0);
    await all.pass(1000);
    assert.equal((await b.replica.figuresOf("rol_1", "1-canary")).arms[0]?.requests, 1);
    const beats = await (async () => {
      const { writes } = all.shared;
      await all.pass(10_000);
      return all.shared.writes - writes;
    })();
    assert.ok(beats <= 22, `${beats} writes of two servers in ten seconds: no figures that are the same`);
    b.figures.answered(sampleOf(route));
    await b.replica.stop();
    assert.deepEqual(all.shared.figures.get("rol_1 1-canary b")?.figures.arms[0]?.requests, 1);
    a.figures.answered(sampleOf(route));
    assert.equal((await a.replica.figuresOf("rol_1", "1-canary")).arms[0]?.requests, 3);
  });

  it("writes seldom where no model has a route", async () => {
    const all = servers();
    const a = all.open("a");
    await a.replica.start();
    await all.pass(30_000);
    assert.ok(all.shared.writes <= 11, String(all.shared.writes));
    assert.equal(a.replica.state.isCutOff, false);
  });

  it("forgets the figures of a rollout some time after its route has gone, and asks the database then", async () => {
    const all = servers();
    const a = all.open("a");
    await a.replica.start();
    all.shared.write("flights", "rol_1");
    await a.replica.apply("flights");
    a.figures.answered(sampleOf(a.applied[0] as TrafficRoute));
    all.shared.write("flights", null);
    await a.replica.apply("flights");
    await all.pass(1000);
    assert.equal(a.figures.open().length, 1);
    await all.pass(61_000);
    assert.equal(a.figures.open().length, 0);
    assert.equal((await a.replica.figuresOf("rol_1", "1-canary")).arms[0]?.requests, 1);
  });

  it("learns of truth that arrived anywhere while there is something to hold it against", async () => {
    const all = servers();
    const a = all.open("a");
    await a.replica.start();
    all.shared.write("flights", "rol_1");
    await a.replica.apply("flights");
    a.figures.answered(sampleOf(a.applied[0] as TrafficRoute));
    await all.pass(4000);
    all.truths.push({ predictionId: "prd_1", row: 0, value: "on time", observedAt: 1, receivedAt: all.timers.clock.now() - 3000, corrections: 0 });
    await all.pass(8000);
    assert.deepEqual((await a.replica.figuresOf("rol_1", "1-canary")).arms[0]?.errors, { count: 1, mean: 1, m2: 0 });
  });

  it("does not let its end wait for a database that never answers", async () => {
    const all = servers();
    const a = all.open("a");
    await a.replica.start();
    await all.pass(100);
    a.connection.store.removeReplica = () => new Promise(() => undefined);
    const end = outcomeOf(a.replica.stop());
    await all.pass(4000);
    assert.ok(!("result" in end));
    await all.pass(2000);
    assert.ok("result" in end);
  });

  it("compares the times of servers with each other alone", () => {
    const replicas: Replica[] = [{ id: "a", seenAt: 10_001, routes: {} }, { id: "b", seenAt: 1, routes: {} }, { id: "c", seenAt: 2, routes: {} }];
    assert.deepEqual(liveReplicas(replicas).map(({ id }) => id), ["a", "c"]);
    assert.deepEqual(liveReplicas([]), []);
  });

  it("shows the doctor who is behind", async () => {
    const all = servers();
    const [a, b] = [all.open("a"), all.open("b")];
    for (const one of [a, b]) await one.replica.start();
    await all.pass(100);
    const check = replicaCheck({ replica: a.replica, store: a.connection.store });
    assert.equal((await check.run(all.timers.clock.now())).state, "skipped");
    all.shared.write("flights", "rol_1");
    await a.replica.apply("flights");
    await all.pass(100);
    assert.match((await check.run(all.timers.clock.now())).finding, /not taken the newest route: b \(flights\)/);
    await b.replica.apply("flights");
    await all.pass(100);
    assert.deepEqual(await check.run(all.timers.clock.now()), { state: "ok", finding: "The route is taken by all 2 servers.", advice: "" });
  });
});
