import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import type { SqlDatabase } from "../../src/adapters/sql/sql-database.ts";
import { toAppError } from "../../src/core/errors.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { registerViolation, type RegisterOperation } from "../kit/register-history.ts";
import { seededRandom, type SeededRandom } from "../kit/seed.ts";
import { SocketProxy } from "../kit/socket-proxy.ts";
import { contradictions, hitMigration, hitsOf, writeWork, type WorkKind } from "./hit-table.ts";

const migrations = [hitMigration];

/** Clients that work until they are told to stop, and what they learnt. */
class Crowd {
  readonly answered = new Set<number>();
  readonly operations: RegisterOperation[] = [];
  refused = 0;
  #moment = 0;
  #lastWork = 0;
  #stopped = false;
  readonly #clients: Promise<void>[] = [];
  readonly #watchers: (() => void)[] = [];

  constructor(databases: readonly SqlDatabase[], clientsOfEach: number) {
    const random = seededRandom("crowd");
    for (const database of databases) for (let client = 0; client < clientsOfEach; client++) this.#clients.push(this.#run(database, random));
  }

  /** Answers when so many more writes were answered. */
  async progress(writes: number): Promise<void> {
    const goal = this.answered.size + writes;
    while (this.answered.size < goal) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #run(database: SqlDatabase, random: SeededRandom): Promise<void> {
    while (!this.#stopped) {
      const step = random.integer(0, 3);
      if (step === 0) await this.#read(database, `r${random.integer(0, 2)}`);
      else if (step === 1) await this.#write(database, `r${random.integer(0, 2)}`);
      else await this.#work(database, random.pick<WorkKind>(["single", "batch", "transaction"]));
      // A client that is refused at once must leave others their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #work(database: SqlDatabase, kind: WorkKind): Promise<void> {
    const work = ++this.#lastWork;
    if (!(await this.#attempt(() => writeWork(database, kind, work)))) return;
    this.answered.add(work);
    for (const wake of this.#watchers.splice(0)) wake();
  }

  async #write(database: SqlDatabase, register: string): Promise<void> {
    const value = ++this.#lastWork;
    const operation: RegisterOperation = { kind: "write", register, value, start: ++this.#moment, end: Infinity };
    this.operations.push(operation);
    const done = await this.#attempt(() =>
      hitsOf(database).insertInto("registers").values({ name: register, value }).onConflict((conflict) => conflict.column("name").doUpdateSet({ value })).execute(),
    );
    if (done) operation.end = ++this.#moment;
  }

  async #read(database: SqlDatabase, register: string): Promise<void> {
    const start = ++this.#moment;
    let value: number | null = null;
    const done = await this.#attempt(async () => {
      value = (await hitsOf(database).selectFrom("registers").select("value").where("name", "=", register).executeTakeFirst())?.value ?? null;
    });
    if (done) this.operations.push({ kind: "read", register, value, start, end: ++this.#moment });
  }

  async #attempt(action: () => Promise<unknown>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      assert.equal(toAppError(error).code, "DATABASE_UNAVAILABLE", String(error));
      this.refused++;
      return false;
    }
  }
}

async function assertKept(crowd: Crowd, database: SqlDatabase): Promise<void> {
  const read = (): Promise<Parameters<typeof contradictions>[0]> => hitsOf(database).selectFrom("hits").selectAll().execute();
  // It may not have noticed yet that the server is back.
  const retried = async (error: unknown): ReturnType<typeof read> => {
    assert.equal(toAppError(error).code, "DATABASE_UNAVAILABLE", String(error));
    await betweenLooks();
    return read().catch(retried);
  };
  const rows = await read().catch(retried);
  assert.deepEqual(contradictions(rows, crowd.answered), []);
  assert.equal(registerViolation(crowd.operations), null);
  assert.ok(crowd.operations.length > 20);
}

describe("Postgres that goes away in mid-write", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  const others: { remove(): Promise<void> }[] = [];
  before(async () => { cluster = await PostgresCluster.start({ fsync: true }); });
  afterEach(async () => {
    await schemas.close();
    for (const other of others.splice(0)) await other.remove();
  });
  after(() => cluster.remove());

  const openTwo = async (port = cluster.port): Promise<[SqlDatabase, SqlDatabase]> => {
    const schema = await schemas.newSchema();
    const options = { schema, port, migrations, probeEveryMs: 50, answerTimeoutMs: 3000, statementTimeoutMs: 2000 };
    return [await schemas.open(options), await schemas.open(options)];
  };

  it("crashes and comes back three times: what was answered is there, nothing twice, nothing half", async () => {
    const databases = await openTwo();
    const crowd = new Crowd(databases, 4);
    for (let round = 0; round < 3; round++) {
      await crowd.progress(60);
      await cluster.stop("immediate");
      await cluster.restart();
    }
    await crowd.progress(60);
    await crowd.stop();
    await assertKept(crowd, databases[0]);
  });

  it("is shut down in order and comes back", async () => {
    const databases = await openTwo();
    const crowd = new Crowd(databases, 4);
    await crowd.progress(60);
    await cluster.stop("fast");
    await cluster.restart();
    await crowd.progress(60);
    await crowd.stop();
    await assertKept(crowd, databases[1]);
  });

  it("freezes and goes on", async () => {
    const databases = await openTwo();
    const crowd = new Crowd(databases, 3);
    await crowd.progress(60);
    await cluster.pause();
    const refused = crowd.refused;
    // Frozen for so long that a client gives a connection up.
    while (crowd.refused === refused) await betweenLooks();
    await cluster.resume();
    await crowd.progress(60);
    await crowd.stop();
    await assertKept(crowd, databases[0]);
  });

  it("dies for good and its standby is promoted behind a proxy: what was answered is there, nothing twice, nothing half", async () => {
    const primary = await PostgresCluster.start({ fsync: true });
    others.push(primary);
    const standby = await primary.follow({ synchronous: true });
    others.push(standby);
    const proxy = await SocketProxy.start({ port: primary.port });
    others.push({ remove: () => proxy.close() });
    const databases = await openOn(primary, proxy.port);
    const crowd = new Crowd(databases, 4);
    await crowd.progress(100);
    await primary.kill();
    await standby.promote();
    proxy.retarget({ port: standby.port });
    proxy.cut();
    await crowd.progress(100);
    await crowd.stop();
    await assertKept(crowd, databases[0]);
    for (const database of databases) await database.close();
  });

  it("fails over to the other host of the URL, and takes no standby for a primary", async () => {
    const primary = await PostgresCluster.start();
    others.push(primary);
    const standby = await primary.follow({ synchronous: true });
    others.push(standby);
    // The standby is named first: it answers, takes no writes, and is passed over.
    const databases = await openOn(primary, `127.0.0.1:${standby.port},127.0.0.1:${primary.port}`);
    const crowd = new Crowd(databases, 3);
    await crowd.progress(60);
    await primary.stop("immediate");
    await standby.promote();
    await crowd.progress(60);
    await crowd.stop();
    await assertKept(crowd, databases[0]);
    for (const database of databases) await database.close();
    await assert.rejects(openHosts(`127.0.0.1:${primary.port}`), (error) => toAppError(error).code === "DATABASE_UNAVAILABLE");
  });

  const openHosts = (hosts: number | string, schema = "public"): Promise<SqlDatabase> => {
    const list = typeof hosts === "number" ? `127.0.0.1:${hosts}` : hosts;
    return schemas.openUrl(`postgres://slipway@${list}/postgres?options=${encodeURIComponent(`-c search_path=${schema}`)}`, {
      migrations, probeEveryMs: 50, answerTimeoutMs: 3000, statementTimeoutMs: 2000,
    });
  };

  async function openOn(primary: PostgresCluster, hosts: number | string): Promise<[SqlDatabase, SqlDatabase]> {
    const schema = await primary.createSchema("failing");
    return [await openHosts(hosts, schema), await openHosts(hosts, schema)];
  }
});
