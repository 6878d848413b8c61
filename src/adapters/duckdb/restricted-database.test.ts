import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { withRestrictedDatabase } from "./restricted-database.ts";
import { sqlList, sqlName, sqlText } from "./sql-text.ts";

describe("withRestrictedDatabase", () => {
  let directory: string;
  const limits = { memoryMegabytes: 200, threads: 1 };
  const path = (name: string): string => join(directory, name);
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-restricted-"));
    await mkdir(path("open"));
    for (const name of ["given.csv", "canary.csv", "open/one.csv"]) await writeFile(path(name), "a\n1\n");
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const run = (sql: string): Promise<unknown> =>
    withRestrictedDatabase({ ...limits, paths: [path("given.csv")], directories: [path("open")] }, async (connection) => (await connection.runAndReadAll(sql)).getRowsJson());

  it("reads and writes where it may", async () => {
    assert.deepEqual(await run(`SELECT * FROM read_csv(${sqlText(path("given.csv"))})`), [["1"]]);
    assert.deepEqual(await run(`SELECT * FROM read_csv(${sqlText(path("open/one.csv"))})`), [["1"]]);
    await run(`COPY (SELECT 1) TO ${sqlText(path("open/new.csv"))} (USE_TMP_FILE false)`);
    assert.ok(existsSync(path("open/new.csv")));
  });

  it("does nothing else, and cannot be talked out of it", async () => {
    const canary = sqlText(path("canary.csv"));
    for (const sql of [
      `SELECT * FROM read_csv(${canary})`,
      `SELECT * FROM read_text(${canary})`,
      `SELECT * FROM read_csv(${sqlText(path("open/../canary.csv"))})`,
      `SELECT * FROM read_csv(${sqlText(path("*.csv"))})`,
      `SELECT * FROM glob(${sqlText(path("*"))})`,
      `COPY (SELECT 1) TO ${sqlText(path("stolen.csv"))}`,
      `COPY (SELECT 1) TO ${canary}`,
      `ATTACH ${sqlText(path("other.db"))}`,
      `EXPORT DATABASE ${sqlText(path("exported"))}`,
      "SELECT * FROM read_csv('https://example.com/x.csv')",
      "INSTALL httpfs",
      "LOAD httpfs",
      "SET enable_external_access = true",
      "SET lock_configuration = false",
      `SET allowed_paths = [${canary}]`,
      `SET temp_directory = ${sqlText(directory)}`,
      "SET memory_limit = '100GB'",
      "SET threads = 64",
    ]) {
      await assert.rejects(run(sql), sql);
    }
    assert.equal(await readFile(path("canary.csv"), "utf8"), "a\n1\n");
    for (const name of ["stolen.csv", "other.db", "exported"]) assert.equal(existsSync(path(name)), false, name);
  });

  it("fails a query that needs more memory than it may have", async () => {
    await assert.rejects(run("SELECT count(DISTINCT hash(range)) FROM range(100000000)"), /memory/i);
  });
});

describe("SQL text", () => {
  it("carries any name and any text through a query unchanged", async () => {
    const odd = ["", "a'b", 'a"b', "'; DROP TABLE x; --", "a\\'b", "é😀", "$1", "a\nb"];
    await withRestrictedDatabase({ memoryMegabytes: 100, threads: 1 }, async (connection) => {
      const texts = await connection.runAndReadAll(`SELECT unnest(${sqlList(odd)})`);
      assert.deepEqual(texts.getRows().map(([text]) => text), odd);
      for (const name of odd.slice(1)) {
        assert.deepEqual((await connection.runAndReadAll(`SELECT 1 AS ${sqlName(name)}`)).columnNames(), [name]);
      }
    });
    for (const quote of [sqlName, sqlText]) assert.throws(() => quote("a\0b"), RangeError);
  });
});
