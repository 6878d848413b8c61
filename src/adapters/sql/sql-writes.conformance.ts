import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { sql, type CompiledQuery, type Kysely, type Transaction } from "kysely";
import type { Migration } from "./migrations/migration.ts";
import type { SqlDatabase } from "./sql-database.ts";
import { SqlError } from "./sql-error.ts";

interface AccountSchema {
  accounts: { id: number; owner: string; balance: number };
}

/** The tables that the suite works on: the owner `ada`, and no account. */
export const accountMigration: Migration = {
  number: 1,
  name: "accounts",
  async up(database, { columnTypes: { integer, text }, tableEnding }) {
    await database.schema.createTable("owners").addColumn("name", text, (column) => column.primaryKey().notNull()).modifyEnd(tableEnding).execute();
    await database.schema
      .createTable("accounts")
      .addColumn("id", integer, (column) => column.primaryKey().notNull())
      .addColumn("owner", text, (column) => column.notNull().references("owners.name"))
      .addColumn("balance", integer, (column) => column.notNull().check(sql`balance >= 0`))
      .modifyEnd(tableEnding)
      .execute();
    await database.insertInto("owners").values({ name: "ada" }).execute();
  },
};

/** What a dialect promises about writes. `open` gives a new database with `accountMigration`. */
export function sqlWriteConformance(dialectName: string, open: () => Promise<SqlDatabase>): void {
  const accountsOf = (database: SqlDatabase): Kysely<AccountSchema> => database.queries as unknown as Kysely<AccountSchema>;
  const transact = <Result>(database: SqlDatabase, work: (accounts: Transaction<AccountSchema>) => Promise<Result>): Promise<Result> =>
    database.transaction((transaction) => work(transaction as unknown as Transaction<AccountSchema>));
  const insert = (accounts: Kysely<AccountSchema>, id: number, balance = 1, owner = "ada"): { execute(): Promise<unknown>; compile(): CompiledQuery } =>
    accounts.insertInto("accounts").values({ id, owner, balance });
  const idsOf = async (accounts: Kysely<AccountSchema>): Promise<number[]> =>
    (await accounts.selectFrom("accounts").select("id").orderBy("id").execute()).map((row) => row.id);

  describe(`SQL writes: ${dialectName}`, () => {
    it("names the reason of a failure, keeps its cause, and writes nothing of the statement", async () => {
      const accounts = accountsOf(await open());
      await insert(accounts, 1).execute();
      const rows = (row: { id: number; owner: string | null; balance: number }): Promise<unknown> =>
        accounts.insertInto("accounts").values([{ id: 7, owner: "ada", balance: 1 }, row as { id: number; owner: string; balance: number }]).execute();
      await assert.rejects(rows({ id: 1, owner: "ada", balance: 1 }), hasReason("unique"));
      await assert.rejects(rows({ id: 2, owner: "eve", balance: 1 }), hasReason("foreign_key"));
      await assert.rejects(rows({ id: 2, owner: null, balance: 1 }), hasReason("not_null"));
      await assert.rejects(rows({ id: 2, owner: "ada", balance: -1 }), hasReason("check"));
      await assert.rejects(sql`insert into nowhere values (1)`.execute(accounts), (error) => {
        assert.ok(error instanceof SqlError && error.cause instanceof Error);
        assert.equal(error.statement, "insert into nowhere values (1)");
        return error.reason === "other";
      });
      assert.deepEqual(await idsOf(accounts), [1]);
    });

    it("shows every answered write to the reads after it", async () => {
      const accounts = accountsOf(await open());
      await insert(accounts, 1, 0).execute();
      const readers = Array.from({ length: 3 }, async () => {
        for (let round = 0; round < 60; round++) {
          const raised = await accounts.updateTable("accounts").set((eb) => ({ balance: eb("balance", "+", 1) })).returning("balance").executeTakeFirstOrThrow();
          const read = await accounts.selectFrom("accounts").select("balance").executeTakeFirstOrThrow();
          assert.ok(read.balance >= raised.balance, `read ${read.balance} after ${raised.balance} was answered`);
        }
      });
      await Promise.all(readers);
      assert.deepEqual(await accounts.selectFrom("accounts").select("balance").execute(), [{ balance: 180 }]);
    });

    it("commits a whole transaction, which nobody sees before", async () => {
      const database = await open();
      const accounts = accountsOf(database);
      const result = await transact(database, async (transaction) => {
        await insert(transaction, 1).execute();
        assert.deepEqual(await idsOf(transaction), [1]);
        assert.deepEqual(await idsOf(accounts), []);
        await insert(transaction, 2).execute();
        return "done";
      });
      assert.equal(result, "done");
      assert.deepEqual(await idsOf(accounts), [1, 2]);
    });

    it("leaves nothing of a transaction that throws, and hands on what it threw", async () => {
      const database = await open();
      const planted = new Error("planted");
      const failing = transact(database, async (transaction) => {
        await insert(transaction, 1).execute();
        await transaction.schema.createTable("made_inside").addColumn("id", "integer").execute();
        throw planted;
      });
      await assert.rejects(failing, (error) => error === planted);
      assert.deepEqual(await idsOf(accountsOf(database)), []);
      await assert.rejects(sql`insert into made_inside values (1)`.execute(database.queries), hasReason("other"));
    });

    it("does not commit after a statement that failed, even when the callback goes on", async () => {
      const database = await open();
      const swallowed = transact(database, async (transaction) => {
        await insert(transaction, 1).execute();
        await assert.rejects(insert(transaction, 1).execute(), hasReason("unique"));
        await assert.rejects(insert(transaction, 2).execute(), SqlError);
      });
      await assert.rejects(swallowed, SqlError);
      assert.deepEqual(await idsOf(accountsOf(database)), []);
      await insert(accountsOf(database), 1).execute();
    });

    it("keeps others from a row that a transaction has written, however long it awaits", async () => {
      const database = await open();
      await insert(accountsOf(database), 1, 0).execute();
      const raise = (turns: number): Promise<void> =>
        transact(database, async (transaction) => {
          const { balance } = await transaction.updateTable("accounts").set((eb) => ({ balance: eb("balance", "+", 1) })).returning("balance").executeTakeFirstOrThrow();
          for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
          await Promise.all([
            transaction.updateTable("accounts").set({ balance: balance + 1 }).execute(),
            transaction.selectFrom("accounts").selectAll().execute(),
          ]);
        });
      const single = accountsOf(database).updateTable("accounts").set((eb) => ({ balance: eb("balance", "+", 1) }));
      await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 4 === 0 ? single.execute() : raise(index % 5))));
      assert.deepEqual(await accountsOf(database).selectFrom("accounts").select("balance").execute(), [{ balance: 10 + 2 * 30 }]);
    });

    it("refuses writes past a transaction inside its callback, but not reads, and not later", async () => {
      const database = await open();
      const accounts = accountsOf(database);
      let later: Promise<unknown> | undefined;
      const afterwards = Promise.withResolvers<void>();
      await transact(database, async (transaction) => {
        await insert(transaction, 1).execute();
        await assert.rejects(insert(accounts, 2).execute(), hasReason("misuse"));
        await assert.rejects(database.writeBatch([insert(accounts, 2).compile()]), hasReason("misuse"));
        await assert.rejects(database.transaction(async () => undefined), hasReason("misuse"));
        assert.deepEqual(await idsOf(accounts), []);
        later = afterwards.promise.then(() => insert(accounts, 3).execute());
      });
      afterwards.resolve();
      await later;
      assert.deepEqual(await idsOf(accounts), [1, 3]);
    });

    it("refuses a transaction's statements after its end", async () => {
      const database = await open();
      let escaped: Transaction<AccountSchema> | undefined;
      await transact(database, async (transaction) => {
        escaped = transaction;
      });
      await assert.rejects(insert(escaped!, 1).execute());
      assert.deepEqual(await idsOf(accountsOf(database)), []);
    });

    it("runs a batch in order, all or none, with a result for each statement", async () => {
      const database = await open();
      const accounts = accountsOf(database);
      assert.deepEqual(await database.writeBatch([]), []);
      const results = await database.writeBatch([
        accounts.insertInto("accounts").values({ id: 1, owner: "ada", balance: 5 }).returning("id").compile(),
        accounts.updateTable("accounts").set((eb) => ({ balance: eb("balance", "*", 2) })).compile(),
        accounts.selectFrom("accounts").select("balance").compile(),
      ]);
      assert.deepEqual(results.map(({ rows }) => rows), [[{ id: 1 }], [], [{ balance: 10 }]]);
      assert.equal(results[1]?.numAffectedRows, 1n);
      await assert.rejects(database.writeBatch([insert(accounts, 2).compile(), insert(accounts, 1).compile(), insert(accounts, 3).compile()]), hasReason("unique"));
      assert.deepEqual(await idsOf(accounts), [1]);
    });

    it("keeps exactly what was answered when batches, transactions and single writes run side by side and some fail", async () => {
      type Work = { kind: "single" | "batch" | "transaction"; ids: number[]; fails: boolean };
      const work = fc.record<Work>({
        kind: fc.constantFrom("single", "batch", "transaction"),
        ids: fc.uniqueArray(fc.nat(60), { minLength: 1, maxLength: 4 }),
        fails: fc.boolean(),
      });
      const run = async (database: SqlDatabase, { kind, ids, fails }: Work): Promise<number[]> => {
        const accounts = accountsOf(database);
        // The last statement of a failing one breaks a check, after the others succeeded.
        const balance = (index: number): number => (fails && index === ids.length - 1 ? -1 : 1);
        if (kind === "single") await accounts.insertInto("accounts").values(ids.map((id, index) => ({ id, owner: "ada", balance: balance(index) }))).execute();
        else if (kind === "batch") await database.writeBatch(ids.map((id, index) => insert(accounts, id, balance(index)).compile()));
        else await transact(database, async (transaction) => { for (const [index, id] of ids.entries()) await insert(transaction, id, balance(index)).execute(); });
        return ids;
      };
      const database = await open();
      await fc.assert(
        fc.asyncProperty(fc.array(work, { minLength: 10, maxLength: 40 }), async (works) => {
          await accountsOf(database).deleteFrom("accounts").execute();
          const outcomes = await Promise.allSettled(works.map((each) => run(database, each)));
          const answered = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
          assert.deepEqual(await idsOf(accountsOf(database)), answered.sort((left, right) => left - right));
          for (const [index, outcome] of outcomes.entries()) {
            if (outcome.status === "rejected") assert.ok(outcome.reason instanceof SqlError && (works[index]!.fails || outcome.reason.reason === "unique"));
            else assert.ok(!works[index]!.fails);
          }
        }),
        { numRuns: 25 },
      );
    });

    it("finishes what is under way before it closes, and refuses everything after", async () => {
      const database = await open();
      const accounts = accountsOf(database);
      const written = Promise.all([insert(accounts, 1).execute(), transact(database, async (transaction) => { await insert(transaction, 2).execute(); })]);
      const read = idsOf(accounts);
      await new Promise((resolve) => setImmediate(resolve));
      await database.close();
      await written;
      await read;
      await assert.rejects(idsOf(accounts));
      await assert.rejects(insert(accounts, 3).execute());
      await assert.rejects(database.writeBatch([]));
      await assert.rejects(database.transaction(async () => undefined));
      await database.close();
    });
  });
}

function hasReason(reason: SqlError["reason"]): (error: unknown) => boolean {
  return (error) => error instanceof SqlError && error.reason === reason;
}
