import { dirname } from "node:path";
import type { DuckDBConnection, DuckDBTimestampValue, DuckDBValue } from "@duckdb/node-api";
import { DuckDBListValue, DuckDBTimestampMillisecondsValue } from "@duckdb/node-api";
import { timeOfId } from "../../core/ids.ts";
import { elementCount } from "../../core/tensor.ts";
import type { LoggedTensor, Prediction, PredictionFilter } from "../../serving/index.ts";
import { type JsonElement, jsonElement } from "../filesystem/prediction-log/logged-prediction.ts";
import { NewestFirst } from "../filesystem/prediction-log/newest-first.ts";
import type { DuckdbTasks } from "./duckdb-tasks.ts";
import { isSplitByRow } from "./prediction-columns.ts";
import { PredictionHeader, type StoredTensor } from "./prediction-header.ts";
import { withRestrictedDatabase } from "./restricted-database.ts";
import { sqlList, sqlText } from "./sql-text.ts";

const limits = { memoryMegabytes: 512, threads: 1 };
type Row = Record<string, DuckDBValue>;

export async function findPrediction({ files, id }: DuckdbTasks["findPrediction"]["request"]): Promise<Prediction | null> {
  return withFiles(files, async (connection) => {
    for (const file of files) {
      const [found] = await readPredictions(connection, file, [id]);
      if (found !== undefined) return found;
    }
    return null;
  });
}

export async function listPredictions({ files, filter }: DuckdbTasks["listPredictions"]["request"]): Promise<Prediction[]> {
  const conditions = ["row = 0"];
  if (filter.after !== undefined) conditions.push(`prediction_id > ${sqlText(filter.after)}`);
  if (filter.before !== undefined) conditions.push(`prediction_id < ${sqlText(filter.before)}`);
  if (filter.outcome === "ok") conditions.push("outcome IN ('ok', 'cached')");
  if (filter.outcome === "error") conditions.push("outcome NOT IN ('ok', 'cached')");
  return withFiles(files.map((file) => file.path), async (connection) => {
    // First the ids, from two columns; then the whole rows of those that are asked for.
    const newest = new NewestFirst<string>(filter.limit);
    for (const { path, lastTime } of files) {
      if (newest.lowest !== null && lastTime < timeOfId(newest.lowest)) continue;
      const shadows = await shadowCondition(connection, path, filter);
      if (shadows === null) continue;
      const found = await rowsOf(connection, path, `SELECT prediction_id FROM ${source(path)} WHERE ${[...conditions, ...shadows].join(" AND ")} ORDER BY prediction_id DESC LIMIT ${filter.limit}`);
      for (const row of found) newest.add(row["prediction_id"] as string, `${path}\0${row["prediction_id"] as string}`);
    }
    const idsByFile = new Map<string, string[]>();
    for (const place of newest.values()) {
      const [path, id] = place.split("\0") as [string, string];
      idsByFile.set(path, [...(idsByFile.get(path) ?? []), id]);
    }
    const predictions: Prediction[] = [];
    for (const [path, ids] of idsByFile) predictions.push(...(await readPredictions(connection, path, ids)));
    return predictions.sort((left, right) => (left.id < right.id ? 1 : -1));
  });
}

/** What holds for the shadow answers that the filter wants of a file; null where it can have none. Files of releases before rollouts have no such column. */
async function shadowCondition(connection: DuckDBConnection, path: string, filter: PredictionFilter): Promise<string[] | null> {
  if (filter.shadowOf === undefined && filter.shadow === true) return [];
  const columns = await rowsOf(connection, path, `SELECT name FROM parquet_schema(${sqlText(path)}) WHERE name = 'shadow_of'`);
  if (filter.shadowOf !== undefined) return columns.length === 0 ? null : [`shadow_of = ${sqlText(filter.shadowOf)}`];
  return columns.length === 0 ? [] : ["shadow_of IS NULL"];
}

function withFiles<Result>(files: readonly string[], work: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> {
  return withRestrictedDatabase({ ...limits, directories: [...new Set(files.map((file) => dirname(file)))] }, work);
}

function source(path: string): string {
  return `read_parquet(${sqlText(path)}, hive_partitioning = false)`;
}

/** A file that retention or a compaction has removed in the meantime has no rows. */
async function rowsOf(connection: DuckDBConnection, path: string, sql: string): Promise<Row[]> {
  try {
    return (await connection.runAndReadAll(sql)).getRowObjects();
  } catch (error) {
    if (String(error).includes("No files found")) return [];
    throw new Error(`reading ${path}: ${String(error)}`, { cause: error });
  }
}

async function readPredictions(connection: DuckDBConnection, path: string, ids: readonly string[]): Promise<Prediction[]> {
  const rows = await rowsOf(connection, path, `SELECT * FROM ${source(path)} WHERE prediction_id IN (SELECT unnest(${sqlList(ids)})) ORDER BY prediction_id, row`);
  const folder = /model=([^/\\]+)[/\\]version=([^/\\]+)[/\\][^/\\]+$/.exec(path)!;
  const predictions: Prediction[] = [];
  for (let start = 0; start < rows.length; ) {
    let end = start + 1;
    while (end < rows.length && rows[end]!["prediction_id"] === rows[start]!["prediction_id"]) end++;
    predictions.push(rebuild(rows.slice(start, end), folder[1]!, folder[2]!));
    start = end;
  }
  return predictions;
}

/** `rows` are all rows of one prediction, in order. */
function rebuild(rows: readonly Row[], model: string, version: string): Prediction {
  const first = rows[0]!;
  const header = PredictionHeader.parse(JSON.parse(first["header"] as string));
  const tensor = (stored: StoredTensor): LoggedTensor => rebuildTensor(stored, header.rows, rows);
  return {
    id: first["prediction_id"] as string,
    time: millisecondsOf(first["time"]!),
    model,
    version,
    requestId: first["request_id"] as string | null,
    rows: header.rows,
    outcome: first["outcome"] as string,
    timing: {
      queueUs: first["queue_us"] as number,
      runUs: first["run_us"] as number,
      totalUs: first["total_us"] as number,
      batchRows: Number(first["batch_rows"]),
    },
    inputs: header.inputs.map(tensor),
    outputs: header.outputs.map(tensor),
    assignment: header.assignment,
    traceId: header.traceId,
  };
}

function rebuildTensor({ columns, ...stored }: StoredTensor, requestRows: number, rows: readonly Row[]): LoggedTensor {
  if (columns === undefined) return { ...stored, data: null };
  const data: JsonElement[] = [];
  if (elementCount(stored.shape) > 0) {
    for (const row of isSplitByRow(stored.shape, requestRows) ? rows : rows.slice(0, 1)) {
      for (const column of columns) {
        const value = row[column]!;
        if (value instanceof DuckDBListValue) for (const item of value.items) data.push(jsonElement(item as number | bigint | string | boolean));
        else data.push(jsonElement(value as number | bigint | string | boolean));
      }
    }
  }
  return { ...stored, data };
}

/** Parquet keeps the unit of the time, and readers may widen it. */
function millisecondsOf(value: DuckDBValue): number {
  if (value instanceof DuckDBTimestampMillisecondsValue) return Number(value.millis);
  return Number((value as DuckDBTimestampValue).micros / 1000n);
}
