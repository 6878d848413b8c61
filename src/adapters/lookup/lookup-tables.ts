import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import { numberToHalf } from "../../core/half-float.ts";
import { typedArrayOf } from "../../core/tensor.ts";
import type { BlobStore, ExampleTensor, LookupRequest, LookupSource, SourceModel } from "../../registry/index.ts";
import type { DuckdbChild } from "../duckdb/duckdb-child.ts";
import { refuseUnreadable } from "../duckdb/refuse-unreadable.ts";
import type { LookupShape } from "./lookup-file.ts";

/** Makes versions out of tables of predictions: DuckDB's process writes their searchable form. */
export class LookupTables implements LookupSource {
  readonly #child: DuckdbChild;
  readonly #blobs: BlobStore;
  readonly #timeoutMs: number;

  /** The child belongs to the caller, who closes it. */
  constructor(parts: { child: DuckdbChild; blobs: BlobStore; timeoutMs?: number }) {
    this.#child = parts.child;
    this.#blobs = parts.blobs;
    this.#timeoutMs = parts.timeoutMs ?? 600_000;
  }

  async read(path: string, format: "parquet" | "csv", { keys, default: row }: LookupRequest): Promise<SourceModel> {
    const folder = await mkdtemp(join(tmpdir(), "slipway-lookup-"));
    try {
      const to = join(folder, "table.lookup");
      const shape = await this.#child.run("writeLookup", { path, format, keys, to }, this.#timeoutMs).catch(refuseUnreadable);
      const defaults = row === undefined ? {} : { default: defaultRow(shape, row) };
      const stored = await this.#blobs.put(createReadStream(to));
      return {
        files: [{ path: "table.lookup", ...stored }],
        flavours: [],
        signature: {
          inputs: shape.keys.map(({ name, datatype }) => ({ name, datatype, shape: [-1], missingAllowed: false })),
          outputs: shape.values.map(({ name, datatype }) => ({ name, datatype, shape: [-1], missingAllowed: datatype.startsWith("FP") })),
        },
        example: shape.keys.map(({ name, datatype, example }) => ({ name, datatype, shape: [1], data: [example] })),
        runtime: { kind: "lookup", lookup: { rows: shape.rows, ...defaults } },
        batchable: true,
        evaluation: {},
        notes: [`${counted(shape.rows, "row is looked up; in memory it takes", "rows are looked up; in memory they take")} ${Math.ceil(shape.bytes / 1024 ** 2)} MiB.`],
        lineage: {},
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** Throws LOOKUP_TABLE_INVALID for a default that is no whole row. */
function defaultRow({ values }: LookupShape, row: NonNullable<LookupRequest["default"]>): ExampleTensor[] {
  const extra = Object.keys(row).find((name) => !values.some((value) => value.name === name));
  if (extra !== undefined) throw new AppError("LOOKUP_TABLE_INVALID", `The default row has ${JSON.stringify(extra.slice(0, 100))}, which is no answer of the table.`);
  return values.map(({ name, datatype }) => {
    const value = Object.hasOwn(row, name) ? row[name] : undefined;
    const wrong = (): AppError => new AppError("LOOKUP_TABLE_INVALID", `The default row has for ${JSON.stringify(name)} no ${datatype}.`);
    if (value === undefined) throw wrong();
    if (datatype === "BYTES") {
      if (typeof value !== "string") throw wrong();
      return { name, datatype, shape: [1], data: [value] };
    }
    if (datatype === "BOOL") {
      if (typeof value !== "boolean") throw wrong();
      return { name, datatype, shape: [1], data: [value] };
    }
    if (datatype.startsWith("FP")) {
      if (value !== null && typeof value !== "number") throw wrong();
      // JSON has no NaN; the text is read as the number.
      return { name, datatype, shape: [1], data: [value ?? "NaN"] };
    }
    if (!holdsExactly(datatype, value)) throw wrong();
    return { name, datatype, shape: [1], data: [value as number | string] };
  });
}

/** Whole numbers beyond 2^53 come as texts. */
function holdsExactly(datatype: Exclude<ExampleTensor["datatype"], "BYTES">, value: unknown): boolean {
  if (typeof value === "number" ? !Number.isSafeInteger(value) : typeof value !== "string" || !/^-?\d{1,20}$/.test(value)) return false;
  const held = new typedArrayOf[datatype](1);
  if (held instanceof BigInt64Array || held instanceof BigUint64Array) {
    held[0] = BigInt(value as number | string);
    return held[0] === BigInt(value as number | string);
  }
  held[0] = datatype === "FP16" ? numberToHalf(Number(value)) : Number(value);
  return held[0] === Number(value);
}
