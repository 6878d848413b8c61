import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DuckDBInstance } from "@duckdb/node-api";
import fc from "../../../test/kit/fast-check.ts";
import { compileCache } from "../../../test/kit/compile-cache.ts";
import { AppError } from "../../core/errors.ts";
import type { CategoricalColumnProfile, ColumnProfile, NumericColumnProfile, ProfileRequest } from "../../registry/index.ts";
import { DuckdbChild } from "./duckdb-child.ts";
import { DuckdbReferenceProfiler } from "./duckdb-reference-profiler.ts";
import { numericProfile } from "./numeric-profile.ts";

const numeric = (column: string): ProfileRequest => ({ column, input: "x", index: 0, kind: "numeric" });
const categorical = (column: string): ProfileRequest => ({ column, input: "x", index: 0, kind: "categorical" });

describe("DuckdbReferenceProfiler", () => {
  const child = new DuckdbChild({ environment: compileCache });
  const profiler = new DuckdbReferenceProfiler(child);
  let directory: string;
  let instance: DuckDBInstance;
  let files = 0;
  before(async () => {
    instance = await DuckDBInstance.create(":memory:");
    // A name that SQL and globs would both trip over, in a folder of its own: for a glob all that stands beside it is looked at.
    directory = join(await mkdtemp(join(tmpdir(), "slipway-profile-")), "[a]*'q");
    await mkdir(directory);
  });
  after(async () => {
    await child.close();
    instance.closeSync();
    await rm(dirname(directory), { recursive: true, force: true });
  });

  async function csv(content: string | Uint8Array): Promise<string> {
    const path = join(directory, `${++files}`);
    await writeFile(path, content);
    return path;
  }

  /** A Parquet file of what a query answers. */
  async function parquet(query: string): Promise<string> {
    const path = join(directory, `${++files}`);
    const connection = await instance.connect();
    await connection.run(`COPY (${query}) TO '${path.replaceAll("'", "''")}' (FORMAT parquet)`);
    connection.closeSync();
    return path;
  }

  const profile = async (path: string, format: "csv" | "parquet", request: ProfileRequest): Promise<ColumnProfile> => (await profiler.profile(path, format, [request]))[0]!;
  const categories = async (path: string, format: "csv" | "parquet", column: string): Promise<[string, number][]> =>
    ((await profile(path, format, categorical(column))) as CategoricalColumnProfile).categories.map(({ value, count }) => [value, count]);

  async function assertRefused(action: Promise<unknown>, message: RegExp): Promise<void> {
    await assert.rejects(action, (error) => {
      assert.ok(error instanceof AppError && error.code === "REFERENCE_INVALID", String(error));
      assert.match(error.message, message);
      assert.ok(!error.message.includes(directory) && !/duckdb/i.test(error.message), error.message);
      return true;
    });
  }

  it("tells the kinds of a Parquet file's columns", async () => {
    const path = await parquet(`SELECT 1::TINYINT AS small, 2::UBIGINT AS big, 1.5::FLOAT AS single, 1.5::DECIMAL(5,2) AS exact, true AS yes, 'a' AS word,
      TIMESTAMP '2001-01-01' AS at, DATE '2001-01-01' AS day, [1, 2] AS list, {'a': 1, 'b': {'c': 2}} AS nested, 'x'::BLOB AS bytes, 'a'::ENUM('a', 'b') AS category`);
    assert.deepEqual(await profiler.describe(path, "parquet"), {
      rows: 1,
      columns: Object.entries({
        small: "integer", big: "integer", single: "float", exact: "float", yes: "boolean", word: "text", at: "timestamp", day: "timestamp",
        list: "other", nested: "other", bytes: "other", category: "text",
      }).map(([name, kind]) => ({ name, kind })),
    });
  });

  it("tells the kinds of a CSV file's columns from all of their values", async () => {
    const late = Array.from({ length: 50_000 }, () => "1,1,2001-01-01,true,1.0,T,007,,inf").join("\n");
    const path = await csv(`integer,late,at,yes,float,word,zeros,none,numbers\n${late}\n-2,x,2001-01-02 10:00:00,False,1e3,F,10,NA,nan\n`);
    assert.deepEqual(await profiler.describe(path, "csv"), {
      rows: 50_001,
      columns: Object.entries({
        integer: "integer", late: "text", at: "timestamp", yes: "boolean", float: "float", word: "text", zeros: "integer", none: "float", numbers: "float",
      }).map(([name, kind]) => ({ name, kind })),
    });
  });

  it("reads the CSV files that people have", async () => {
    const columnsOf = async (content: string): Promise<string[]> => (await profiler.describe(await csv(content), "csv")).columns.map(({ name, kind }) => `${name}:${kind}`);
    assert.deepEqual(await columnsOf("\ufeffa,b\n1,x\n"), ["a:integer", "b:text"]);
    assert.deepEqual(await columnsOf("a;b\r\n1;2,5\r\n"), ["a:integer", "b:text"]);
    assert.deepEqual(await columnsOf("a\tb\n1\t2.5\n"), ["a:integer", "b:float"]);
    assert.deepEqual(await columnsOf("a|b\n1|2"), ["a:integer", "b:integer"]);
    assert.deepEqual(await columnsOf('"a ""quoted"", name","line\nbreak"\n"x, y",1\n'), ['a "quoted", name:text', "line\nbreak:integer"]);
    assert.deepEqual(await columnsOf(",a,A\n0,1,x\n1,2,y\n"), ["Unnamed: 0:integer", "a:integer", "A:text"]);
    assert.deepEqual(await columnsOf("a\n1\n\n3\n"), ["a:integer"]);
    assert.deepEqual(await columnsOf("select * from x; --,') FROM y\n1,2\n"), ["select * from x; --:integer", "') FROM y:integer"]);
  });

  it("profiles numbers, booleans and missing values of both formats alike", async () => {
    const values = Array.from({ length: 1000 }, (_, index) => (index % 7 === 0 ? null : Math.sin(index) * 100));
    const csvPath = await csv(`x,yes\n${values.map((value, index) => `${value ?? ["", "NA", "nan"][index % 3]},${index % 2 === 0 ? "True" : "False"}`).join("\n")}`);
    const parquetPath = await parquet(`SELECT unnest([${values.map((value, index) => value ?? (index % 2 === 0 ? "NULL" : "'nan'::DOUBLE")).join(",")}]) AS x, range % 2 = 0 AS yes FROM range(1)`);
    const expected: NumericColumnProfile = { kind: "numeric", name: "x", input: "x", index: 0, ...numericProfile(Float64Array.from(values, (value) => value ?? Number.NaN)) };
    assert.deepEqual(await profile(csvPath, "csv", numeric("x")), expected);
    assert.deepEqual(await profile(parquetPath, "parquet", numeric("x")), expected);
    const yes = (await profile(csvPath, "csv", numeric("yes"))) as NumericColumnProfile;
    assert.deepEqual([yes.min, yes.max, yes.mean, yes.missing], [0, 1, 0.5, 0]);
    assert.deepEqual(await categories(csvPath, "csv", "yes"), [["false", 500], ["true", 500]]);
  });

  it("writes numbers that are categories as JavaScript prints them", async () => {
    const path = await parquet(`SELECT * FROM (VALUES (1.0::DOUBLE, 0.1::FLOAT, 9007199254740993::BIGINT, 2.50::DECIMAL(4,2)), (1.0, 0.1, 9007199254740993, 2.5), (1e21, -0.0, -7, 10),
      ('nan', 'inf', NULL, NULL)) AS t(a, b, c, d)`);
    assert.deepEqual(await categories(path, "parquet", "a"), [["1", 2], ["1e+21", 1]]);
    assert.deepEqual(await categories(path, "parquet", "b"), [[String(Math.fround(0.1)), 2], ["0", 1], ["Infinity", 1]]);
    assert.deepEqual(await categories(path, "parquet", "c"), [["9007199254740993", 2], ["-7", 1]]);
    assert.deepEqual(await categories(path, "parquet", "d"), [["2.5", 2], ["10", 1]]);
    assert.deepEqual(await categories(await csv("a\n1.0\n1\n2.50\n"), "csv", "a"), [["1", 2], ["2.5", 1]]);
  });

  it("keeps the thousand most frequent categories and counts the others", async () => {
    const path = await parquet("SELECT range % 1500 AS number, 'c' || (range % 1500) AS text FROM range(1500 * 2 + 700)");
    const found = (await profile(path, "parquet", categorical("number"))) as CategoricalColumnProfile;
    assert.equal(found.distinct, 1500);
    assert.deepEqual(found.categories.slice(0, 3), [{ value: "0", count: 3 }, { value: "1", count: 3 }, { value: "2", count: 3 }]);
    assert.deepEqual(found.categories.slice(699, 702), [{ value: "699", count: 3 }, { value: "700", count: 2 }, { value: "701", count: 2 }]);
    assert.deepEqual([found.categories.length, found.count, found.otherCount], [1000, 3700, 1000]);
    assert.equal(((await profile(path, "parquet", categorical("text"))) as CategoricalColumnProfile).otherCount, 1000);
    const long = await parquet(`SELECT unnest(['short', repeat('x', 2000)]) AS text`);
    assert.deepEqual(await profile(long, "parquet", categorical("text")), {
      kind: "categorical", name: "text", input: "x", index: 0, count: 2, missing: 0, distinct: 2, categories: [{ value: "short", count: 1 }], otherCount: 1,
    });
  });

  it("counts categories as counting by hand does, for any texts", async () => {
    const text = fc.oneof(fc.constantFrom("a", "A", "b", "", "é", "NA", 'x"y', "x'y", "😀", "1", "0\u0000"), fc.string({ unit: "grapheme", maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(text), { minLength: 1, maxLength: 60 }), async (rows) => {
        const literal = (row: string | null): string => (row === null ? "NULL" : `decode(from_hex('${Buffer.from(row).toString("hex")}'))`);
        const path = await parquet(`SELECT unnest([${rows.map(literal).join(", ")}]::VARCHAR[]) AS c`);
        const counts = new Map<string, number>();
        for (const row of rows) if (row !== null) counts.set(row, (counts.get(row) ?? 0) + 1);
        const expected = [...counts].sort(([left, leftCount], [right, rightCount]) => rightCount - leftCount || Buffer.compare(Buffer.from(left), Buffer.from(right)));
        const found = (await profile(path, "parquet", categorical("c"))) as CategoricalColumnProfile;
        assert.deepEqual(found.categories.map(({ value, count }) => [value, count]), expected);
        assert.deepEqual([found.count, found.missing, found.distinct, found.otherCount], [rows.length, rows.filter((row) => row === null).length, counts.size, 0]);
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });

  it("answers in the order of the requests, several columns at once", async () => {
    const path = await parquet("SELECT range AS a, range % 3 AS b, 'x' AS c FROM range(100)");
    const found = await profiler.profile(path, "parquet", [categorical("c"), numeric("b"), numeric("a"), categorical("b")]);
    assert.deepEqual(found.map(({ name, kind }) => `${name} ${kind}`), ["c categorical", "b numeric", "a numeric", "b categorical"]);
    assert.equal((found[2] as NumericColumnProfile).max, 99);
  });

  it("says what is wrong with a file that is no table", async () => {
    const whole = await parquet("SELECT range AS a FROM range(10000)");
    const bytes = await readFile(whole);
    const damaged = Buffer.from(bytes);
    damaged.fill(0xff, 4, bytes.length - 400);
    const cases: [string, "csv" | "parquet", RegExp][] = [
      [await csv(""), "csv", /empty/],
      [await csv(" \n"), "csv", /empty/],
      [await csv("\na,b\n1,2\n"), "csv", /first line/],
      [await csv("a,b\n"), "csv", /no rows/],
      [await csv("a,b,a\n1,2,3\n"), "csv", /two columns named "a"/],
      [await csv("a,b\n1,2\n1,2,3\n"), "csv", /3 columns near line 3 and 2 in its header/],
      [await csv('a,b\n1,"2\n3,4\n'), "csv", /quote/],
      [await csv('"a,b\n1,2\n'), "csv", /first line/],
      [await csv(Buffer.from("a,b\n\xe9,2\n", "latin1")), "csv", /UTF-8/],
      [await csv(Buffer.from("a,b\n1,2\n", "utf16le")), "csv", /bytes that text does not have/],
      [await csv(bytes), "csv", /not a CSV file/],
      [await csv(""), "parquet", /empty/],
      [await csv("PAR1"), "parquet", /not a whole Parquet file/],
      [await csv(bytes.subarray(0, bytes.length - 1)), "parquet", /not a whole Parquet file/],
      [await csv("a,b\n1,2\n"), "parquet", /not a whole Parquet file/],
      [await csv("PAR1\x00\x00\x00\x7fPAR1"), "parquet", /damaged/],
      [await parquet("SELECT 1 AS a WHERE false"), "parquet", /no rows/],
    ];
    for (const [path, format, message] of cases) await assertRefused(profiler.describe(path, format), message);
    await assertRefused(profiler.profile(await csv(damaged), "parquet", [numeric("a")]), /damaged|not a/);
    assert.equal((await profiler.describe(whole, "parquet")).rows, 10_000);
  });

  it("names every column that cannot be profiled as asked", async () => {
    const path = await parquet("SELECT 'x' AS word, TIMESTAMP '2001-01-01' AS at, [1] AS list, 1 AS fine");
    await assert.rejects(profiler.profile(path, "parquet", [numeric("word"), numeric("at"), categorical("list"), numeric("gone"), numeric("fine")]), (error) => {
      assert.ok(error instanceof AppError && error.code === "REFERENCE_INVALID");
      assert.deepEqual(error.problems, [
        { path: "columns.word", message: "holds text, not numbers" },
        { path: "columns.at", message: "holds points in time, not numbers" },
        { path: "columns.list", message: "holds lists, bytes or nested values, not categories" },
        { path: "columns.gone", message: "is not in the file" },
      ]);
      return true;
    });
  });

  it("survives any damage to a Parquet file", async () => {
    const whole = await readFile(await parquet("SELECT range AS a, 'v' || range AS b, range / 7 AS c FROM range(300)"));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }), async (changes) => {
        const damaged = Buffer.from(whole);
        for (const [position, value] of changes) damaged[position] = value;
        const path = await csv(damaged);
        try {
          await profiler.profile(path, "parquet", [numeric("a"), categorical("b"), numeric("c")]);
        } catch (error) {
          assert.ok(error instanceof AppError && error.code === "REFERENCE_INVALID", String(error));
        }
      }),
      { numRuns: 30, endOnFailure: true },
    );
  });

  it("refuses a file that takes too long, and works on", async () => {
    const path = await parquet("SELECT range AS a FROM range(2000000)");
    const impatient = new DuckdbReferenceProfiler(child, { timeoutMs: 1 });
    await assertRefused(impatient.profile(path, "parquet", [numeric("a")]), /too long/);
    assert.equal((await profiler.describe(path, "parquet")).rows, 2_000_000);
  });
});
