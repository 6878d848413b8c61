import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, it } from "node:test";
import { SqliteReader } from "./sqlite-reader.ts";

describe("SqliteReader", () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-reader-"));
  after(() => rmSync(folder, { recursive: true }));
  const invalid = { code: "IMPORT_SOURCE_INVALID" };

  it("fails what is asked of a thread that has ended, instead of leaving it without an answer", async () => {
    const file = join(folder, "source.db");
    const source = new DatabaseSync(file);
    source.exec("create table runs (name text); insert into runs values ('one')");
    source.close();
    const reader = new SqliteReader(file);
    assert.deepEqual(await reader.all("select name from runs"), [{ name: "one" }]);
    // Not within a query: SQLite goes on with one until it has its end, and the thread with it.
    const closing = reader.close();
    await assert.rejects(reader.all("select 1"), invalid);
    await closing;
    await assert.rejects(reader.all("select 1"), invalid);
    await assert.rejects(reader.columns("experiments"), invalid);
  });

  it("fails every question of a file that is no database", async () => {
    const file = join(folder, "no.db");
    writeFileSync(file, "no database at all, and long enough to be read as the head of one ".repeat(10));
    const reader = new SqliteReader(file);
    for (let asked = 0; asked < 3; asked++) await assert.rejects(reader.all("select name from sqlite_master"), invalid);
    await reader.close();
  });
});
