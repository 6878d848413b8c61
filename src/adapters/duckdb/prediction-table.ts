import {
  type DuckDBConnection, DuckDBDataChunk, DuckDBTimestampMillisecondsValue, type DuckDBType, type DuckDBValue, BIGINT, BOOLEAN, DOUBLE, FLOAT,
  INTEGER, LIST, SMALLINT, TIMESTAMP_MS, TINYINT, UBIGINT, UINTEGER, USMALLINT, UTINYINT, VARCHAR, listValue,
} from "@duckdb/node-api";
import type { Datatype, TensorData } from "../../core/tensor.ts";
import type { LogTensor, PredictionEntry } from "../../serving/index.ts";
import { meaningOf } from "../filesystem/prediction-log/logged-prediction.ts";
import { elementsPerRow, elementTypes, fixedColumns, isSplitByRow, type PredictionColumns, type Side, type TensorColumns } from "./prediction-columns.ts";
import { headerOf } from "./prediction-header.ts";
import { sqlName } from "./sql-text.ts";

const typesByName: Record<string, DuckDBType> = {
  BOOLEAN, UTINYINT, USMALLINT, UINTEGER, UBIGINT, TINYINT, SMALLINT, INTEGER, BIGINT, FLOAT, DOUBLE, VARCHAR, TIMESTAMP_MS,
};

/** DuckDB takes chunks of at most 2,048 rows; those with long lists are cut shorter, so that memory stays bounded. */
const chunkRows = 2048;
const chunkElements = 256 * 1024;

interface Column {
  name: string;
  type: DuckDBType;
}

/** A table in DuckDB that predictions are appended to, one row for each row of a request. */
export class PredictionTable {
  readonly #connection: DuckDBConnection;
  readonly #name: string;
  readonly #plan: PredictionColumns;
  readonly #columns: Column[];
  /** Position of the first column of each tensor's place. */
  readonly #positions = new Map<TensorColumns, number>();
  #rows: DuckDBValue[][] = [];
  #elements = 0;

  static async create(connection: DuckDBConnection, name: string, plan: PredictionColumns): Promise<PredictionTable> {
    const table = new PredictionTable(connection, name, plan);
    const columns = table.#columns.map((column) => `${sqlName(column.name)} ${column.type.toString()}`);
    await connection.run(`CREATE TEMP TABLE ${sqlName(name)} (${columns.join(", ")})`);
    return table;
  }

  private constructor(connection: DuckDBConnection, name: string, plan: PredictionColumns) {
    this.#connection = connection;
    this.#name = name;
    this.#plan = plan;
    this.#columns = fixedColumns.map((column) => ({ name: column.name, type: typesByName[column.type]! }));
    for (const place of plan.settle()) {
      this.#positions.set(place, this.#columns.length);
      const element = typesByName[elementTypes[place.datatype]]!;
      for (const columnName of place.names) this.#columns.push({ name: columnName, type: place.layout === "lists" ? LIST(element) : element });
    }
  }

  async append(entry: PredictionEntry): Promise<void> {
    const tensors: [Side, LogTensor][] = [...entry.inputs.map((tensor): [Side, LogTensor] => ["in", tensor]), ...entry.outputs.map((tensor): [Side, LogTensor] => ["out", tensor])];
    // A prediction whose values are all withheld says everything on its first row.
    const rowCount = tensors.some(([, tensor]) => tensor.data !== null && isSplitByRow(tensor.shape, entry.rows)) ? entry.rows : 1;
    for (let row = 0; row < rowCount; row++) {
      const values = this.#fixedValues(entry, row);
      for (const [side, tensor] of tensors) if (tensor.data !== null) this.#place(values, side, tensor, tensor.data, entry.rows, row);
      this.#rows.push(values);
      if (this.#rows.length >= chunkRows || this.#elements >= chunkElements) await this.flush();
    }
  }

  /** Hands what was collected to DuckDB. */
  async flush(): Promise<void> {
    if (this.#rows.length === 0) return;
    const chunk = DuckDBDataChunk.create(this.#columns.map((column) => column.type));
    chunk.setRows(this.#rows);
    const appender = await this.#connection.createAppender(this.#name, null, "temp");
    try {
      appender.appendDataChunk(chunk);
    } finally {
      appender.closeSync();
    }
    this.#rows = [];
    this.#elements = 0;
  }

  #fixedValues(entry: PredictionEntry, row: number): DuckDBValue[] {
    const { queueUs, runUs, totalUs, batchRows } = entry.timing;
    const values = new Array<DuckDBValue>(this.#columns.length).fill(null);
    values[0] = entry.id;
    values[1] = row;
    values[2] = new DuckDBTimestampMillisecondsValue(BigInt(entry.time));
    values[3] = entry.requestId;
    values[4] = entry.outcome;
    values[5] = queueUs;
    values[6] = runUs;
    values[7] = totalUs;
    values[8] = BigInt(batchRows);
    values[9] = row === 0 ? JSON.stringify(headerOf(entry, this.#plan)) : null;
    values[10] = entry.assignment?.rollout ?? null;
    values[11] = entry.assignment?.phase ?? null;
    values[12] = entry.assignment?.arm ?? null;
    values[13] = entry.assignment?.shadowOf ?? null;
    return values;
  }

  #place(values: DuckDBValue[], side: Side, tensor: LogTensor, data: TensorData, rows: number, row: number): void {
    const split = isSplitByRow(tensor.shape, rows);
    if (!split && row > 0) return;
    const place = this.#plan.columnsOf(side, tensor, rows);
    const position = this.#positions.get(place)!;
    const width = elementsPerRow(tensor.shape, rows);
    const start = split ? row * width : 0;
    if (place.layout === "scalars") {
      for (let index = 0; index < width; index++) values[position + index] = meaningOf(tensor.datatype, data, start + index);
    } else {
      values[position] = listValue(slice(tensor.datatype, data, start, width));
      this.#elements += width;
    }
  }
}

function slice(datatype: Datatype, data: TensorData, start: number, length: number): DuckDBValue[] {
  const items: DuckDBValue[] = [];
  for (let index = start; index < start + length; index++) items.push(meaningOf(datatype, data, index));
  return items;
}
