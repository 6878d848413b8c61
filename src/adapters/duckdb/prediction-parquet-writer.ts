import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { EpochMs } from "../../core/clock.ts";
import { timeOfId } from "../../core/ids.ts";
import type { Signature } from "../../registry/index.ts";
import type { PredictionEntry } from "../../serving/index.ts";
import { nodeFileSystem } from "../filesystem/node-file-system.ts";
import { decodeEntry } from "../filesystem/prediction-log/entry-codec.ts";
import type { StagedFile } from "../filesystem/prediction-log/prediction-archive.ts";
import { scanSegment } from "../filesystem/prediction-log/segment-file.ts";
import type { DuckdbTasks } from "./duckdb-tasks.ts";
import { PredictionColumns, UnplannedTensor } from "./prediction-columns.ts";
import { PredictionTable } from "./prediction-table.ts";
import { withRestrictedDatabase } from "./restricted-database.ts";
import { sqlList, sqlName, sqlText } from "./sql-text.ts";

const limits = { memoryMegabytes: 1024, threads: 1 };
/** `FORMAT parquet` with the compression that Spark, pandas and DuckDB all read. The name is ours alone, so no second temporary one. */
const parquetOptions = "(FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)";

interface VersionRows {
  model: string;
  version: string;
  columns: PredictionColumns;
  /** Null while the columns are being observed. */
  table: PredictionTable | null;
  firstTime: EpochMs;
  lastTime: EpochMs;
}

/**
 * Writes a segment's predictions, one file for each model version. Signatures tell the columns beforehand, so one reading
 * suffices; a prediction that does not keep to its signature, or has none, makes it read once more to see what there is.
 */
export async function convertSegment(request: DuckdbTasks["convertSegment"]["request"]): Promise<StagedFile[]> {
  try {
    return await convertWith(request, new SegmentVersions(request.signatures));
  } catch (error) {
    if (!(error instanceof UnplannedTensor)) throw error;
  }
  const versions = new SegmentVersions(request.signatures);
  await eachEntry(request, (entry) => versions.of(entry).columns.observe(entry));
  return convertWith(request, versions);
}

function convertWith(request: DuckdbTasks["convertSegment"]["request"], versions: SegmentVersions): Promise<StagedFile[]> {
  return withRestrictedDatabase({ ...limits, directories: [request.staging] }, async (connection) => {
    // The scan hands out a slice at a time, appending waits for DuckDB.
    let waiting: PredictionEntry[] = [];
    const appendWaiting = async (): Promise<void> => {
      for (const entry of waiting) {
        const rows = versions.of(entry);
        rows.table ??= await PredictionTable.create(connection, versions.key(entry), rows.columns);
        await rows.table.append(entry);
      }
      waiting = [];
    };
    await eachEntry(request, (entry) => void waiting.push(entry), appendWaiting);
    const files: StagedFile[] = [];
    for (const [key, { model, version, table, firstTime, lastTime }] of versions.byKey) {
      await table!.flush();
      const path = join(request.staging, `${randomUUID()}.parquet`);
      await connection.run(`COPY (SELECT * FROM ${sqlName(key)} ORDER BY prediction_id, row) TO ${sqlText(path)} ${parquetOptions}`);
      await connection.run(`DROP TABLE ${sqlName(key)}`);
      files.push({ path, model, version, firstTime, lastTime });
    }
    return files;
  });
}

/** What one segment holds of each model version. */
class SegmentVersions {
  readonly byKey = new Map<string, VersionRows>();
  readonly #signatures: ReadonlyMap<string, Signature | null>;

  constructor(signatures: DuckdbTasks["convertSegment"]["request"]["signatures"]) {
    this.#signatures = new Map(signatures.map(({ model, version, signature }) => [this.key({ model, version }), signature]));
  }

  /** Names have no blank, so this is unique; it is the name of the table too. */
  key({ model, version }: { model: string; version: string }): string {
    return `${model} ${version}`;
  }

  of(entry: PredictionEntry): VersionRows {
    const key = this.key(entry);
    const time = timeOfId(entry.id);
    let rows = this.byKey.get(key);
    if (rows === undefined) {
      const { model, version } = entry;
      rows = { model, version, columns: new PredictionColumns(this.#signatures.get(key) ?? null), table: null, firstTime: time, lastTime: time };
      this.byKey.set(key, rows);
    }
    if (time < rows.firstTime) rows.firstTime = time;
    if (time > rows.lastTime) rows.lastTime = time;
    return rows;
  }
}

/** Joins files of one version in the order given; their row groups stay sorted by id where the files follow each other. */
export async function mergePredictions({ files, staging, model, version }: DuckdbTasks["mergePredictions"]["request"]): Promise<StagedFile> {
  return withRestrictedDatabase({ ...limits, paths: files, directories: [staging, ...files.map((file) => dirname(file))] }, async (connection) => {
    await assertSameTypes(connection, files);
    const path = join(staging, `${randomUUID()}.parquet`);
    const all = `read_parquet(${sqlList(files)}, union_by_name = true, hive_partitioning = false)`;
    await connection.run(`COPY (SELECT * FROM ${all}) TO ${sqlText(path)} ${parquetOptions}`);
    const bounds = await connection.runAndReadAll(`SELECT min(prediction_id), max(prediction_id) FROM read_parquet(${sqlText(path)})`);
    const [first, last] = bounds.getRows()[0] as [string, string];
    return { path, model, version, firstTime: timeOfId(first), lastTime: timeOfId(last) };
  });
}

/** Without a contract two files may disagree on a column; joined, one of them would lose its type. */
async function assertSameTypes(connection: DuckDBConnection, files: readonly string[]): Promise<void> {
  const types = new Map<string, string>();
  for (const file of files) {
    const result = await connection.run(`SELECT * FROM read_parquet(${sqlText(file)}, hive_partitioning = false) LIMIT 0`);
    result.columnNames().forEach((name, index) => {
      const type = result.columnType(index).toString();
      const lowered = name.toLowerCase();
      if ((types.get(lowered) ?? type) !== type) throw new Error(`column ${name} is ${types.get(lowered)} in one file and ${type} in another`);
      types.set(lowered, type);
    });
  }
}

/** Calls back for every prediction; a damaged one was passed over when the segment was recovered, and is again. */
export async function eachEntry(
  { segmentPath, bytes }: { segmentPath: string; bytes: number },
  visit: (entry: PredictionEntry) => void,
  betweenSlices: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await scanSegment(nodeFileSystem, segmentPath, { bytes, verify: true }, (payload) => visit(decodeEntry(payload)), betweenSlices);
  await betweenSlices();
}
