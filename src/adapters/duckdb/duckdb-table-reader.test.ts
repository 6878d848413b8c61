import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DuckDBInstance } from "@duckdb/node-api";
import fc, { codePoint } from "../../../test/kit/fast-check.ts";
import { compileCache } from "../../../test/kit/compile-cache.ts";
import { AppError } from "../../core/errors.ts";
import type { CellValue } from "../../datasets/index.ts";
import { DuckdbChild } from "./duckdb-child.ts";
import { DuckdbTableReader } from "./duckdb-table-reader.ts";
import { sqlText } from "./sql-text.ts";

describe("DuckdbTableReader", () => {
  const child = new DuckdbChild({ environment: compileCache });
  const reader = new DuckdbTableReader(child);
  let directory: string;
  let instance: DuckDBInstance;
  let files = 0;
  before(async () => {
    instance = await DuckDBInstance.create(":memory:");
    // A name that SQL and globs would both trip over, in a folder of its own: for a glob all that stands beside it is looked at.
    directory = join(await mkdtemp(join(tmpdir(), "slipway-rows-")), "[a]*'q");
    await mkdir(directory);
  });
  after(async () => {
    await child.close();
    instance.closeSync();
    await rm(dirname(directory), { recursive: true, force: true });
  });
  const all = { offset: 0, limit: 1000 };

  async function csv(content: string): Promise<string> {
    const path = join(directory, `${++files}`);
    await writeFile(path, content);
    return path;
  }

  async function parquet(query: string): Promise<string> {
    const path = join(directory, `${++files}`);
    const connection = await instance.connect();
    await connection.run(`COPY (${query}) TO ${sqlText(path)} (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
    connection.closeSync();
    return path;
  }

  async function assertRefused(action: Promise<unknown>, message: RegExp): Promise<void> {
    await assert.rejects(action, (error) => {
      assert.ok(error instanceof AppError && error.code === "REFERENCE_INVALID", String(error));
      assert.match(error.message, message);
      assert.ok(!error.message.includes(directory) && !/duckdb/i.test(error.message), error.message);
      return true;
    });
  }

  it("reads every type of Parquet without losing anything of a number", async () => {
    const path = await parquet(`SELECT * FROM (VALUES
      (1::BIGINT, 9007199254740993::BIGINT, 18446744073709551615::UBIGINT, 0.1::FLOAT, 'NaN'::DOUBLE, 1.25::DECIMAL(5,2), true, 'a''b"c
é😀'),
      (-1, -9223372036854775808, 0, 'inf'::FLOAT, NULL, NULL, NULL, NULL)) AS t(small, big, unsigned, single, double, exact, truth, word)`);
    assert.deepEqual(await reader.readRows(path, "parquet", ["word", "small", "big", "unsigned", "single", "double", "exact", "truth", "small"], all), [
      ["a'b\"c\né😀", null], [1, -1], ["9007199254740993", "-9223372036854775808"], ["18446744073709551615", 0], [Math.fround(0.1), Infinity],
      [NaN, null], [1.25, null], [true, null], [1, -1],
    ]);
  });

  it("writes points in time as ISO 8601, whatever the machine's time zone", async () => {
    const path = await parquet(`SELECT DATE '2001-02-03' AS day, TIMESTAMP '2001-02-03 04:05:06.123456' AS at, TIMESTAMP_NS '2001-02-03 04:05:06.123456789' AS exact,
      TIMESTAMPTZ '2001-02-03 04:05:06+02:00' AS zoned, TIME '04:05:06' AS clock, [1, NULL] AS list`);
    assert.deepEqual(await reader.readRows(path, "parquet", ["day", "at", "exact", "zoned", "clock", "list"], all), [
      ["2001-02-03"], ["2001-02-03T04:05:06.123456"], ["2001-02-03T04:05:06.123456789"], ["2001-02-03T02:05:06Z"], ["04:05:06"], ["[1, NULL]"],
    ]);
    const text = await csv("at\n2001-02-03\n2001-02-03 04:05:06.123456789\n2001-02-03T04:05:06+02:00\n2001-2-3 04:05:06\n");
    assert.deepEqual(await reader.readRows(text, "csv", ["at"], all), [
      ["2001-02-03", "2001-02-03T04:05:06.123456789", "2001-02-03T04:05:06+02:00", "2001-02-03T04:05:06"],
    ]);
  });

  it("reads any page of a large file in the order of the file, and nothing behind its end", async () => {
    const rows = 20_000;
    const written = Array.from({ length: rows }, (_, index) => (index * 7919) % rows);
    const paths = { csv: await csv(`n,other\n${written.map((value) => `${value},x`).join("\n")}\n`), parquet: await parquet(`SELECT (range * 7919) % ${rows} AS n, 'x' AS other FROM range(${rows})`) };
    for (const format of ["csv", "parquet"] as const) {
      for (const [offset, limit] of [[0, 1], [0, 5000], [2047, 3], [4999, 5001], [rows - 2, 10], [rows, 10], [5, 0]] as const) {
        assert.deepEqual(await reader.readRows(paths[format], format, ["n"], { offset, limit }), [written.slice(offset, offset + limit)], `${format} ${offset} ${limit}`);
      }
    }
  });

  it("answers with what was written, for any table of CSV and of Parquet", async () => {
    const word = fc.string({ unit: codePoint, maxLength: 8 }).map((text) => `w${text.replaceAll("\0", "").replaceAll("\r", "")}w`);
    const columns: Record<string, { kind: string; values: fc.Arbitrary<{ cell: CellValue; text: string }> }> = {
      integer: { kind: "BIGINT", values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ cell: Number.isSafeInteger(Number(value)) ? Number(value) : String(value), text: String(value) })) },
      float: { kind: "DOUBLE", values: fc.double({ noNaN: true }).map((value) => ({ cell: value, text: infinities.get(value) ?? (Object.is(value, -0) ? "-0" : String(value)) })) },
      truth: { kind: "BOOLEAN", values: fc.boolean().map((value) => ({ cell: value, text: String(value) })) },
      word: { kind: "VARCHAR", values: word.map((value) => ({ cell: value, text: value })) },
    };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record(Object.fromEntries(Object.entries(columns).map(([name, { values }]) => [name, fc.option(values, { freq: 4 })]))), { minLength: 1, maxLength: 12 }), async (rows) => {
        // A column needs one value that shows what it is; a fraction, where it holds floats.
        const first = { integer: { cell: 1, text: "1" }, float: { cell: 0.5, text: "0.5" }, truth: { cell: true, text: "true" }, word: { cell: "word", text: "word" } };
        const table = [first, ...rows] as Record<string, { cell: CellValue; text: string } | null>[];
        const names = Object.keys(columns);
        const expected = names.map((name) => table.map((row) => row[name]?.cell ?? null));
        const quotedOrNothing = (text: string | undefined): string => (text === undefined ? "" : `"${text.replaceAll('"', '""')}"`);
        const sqlOrNull = (text: string | undefined): string => (text === undefined ? "NULL" : sqlText(text));
        const asCsv = await csv(`${names.join(",")}\n${table.map((row) => names.map((name) => quotedOrNothing(row[name]?.text)).join(",")).join("\n")}\n`);
        assert.deepEqual(await reader.readRows(asCsv, "csv", names, all), expected);
        const values = table.map((row) => `(${names.map((name) => `CAST(${sqlOrNull(row[name]?.text)} AS ${columns[name]!.kind})`).join(", ")})`);
        const asParquet = await parquet(`SELECT * FROM (VALUES ${values.join(", ")}) AS t(${names.join(", ")})`);
        assert.deepEqual(await reader.readRows(asParquet, "parquet", names, all), expected);
      }),
      { numRuns: 6 },
    );
  });

  it("refuses what it cannot read, and reads on", async () => {
    const path = await csv("a,b\n1,2\n");
    await assertRefused(reader.readRows(path, "csv", ["a", "c\"; DROP"], all), /no column/);
    await assertRefused(reader.readRows(path, "parquet", ["a"], all), /not a whole Parquet file/);
    await assertRefused(reader.readRows(await csv("a,b\n1\n"), "csv", ["a"], all), /1 columns near line 2/);
    const huge = await parquet("SELECT repeat('x', 1000000) AS word FROM range(100)");
    await assertRefused(reader.readRows(huge, "parquet", ["word"], all), /too large to be read at once/);
    assert.deepEqual((await reader.readRows(huge, "parquet", ["word"], { offset: 3, limit: 1 }))[0]![0], "x".repeat(1_000_000));
    assert.deepEqual(await reader.readRows(path, "csv", ["b", "a"], all), [[2], [1]]);
    assert.deepEqual(await reader.readRows(path, "csv", [], all), []);
  });
});

const infinities = new Map([[Infinity, "inf"], [-Infinity, "-inf"]]);
