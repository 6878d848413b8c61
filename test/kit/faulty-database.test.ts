import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { TemporaryDatabases } from "../../src/adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import type { SqlDatabase } from "../../src/adapters/sql/sql-database.ts";
import { SqlError } from "../../src/adapters/sql/sql-error.ts";
import { contradictions, hitMigration, hitsOf, writeWork, type WorkKind } from "../postgres/hit-table.ts";
import { answerOf, FaultyDatabase, type DatabaseFault } from "./faulty-database.ts";
import { seededRandom } from "./seed.ts";

const kinds: readonly WorkKind[] = ["single", "batch", "transaction"];

describe("FaultyDatabase", () => {
  const databases = new TemporaryDatabases();
  let real: SqlDatabase;
  let faulty: FaultyDatabase;
  beforeEach(async () => {
    real = await databases.open({ migrations: [hitMigration] });
    faulty = new FaultyDatabase(real, seededRandom("faulty database"));
  });
  afterEach(() => databases.remove());

  const count = async (): Promise<number> => (await hitsOf(real).selectFrom("hits").selectAll().execute()).length;
  const failure = (work: Promise<unknown>): Promise<unknown> => work.then(() => null, (error: unknown) => (error instanceof SqlError ? error.reason : error));

  it("does what each fault says, to each way of writing", async () => {
    const expected: [DatabaseFault, reason: string | null, done: boolean][] = [
      ["none", null, true], ["slow", null, true], ["again", null, true], ["before", "unavailable", false], ["after", "connection_lost", true],
    ];
    for (const kind of kinds) {
      for (const [fault, reason, done] of expected) {
        const before = await count();
        faulty.plan(() => fault);
        assert.equal(await failure(writeWork(faulty, kind, 1)), reason, `${kind} ${fault}`);
        assert.equal((await count()) - before, done ? 3 : 0, `${kind} ${fault}`);
      }
    }
  });

  it("breaks transactions off at any statement, also those that go on after it", async () => {
    faulty.plan(() => "during");
    for (let round = 0; round < 10; round++) {
      assert.equal(await failure(writeWork(faulty, "transaction", 1)), "connection_lost");
      const stubborn = faulty.transaction(async (transaction) => {
        for (let part = 0; part < 3; part++) await transaction.executeQuery(hitsOf(real).insertInto("hits").values({ work: 1, part }).compile()).catch(() => undefined);
      });
      assert.equal(await failure(stubborn), "connection_lost");
    }
    assert.equal(await count(), 0);
  });

  it("does an idempotent batch twice when its answer is lost, and a transaction twice when it is undone", async () => {
    faulty.plan(() => "after");
    await faulty.writeBatch([hitsOf(faulty).insertInto("hits").values({ work: 1, part: 1 }).compile()], { idempotent: true });
    assert.equal(await count(), 2);
    faulty.plan(() => "again");
    let times = 0;
    await faulty.transaction(async () => { times++; });
    assert.equal(times, 2);
  });

  it("is away for a while, says so, and comes back", async () => {
    const planned: DatabaseFault[] = ["away"];
    faulty.plan(() => planned.shift() ?? "none");
    const read = (): Promise<unknown> => failure(hitsOf(faulty).selectFrom("hits").selectAll().execute());
    assert.equal(await read(), "unavailable");
    assert.equal(faulty.isReachable(), false);
    let refusals = 1;
    while ((await read()) === "unavailable") refusals++;
    assert.ok(refusals >= 2 && refusals <= 5, `${refusals} refusals`);
    assert.equal(faulty.isReachable(), true);
  });

  it("does not touch the making of queries, and heals", async () => {
    faulty.plan(() => "before");
    assert.match(hitsOf(faulty).selectFrom("hits").selectAll().compile().sql, /^select \* from "hits"$/);
    faulty.heal();
    for (const kind of kinds) await writeWork(faulty, kind, 1);
    assert.deepEqual(faulty.met, { ...faulty.met, none: kinds.length, before: 0 });
  });

  it("leaves whole work by any seed, and tells apart what was answered", async () => {
    const answered = new Set<number>();
    const random = seededRandom("work");
    await Promise.all([0, 100, 200].map(async (first) => {
      for (let work = first; work < first + 40; work++) if ((await answerOf(() => writeWork(faulty, random.pick(kinds), work))) !== undefined) answered.add(work);
    }));
    const rows = await hitsOf(real).selectFrom("hits").selectAll().execute();
    assert.deepEqual(contradictions(rows, answered), []);
    assert.ok(answered.size > 0 && answered.size < 120);
    // What is no fault of the database is the caller's to see.
    faulty.heal();
    await assert.rejects(answerOf(() => faulty.transaction(() => Promise.reject(new TypeError("mine")))), TypeError);
  });
});
