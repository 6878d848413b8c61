import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DuckDBInstance, type Json } from "@duckdb/node-api";
import fc from "../../../test/kit/fast-check.ts";
import { arbitraryPredictionEntry, expectedPrediction } from "../../../test/kit/arbitrary-prediction-entry.ts";
import { ManualClock } from "../../core/clock.ts";
import { TimeOrderedIds } from "../../core/ids.ts";
import type { Signature, TensorSpec } from "../../registry/index.ts";
import type { LogTensor, PredictionEntry } from "../../serving/index.ts";
import { EntryGroup } from "../filesystem/prediction-log/entry-group.ts";
import { segmentMagic } from "../filesystem/prediction-log/segment-file.ts";
import { findPrediction, listPredictions } from "./prediction-parquet-reader.ts";
import { convertSegment, mergePredictions } from "./prediction-parquet-writer.ts";

const spec = (name: string, datatype: TensorSpec["datatype"], shape: number[], columns?: string[]): TensorSpec => ({
  name, datatype, shape, missingAllowed: false, ...(columns === undefined ? {} : { columns }),
});
const signature = (inputs: TensorSpec[], outputs: TensorSpec[] = [], batchable = true): Signature => ({ inputs, outputs, batchable });

describe("predictions as Parquet", () => {
  let directory: string;
  let files = 0;
  const clock = new ManualClock();
  const ids = new TimeOrderedIds(clock);
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-parquet-'q-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  function entry(change: Partial<PredictionEntry>): PredictionEntry {
    clock.advance(1);
    const id = ids.next("prediction");
    return { id, time: clock.now(), model: "m", version: "1", requestId: null, rows: 1, outcome: "ok", timing: { queueUs: 1, runUs: 2, totalUs: 3, batchRows: 4 }, inputs: [], outputs: [], ...change };
  }

  /** Converts the predictions and puts the files where the log would. */
  async function convert(entries: readonly PredictionEntry[], of: Signature | null): Promise<string[]> {
    const group = new EntryGroup();
    for (const one of entries) group.add(one);
    const content = Buffer.concat([segmentMagic, group.content()]);
    const segmentPath = join(directory, `${++files}.segment`);
    await writeFile(segmentPath, content);
    const versions = new Map(entries.map(({ model, version }) => [`${model} ${version}`, { model, version, signature: of }]));
    const staged = await convertSegment({ segmentPath, bytes: content.length, staging: directory, signatures: [...versions.values()] });
    return Promise.all(
      staged.map(async ({ path, model, version }) => {
        const folder = join(directory, `${files}`, `model=${model}`, `version=${version}`);
        await mkdir(folder, { recursive: true });
        await rename(path, join(folder, basename(path)));
        return join(folder, basename(path));
      }),
    );
  }

  async function query(path: string, sql: string): Promise<Json[][]> {
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    return (await connection.runAndReadAll(sql.replace("FILE", `'${path.replaceAll("'", "''")}'`))).getRowsJson();
  }

  async function tensorColumns(path: string): Promise<Record<string, Json>> {
    const columns = await query(path, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM FILE) WHERE column_name LIKE 'in\\_%' ESCAPE '\\' OR column_name LIKE 'out\\_%' ESCAPE '\\'");
    return Object.fromEntries(columns.map(([name, type]) => [name as string, type!]));
  }

  it("has one typed column for each column of the contract, and one for each tensor that has none", async () => {
    const of = signature(
      [spec("x", "FP32", [-1, 4], ["age", "Age", 'qu"ote', "a.b"]), spec("count", "INT64", [-1]), spec("flag", "BOOL", [-1, 1]), spec("text", "BYTES", [-1]), spec("image", "UINT8", [-1, 2, 2])],
      [spec("label", "UINT64", [-1]), spec("half", "FP16", [-1]), spec("probabilities", "FP64", [-1, 3])],
    );
    const [path] = await convert([entry({ outcome: "QUEUE_FULL" })], of);
    assert.deepEqual(await tensorColumns(path!), {
      in_age: "FLOAT", in_Age_2: "FLOAT", 'in_qu"ote': "FLOAT", "in_a.b": "FLOAT", in_count: "BIGINT", in_flag: "BOOLEAN", in_text: "VARCHAR", in_image: "UTINYINT[]",
      out_label: "UBIGINT", out_half: "FLOAT", out_probabilities: "DOUBLE[]",
    });
    assert.deepEqual((await query(path!, "DESCRIBE SELECT * FROM FILE")).slice(0, 9).map(([name, type]) => `${name as string} ${type as string}`), [
      "prediction_id VARCHAR", "row INTEGER", "time TIMESTAMP", "request_id VARCHAR", "outcome VARCHAR", "queue_us DOUBLE", "run_us DOUBLE", "total_us DOUBLE", "batch_rows BIGINT",
    ]);
  });

  it("has one row for each row of a request, sorted, with NaN kept and what was withheld NULL", async () => {
    const of = signature([spec("x", "FP32", [-1, 2], ["a", "b"]), spec("secret", "BYTES", [-1])], [spec("y", "INT64", [-1])]);
    const secret: LogTensor = { name: "secret", datatype: "BYTES", shape: [2], data: null, redacted: true };
    const earlier = entry({});
    const later = entry({
      rows: 2,
      inputs: [{ name: "x", datatype: "FP32", shape: [2, 2], data: Float32Array.of(1, Number.NaN, 3, -Infinity) }, secret],
      outputs: [{ name: "y", datatype: "INT64", shape: [2], data: BigInt64Array.of(2n ** 63n - 1n, -1n) }],
    });
    const [path] = await convert([later, earlier], of);
    assert.deepEqual(await query(path!, "SELECT prediction_id, row, in_a, in_b, in_secret, out_y, epoch_ms(time) FROM FILE"), [
      [earlier.id, 0, null, null, null, null, String(earlier.time)],
      [later.id, 0, 1, "NaN", null, "9223372036854775807", String(later.time)],
      [later.id, 1, 3, "-Infinity", null, "-1", String(later.time)],
    ]);
  });

  it("keeps a tensor whose first dimension is not the rows whole, as a list on row 0", async () => {
    const inputs: LogTensor[] = [
      { name: "x", datatype: "FP32", shape: [2], data: Float32Array.of(1, 2) },
      { name: "weights", datatype: "INT32", shape: [3], data: Int32Array.of(7, 8, 9) },
    ];
    const [path] = await convert([entry({ rows: 2, inputs })], signature([spec("x", "FP32", [-1]), spec("weights", "INT32", [-1])]));
    assert.deepEqual(await query(path!, "SELECT row, in_x, in_weights, in_weights_2 FROM FILE ORDER BY row"), [[0, 1, null, [7, 8, 9]], [1, 2, null, null]]);
  });

  it("keeps the columns of a version's files alike, whatever its predictions look like", async () => {
    const of = signature([spec("x", "FP32", [-1, -1])], [spec("y", "FP32", [-1])]);
    const of1: LogTensor = { name: "x", datatype: "FP32", shape: [1, 1], data: Float32Array.of(1) };
    const of3: LogTensor = { name: "x", datatype: "FP32", shape: [1, 3], data: Float32Array.of(1, 2, 3) };
    const [one] = await convert([entry({ inputs: [of1] })], of);
    const [three] = await convert([entry({ inputs: [of3] })], of);
    assert.deepEqual(await tensorColumns(one!), await tensorColumns(three!));
    assert.deepEqual(await tensorColumns(one!), { in_x: "FLOAT[]", out_y: "FLOAT" });
  });

  it("gives back every prediction, also those that do not keep to the signature", async () => {
    const withSignature = fc.array(arbitraryPredictionEntry(ids), { minLength: 1, maxLength: 40 }).chain((entries) => {
      const seen = entries.flatMap((one) => [...one.inputs, ...one.outputs]);
      const specOf = (tensor: LogTensor): fc.Arbitrary<TensorSpec> =>
        fc.record({ shape: fc.constantFrom(tensor.shape, [-1, ...tensor.shape.slice(1)], tensor.shape.map(() => -1), [-1], [-1, 2]), named: fc.boolean() }).map(({ shape, named }) =>
          spec(tensor.name, tensor.datatype, shape, named && shape.length > 0 ? Array.from({ length: Math.abs(shape.at(-1)!) }, (_, index) => `C${index}`) : undefined),
        );
      const specs: fc.Arbitrary<TensorSpec[]> = seen.length === 0 ? fc.constant([]) : fc.uniqueArray(fc.constantFrom(...seen).chain(specOf), { selector: (one) => one.name, maxLength: 5 });
      return fc.tuple(fc.constant(entries), fc.record({ inputs: specs, outputs: specs, batchable: fc.boolean() }, { noNullPrototype: true }));
    });
    await fc.assert(
      fc.asyncProperty(withSignature, async ([entries, of]) => {
        const paths = await convert(entries, of);
        for (const one of entries) {
          const inFolder = paths.filter((path) => path.includes(`model=${one.model}`) && path.includes(`version=${one.version}`));
          assert.deepEqual(await findPrediction({ files: inFolder, id: one.id }), expectedPrediction(one));
        }
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });

  it("joins files into one that says the same, and refuses those whose columns contradict each other", async () => {
    const x = (data: LogTensor["data"], datatype: LogTensor["datatype"]): Partial<PredictionEntry> => ({ inputs: [{ name: "x", datatype, shape: [1], data } as LogTensor] });
    const entries = [entry(x(Float32Array.of(1), "FP32")), entry(x(Float32Array.of(2), "FP32")), entry({ outputs: [{ name: "y", datatype: "BYTES", shape: [1], data: ["z"] }] })];
    const paths = (await Promise.all(entries.map((one) => convert([one], null)))).flat();
    const joined = await mergePredictions({ files: paths, staging: directory, model: "m", version: "1" });
    const folder = join(directory, "model=m", "version=1");
    await mkdir(folder, { recursive: true });
    await rename(joined.path, join(folder, "joined.parquet"));
    const found = await listPredictions({ files: [{ path: join(folder, "joined.parquet"), version: "1", lastTime: joined.lastTime }], filter: { model: "m", limit: 10 } });
    assert.deepEqual(found, entries.toReversed().map(expectedPrediction));
    assert.deepEqual([joined.firstTime, joined.lastTime], [entries[0]!.time, entries[2]!.time]);
    const [other] = await convert([entry(x(["text"], "BYTES"))], null);
    await assert.rejects(mergePredictions({ files: [paths[0]!, other!], staging: directory, model: "m", version: "1" }), /in_x is FLOAT in one file and VARCHAR/);
  });

  it("reads files of releases before rollouts, alone and joined with new ones", async () => {
    const [old, other] = [entry({}), entry({})];
    const shadow = entry({ assignment: { rollout: "rol_1", phase: "0 shadow", arm: "candidate", by: "draw", fraction: 0.5, failed: null, shadowOf: old.id } });
    const folder = join(directory, "model=m", "version=1");
    const [path] = await convert([old, other], null);
    const before = join(folder, "before.parquet");
    await query(path!, `COPY (SELECT * EXCLUDE (rollout, phase, arm, shadow_of) FROM FILE) TO '${before.replaceAll("'", "''")}' (FORMAT parquet)`);
    assert.deepEqual(await findPrediction({ files: [before], id: old.id }), expectedPrediction(old));
    const list = (files: string[], filter: object): Promise<unknown> => listPredictions({ files: files.map((one) => ({ path: one, version: "1", lastTime: shadow.time })), filter: { model: "m", limit: 5, ...filter } });
    assert.deepEqual(await list([before], {}), [other, old].map(expectedPrediction));
    assert.deepEqual(await list([before], { shadowOf: old.id }), []);
    const [now] = await convert([shadow], null);
    const joined = await mergePredictions({ files: [before, now!], staging: directory, model: "m", version: "1" });
    await rename(joined.path, join(folder, "joined-with-old.parquet"));
    const both = [join(folder, "joined-with-old.parquet")];
    assert.deepEqual(await list(both, {}), [other, old].map(expectedPrediction));
    assert.deepEqual(await list(both, { shadow: true }), [shadow, other, old].map(expectedPrediction));
    assert.deepEqual(await list(both, { shadowOf: old.id }), [expectedPrediction(shadow)]);
    assert.deepEqual(await query(both[0]!, "SELECT arm, shadow_of FROM FILE ORDER BY prediction_id"), [[null, null], [null, null], ["candidate", old.id]]);
  });

  it("passes over files that are gone", async () => {
    const one = entry({});
    const [path] = await convert([one], null);
    const gone = join(directory, "model=m", "version=1", "gone.parquet");
    assert.deepEqual(await findPrediction({ files: [gone, path!], id: one.id }), expectedPrediction(one));
    assert.deepEqual(await listPredictions({ files: [{ path: gone, version: "1", lastTime: one.time }], filter: { model: "m", limit: 5 } }), []);
  });
});
