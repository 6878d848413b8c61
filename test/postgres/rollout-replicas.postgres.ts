import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import type { SqlDatabase } from "../../src/adapters/sql/sql-database.ts";
import { SqlFeedbackFeed } from "../../src/adapters/sql/tracing/sql-feedback-feed.ts";
import { SqlRegistryStore } from "../../src/adapters/sql/registry/sql-registry-store.ts";
import { SqlRolloutStore } from "../../src/adapters/sql/rollouts/sql-rollout-store.ts";
import { SqlTruthStore } from "../../src/adapters/sql/serving/sql-truth-store.ts";
import { epochMs, systemClock, type Clock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { registryAddition } from "../../src/registry/registry-addition.fixture.ts";
import { RolloutFigures, RouteReplica } from "../../src/rollouts/index.ts";
import { rolloutOf, routeFor } from "../../src/rollouts/rollout.fixture.ts";
import type { ArmSample, TrafficRoute } from "../../src/serving/index.ts";
import { systemTimers } from "../../src/workflows/index.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";

const ids = new TimeOrderedIds(systemClock);
const by = { actor: "key:key_1", now: epochMs(1_700_000_000_000) };
const patient = { signal: new AbortController().signal, timeoutMs: 60_000 };

/** Whatever takes its time; the test's own limit ends it. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

function sampleOf(route: TrafficRoute, predictionId: string, change: Partial<ArmSample> = {}): ArmSample {
  return {
    route, arm: "candidate", version: { version: "2", contract: { signature: { outputs: [] } } } as unknown as ArmSample["version"], predictionId, time: by.now, rows: 1, outcome: "ok",
    isFailure: false, latencyUs: 1000, inputs: [], outputs: [{ name: "y", datatype: "BYTES", shape: [1], data: ["late"] }], isRetry: false, ...change,
  };
}

describe("servers that share routes on Postgres", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  const ends: (() => Promise<void>)[] = [];
  before(async () => {
    cluster = await PostgresCluster.start();
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
    await schemas.close();
  });
  after(() => cluster.remove());

  /** A server of its own connection and of its own idea of the time. */
  async function openServer(schema: string, id: string, aheadMs: number) {
    const database = await schemas.open({ schema });
    const clock: Clock = { now: () => epochMs(systemClock.now() + aheadMs), monotonic: () => systemClock.monotonic() };
    const applied: number[] = [];
    const life = { ended: false };
    let route: TrafficRoute | null = null;
    const store = new SqlRolloutStore(database, ids, "database");
    const figures: RolloutFigures = new RolloutFigures({ onHardFailure: (...parts) => replica.trip(...parts) });
    const replica: RouteReplica = new RouteReplica({
      id, isAlone: false, store, figures, clock, truths: new SqlTruthStore(database), feedback: new SqlFeedbackFeed(database), logger: silentLogger,
      timers: { after: (milliseconds, callback) => systemTimers.after(milliseconds, () => void (life.ended || callback())) },
      serving: {
        applyRoute: async (given) => {
          route = "route" in given ? null : given;
          applied.push(given.revision);
        },
        cutArm: () => undefined,
      },
    });
    ends.push(() => replica.stop());
    await replica.start();
    return { database, replica, store, figures, applied, life, route: () => route! };
  }

  async function openWorld(apartMs: number) {
    const schema = await schemas.migratedSchema();
    const database: SqlDatabase = await schemas.open({ schema });
    const registry = new SqlRegistryStore(database, ids);
    for (let version = 0; version < 2; version++) await registry.addVersion(registryAddition("flights"));
    const [a, b, c] = await Promise.all([openServer(schema, "a", 0), openServer(schema, "b", apartMs), openServer(schema, "c", -apartMs)]);
    await a.store.add(rolloutOf("rol_1"));
    await until(async () => (await a.store.replicas()).length === 3);
    return { database, a, b, c };
  }

  it("takes a step when all of them have it, whatever their clocks say, and waits for no dead one", async () => {
    const { database, a, b, c } = await openWorld(3_600_000);
    let revision = 0;
    let missing: string[] = [];
    // A server that looks at the routes by itself just then has the step already: then another one is taken.
    while (missing.length < 2) {
      revision = await a.store.writeRoute("flights", routeFor("rol_1"), by);
      await a.replica.apply("flights");
      ({ missing } = await a.replica.whenTaken("flights", revision, { ...patient, timeoutMs: 0 }));
    }
    assert.deepEqual(missing, ["b", "c"]);
    const step = a.replica.whenTaken("flights", revision, patient);
    b.replica.follow("flights");
    c.replica.follow("flights");
    assert.deepEqual(await step, { missing: [] });
    // It dies; its row is made as old as it would be some seconds later.
    c.life.ended = true;
    const next = await a.store.writeRoute("flights", routeFor("rol_1", { phase: "2-staged" }), by);
    for (const one of [a, b]) await one.replica.apply("flights");
    const onward = a.replica.whenTaken("flights", next, patient);
    await until(async () => {
      await database.queries.updateTable("replicas").set(({ eb }) => ({ seen_at: eb("seen_at", "-", 20_000) })).where("id", "=", "c").execute();
      return Promise.race([onward.then(() => true), sleep(200, false)]);
    });
    assert.deepEqual(await onward, { missing: [] });
    assert.equal(c.applied.at(-1), revision);
    await b.replica.stop();
    assert.ok(!(await a.store.replicas()).some(({ id }) => id === "b"));
  });

  it("adds up what they counted, learns of truth that one of them was told, and tells of what one of them saw fail", async () => {
    const { a, b, c } = await openWorld(5000);
    await a.store.writeRoute("flights", routeFor("rol_1"), by);
    for (const one of [a, b, c]) await one.replica.apply("flights");
    for (const [index, one] of [a, b, c].entries()) one.figures.answered(sampleOf(one.route(), `prd_${index}`));
    const seenBy = async (one: typeof a) => (await one.replica.figuresOf("rol_1", "1-canary")).arms[0];
    for (const one of [a, b, c]) await until(async () => (await seenBy(one))?.requests === 3);
    await new SqlTruthStore(a.database).write([{ predictionId: "prd_0", row: 0, value: "on time" }].map((record) => ({ ...record, observedAt: by.now })), systemClock.now());
    await until(async () => (await seenBy(b))?.errors.count === 1);
    for (let count = 0; count < 3; count++) b.figures.answered(sampleOf(b.route(), `prd_1${count}`, { outcome: "INVALID_OUTPUT", isFailure: true, outputs: [] }));
    await until(async () => (await a.store.find("rol_1"))?.request?.action === "trip");
  });
});
