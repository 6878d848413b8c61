import { open } from "node:fs/promises";
import { type DuckDBConnection, type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import { AppError } from "../../core/errors.ts";
import type { TableColumn } from "../../registry/index.ts";
import { assertDistinctColumns, readCsvHeader } from "./csv-header.ts";
import { sqlList, sqlName, sqlText } from "./sql-text.ts";

/** A table that a user gave, as its columns and as the FROM clause that reads it with columns c0, c1, ... */
export interface ReferenceTable {
  rows: number;
  columns: TableColumn[];
  from: string;
}

const headerSampleBytes = 1024 * 1024;

/** What `pandas.read_csv` reads as missing, so that a model's author and Slipway count the same. */
const missingWords = [
  "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/** Reads what the table is: for CSV that takes one look at every value. Throws REFERENCE_INVALID. */
export async function openReferenceTable(connection: DuckDBConnection, path: string, format: "parquet" | "csv"): Promise<ReferenceTable> {
  const table = format === "parquet" ? await openParquet(connection, path) : await openCsv(connection, path);
  if (table.rows === 0) throw new AppError("REFERENCE_INVALID", "The file has no rows.");
  return table;
}

/** Names by position, so that no name of a user is ever a part of a query. */
function aliased(source: string, count: number): string {
  return `${source} AS t(${Array.from({ length: count }, (_, index) => `c${index}`).join(", ")})`;
}

async function openParquet(connection: DuckDBConnection, path: string): Promise<ReferenceTable> {
  await assertParquetMarks(path);
  const schema = await connection.runAndReadAll(`SELECT name, num_children FROM parquet_schema(${sqlText(path)})`);
  const names = topLevelNames(schema.getRows() as [string, bigint | null][]);
  assertDistinctColumns(names);
  if (names.length === 0) throw new AppError("REFERENCE_INVALID", "The file has no columns.");
  const from = aliased(`read_parquet(${sqlText(path)}, hive_partitioning = false)`, names.length);
  const types = (await connection.run(`SELECT * FROM ${from} LIMIT 0`)).columnTypes();
  const counted = await connection.runAndReadAll(`SELECT count(*) FROM ${from}`);
  return { rows: Number(counted.getRows()[0]![0]), columns: names.map((name, index) => ({ name, kind: kindOf(types[index]!) })), from };
}

/** A file that is cut short or is something else is told from one that is damaged inside. */
async function assertParquetMarks(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const marks = Buffer.alloc(8);
    if (size > 0) await file.read(marks, 0, 4, 0);
    if (size >= 12) await file.read(marks, 4, 4, size - 4);
    if (marks.toString("latin1") === "PAR1PAR1") return;
    throw new AppError("REFERENCE_INVALID", size === 0 ? "The file is empty." : "The file is not a whole Parquet file.");
  } finally {
    await file.close();
  }
}

/** The file's own names: the reader would rename duplicates and tell `a` from `A` only by a suffix. */
function topLevelNames(elements: readonly [string, bigint | null][]): string[] {
  const names: string[] = [];
  // The first element is the root; each one is followed by its children.
  for (let index = 1; index < elements.length; index++) {
    names.push(elements[index]![0]);
    for (let pending = Number(elements[index]![1] ?? 0n); pending > 0 && index + 1 < elements.length; pending--) pending += Number(elements[++index]?.[1] ?? 0n);
  }
  return names;
}

async function openCsv(connection: DuckDBConnection, path: string): Promise<ReferenceTable> {
  const { delimiter, names } = await readHeader(path);
  assertDistinctColumns(names);
  const source = `read_csv(${sqlText(path)}, auto_detect = false, header = true, delim = ${sqlText(delimiter)}, quote = '"', escape = '"',
    nullstr = ${sqlList(missingWords)}, columns = {${names.map((_, index) => `${sqlName(`c${index}`)}: 'VARCHAR'`).join(", ")}})`;
  const { rows, kinds } = await csvKinds(connection, source, names.length);
  const columns = names.map((name, index): TableColumn => ({ name, kind: kinds[index]! }));
  const converted = columns.map(({ kind }, index) => (kind === "text" || kind === "timestamp" ? `c${index}` : `CAST(c${index} AS ${csvTypes[kind as keyof typeof csvTypes]})`));
  return { rows, columns, from: aliased(`(SELECT ${converted.join(", ")} FROM ${source})`, names.length) };
}

/** One pass over the file for so many columns: a query's planning takes time by the square of its expressions. */
const columnsPerPass = 250;
/** What all values of a column are; a whole number is a number too. */
const [isNumber, isInteger, isBoolean, isTimestamp] = [1, 2, 4, 8];

async function csvKinds(connection: DuckDBConnection, source: string, count: number): Promise<{ rows: number; kinds: TableColumn["kind"][] }> {
  const common = Array.from({ length: count }, (_, index) => {
    const value = `c${index}`;
    // Numbers are numbers, also where a year could be a date. Missing values say nothing. The cheap question comes first:
    // asking whether there is a point halves the time of a file of fractions.
    return `bit_and(CASE
      WHEN ${value} IS NULL THEN NULL
      WHEN TRY_CAST(${value} AS DOUBLE) IS NOT NULL THEN
        CASE WHEN NOT contains(${value}, '.') AND TRY_CAST(${value} AS BIGINT) IS NOT NULL AND regexp_full_match(trim(${value}), '[+-]?[0-9]+') THEN ${isNumber | isInteger} ELSE ${isNumber} END
      WHEN ${value} IN ('true', 'True', 'TRUE', 'false', 'False', 'FALSE') THEN ${isBoolean}
      WHEN TRY_CAST(${value} AS TIMESTAMP) IS NOT NULL THEN ${isTimestamp}
      ELSE 0 END)`;
  });
  let rows = 0;
  const kinds: TableColumn["kind"][] = [];
  for (let first = 0; first < count; first += columnsPerPass) {
    const read = await connection.runAndReadAll(`SELECT count(*), ${common.slice(first, first + columnsPerPass).join(", ")} FROM ${source}`);
    const [counted, ...facts] = read.getRows()[0]!;
    rows = Number(counted);
    for (const fact of facts) kinds.push(csvKind(fact === null ? null : Number(fact)));
  }
  return { rows, kinds };
}

/** A column without any value is what pandas makes of it: floats that are all missing. */
function csvKind(fact: number | null): TableColumn["kind"] {
  if (fact === null) return "float";
  if ((fact & isInteger) !== 0) return "integer";
  if ((fact & isNumber) !== 0) return "float";
  if ((fact & isBoolean) !== 0) return "boolean";
  return (fact & isTimestamp) !== 0 ? "timestamp" : "text";
}

const csvTypes = { integer: "BIGINT", float: "DOUBLE", boolean: "BOOLEAN" };

async function readHeader(path: string): Promise<ReturnType<typeof readCsvHeader>> {
  const file = await open(path, "r");
  try {
    const sample = Buffer.alloc(headerSampleBytes);
    const { bytesRead } = await file.read(sample, 0, sample.length, 0);
    return readCsvHeader(sample.subarray(0, bytesRead), bytesRead < sample.length);
  } finally {
    await file.close();
  }
}

function kindOf(type: DuckDBType): TableColumn["kind"] {
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return "boolean";
    case DuckDBTypeId.TINYINT: case DuckDBTypeId.SMALLINT: case DuckDBTypeId.INTEGER: case DuckDBTypeId.BIGINT: case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UTINYINT: case DuckDBTypeId.USMALLINT: case DuckDBTypeId.UINTEGER: case DuckDBTypeId.UBIGINT: case DuckDBTypeId.UHUGEINT:
      return "integer";
    // Arrow writes a column in which everything is missing with the type null.
    case DuckDBTypeId.FLOAT: case DuckDBTypeId.DOUBLE: case DuckDBTypeId.DECIMAL: case DuckDBTypeId.SQLNULL:
      return "float";
    case DuckDBTypeId.VARCHAR: case DuckDBTypeId.ENUM: case DuckDBTypeId.UUID:
      return "text";
    case DuckDBTypeId.DATE: case DuckDBTypeId.TIMESTAMP: case DuckDBTypeId.TIMESTAMP_S: case DuckDBTypeId.TIMESTAMP_MS: case DuckDBTypeId.TIMESTAMP_NS:
    case DuckDBTypeId.TIMESTAMP_TZ:
      return "timestamp";
    default:
      return "other";
  }
}
