import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { LedgerEntry } from "../../../../ledger/index.ts";
import { ledgerEntry } from "../../../../ledger/ledger-store.conformance.ts";
import type { SqlDatabase } from "../../sql-database.ts";
import { SqliteThread } from "./sqlite-thread.ts";
import { SqliteWriter } from "./sqlite-writer.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

const textOf = (entry: LedgerEntry): string => JSON.stringify(entry);

describe("packed writes on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());

  const addEntries = (database: SqlDatabase, ...entries: readonly string[]): Promise<void> => database.writePacked({ kind: "ledgerEntries", entries });
  const idsIn = async ({ queries }: SqlDatabase): Promise<string[]> => (await queries.selectFrom("ledger_entries").select("id").orderBy("id").execute()).map(({ id }) => id);

  it("keep their order among other writes", async () => {
    const database = await databases.open();
    const [first, second, third] = [ledgerEntry(), ledgerEntry(), ledgerEntry()];
    const removeAll = (): Promise<unknown> => database.writeBatch([database.queries.deleteFrom("ledger_entries").compile()]);
    await Promise.all([addEntries(database, textOf(first)), removeAll(), addEntries(database, textOf(second)), removeAll(), addEntries(database, textOf(third))]);
    assert.deepEqual(await idsIn(database), [third.id]);
  });

  it("are done before what comes to the thread after them, also while it loads what the first of them needs", async () => {
    const path = databases.newPath();
    await (await databases.open({ path })).close();
    const thread = new SqliteThread({ path, mode: "write", busyTimeoutMs: 1000 });
    const count = (): Promise<unknown> => thread.request("statement", { sql: "select count(*) from ledger_entries", parameters: [], inTransaction: false }).then(({ answer }) => answer.rows[0]![0]);
    const write = (): Promise<unknown> => thread.request("batches", { texts: [], batches: [{ kind: "ledgerEntries", entries: [textOf(ledgerEntry())] }] });
    const [before, , between, , after] = await Promise.all([count(), write(), count(), write(), count()]);
    await thread.close();
    assert.deepEqual([before, between, after], [0, 1, 2]);
  });

  it("fail alone and whole, and what shares their commit stays", async () => {
    const database = await databases.open();
    const [good, other, last] = [ledgerEntry(), ledgerEntry(), ledgerEntry()];
    const results = await Promise.allSettled([addEntries(database, textOf(good)), addEntries(database, textOf(other), "no JSON"), addEntries(database, textOf(other), textOf({ ...ledgerEntry(), model: null as unknown as string })), addEntries(database, textOf(last))]);
    assert.deepEqual(results.map(({ status }) => status), ["fulfilled", "rejected", "rejected", "fulfilled"]);
    assert.deepEqual(await idsIn(database), [good.id, last.id]);
    const sums = await database.queries.selectFrom("ledger_hours").select(["calls", "cost"]).execute();
    assert.deepEqual(sums, [{ calls: 2, cost: 2000 }]);
  });

  it("are not lost without a word when the thread dies, and go on with the next one", async () => {
    const path = databases.newPath();
    const database = await databases.open({ path });
    await database.close();
    const thread = new SqliteThread({ path, mode: "write", busyTimeoutMs: 1000 });
    const writer = new SqliteWriter(thread);
    const write = (): Promise<unknown> => writer.batch({ kind: "ledgerEntries", entries: [textOf(ledgerEntry({ id: "led_a" }))] });
    const lost = write();
    await thread.kill();
    await assert.rejects(lost, { reason: "connection_lost" });
    await write();
    await writer.close();
    assert.deepEqual(await idsIn(await databases.open({ path })), ["led_a"]);
  });
});
