import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import { AppError } from "../../core/errors.ts";
import type { CategoricalColumnProfile, ColumnProfile, ProfileRequest, TableColumn } from "../../registry/index.ts";
import { numericProfile, roundTo } from "./numeric-profile.ts";
import type { ReferenceTable } from "./reference-table.ts";

const maxRows = 100_000_000;
/** Columns are read together as long as their values take no more than this. */
const passBytes = 256 * 1024 * 1024;
const maxCategories = 1000;
/** Longer texts are free text rather than categories; they count as others, so that a profile stays small. */
const maxCategoryLength = 1024;

/** Profiles the asked columns, in the order of the requests. Throws REFERENCE_INVALID. */
export async function profileTable(connection: DuckDBConnection, table: ReferenceTable, requests: readonly ProfileRequest[]): Promise<ColumnProfile[]> {
  if (table.rows > maxRows) throw new AppError("REFERENCE_INVALID", `The file has more than ${maxRows.toLocaleString("en")} rows; give a random sample of it.`);
  assertProfilable(table.columns, requests);
  const profiles: ColumnProfile[] = new Array<ColumnProfile>(requests.length);
  const numeric = requests.flatMap((request, position) => (request.kind === "numeric" ? [position] : []));
  const perPass = Math.max(1, Math.floor(passBytes / (table.rows * Float64Array.BYTES_PER_ELEMENT)));
  for (let first = 0; first < numeric.length; first += perPass) {
    const pass = numeric.slice(first, first + perPass);
    const columns = await readNumbers(connection, table, pass.map((position) => requests[position]!));
    pass.forEach((position, index) => {
      const request = requests[position]!;
      profiles[position] = { kind: "numeric", ...basics(request), ...numericProfile(roundTo(request.precision, columns[index]!)) };
    });
  }
  for (const [position, request] of requests.entries()) {
    if (request.kind === "categorical") profiles[position] = await categoricalProfile(connection, table, request);
  }
  return profiles;
}

function basics({ column, input, index }: ProfileRequest): { name: string; input: string; index: number } {
  return { name: column, input, index };
}

function columnOf(table: ReferenceTable, request: ProfileRequest): { value: string; kind: TableColumn["kind"] } {
  const index = table.columns.findIndex((column) => column.name === request.column);
  return { value: `c${index}`, kind: table.columns[index]!.kind };
}

function assertProfilable(columns: readonly TableColumn[], requests: readonly ProfileRequest[]): void {
  const problems = requests.flatMap(({ column, kind }) => {
    const found = columns.find((candidate) => candidate.name === column);
    if (found === undefined) return [{ path: `columns.${column}`, message: "is not in the file" }];
    const fits = found.kind !== "other" && (kind === "categorical" || (found.kind !== "text" && found.kind !== "timestamp"));
    return fits ? [] : [{ path: `columns.${column}`, message: `holds ${words[found.kind]}, not ${kind === "numeric" ? "numbers" : "categories"}` }];
  });
  if (problems.length > 0) throw new AppError("REFERENCE_INVALID", `The column ${JSON.stringify(problems[0]!.path.slice(8))} ${problems[0]!.message}.`, { problems });
}

const words = { boolean: "booleans", integer: "numbers", float: "numbers", text: "text", timestamp: "points in time", other: "lists, bytes or nested values" };

/** Values of several columns in one pass over the file; NaN where they are missing. */
async function readNumbers(connection: DuckDBConnection, table: ReferenceTable, requests: readonly ProfileRequest[]): Promise<Float64Array[]> {
  const values = requests.map((request) => `coalesce(CAST(${columnOf(table, request).value} AS DOUBLE), 'NaN'::DOUBLE)`);
  const result = await connection.stream(`SELECT ${values.join(", ")} FROM ${table.from}`);
  // The row count in a file's header may be a lie, so memory follows the rows that really come.
  let columns = requests.map(() => new Float64Array(65_536));
  let length = 0;
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const rows = chunk.rowCount;
    if (length + rows > columns[0]!.length) {
      columns = columns.map((column) => {
        const grown = new Float64Array(column.length * 2);
        grown.set(column);
        return grown;
      });
    }
    for (let index = 0; index < columns.length; index++) {
      const vector = chunk.getColumnVector(index);
      const column = columns[index]!;
      for (let row = 0; row < rows; row++) column[length + row] = vector.getItem(row) as number;
    }
    length += rows;
  }
  return columns.map((column) => column.subarray(0, length));
}

/** Counts of each value; the most frequent by count, then by value. Numbers are written as JavaScript prints them. */
async function categoricalProfile(connection: DuckDBConnection, table: ReferenceTable, request: ProfileRequest): Promise<CategoricalColumnProfile> {
  const { value, kind } = columnOf(table, request);
  const category = kind === "float" ? `CAST(${value} AS DOUBLE)` : `CAST(${value} AS VARCHAR)`;
  const missing = kind === "float" ? "category IS NULL OR isnan(category)" : "category IS NULL";
  const listable = kind === "float" ? "true" : `strlen(category) <= ${maxCategoryLength}`;
  // Integers sort as numbers among equals, not as their digits.
  const order = kind === "integer" ? "CAST(category AS HUGEINT)" : "category";
  await connection.run(`CREATE OR REPLACE TEMP TABLE counted AS SELECT category, count(*) AS rows FROM (SELECT ${category} AS category FROM ${table.from}) GROUP BY category`);
  const totals = await connection.runAndReadAll(`SELECT
    coalesce(sum(rows), 0), coalesce(sum(rows) FILTER (${missing}), 0), count(*) FILTER (NOT (${missing})) FROM counted`);
  const [count, missingCount, distinct] = totals.getRows()[0]!.map(Number) as [number, number, number];
  const listed = await connection.runAndReadAll(
    `SELECT category, rows FROM counted WHERE NOT (${missing}) AND ${listable} ORDER BY rows DESC, ${order} LIMIT ${maxCategories}`,
  );
  await connection.run("DROP TABLE counted");
  const categories = listed.getRows().map(([text, rows]) => ({ value: textOf(text!), count: Number(rows) }));
  const listedCount = categories.reduce((sum, entry) => sum + entry.count, 0);
  return { kind: "categorical", ...basics(request), count, missing: missingCount, distinct, categories, otherCount: count - missingCount - listedCount };
}

function textOf(value: DuckDBValue): string {
  return typeof value === "number" ? String(value === 0 ? 0 : value) : String(value);
}
