import { readFile } from "node:fs/promises";
import { AppError } from "../../core/errors.ts";
import { numberToHalf } from "../../core/half-float.ts";
import { typedArrayOf, type NumericData, type Tensor } from "../../core/tensor.ts";
import type { Contract, ExampleTensor } from "../../registry/index.ts";
import type { LightRunners, ModelRunner, ModelRuntime, RunResult } from "../../serving/versions/model-runtime.ts";
import { columnOf, findRow, lookupMagic, type ColumnData, type LookupHeader } from "./lookup-file.ts";

/** Answers out of tables in the server's memory: a row costs less than a microsecond, so it needs no process. */
export class LookupRuntime implements ModelRuntime {
  readonly kind = "lookup";

  lightRunners(): LightRunners {
    return { count: 1, joinsRequests: true };
  }

  inlineAllowed(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** Rejects with VERSION_FAILED. */
  async start(path: string, contract: Contract): Promise<ModelRunner> {
    return new LookupRunner(await openTable(path), contract);
  }
}

interface Table {
  slots: Uint32Array;
  keys: { name: string; data: ColumnData }[];
  values: { name: string; data: ColumnData }[];
}

async function openTable(path: string): Promise<Table> {
  try {
    const read = await readFile(path);
    const file = read.byteOffset % 8 === 0 ? read : Buffer.from(new Uint8Array(read).buffer);
    if (file.toString("latin1", 0, 8) !== lookupMagic) throw new Error("no table");
    const headerBytes = Number(file.readBigUInt64LE(8));
    const header = JSON.parse(file.toString("utf8", 16, 16 + headerBytes)) as LookupHeader;
    const columns = (list: LookupHeader["keys"]): Table["keys"] => list.map((column) => ({ name: column.name, data: columnOf(column, file) }));
    return { keys: columns(header.keys), values: columns(header.values), slots: new Uint32Array(file.buffer, file.byteOffset + header.slots.at, header.slots.count) };
  } catch (cause) {
    throw new AppError("VERSION_FAILED", "The table of the version cannot be read.", { cause });
  }
}

class LookupRunner implements ModelRunner {
  readonly placement = "inline";
  readonly executionProvider = "cpu";
  readonly processId = undefined;
  readonly #keys: readonly ColumnData[];
  readonly #names: readonly string[];
  readonly #defaults: readonly ColumnData[] | null;
  #table: Table | null;

  constructor(table: Table, { runtime }: Contract) {
    this.#table = table;
    this.#keys = table.keys.map(({ data }) => data);
    this.#names = table.keys.map(({ name }) => name);
    const row = runtime.lookup?.default;
    this.#defaults = row === undefined ? null : table.values.map(({ name, data }) => defaultColumn(row.find((tensor) => tensor.name === name)!, data.datatype));
  }

  /** Rejects with LOOKUP_KEY_NOT_FOUND for keys without a row where there is no default. */
  run(inputs: readonly Tensor[]): Promise<RunResult> {
    const table = this.#table;
    if (table === null) return Promise.reject(new AppError("RUNNER_CRASHED", "The version is not loaded any more."));
    const startedAt = performance.now();
    try {
      const wanted = this.#names.map((name) => columnOfTensor(inputs.find((tensor) => tensor.name === name)!));
      // A fallback is given what another model takes: the keys alone count.
      const count = inputs.find((tensor) => tensor.name === this.#names[0])!.data.length;
      const rows = new Int32Array(count);
      let missing = 0;
      let firstMissing = -1;
      for (let row = 0; row < count; row++) {
        rows[row] = findRow(table.slots, this.#keys, wanted, row);
        if (rows[row] === -1 && missing++ === 0) firstMissing = row;
      }
      if (missing > 0 && this.#defaults === null) {
        throw new AppError("LOOKUP_KEY_NOT_FOUND", `The table has no row for ${missing} of the ${count} keys; the first is that of row ${firstMissing} of the request.`);
      }
      const outputs = table.values.map(({ name, data }, index) => gather(name, data, rows, this.#defaults?.[index] ?? null));
      return Promise.resolve({ outputs, runUs: (performance.now() - startedAt) * 1000 });
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  onExit(): void {
    return;
  }

  kill(): void {
    return;
  }

  close(): Promise<void> {
    this.#table = null;
    return Promise.resolve();
  }
}

function columnOfTensor({ datatype, data }: Tensor): ColumnData {
  if (datatype !== "BYTES") return { datatype, data: data as NumericData };
  const texts = data as string[];
  const ends = new Uint32Array(texts.length + 1);
  for (let index = 0; index < texts.length; index++) ends[index + 1] = ends[index]! + Buffer.byteLength(texts[index]!);
  // Each by itself: halves of a character in two texts must not become one.
  const text = Buffer.allocUnsafe(ends[texts.length]!);
  for (let index = 0; index < texts.length; index++) text.write(texts[index]!, ends[index]!, "utf8");
  return { datatype, ends, text };
}

/** The default row as a table of one row. */
function defaultColumn({ datatype, data }: ExampleTensor, held: ColumnData["datatype"]): ColumnData {
  const value = data[0]!;
  if (datatype === "BYTES" || held === "BYTES") return columnOfTensor({ name: "", datatype: "BYTES", shape: [1], data: [String(value)] });
  const values = new typedArrayOf[held](1);
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) values[0] = BigInt(value);
  else values[0] = held === "FP16" ? numberToHalf(Number(value)) : Number(value);
  return { datatype: held, data: values };
}

function gather(name: string, column: ColumnData, rows: Int32Array, other: ColumnData | null): Tensor {
  const shape = [rows.length];
  if (column.datatype === "BYTES") {
    const fallback = other?.datatype === "BYTES" ? other.text.toString("utf8") : "";
    return { name, datatype: "BYTES", shape, data: Array.from(rows, (row) => (row === -1 ? fallback : column.text.toString("utf8", column.ends[row], column.ends[row + 1]))) };
  }
  const data: NumericData = new typedArrayOf[column.datatype](rows.length);
  const fallback = other === null || other.datatype === "BYTES" ? 0 : other.data[0]!;
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    (data as { [index: number]: number | bigint })[index] = row === -1 ? fallback : column.data[row]!;
  }
  return { name, datatype: column.datatype, shape, data };
}
