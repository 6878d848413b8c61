import { type DuckDBConnection, type DuckDBType, DuckDBTypeId, type DuckDBValue } from "@duckdb/node-api";
import { AppError } from "../../core/errors.ts";
import type { CellValue } from "../../datasets/index.ts";
import type { ReferenceTable } from "./reference-table.ts";
import { sqlText } from "./sql-text.ts";

/** What one answer may hold: it is in the memory of two processes at once. */
const maxAnswerBytes = 128 * 1024 * 1024;
const cellBytes = 16;
/** A point in time that a CSV file writes as ISO 8601 does, but for a space instead of the T, stays as it is written. */
const isoTime = "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?";

/** Rows of the page in the order of the file, as one array per column; see `TableReader`. Throws REFERENCE_INVALID. */
export async function tableRows(
  connection: DuckDBConnection, table: ReferenceTable, columns: readonly string[], { offset, limit }: { offset: number; limit: number },
): Promise<CellValue[][]> {
  const places = columns.map((column) => placeOf(table, column));
  if (places.length === 0) return [];
  const types = (await connection.run(`SELECT ${places.map((place) => `c${place}`).join(", ")} FROM ${table.from} LIMIT 0`)).columnTypes();
  const cells = places.map((place, index) => readable(`c${place}`, types[index]!, table.columns[place]!.kind === "timestamp"));
  const result = await connection.stream(`SELECT ${cells.join(", ")} FROM ${table.from} LIMIT ${wholeNumber(limit)} OFFSET ${wholeNumber(offset)}`);
  const read: CellValue[][] = columns.map(() => []);
  let bytes = 0;
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    for (const [index, values] of read.entries()) {
      const vector = chunk.getColumnVector(index);
      for (let row = 0; row < chunk.rowCount; row++) {
        const value = cellOf(vector.getItem(row));
        values.push(value);
        bytes += cellBytes + (typeof value === "string" ? 2 * value.length : 0);
      }
      if (bytes > maxAnswerBytes) throw new AppError("REFERENCE_INVALID", "These rows are too large to be read at once; read fewer of them.");
    }
  }
  return read;
}

export function placeOf(table: ReferenceTable, column: string): number {
  const place = table.columns.findIndex(({ name }) => name === column);
  if (place >= 0) return place;
  throw new AppError("REFERENCE_INVALID", `The file has no column ${JSON.stringify(column.slice(0, 200))}.`, { problems: [{ path: `columns.${column}`, message: "is not in the file" }] });
}

/** SQL that gives the value as a boolean, a number or a text. Texts by `CAST` alone depend on no setting and no time zone. */
export function readable(value: string, type: DuckDBType, isTime: boolean): string {
  const time = (text: string): string => `replace(CAST(${text} AS VARCHAR), ' ', 'T')`;
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN: case DuckDBTypeId.FLOAT: case DuckDBTypeId.DOUBLE:
    case DuckDBTypeId.TINYINT: case DuckDBTypeId.SMALLINT: case DuckDBTypeId.INTEGER: case DuckDBTypeId.BIGINT: case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UTINYINT: case DuckDBTypeId.USMALLINT: case DuckDBTypeId.UINTEGER: case DuckDBTypeId.UBIGINT: case DuckDBTypeId.UHUGEINT:
      return value;
    case DuckDBTypeId.DECIMAL: case DuckDBTypeId.SQLNULL:
      return `CAST(${value} AS DOUBLE)`;
    case DuckDBTypeId.VARCHAR:
      return isTime ? `CASE WHEN regexp_full_match(trim(${value}), ${sqlText(isoTime)}) THEN replace(trim(${value}), ' ', 'T') ELSE ${time(`TRY_CAST(${value} AS TIMESTAMP)`)} END` : value;
    case DuckDBTypeId.TIMESTAMP: case DuckDBTypeId.TIMESTAMP_S: case DuckDBTypeId.TIMESTAMP_MS: case DuckDBTypeId.TIMESTAMP_NS:
      return time(value);
    case DuckDBTypeId.TIMESTAMP_TZ:
      return `${time(`make_timestamp(epoch_us(${value}))`)} || 'Z'`;
    default:
      return `CAST(${value} AS VARCHAR)`;
  }
}

function cellOf(value: DuckDBValue): CellValue {
  if (typeof value === "bigint") return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
  return value as CellValue;
}

function wholeNumber(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError("a page begins and ends at whole numbers");
  return value;
}
