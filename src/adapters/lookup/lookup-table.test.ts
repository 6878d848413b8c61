import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { compileCache } from "../../../test/kit/compile-cache.ts";
import { AppError } from "../../core/errors.ts";
import { systemClock } from "../../core/clock.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Contract, LookupRequest, SourceModel } from "../../registry/index.ts";
import type { ModelRunner } from "../../serving/index.ts";
import { DuckdbChild } from "../duckdb/duckdb-child.ts";
import { FilesystemBlobStore } from "../filesystem/blob-store.ts";
import { LookupRuntime } from "./lookup-runtime.ts";
import { LookupTables } from "./lookup-tables.ts";

describe("tables that are looked up in", () => {
  let directory = "";
  let blobs: FilesystemBlobStore;
  const child = new DuckdbChild({ environment: compileCache });
  let tables: LookupTables;
  let files = 0;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-lookup-test-"));
    blobs = new FilesystemBlobStore({ directory, clock: systemClock });
    tables = new LookupTables({ child, blobs });
  });
  after(async () => {
    await child.close();
    await rm(directory, { recursive: true, force: true });
  });

  const read = async (csv: string, request: LookupRequest): Promise<SourceModel> => {
    const path = join(directory, `${files++}.csv`);
    await writeFile(path, csv);
    return tables.read(path, "csv", request);
  };
  const open = async ({ files: [file], runtime }: SourceModel): Promise<ModelRunner> => new LookupRuntime().start(await blobs.verifiedPath(file!.digest), { runtime } as unknown as Contract);
  const ids = (values: readonly (bigint | number)[]): Tensor => ({ name: "id", datatype: "INT64", shape: [values.length], data: BigInt64Array.from(values, BigInt) });
  const texts = (name: string, data: string[]): Tensor => ({ name, datatype: "BYTES", shape: [data.length], data });
  const code = (wanted: string, words: RegExp) => (error: unknown): boolean => error instanceof AppError && error.code === wanted && words.test(error.message);

  it("answer with the row of the key, in whole numbers of 64 bits, texts and fractions", async () => {
    const source = await read("id,place,score,label,day\n9007199254740993,ä,0.25,\"a,b\",2024-01-02\n-1,b,,yes,2024-01-03\n", { keys: ["place", "id"] });
    assert.deepEqual(source.signature!.inputs.map(({ name, datatype }) => `${name} ${datatype}`), ["place BYTES", "id INT64"]);
    assert.deepEqual(source.signature!.outputs.map(({ name, datatype }) => `${name} ${datatype}`), ["score FP64", "label BYTES", "day BYTES"]);
    assert.deepEqual(source.example!.map(({ data }) => data[0]), ["ä", "9007199254740993"]);
    const runner = await open(source);
    const { outputs } = await runner.run([ids([-1, 9007199254740993n]), texts("place", ["b", "ä"])]);
    assert.deepEqual(outputs.map(({ data }) => [...data]), [[NaN, 0.25], ["yes", "a,b"], ["2024-01-03", "2024-01-02"]]);
    await assert.rejects(runner.run([ids([-1, 9007199254740992n]), texts("place", ["b", "ä"])]), code("LOOKUP_KEY_NOT_FOUND", /no row for 1 of the 2 keys; the first is that of row 1 /));
  });

  it("answer with the default row where the key is unknown", async () => {
    const runner = await open(await read("id,score,label\n1,0.25,a\n", { keys: ["id"], default: { score: null, label: "none" } }));
    const { outputs } = await runner.run([ids([1, 2])]);
    assert.deepEqual(outputs.map(({ data }) => [...data]), [[0.25, NaN], ["a", "none"]]);
  });

  it("find every key and no other, as a map does", async () => {
    const part = fc.constantFrom("a", "b", "ab", "", "é", "日本", "x".repeat(40));
    const key = fc.tuple(fc.integer({ min: -50, max: 50 }), part);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key, { minLength: 1, maxLength: 80, selector: String }), fc.array(key, { minLength: 1, maxLength: 80 }), async (rows, asked) => {
        // An empty field of CSV is a missing value: texts are told from it by a letter in front.
        const source = await read(`id,word,value\n${rows.map(([id, word], index) => `${id},k${word},${index}`).join("\n")}\n`, { keys: ["id", "word"], default: { value: -1 } });
        const { outputs } = await (await open(source)).run([ids(asked.map(([id]) => id)), texts("word", asked.map(([, word]) => `k${word}`))]);
        const known = new Map(rows.map((row, index) => [String(row), BigInt(index)]));
        assert.deepEqual([...outputs[0]!.data], asked.map((row) => known.get(String(row)) ?? -1n));
      }),
      { numRuns: 12 },
    );
  });

  it("are refused where a key stands twice, is missing, or is a fraction, and where the default is no row", async () => {
    await assert.rejects(read("id,v\n1,2\n3,4\n1,5\n", { keys: ["id"] }), code("LOOKUP_TABLE_INVALID", /rows 1 and 3 have the same key/));
    await assert.rejects(read("id,v\n1,2\n,4\n", { keys: ["id"] }), code("LOOKUP_TABLE_INVALID", /"id" has no value in row 2/));
    await assert.rejects(read("id,v\n1.5,2\n", { keys: ["id"] }), code("LOOKUP_TABLE_INVALID", /fractions/));
    await assert.rejects(read("id,v\n1,2\n2,\n", { keys: ["id"] }), code("LOOKUP_TABLE_INVALID", /"v" has no value in row 2/));
    await assert.rejects(read("id\n1\n", { keys: ["id"] }), code("LOOKUP_TABLE_INVALID", /no column beside/));
    await assert.rejects(read("id,v\n1,2\n", { keys: ["nope"] }), code("REFERENCE_INVALID", /no column "nope"/));
    for (const row of [{}, { v: "x" }, { v: 1.5 }, { v: 1, w: 2 }]) await assert.rejects(read("id,v\n1,2\n", { keys: ["id"], default: row as LookupRequest["default"] }), code("LOOKUP_TABLE_INVALID", /default row/));
  });

  it("are not read from a file that is none", async () => {
    const { digest } = await blobs.put(Readable.from([Buffer.from("not a table at all")]));
    await assert.rejects(new LookupRuntime().start(await blobs.verifiedPath(digest), {} as Contract), code("VERSION_FAILED", /cannot be read/));
  });
});
