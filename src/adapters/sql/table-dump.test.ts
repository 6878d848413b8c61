import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc, { codePoint } from "../../../test/kit/fast-check.ts";
import { sql } from "kysely";
import { epochMs } from "../../core/clock.ts";
import { SqliteDialect } from "./dialects/sqlite/sqlite-dialect.ts";
import { openSqlDatabase } from "./sql-database.ts";
import { tableDigest } from "./table-backup-source.ts";
import { decodeRow, dumpedTables, encodeRow, readTable, undumpedTables } from "./table-dump.ts";
import { loadTables } from "./table-load.ts";

const directory = mkdtempSync(join(tmpdir(), "slipway-dump-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const value = fc.oneof(fc.string({ unit: codePoint }), fc.integer(), fc.double({ noNaN: true }), fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }), fc.uint8Array(), fc.constant(null));

describe("a dump of tables", () => {
  it("names every table that the migrations make, by its primary key", async () => {
    const database = await openSqlDatabase(new SqliteDialect({ path: join(directory, "tables.db") }), { now: epochMs(1) });
    const { rows } = await sql<{ name: string }>`select name from sqlite_schema where type = 'table' and name not like 'sqlite%' order by name`.execute(database.queries);
    assert.deepEqual(rows.map(({ name }) => name), [...dumpedTables.map(({ table }) => table as string), ...Object.keys(undumpedTables)].sort());
    for (const { table, key } of dumpedTables) {
      const columns = await sql<{ name: string; pk: number }>`select name, pk from pragma_table_info(${table}) where pk > 0 order by pk`.execute(database.queries);
      assert.deepEqual(columns.rows.map(({ name }) => name), key, table);
    }
    await database.close();
  });

  it("gives back every value as it was", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), value), (row) => {
        const line = encodeRow(row);
        assert.ok(!line.includes("\n"));
        const back = decodeRow(line);
        for (const [column, given] of Object.entries(row)) {
          if (given instanceof Uint8Array) assert.deepEqual([...(back[column] as Uint8Array)], [...given]);
          else assert.deepEqual(back[column], Object.is(given, -0) ? 0 : given);
        }
      }),
    );
  });

  it("loads into another database with the same digests, over several pages", async () => {
    const now = epochMs(5);
    const source = await openSqlDatabase(new SqliteDialect({ path: join(directory, "source.db") }), { now });
    const target = await openSqlDatabase(new SqliteDialect({ path: join(directory, "target.db") }), { now });
    const rows = Array.from({ length: 2500 }, (_, index) => ({
      prediction_id: `prd_${String(index % 50).padStart(3, "0")}`, row_index: Math.floor(index / 50), value_json: JSON.stringify({ text: "a\u2028b", index }),
      observed_at: index, received_at: index, corrections: 0,
    }));
    for (let start = 0; start < rows.length; start += 500) await source.queries.insertInto("truths").values(rows.slice(start, start + 500)).execute();
    await source.queries.insertInto("minute_statistics").values({ model: "m", version: 1, minute: 1, payload: new Uint8Array([0, 255]) }).execute();
    await source.queries.updateTable("sequences").set({ value: 77 }).execute();
    await target.transaction((transaction) => loadTables(transaction, dumpedTables, (dumped) => readTable(source.queries, dumped)));
    for (const dumped of dumpedTables) {
      assert.deepEqual(await tableDigest(target.queries, dumped), await tableDigest(source.queries, dumped), dumped.table);
    }
    assert.equal((await tableDigest(target.queries, dumpedTables.find(({ table }) => table === "truths")!)).rows, 2500);
    await source.close();
    await target.close();
  });

  it("reads one moment while others write", async () => {
    const database = await openSqlDatabase(new SqliteDialect({ path: join(directory, "moment.db") }), { now: epochMs(1) });
    const teams = dumpedTables.find(({ table }) => table === "teams")!;
    const add = (name: string) => database.queries.insertInto("teams").values({ name, description: "", created_at: 1 }).execute();
    await add("before");
    await database.snapshot(async (snapshot) => {
      await add("meanwhile");
      assert.equal((await tableDigest(snapshot, teams)).rows, 2);
      await assert.rejects(snapshot.insertInto("teams").values({ name: "through", description: "", created_at: 1 }).execute());
    });
    assert.equal((await tableDigest(database.queries, teams)).rows, 3);
    await database.close();
  });
});
