import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { compileCache } from "../../../test/kit/compile-cache.ts";
import { epochMs, ManualClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { TimeOrderedIds } from "../../core/ids.ts";
import { silentLogger } from "../../core/logger.ts";
import type { Signature } from "../../registry/index.ts";
import type { MetricQuestion } from "../../rollouts/metrics/metric-source.ts";
import type { Assignment, PredictionEntry, StoredTruth } from "../../serving/index.ts";
import { SegmentPredictionLog } from "../filesystem/prediction-log/segment-prediction-log.ts";
import { DuckdbMetricSource } from "./duckdb-metric-source.ts";
import { DuckdbPredictionArchive } from "./duckdb-prediction-archive.ts";
import { spokenOf } from "./metric-table.ts";

const signature: Signature = {
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2], columns: ["age", "Spend"], missingAllowed: false }],
  outputs: [{ name: "label", datatype: "INT64", shape: [-1], missingAllowed: false }],
  batchable: true,
};
const assignment: Assignment = { rollout: "rol_1", phase: "canary", arm: "candidate", by: "key", fraction: 0.5, failed: null, shadowOf: null };
const refused = (error: unknown): boolean => error instanceof AppError && error.code === "INVALID_PARAMETER";

describe("DuckdbMetricSource", () => {
  const clock = new ManualClock();
  const ids = new TimeOrderedIds(clock);
  const truth: StoredTruth[] = [];
  let directory: string;
  let log: SegmentPredictionLog;
  let source: DuckdbMetricSource;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-metrics-"));
    log = await SegmentPredictionLog.open({ directory, clock, logger: silentLogger, archive: new DuckdbPredictionArchive({ environment: compileCache }), signatureOf: () => signature });
    const readSince = (from: number, behind: { predictionId: string } | null): Promise<StoredTruth[]> => Promise.resolve(behind === null ? truth.filter(({ receivedAt }) => receivedAt >= from) : []);
    source = new DuckdbMetricSource({ log, truth: { readSince }, signatureOf: () => signature, timeoutMs: 60_000, environment: compileCache });
  });
  after(async () => {
    await source.close();
    await log.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** Two rows: ages 10 and 20 times `age`. */
  async function append(age: number, change: Partial<PredictionEntry> = {}): Promise<PredictionEntry> {
    clock.advance(1000);
    const entry: PredictionEntry = {
      id: ids.next("prediction"), time: clock.now(), model: "flights", version: "2", requestId: null, rows: 2, outcome: "ok", timing: { queueUs: 500, runUs: 1000, totalUs: 2000, batchRows: 2 },
      inputs: [{ name: "x", datatype: "FP32", shape: [2, 2], data: Float32Array.of(10 * age, 1, 20 * age, 2) }],
      outputs: [{ name: "label", datatype: "INT64", shape: [2], data: BigInt64Array.of(0n, 1n) }],
      assignment, ...change,
    };
    await log.append(entry);
    return entry;
  }

  function ask(sql: string, change: Partial<MetricQuestion> = {}): Promise<number | null> {
    return source.ask({ sql, model: "flights", version: "2", rollout: "rol_1", phase: "canary", withShadows: false, from: epochMs(0), to: clock.now(), ...change });
  }

  it("answers from segments and Parquet alike, for one version in one phase, shadows only where they count", async () => {
    assert.equal(await ask("SELECT count(*) FROM predictions"), 0);
    assert.equal(await ask("SELECT avg(in_age) FROM predictions"), null);
    const first = await append(1);
    await append(1000, { version: "1", assignment: { ...assignment, arm: "stable" } });
    await append(1000, { assignment: null });
    await append(1000, { assignment: { ...assignment, phase: "shadow" } });
    await append(1000, { assignment: { ...assignment, rollout: "rol_0" } });
    await append(1000, { model: "fraud" });
    const whole = async (): Promise<unknown[]> => [
      await ask("SELECT avg(in_age) FROM predictions"),
      await ask("SELECT count(*) FROM predictions WHERE out_label = 1 AND rows = 2 AND total_ms = 2 AND version = '2' AND arm = 'candidate' AND outcome = 'ok'"),
      await ask("SELECT avg(in_age) FROM predictions", { version: "1" }),
      await ask("SELECT count(*) FROM predictions", { phase: "shadow" }),
    ];
    assert.deepEqual(await whole(), [15, 1, 15_000, 2]);
    await log.flush();
    assert.deepEqual(await whole(), [15, 1, 15_000, 2]);
    const between = clock.now();
    const shadow = await append(3, { assignment: { ...assignment, shadowOf: first.id } });
    assert.deepEqual(await whole(), [15, 1, 15_000, 2]);
    assert.equal(await ask("SELECT avg(in_age) FROM predictions", { withShadows: true }), 30);
    assert.equal(await ask("SELECT count(DISTINCT id) FROM predictions WHERE is_shadow", { withShadows: true }), 1);
    assert.equal(await ask("SELECT count(*) FROM predictions", { withShadows: true, from: epochMs(between + 1) }), 2);
    assert.equal(await ask("SELECT count(*) FROM predictions", { withShadows: true, to: epochMs(shadow.time - 1) }), 2);
  });

  it("joins the truth by prediction and row, as text and as a number", async () => {
    const { id, time } = await append(1, { assignment: { ...assignment, phase: "truth" } });
    const known = { predictionId: id, observedAt: time, receivedAt: time, corrections: 0 };
    truth.push({ ...known, row: 0, value: true }, { ...known, row: 1, value: "late" });
    assert.equal(await ask("SELECT count(*) FROM predictions WHERE truth = 'late' AND truth_number IS NULL AND row = 1", { phase: "truth" }), 1);
    assert.equal(await ask("SELECT sum(abs(truth_number - out_label)) FROM predictions", { phase: "truth" }), 1);
    assert.equal(await ask("SELECT count(truth) FROM predictions"), 0);
    await append(1, { assignment: { ...assignment, phase: "truth", shadowOf: id } });
    assert.equal(await ask("SELECT count(truth) FROM predictions WHERE is_shadow", { phase: "truth", withShadows: true }), 2);
  });

  it("takes any SELECT with one number for an answer, and no number for NULL, NaN and no rows", async () => {
    for (const [sql, answer] of [
      ["WITH a AS (FROM predictions) SELECT count(*) FROM a -- a remark", 2], ["SELECT 1.25::DECIMAL(9, 2);", 1.25], ["SELECT 2::HUGEINT", 2], ["SELECT true", 1], ["VALUES (7)", 7],
      ["SELECT NULL", null], ["SELECT 'nan'::DOUBLE", null], ["SELECT 'inf'::FLOAT", null], ["SELECT 1 WHERE false", null],
      ["SELECT count(*) FROM (SELECT * FROM predictions WHERE in_Spend = 2)", 1],
    ] as const) {
      assert.equal(await ask(sql), answer, sql);
    }
  });

  it("refuses what is not one SELECT, when it is written and when it is run", async () => {
    for (const sql of [
      "", ";", "SELEKT 1", "SELECT 1; SELECT 2", "INSERT INTO predictions SELECT * FROM predictions", "CREATE TABLE t AS SELECT 1", "DROP TABLE predictions", "DELETE FROM predictions", "COPY predictions TO 'x.csv'",
      "EXPLAIN ANALYZE SELECT 1", "CALL pragma_version()", "SET threads = 8", "ATTACH 'x.db'", "INSTALL httpfs", "LOAD httpfs", "EXPORT DATABASE 'x'", "SELECT 1; COPY predictions TO 'x.csv'", "BEGIN", "CHECKPOINT", "SELECT 1 /* open", "SELECT\0 1",
    ]) {
      await assert.rejects(source.check(sql), refused, sql);
    }
    for (const sql of ["", "SELEKT 1", "SELECT 1; SELECT 2", "DROP TABLE predictions", "SELECT 1; COPY predictions TO 'x.csv'"]) await assert.rejects(ask(sql), refused, sql);
    for (const sql of ["SELECT nothing FROM predictions", "SELECT 1, 2", "SELECT 'text'", "SELECT in_age FROM predictions", "SELECT ?", "SELECT $a", "SELECT count(*) FROM logged", "SELECT count(*) FROM truths", "SELECT error('x')"]) {
      await assert.rejects(ask(sql), refused, sql);
    }
  });

  it("lets no query read or write a file, reach the network, load anything or lift any of it, and says no path of the machine", async () => {
    const secret = join(directory, "secret.csv");
    await writeFile(secret, "a\n1\n");
    const [file] = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith(".parquet"));
    assert.ok(file !== undefined);
    let asked = 0;
    const server = createServer((_request, response) => void (asked++, response.end("a\n1\n")));
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    server.unref();
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.csv`;
    for (const sql of [
      `SELECT count(*) FROM read_csv('${secret}')`, `SELECT count(*) FROM '${secret}'`, `SELECT length(content) FROM read_text('${secret}')`, `SELECT size FROM read_blob('${secret}')`, `SELECT count(*) FROM glob('${directory}/*')`,
      `SELECT count(*) FROM read_parquet('${join(directory, file)}')`, `SELECT count(*) FROM parquet_metadata('${join(directory, file)}')`, `SELECT count(*) FROM sniff_csv('${secret}')`,
      `SELECT count(*) FROM read_csv('${address}')`, `SELECT count(*) FROM read_json('${address}')`, `SELECT count(*) FROM query('COPY predictions TO ''${join(directory, "stolen.csv")}''')`,
      `SELECT count(*) FROM query('ATTACH ''${join(directory, "other.db")}''')`, "SELECT count(*) FROM query('INSTALL httpfs')", "SELECT count(*) FROM sqlite_scan('x.db', 't')", "SELECT count(*) FROM postgres_scan('', '', '')", "SELECT getenv('HOME')", "SELECT count(*) FROM which_secret('x', 'http')", "SELECT nextval('s')",
    ]) {
      await assert.rejects(ask(sql), (error) => refused(error) && !(error as Error).message.includes(directory), sql);
    }
    assert.equal(await ask("SELECT count(*) FROM duckdb_settings() WHERE name IN ('allowed_paths', 'allowed_directories') AND value != '[]'"), 0);
    assert.equal(await ask("SELECT count(*) FROM duckdb_settings() WHERE (name, value) IN (('enable_external_access', 'false'), ('lock_configuration', 'true'))"), 2);
    server.close();
    assert.equal(asked, 0);
    assert.equal(await readFile(secret, "utf8"), "a\n1\n");
    for (const name of ["stolen.csv", "other.db"]) assert.equal(existsSync(join(directory, name)), false, name);
  });

  it("ends what runs for ever or takes too much memory, and answers the next question", async () => {
    const parts = { log, truth: { readSince: () => Promise.resolve([]) }, signatureOf: () => signature };
    const impatient = new DuckdbMetricSource({ ...parts, timeoutMs: 1000 });
    const small = new DuckdbMetricSource({ ...parts, timeoutMs: 60_000, maxResidentBytes: 300 * 2 ** 20 });
    const unavailable = (error: unknown): boolean => error instanceof AppError && error.code === "PREDICTION_LOG_UNAVAILABLE";
    const question = { model: "flights", version: "2", rollout: "rol_1", phase: "canary", withShadows: false, from: epochMs(0), to: clock.now() };
    // Endless in time and of hardly any memory, however fast the machine is.
    await assert.rejects(impatient.ask({ ...question, sql: "SELECT sum(sin(range)) FROM range(1000000000000)" }), unavailable);
    await impatient.close();
    // DuckDB's own limit does not count a single long text; that of the whole process does.
    await assert.rejects(small.ask({ ...question, sql: "SELECT sum(length(repeat('x', 3000000000)))" }), (error) => refused(error) || unavailable(error));
    assert.equal(await small.ask({ ...question, sql: "SELECT 1" }), 1);
    await small.close();
  });

  it("loads the columns that the SQL can mean, and all where it means them without their names", () => {
    const meant = (sql: string): boolean[] => ["in_age", "in_Spend"].map(spokenOf(sql));
    assert.deepEqual(meant("SELECT avg(IN_AGE) FROM predictions"), [true, false]);
    assert.deepEqual(meant("SELECT count(*) FROM predictions"), [false, false]);
    assert.deepEqual(meant("select p.in_spend from (select in_spend from predictions) p"), [false, true]);
    for (const sql of ["SELECT * FROM predictions", "FROM predictions", "SELECT count(*) FROM (FROM predictions)", "SELECT #1 FROM predictions", "SELECT max(COLUMNS('in.*')) FROM predictions", "SELECT predictions FROM predictions", "SELECT 1 UNION ALL FROM predictions", 'SELECT "in""x" FROM predictions']) {
      assert.deepEqual(meant(sql), [true, true], sql);
    }
  });
});
