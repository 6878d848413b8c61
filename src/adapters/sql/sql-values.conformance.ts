import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../../test/kit/fast-check.ts";
import { sql, type Generated, type Kysely } from "kysely";
import { AppError } from "../../core/errors.ts";
import { escapeLike } from "./like-pattern.fixture.ts";
import type { Migration } from "./migrations/migration.ts";
import type { SqlDatabase } from "./sql-database.ts";
import { SqlError } from "./sql-error.ts";

interface SampleSchema {
  samples: {
    id: Generated<number>;
    text_value: string | null;
    integer_value: number | bigint | boolean | null;
    double_value: number | null;
    bytes_value: Uint8Array | null;
    json_value: string | null;
  };
}

/** The table that the suite works on. */
export const sampleMigration: Migration = {
  number: 1,
  name: "samples",
  async up(database, { columnTypes, tableEnding }) {
    await database.schema
      .createTable("samples")
      .addColumn("id", columnTypes.integer, (column) => column.primaryKey().notNull())
      .addColumn("text_value", columnTypes.text)
      .addColumn("integer_value", columnTypes.integer)
      .addColumn("double_value", columnTypes.double)
      .addColumn("bytes_value", columnTypes.bytes)
      .addColumn("json_value", columnTypes.json)
      .modifyEnd(tableEnding)
      .execute();
  },
};

/** What a value is after it went through the database, the same on every dialect. `open` gives a new database with `sampleMigration`. */
export function sqlValueConformance(dialectName: string, open: () => Promise<SqlDatabase>): void {
  const openSamples = async (): Promise<Kysely<SampleSchema>> => (await open()).queries as unknown as Kysely<SampleSchema>;
  type Column = Exclude<keyof SampleSchema["samples"], "id">;

  /** Writes the values, one row each, and reads them back; also through RETURNING. */
  async function roundTrip(column: Column, values: readonly unknown[]): Promise<unknown[]> {
    const samples = await openSamples();
    const returned: unknown[] = [];
    for (const [id, value] of values.entries()) {
      const row = await samples.insertInto("samples").values({ id, [column]: value }).returning(column).executeTakeFirstOrThrow();
      returned.push(row[column]);
    }
    const read = (await samples.selectFrom("samples").select(column).orderBy("id").execute()).map((row) => row[column]);
    assert.deepEqual(read, returned);
    return read;
  }

  async function refuses(column: Column, values: readonly unknown[], expected: (error: unknown) => boolean): Promise<void> {
    const samples = await openSamples();
    for (const value of values) await assert.rejects(samples.insertInto("samples").values({ id: 1, [column]: value }).execute(), expected);
    assert.deepEqual(await samples.selectFrom("samples").select("id").execute(), []);
  }

  describe(`SQL values: ${dialectName}`, () => {
    it("keeps doubles to the last bit, infinities included; -0 is 0", async () => {
      const values = [0, 1, -1.5, 0.1 + 0.2, 1e300, 2 ** 53, 2 ** 63, 5e-324, Number.MAX_VALUE, Infinity, -Infinity];
      assert.deepEqual(await roundTrip("double_value", values), values);
      const [zero] = await roundTrip("double_value", [-0]);
      assert.ok(Object.is(zero, 0));
    });

    it("keeps any double", async () => {
      const samples = await openSamples();
      await fc.assert(
        fc.asyncProperty(fc.double({ noNaN: true }), async (value) => {
          const { double_value } = await samples
            .insertInto("samples").values({ id: 1, double_value: value })
            .onConflict((conflict) => conflict.column("id").doUpdateSet({ double_value: value }))
            .returning("double_value").executeTakeFirstOrThrow();
          assert.equal(double_value, value === 0 ? 0 : value);
        }),
        { numRuns: 50 },
      );
    });

    it("refuses NaN instead of storing NULL for it", async () => {
      await refuses("double_value", [NaN], hasReason("misuse"));
    });

    it("keeps 64-bit integers: as numbers where that is exact, else as bigint", async () => {
      const limit = Number.MAX_SAFE_INTEGER;
      const values = [0, -1, limit, -limit, 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)];
      assert.deepEqual(await roundTrip("integer_value", values), values);
      assert.deepEqual(await roundTrip("integer_value", [1n, -0]), [1, 0]);
    });

    it("computes with 64-bit integers", async () => {
      const samples = await openSamples();
      await samples.insertInto("samples").values({ id: 1, integer_value: 2n ** 62n }).execute();
      const raised = await samples.updateTable("samples").set((eb) => ({ integer_value: eb("integer_value", "+", 7) })).returning("integer_value").executeTakeFirst();
      assert.equal(raised?.integer_value, 2n ** 62n + 7n);
      const found = await samples.selectFrom("samples").select("id").where("integer_value", "=", 2n ** 62n + 7n).execute();
      assert.deepEqual(found, [{ id: 1 }]);
    });

    it("refuses integers beyond 64 bits, fractions and text for an integer column", async () => {
      await refuses("integer_value", [2n ** 63n, -(2n ** 63n) - 1n], hasReason("misuse"));
      await refuses("integer_value", [1.5, 2 ** 63, "one"], hasReason("type"));
    });

    it("keeps booleans as 1 and 0, and finds them by true and false", async () => {
      assert.deepEqual(await roundTrip("integer_value", [true, false, null]), [1, 0, null]);
      const samples = await openSamples();
      await samples.insertInto("samples").values([{ id: 1, integer_value: true }, { id: 2, integer_value: false }]).execute();
      assert.deepEqual(await samples.selectFrom("samples").select("id").where("integer_value", "=", true).execute(), [{ id: 1 }]);
    });

    it("keeps text as it is", async () => {
      const values = ["", " ", "a'b\"c\\d", "line\r\nline\t\u0001", "é", "e\u0301", "日本", "😀👨‍👩‍👧", "\uffff\ufeff", "1", "null", "?", "$1", "x".repeat(100_000)];
      assert.deepEqual(await roundTrip("text_value", values), values);
    });

    it("keeps any text that UTF-8 can carry", async () => {
      const samples = await openSamples();
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: codePoint }).filter((text) => text.isWellFormed() && !text.includes("\0")), async (text) => {
          const found = await samples.selectNoFrom((eb) => eb.cast<string>(eb.val(text), "text").as("text")).executeTakeFirstOrThrow();
          assert.equal(found.text, text);
        }),
        { numRuns: 50 },
      );
    });

    it("refuses text with NUL or half a surrogate pair as the caller's mistake", async () => {
      const values = ["a\0b", "\0", "\ud83d", "a\udc00b"];
      await refuses("text_value", values, (error) => error instanceof AppError && error.code === "INVALID_REQUEST");
    });

    it("keeps JSON as the text that was written, with NUL and surrogates escaped", async () => {
      const values = ['{"b":1, "a":1}', '{"a":1,"a":2}', "1.0", JSON.stringify({ nul: "\0", half: "\ud83d", whole: "😀" })];
      assert.deepEqual(await roundTrip("json_value", values), values);
    });

    it("keeps bytes, also none, and those of a part of a larger buffer", async () => {
      const all = Uint8Array.from({ length: 256 }, (_, index) => index);
      const values = [all, new Uint8Array(0), all.subarray(10, 20), Buffer.from("pooled")];
      const read = (await roundTrip("bytes_value", values)) as Uint8Array[];
      for (const bytes of read) assert.ok(bytes instanceof Uint8Array);
      assert.deepEqual(read.map((bytes) => [...bytes]), values.map((bytes) => [...bytes]));
    });

    it("keeps NULL in every column, apart from empty text, zero and no bytes", async () => {
      for (const column of ["text_value", "integer_value", "double_value", "bytes_value", "json_value"] as const) {
        assert.deepEqual(await roundTrip(column, [null]), [null]);
      }
      const samples = await openSamples();
      await samples.insertInto("samples").values([{ id: 1, text_value: "" }, { id: 2, text_value: null }]).execute();
      assert.deepEqual(await samples.selectFrom("samples").select("id").where("text_value", "is", null).execute(), [{ id: 2 }]);
    });

    it("refuses what is no value at all", async () => {
      await refuses("text_value", [new Date(0), {}, [1], Symbol("s")], hasReason("misuse"));
    });

    it("keeps times as whole milliseconds, of any year", async () => {
      const values = [0, -1, 1_700_000_000_123, 253_402_300_799_999, -62_135_596_800_000];
      assert.deepEqual(await roundTrip("integer_value", values), values);
    });

    it("sorts and compares text by code point", async () => {
      const samples = await openSamples();
      const sorted = ["", " ", "A", "B", "a", "a b", "a-b", "ab", "b", "Ä", "é", "\uffee", "😀"];
      const shuffled = [...sorted].reverse();
      await samples.insertInto("samples").values(shuffled.map((text_value, id) => ({ id, text_value }))).execute();
      const read = await samples.selectFrom("samples").select("text_value").orderBy("text_value").execute();
      assert.deepEqual(read.map((row) => row.text_value), sorted);
      const above = await samples.selectFrom("samples").select("text_value").where("text_value", ">", "a").orderBy("text_value").execute();
      assert.deepEqual(above.map((row) => row.text_value), sorted.slice(5));
      assert.deepEqual(await samples.selectFrom("samples").select("id").where("text_value", "=", "A").execute(), [{ id: shuffled.indexOf("A") }]);
    });

    it("puts NULL where the query says", async () => {
      const samples = await openSamples();
      await samples.insertInto("samples").values([{ id: 1, integer_value: 5 }, { id: 2, integer_value: null }, { id: 3, integer_value: 4 }]).execute();
      const sorted = async (direction: "asc" | "desc", nulls: "nullsFirst" | "nullsLast"): Promise<number[]> => {
        const query = samples.selectFrom("samples").select("id").orderBy("integer_value", (order) => (direction === "asc" ? order.asc() : order.desc())[nulls]());
        return (await query.execute()).map((row) => row.id);
      };
      assert.deepEqual(await sorted("asc", "nullsFirst"), [2, 3, 1]);
      assert.deepEqual(await sorted("asc", "nullsLast"), [3, 1, 2]);
      assert.deepEqual(await sorted("desc", "nullsFirst"), [2, 1, 3]);
      assert.deepEqual(await sorted("desc", "nullsLast"), [1, 3, 2]);
    });

    it("minds the case in LIKE and takes what was escaped literally", async () => {
      const samples = await openSamples();
      const texts = ["Flight", "flight", "FLIGHT delay", "100%", "1000", "a_b", "axb", "a*b", "a?b", "[ab]", "a\\b", "é", "😀", "two\nlines"];
      await samples.insertInto("samples").values(texts.map((text_value, id) => ({ id, text_value }))).execute();
      const like = async (pattern: string, operator: "like" | "not like" | "ilike" | "not ilike" = "like"): Promise<(string | null)[]> =>
        (await samples.selectFrom("samples").select("text_value").where("text_value", operator, pattern).orderBy("id").execute()).map((row) => row.text_value);
      assert.deepEqual(await like("flight%"), ["flight"]);
      assert.deepEqual(await like("%light%"), ["Flight", "flight"]);
      assert.deepEqual(await like("flight%", "ilike"), ["Flight", "flight", "FLIGHT delay"]);
      assert.deepEqual(await like("%light%", "not like"), texts.slice(2));
      assert.deepEqual(await like("%light%", "not ilike"), texts.slice(3));
      assert.deepEqual(await like("100\\%"), ["100%"]);
      assert.deepEqual(await like("100\\%", "ilike"), ["100%"]);
      assert.deepEqual(await like("a_b"), ["a_b", "axb", "a*b", "a?b", "a\\b"]);
      assert.deepEqual(await like("a\\_b"), ["a_b"]);
      assert.deepEqual(await like("_"), ["é", "😀"]);
      assert.deepEqual(await like("two%"), ["two\nlines"]);
      for (const text of texts) assert.deepEqual(await like(escapeLike(text)), [text]);
      await assert.rejects(like("half\\"));
    });

    it("inserts or updates, and returns what is there afterwards", async () => {
      const samples = await openSamples();
      const upsert = (id: number, value: number): Promise<unknown> =>
        samples.insertInto("samples").values({ id, integer_value: value })
          .onConflict((conflict) => conflict.column("id").doUpdateSet(({ eb, ref }) => ({ integer_value: eb("samples.integer_value", "+", ref("excluded.integer_value")) })))
          .returning(["id", "integer_value"]).execute();
      assert.deepEqual(await upsert(1, 10), [{ id: 1, integer_value: 10 }]);
      assert.deepEqual(await upsert(1, 5), [{ id: 1, integer_value: 15 }]);
      const nothing = await samples.insertInto("samples").values({ id: 1 }).onConflict((conflict) => conflict.column("id").doNothing()).returning("id").execute();
      assert.deepEqual(nothing, []);
    });

    it("counts the rows that a statement changed", async () => {
      const samples = await openSamples();
      const inserted = await samples.insertInto("samples").values([{ id: 1 }, { id: 2 }, { id: 3 }]).executeTakeFirst();
      const updated = await samples.updateTable("samples").set({ integer_value: 1 }).where("id", ">", 1).executeTakeFirst();
      const deleted = await samples.deleteFrom("samples").where("id", ">", 9).executeTakeFirst();
      assert.deepEqual([inserted.numInsertedOrUpdatedRows, updated.numUpdatedRows, deleted.numDeletedRows], [3n, 2n, 0n]);
    });

    it("counts and sums to numbers", async () => {
      const samples = await openSamples();
      await samples.insertInto("samples").values([{ id: 1, double_value: 0.5 }, { id: 2, double_value: 0.25 }]).execute();
      const row = await samples.selectFrom("samples")
        .select(({ fn }) => [fn.countAll<number>().as("count"), fn.max("id").as("last"), fn.sum<number>("double_value").as("sum")]).executeTakeFirst();
      assert.deepEqual(row, { count: 2, last: 2, sum: 0.75 });
      const none = await samples.selectFrom("samples").select(({ fn }) => fn.max("id").as("last")).where("id", ">", 9).executeTakeFirst();
      assert.deepEqual(none, { last: null });
    });

    it("runs SQL written by hand, with parameters in their places", async () => {
      const samples = await openSamples();
      await sql`insert into samples (id, text_value) values (${1}, ${"x"}), (${2}, ${"y"})`.execute(samples);
      const { rows } = await sql<{ id: number }>`select id from samples where text_value = ${"y"} and id > ${1}`.execute(samples);
      assert.deepEqual(rows, [{ id: 2 }]);
    });
  });
}

function hasReason(reason: SqlError["reason"]): (error: unknown) => boolean {
  return (error) => error instanceof SqlError && error.reason === reason;
}
