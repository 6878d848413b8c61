import { open, type FileHandle } from "node:fs/promises";
import { type DuckDBConnection, type DuckDBType, DuckDBTypeId, type DuckDBValue } from "@duckdb/node-api";
import { AppError } from "../../core/errors.ts";
import { typedArrayOf, type Datatype, type NumericData } from "../../core/tensor.ts";
import { alignedTo8, keyHash, lookupMagic, sameKey, slotCount, type ColumnData, type LookupColumn, type LookupHeader, type LookupShape } from "../lookup/lookup-file.ts";
import type { DuckdbTasks } from "./duckdb-tasks.ts";
import { withTable } from "./reference-tasks.ts";
import type { ReferenceTable } from "./reference-table.ts";
import { placeOf, readable } from "./table-rows.ts";

/** What one table may be: it is in the server's memory while it serves. */
const maxRows = 5_000_000;
const maxBytes = 1024 ** 3;

/** Reads the table in one pass and writes its searchable form. Throws LOOKUP_TABLE_INVALID, and what the reader of tables throws. */
export async function writeLookup({ path, format, keys, to }: DuckdbTasks["writeLookup"]["request"]): Promise<LookupShape> {
  return withTable({ path, format }, async (connection, table) => {
    if (table.rows > maxRows) throw invalid(`The table has ${table.rows} rows; at most ${maxRows} are looked up in.`);
    const places = keys.map((key) => placeOf(table, key));
    if (new Set(places).size !== places.length) throw invalid("A key column is named twice.");
    const others = table.columns.map((_, place) => place).filter((place) => !places.includes(place));
    if (others.length === 0) throw invalid("The table has no column beside its keys.");
    const columns = await readColumns(connection, table, [...places, ...others], places.length);
    const keyColumns = columns.slice(0, places.length);
    const slots = hashRows(keyColumns.map(({ data }) => data), table.rows);
    const bytes = await writeFile(to, table.rows, keyColumns, columns.slice(places.length), slots);
    return {
      rows: table.rows, bytes,
      keys: keyColumns.map(({ name, data }) => ({ name, datatype: data.datatype, example: firstValue(data) })),
      values: columns.slice(places.length).map(({ name, data }) => ({ name, datatype: data.datatype })),
    };
  });
}

interface NamedColumn {
  name: string;
  data: ColumnData;
}

async function readColumns(connection: DuckDBConnection, table: ReferenceTable, places: readonly number[], keyCount: number): Promise<NamedColumn[]> {
  const types = (await connection.run(`SELECT ${places.map((place) => `c${place}`).join(", ")} FROM ${table.from} LIMIT 0`)).columnTypes();
  const cells = places.map((place, index) => readable(`c${place}`, types[index]!, table.columns[place]!.kind === "timestamp"));
  const builders = places.map((place, index) => {
    const { name, kind } = table.columns[place]!;
    if (kind === "other") throw invalid(`The column ${JSON.stringify(name)} holds lists, bytes or nested values.`);
    const datatype = datatypeOf(types[index]!);
    if (index < keyCount && datatype.startsWith("FP")) throw invalid(`The key column ${JSON.stringify(name)} holds fractions, or nothing: keys are whole numbers, texts, times or booleans.`);
    return datatype === "BYTES" ? new TextColumn(name, table.rows) : new NumberColumn(name, datatype, table.rows);
  });
  const result = await connection.stream(`SELECT ${cells.join(", ")} FROM ${table.from}`);
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    let bytes = 0;
    for (const [index, builder] of builders.entries()) {
      const vector = chunk.getColumnVector(index);
      for (let row = 0; row < chunk.rowCount; row++) builder.add(vector.getItem(row));
      bytes += builder.bytes;
    }
    if (bytes > maxBytes) throw invalid(`The table takes more than ${maxBytes / 1024 ** 2} MiB; leave out rows or columns.`);
  }
  return builders.map((builder) => ({ name: builder.name, data: builder.finish() }));
}

/** Numbers keep their widths, so that an answer has the datatype that the table's maker chose. */
function datatypeOf(type: DuckDBType): Datatype {
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN: return "BOOL";
    case DuckDBTypeId.TINYINT: return "INT8";
    case DuckDBTypeId.SMALLINT: return "INT16";
    case DuckDBTypeId.INTEGER: return "INT32";
    case DuckDBTypeId.BIGINT: return "INT64";
    case DuckDBTypeId.UTINYINT: return "UINT8";
    case DuckDBTypeId.USMALLINT: return "UINT16";
    case DuckDBTypeId.UINTEGER: return "UINT32";
    case DuckDBTypeId.UBIGINT: return "UINT64";
    case DuckDBTypeId.FLOAT: return "FP32";
    case DuckDBTypeId.DOUBLE: case DuckDBTypeId.DECIMAL: case DuckDBTypeId.SQLNULL: return "FP64";
    case DuckDBTypeId.HUGEINT: case DuckDBTypeId.UHUGEINT: throw invalid("The table has whole numbers of more than 64 bits.");
    default: return "BYTES";
  }
}

class NumberColumn {
  readonly name: string;
  readonly bytes: number;
  readonly #datatype: Exclude<Datatype, "BYTES">;
  readonly #data: NumericData;
  readonly #isBigInt: boolean;
  #rows = 0;

  constructor(name: string, datatype: Exclude<Datatype, "BYTES">, rows: number) {
    this.name = name;
    this.#datatype = datatype;
    this.#data = new typedArrayOf[datatype](rows);
    this.#isBigInt = this.#data instanceof BigInt64Array || this.#data instanceof BigUint64Array;
    this.bytes = this.#data.byteLength;
  }

  add(value: DuckDBValue): void {
    const isMissing = value === null;
    if (isMissing && !this.#datatype.startsWith("FP")) throw missing(this.name, this.#rows);
    const number = isMissing ? NaN : this.#isBigInt ? BigInt(value as number | bigint) : Number(value);
    (this.#data as { [index: number]: number | bigint })[this.#rows++] = number;
  }

  finish(): ColumnData {
    return { datatype: this.#datatype, data: this.#data };
  }
}

class TextColumn {
  readonly name: string;
  readonly #ends: Uint32Array;
  #text = Buffer.allocUnsafe(1 << 16);
  #length = 0;
  #rows = 0;

  constructor(name: string, rows: number) {
    this.name = name;
    this.#ends = new Uint32Array(rows + 1);
  }

  get bytes(): number {
    return this.#ends.byteLength + this.#length;
  }

  add(value: DuckDBValue): void {
    if (value === null) throw missing(this.name, this.#rows);
    const text = String(value as string | number | boolean);
    const most = this.#length + text.length * 3;
    if (most > this.#text.length) {
      if (most > maxBytes) throw invalid(`The texts of ${JSON.stringify(this.name)} are too large.`);
      const larger = Buffer.allocUnsafe(Math.max(most, this.#text.length * 2));
      this.#text.copy(larger, 0, 0, this.#length);
      this.#text = larger;
    }
    this.#length += this.#text.write(text, this.#length, "utf8");
    this.#ends[++this.#rows] = this.#length;
  }

  finish(): ColumnData {
    return { datatype: "BYTES", ends: this.#ends, text: this.#text.subarray(0, this.#length) };
  }
}

function hashRows(keys: readonly ColumnData[], rows: number): Uint32Array {
  const slots = new Uint32Array(slotCount(rows));
  const mask = slots.length - 1;
  for (let row = 0; row < rows; row++) {
    let slot = keyHash(keys, row) & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const other = slots[slot]! - 1;
      if (sameKey(keys, other, keys, row)) throw invalid(`The rows ${other + 1} and ${row + 1} have the same key: the key columns together must name each row once.`);
    }
    slots[slot] = row + 1;
  }
  return slots;
}

async function writeFile(to: string, rows: number, keys: readonly NamedColumn[], values: readonly NamedColumn[], slots: Uint32Array): Promise<number> {
  // Positions are counted from the first section, whose place depends on the header's own length: so it is laid out twice.
  let start = 0;
  let header = Buffer.alloc(0);
  let sections: Uint8Array[] = [];
  for (let round = 0; round < 4; round++) {
    let at = start;
    sections = [];
    const section = (bytes: Uint8Array): { at: number; bytes: number } => {
      const place = { at, bytes: bytes.byteLength };
      sections.push(bytes);
      at += alignedTo8(bytes.byteLength);
      return place;
    };
    const column = ({ name, data }: NamedColumn): LookupColumn => {
      if (data.datatype !== "BYTES") return { name, datatype: data.datatype, ...section(bytesOf(data.data)) };
      const ends = section(bytesOf(data.ends));
      const text = section(data.text);
      return { name, datatype: "BYTES", ...ends, textAt: text.at, textBytes: text.bytes };
    };
    const content: LookupHeader = { rows, keys: keys.map(column), values: values.map(column), slots: { at: section(bytesOf(slots)).at, count: slots.length } };
    const json = JSON.stringify(content);
    header = Buffer.from(json + " ".repeat(alignedTo8(Buffer.byteLength(json)) - Buffer.byteLength(json)));
    if (start === 16 + header.length) break;
    start = 16 + header.length;
  }
  const file = await open(to, "wx", 0o600);
  try {
    const head = Buffer.alloc(16);
    head.write(lookupMagic, "latin1");
    head.writeBigUInt64LE(BigInt(header.length), 8);
    let length = await writeAll(file, head) + await writeAll(file, header);
    for (const bytes of sections) length += await writeAll(file, bytes) + await writeAll(file, new Uint8Array(alignedTo8(bytes.byteLength) - bytes.byteLength));
    if (length > maxBytes) throw invalid(`The table takes more than ${maxBytes / 1024 ** 2} MiB; leave out rows or columns.`);
    return length;
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<number> {
  for (let at = 0; at < bytes.byteLength; ) at += (await file.write(bytes, at, Math.min(64 << 20, bytes.byteLength - at))).bytesWritten;
  return bytes.byteLength;
}

function bytesOf(data: NumericData | Uint32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function firstValue(data: ColumnData): number | string | boolean {
  if (data.datatype === "BYTES") return data.text.toString("utf8", 0, data.ends[1]);
  const value = data.data[0]!;
  if (data.datatype === "BOOL") return value === 1;
  return typeof value === "bigint" ? (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)) : value;
}

function missing(name: string, row: number): AppError {
  return invalid(`The column ${JSON.stringify(name)} has no value in row ${row + 1}: only columns of fractions that are no keys may have gaps.`);
}

function invalid(message: string): AppError {
  return new AppError("LOOKUP_TABLE_INVALID", message);
}
