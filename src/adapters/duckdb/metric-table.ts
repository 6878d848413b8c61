import { access } from "node:fs/promises";
import { type DuckDBConnection, DuckDBDataChunk, DOUBLE, INTEGER, VARCHAR } from "@duckdb/node-api";
import type { MetricQuestion } from "../../rollouts/metrics/metric-source.ts";
import type { PredictionEntry } from "../../serving/index.ts";
import { systemErrorCode } from "../filesystem/file-system.ts";
import type { DuckdbTasks } from "./duckdb-tasks.ts";
import { fixedColumns, PredictionColumns } from "./prediction-columns.ts";
import { eachEntry } from "./prediction-parquet-writer.ts";
import { PredictionTable } from "./prediction-table.ts";
import { sqlList, sqlName, sqlText } from "./sql-text.ts";

type MetricRequest = DuckdbTasks["answerMetric"]["request"];

const chunkRows = 2048;

/** What the columns of `predictions` are made of, before those of the tensors, which keep their names. */
const columns: Readonly<Record<string, string>> = {
  id: "prediction_id", row: "row", time: "time", version: "version", arm: "arm", is_shadow: "shadow_of IS NOT NULL", request_id: "request_id", outcome: "outcome",
  queue_ms: "queue_us / 1000", run_ms: "run_us / 1000", total_ms: "total_us / 1000", rows: "count(*) OVER (PARTITION BY prediction_id)", batch_rows: "batch_rows",
  truth: "truth", truth_number: "truth_number",
};

/**
 * Makes the table `predictions` of what the question is about: Parquet files, segments that are not Parquet yet, and the truth. Columns that the SQL cannot speak of are
 * left out, since all of it is held in memory.
 */
export async function createMetricTable(connection: DuckDBConnection, request: MetricRequest): Promise<void> {
  const { question, truth } = request;
  await loadSegments(connection, request);
  await loadTruth(connection, truth);
  const files = await filesWithRollouts(connection, request.files);
  const recent = `SELECT * FROM recent`;
  const old = `SELECT * FROM read_parquet(${sqlList(files)}, union_by_name = true, hive_partitioning = false) WHERE ${conditionsOf(question)}`;
  await connection.run(`CREATE TEMP VIEW logged AS ${files.length === 0 ? recent : `${recent} UNION ALL BY NAME ${old}`}`);
  const isSpokenOf = spokenOf(question.sql);
  const tensorColumns = (await connection.run("SELECT * FROM logged LIMIT 0")).columnNames().filter((name) => !fixedColumns.some((column) => column.name === name));
  const selected = [
    ...Object.entries(columns).filter(([name]) => name === "id" || isSpokenOf(name)).map(([name, expression]) => `${expression} AS ${sqlName(name)}`),
    ...tensorColumns.filter(isSpokenOf).map(sqlName),
  ];
  // The truth of a shadow's answer is sent for what the caller got.
  const joined = isSpokenOf("truth") ? "LEFT JOIN truths ON truths.of_id = coalesce(shadow_of, prediction_id) AND of_row = row" : "";
  await connection.run(`CREATE TABLE predictions AS SELECT ${selected.join(", ")} FROM (SELECT *, ${sqlText(question.version)} AS version FROM logged) ${joined}`);
  for (const statement of ["DROP VIEW logged", "DROP TABLE recent", "DROP TABLE truths"]) await connection.run(statement);
}

/**
 * Whether SQL can mean a column: when its name stands in the text, in whatever part. All columns where the text can mean some without their names: by `*`, by position, as a whole row, by
 * names with escapes.
 */
export function spokenOf(sql: string): (name: string) => boolean {
  const text = sql.toLowerCase();
  const withoutCounts = text.replaceAll(/count\s*\(\s*\*\s*\)/g, "");
  const rest = withoutCounts.replaceAll(/\b(from|join)\s+predictions\b/g, "").replaceAll(/\bpredictions\s*\./g, "");
  const isAll = /[*#]|""|u&|columns|predictions|natural|pivot|summarize|describe|\bquery/.test(rest) || /(^|\(|\b(all|union|except|intersect))\s*from\b/.test(text);
  return (name) => isAll || text.includes(name.toLowerCase());
}

function conditionsOf({ rollout, phase, withShadows, from, to }: MetricQuestion): string {
  const conditions = [`rollout = ${sqlText(rollout)}`, `phase = ${sqlText(phase)}`, `epoch_ms(time) BETWEEN ${from} AND ${to}`];
  return [...conditions, ...(withShadows ? [] : ["shadow_of IS NULL"])].join(" AND ");
}

function isOf({ model, version, rollout, phase, withShadows, from, to }: MetricQuestion, { assignment = null, ...entry }: PredictionEntry): boolean {
  return (
    entry.model === model && entry.version === version && assignment?.rollout === rollout && assignment.phase === phase &&
    entry.time >= from && entry.time <= to && (withShadows || assignment.shadowOf === null)
  );
}

/** What is not Parquet yet, as the conversion would write it. Read twice: once to see which columns it takes. */
async function loadSegments(connection: DuckDBConnection, { question, segments, signature }: MetricRequest): Promise<void> {
  const plan = new PredictionColumns(signature);
  await eachOf(segments, (entry) => {
    if (isOf(question, entry)) plan.observe(entry);
  });
  const table = await PredictionTable.create(connection, "recent", plan);
  let waiting: PredictionEntry[] = [];
  await eachOf(
    segments,
    (entry) => {
      if (isOf(question, entry)) waiting.push(entry);
    },
    async () => {
      for (const entry of waiting) await table.append(entry);
      waiting = [];
    },
  );
  await table.flush();
}

/** One that is gone is Parquet by now; whoever asked reads again then. */
async function eachOf(segments: MetricRequest["segments"], visit: (entry: PredictionEntry) => void, betweenSlices?: () => Promise<void>): Promise<void> {
  for (const { path, bytes } of segments) {
    try {
      await eachEntry({ segmentPath: path, bytes }, visit, betweenSlices);
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT") throw error;
    }
  }
}

/** Booleans are 1 and 0 as numbers. */
async function loadTruth(connection: DuckDBConnection, truth: MetricRequest["truth"]): Promise<void> {
  await connection.run("CREATE TEMP TABLE truths (of_id VARCHAR, of_row INTEGER, truth VARCHAR, truth_number DOUBLE)");
  const appender = await connection.createAppender("truths", null, "temp");
  try {
    for (let start = 0; start < truth.length; start += chunkRows) {
      const chunk = DuckDBDataChunk.create([VARCHAR, INTEGER, VARCHAR, DOUBLE]);
      chunk.setRows(truth.slice(start, start + chunkRows).map(({ predictionId, row, value }) => [predictionId, row, String(value), typeof value === "string" ? null : Number(value)]));
      appender.appendDataChunk(chunk);
    }
  } finally {
    appender.closeSync();
  }
}

/** Files of releases before rollouts have no predictions of any. */
async function filesWithRollouts(connection: DuckDBConnection, files: readonly string[]): Promise<string[]> {
  const there: string[] = [];
  for (const file of files) if (await access(file).then(() => true, () => false)) there.push(file);
  if (there.length === 0) return [];
  const rows = await connection.runAndReadAll(`SELECT DISTINCT file_name FROM parquet_schema(${sqlList(there)}) WHERE name = 'rollout'`);
  return rows.getRows().map(([name]) => name as string);
}
