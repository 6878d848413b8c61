import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { sql } from "kysely";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { SqlError } from "../../src/adapters/sql/sql-error.ts";
import type { SqlDatabase } from "../../src/adapters/sql/sql-database.ts";
import { ManualClock } from "../../src/core/clock.ts";
import { toAppError } from "../../src/core/errors.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { seededRandom } from "../kit/seed.ts";
import { SocketProxy, type SocketFault } from "../kit/socket-proxy.ts";
import { contradictions, hitMigration, hitsOf, writeWork, type WorkKind } from "./hit-table.ts";

const migrations = [hitMigration];

describe("Postgres connections that misbehave", () => {
  let cluster: PostgresCluster;
  let proxy: SocketProxy;
  const schemas = new TemporarySchemas(() => cluster);
  before(async () => { cluster = await PostgresCluster.start(); });
  afterEach(async () => {
    proxy.plan(() => ({ kind: "none" }));
    proxy.flow();
    await schemas.close();
    await proxy.close();
  });
  after(() => cluster.remove());

  async function open(options: Parameters<TemporarySchemas["open"]>[0] = {}): Promise<SqlDatabase> {
    proxy = await SocketProxy.start({ port: cluster.port });
    return schemas.open({ port: proxy.port, migrations, ...options });
  }

  const failure = (work: Promise<unknown>): Promise<SqlError> =>
    work.then(() => assert.fail("it did not fail"), (error: unknown) => {
      assert.ok(error instanceof SqlError, String(error));
      return error;
    });
  const countHits = async (database: SqlDatabase): Promise<number> =>
    (await hitsOf(database).selectFrom("hits").select(({ fn }) => fn.countAll<number>().as("count")).executeTakeFirstOrThrow()).count;

  it("reads on over new connections when all were cut", async () => {
    const database = await open();
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 8 }, () => countHits(database)));
      const reads = Array.from({ length: 8 }, () => countHits(database));
      proxy.cut();
      assert.deepEqual(await Promise.all(reads), Array.from({ length: 8 }, () => 0));
    }
  });

  it("reads again when an answer breaks off in the middle, wherever", async () => {
    const database = await open();
    await hitsOf(database).insertInto("hits").values(Array.from({ length: 500 }, (_, work) => ({ work, part: 0 }))).execute();
    for (let afterBytes = 0; afterBytes < 6000; afterBytes += 400) {
      proxy.cut();
      let faults = 2;
      proxy.plan(() => (faults-- > 0 ? { kind: "cut", afterBytes } : { kind: "none" }));
      assert.equal((await hitsOf(database).selectFrom("hits").selectAll().execute()).length, 500);
    }
  });

  it("keeps what it answered, whole and once, while connections are cut, stalled and refused at random", async () => {
    const database = await open({ answerTimeoutMs: 500, statementTimeoutMs: 400 });
    const schema = await schemaOf(database);
    const random = seededRandom("connections");
    const fault = (): SocketFault => {
      switch (random.integer(0, 5)) {
        case 0: return { kind: "refuse" };
        case 1: return { kind: "cut", afterBytes: random.integer(0, 5999) };
        case 2: return { kind: "cut", afterBytes: 1500 + random.integer(0, 1499) };
        case 3: return { kind: "trickle", pieceBytes: 1 + random.integer(0, 39) };
        default: return { kind: "none" };
      }
    };
    proxy.plan(fault);
    const answered = new Set<number>();
    let failed = 0;
    const client = async (first: number): Promise<void> => {
      for (let work = first; work < first + 100; work++) {
        try {
          await writeWork(database, random.pick<WorkKind>(["single", "batch", "transaction"]), work);
          answered.add(work);
        } catch (error) {
          assert.equal(toAppError(error).code, "DATABASE_UNAVAILABLE", String(error));
          failed++;
        }
        if (random.integer(0, 24) === 0) proxy.cut();
      }
    };
    await Promise.all([0, 1000, 2000, 3000].map(client));
    // Over a connection of its own, without limits of time: those that trickle may be kept.
    const rows = await hitsOf(await schemas.open({ schema, migrations })).selectFrom("hits").selectAll().execute();
    assert.deepEqual(contradictions(rows, answered), []);
    assert.ok(failed > 0 && answered.size > 0, `${failed} failed, ${answered.size} answered`);
  });

  it("does a transaction again when its connection is lost before the commit", async () => {
    const database = await open();
    let attempts = 0;
    await database.transaction(async (transaction) => {
      await sql`insert into hits values (1, ${attempts})`.execute(transaction);
      if (++attempts < 3) proxy.cut();
      await sql`insert into hits values (2, ${attempts})`.execute(transaction);
    });
    assert.equal(attempts, 3);
    assert.deepEqual(await hitsOf(database).selectFrom("hits").selectAll().orderBy("work").execute(), [{ work: 1, part: 2 }, { work: 2, part: 3 }]);
  });

  it("does not repeat a write whose answer was lost, unless it is idempotent", async () => {
    const database = await open({ connections: 3 });
    // The server does it and its answer does not arrive: each insert waits for a lock until the connection is cut.
    const lostAnswer = async (write: () => Promise<unknown>): Promise<unknown> => {
      const locker = await schemas.open({ schema: await schemaOf(database), migrations });
      const gate = Promise.withResolvers<void>();
      const locked = Promise.withResolvers<void>();
      const holding = locker.transaction(async (transaction) => {
        await sql`lock table hits in exclusive mode`.execute(transaction);
        locked.resolve();
        await gate.promise;
      });
      await locked.promise;
      const outcome = write().then(() => null, (error: unknown) => error);
      await cluster.until("select 1 from pg_locks where not granted");
      // From here on the client hears nothing; the server goes on when the lock is free.
      proxy.stall();
      gate.resolve();
      await holding;
      await cluster.until("select 1 where not exists (select 1 from pg_locks where not granted)");
      await cluster.until("select 1 where not exists (select 1 from pg_stat_activity where application_name = 'slipway' and state = 'active')");
      proxy.cut();
      return outcome;
    };
    const insert = hitsOf(database).insertInto("hits").values({ work: 1, part: 1 });
    const error = await lostAnswer(() => insert.execute());
    assert.ok(error instanceof SqlError && error.reason === "connection_lost", String(error));
    const told = toAppError(error);
    assert.deepEqual([told.code, told.status, told.retryAfterSeconds], ["DATABASE_UNAVAILABLE", 503, 1]);
    assert.equal(await countHits(database), 1);
    assert.equal(await lostAnswer(() => database.writeBatch([insert.compile()], { idempotent: true })), null);
    assert.equal(await countHits(database), 3);
  });

  it("gives up a connection that says nothing, and reads over another", async () => {
    const database = await open({ answerTimeoutMs: 1500, statementTimeoutMs: 1000 });
    await countHits(database);
    proxy.stall();
    assert.equal(await countHits(database), 0);
  });

  it("refuses at once when too many wait for a connection, and recovers", async () => {
    const database = await open({ connections: 3, maxWaiting: 4 });
    const gate = Promise.withResolvers<void>();
    const begun: Promise<unknown>[] = [];
    const writing = Array.from({ length: 2 }, () => {
      const started = Promise.withResolvers<void>();
      begun.push(started.promise);
      return database.transaction(async (transaction) => {
        await sql`insert into hits values (1, 1)`.execute(transaction);
        started.resolve();
        await gate.promise;
      });
    });
    await Promise.all(begun);
    const waiting = Array.from({ length: 4 }, () => hitsOf(database).insertInto("hits").values({ work: 2, part: 2 }).execute());
    const shed = await failure(hitsOf(database).insertInto("hits").values({ work: 3, part: 3 }).execute());
    assert.equal(shed.reason, "overloaded");
    const told = toAppError(shed);
    assert.deepEqual([told.code, told.status, told.retryAfterSeconds], ["DATABASE_UNAVAILABLE", 503, 1]);
    // Reads have connections of their own.
    assert.equal(await countHits(database), 0);
    gate.resolve();
    await Promise.all([...writing, ...waiting]);
    await hitsOf(database).insertInto("hits").values({ work: 3, part: 3 }).execute();
    assert.equal(await countHits(database), 7);
  });

  it("refuses a request that waited too long for a connection", async () => {
    const database = await open({ connections: 2, waitTimeoutMs: 30 });
    await untilWritten(database);
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const holding = database.transaction(async (transaction) => {
      await sql`insert into hits values (2, 1)`.execute(transaction);
      started.resolve();
      await gate.promise;
    });
    await started.promise;
    assert.equal((await failure(hitsOf(database).insertInto("hits").values({ work: 3, part: 3 }).execute())).reason, "overloaded");
    gate.resolve();
    await holding;
    await untilWritten(database);
  });

  it("gives those who wait an attempt of their own when the connection that they wait for fails", async () => {
    const database = await open({ connections: 2, waitTimeoutMs: 60_000, patienceMs: 0 });
    for (let round = 0; round < 5; round++) {
      proxy.cut();
      const before = proxy.accepted;
      let refusals = 3;
      proxy.plan(() => (refusals-- > 0 ? { kind: "refuse" } : { kind: "none" }));
      const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => hitsOf(database).insertInto("hits").values({ work: 1, part: 1 }).execute()));
      assert.ok(outcomes.some(({ status }) => status === "fulfilled"));
      assert.ok(proxy.accepted > before);
    }
  });

  it("lends the connection to the next when the one that it was opened for gave up", async () => {
    const database = await open({ connections: 2, waitTimeoutMs: 40 });
    const inserts = (): Promise<unknown>[] => Array.from({ length: 3 }, () => hitsOf(database).insertInto("hits").values({ work: 1, part: 1 }).execute());
    for (let round = 0; round < 5; round++) {
      proxy.plan(() => ({ kind: "trickle", pieceBytes: 1 }));
      proxy.cut();
      await Promise.allSettled(inserts());
    }
    proxy.plan(() => ({ kind: "none" }));
    // A connection that was lost on the way would be missing for ever: there is one for writes.
    await untilWritten(database);
  });

  it("says that the database is unreachable after the grace, refuses at once then, and sees by itself when it is back", async () => {
    const clock = new ManualClock();
    const database = await open({ clock, graceMs: 3000, probeEveryMs: 20 });
    assert.equal(database.isReachable(), true);
    proxy.plan(() => ({ kind: "refuse" }));
    proxy.cut();
    // The probe finds out without any request.
    await proxy.until(proxy.accepted + 2);
    assert.equal(database.isReachable(), true);
    clock.advance(3001);
    while (database.isReachable()) await proxy.until(proxy.accepted + 1);
    const error = await failure(hitsOf(database).insertInto("hits").values({ work: 1, part: 1 }).execute());
    assert.equal(error.reason, "unavailable");
    assert.match(error.message, /only a probe/);
    assert.equal(toAppError(error).retryAfterSeconds, 1);
    proxy.plan(() => ({ kind: "none" }));
    while (!database.isReachable()) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await countHits(database), 0);
  });

  it("waits in vain for a server that refuses everything, and says why at opening", async () => {
    proxy = await SocketProxy.start({ port: cluster.port });
    proxy.plan(() => ({ kind: "refuse" }));
    const schema = await schemas.newSchema();
    await assert.rejects(schemas.open({ schema, port: proxy.port, patienceMs: 0 }), (error) => {
      const told = toAppError(error);
      return told.code === "DATABASE_UNAVAILABLE" && !told.message.includes("127.0.0.1");
    });
  });

  /** To open a connection may take longer than requests wait here: they give up, and a later one gets it. */
  async function untilWritten(database: SqlDatabase): Promise<void> {
    const written = (): Promise<boolean> => hitsOf(database).insertInto("hits").values({ work: 1, part: 1 }).execute().then(() => true, () => false);
    for (let left = 200; !(await written()); left--) assert.ok(left > 0, "no connection came");
  }

  async function schemaOf(database: SqlDatabase): Promise<string> {
    return (await sql<{ name: string }>`select current_schema() as name`.execute(database.queries)).rows[0]!.name;
  }
});
