import { type Datatype, elementCount } from "../../core/tensor.ts";
import type { Signature, TensorSpec } from "../../registry/index.ts";
import type { LogTensor, PredictionEntry } from "../../serving/index.ts";

export type Side = "in" | "out";

/** Where the values of a tensor stand: one column for each element of a row, or one column of lists. */
export interface TensorColumns {
  datatype: Datatype;
  layout: "scalars" | "lists";
  names: string[];
}

/** Columns that every file has, before those of the tensors. */
export const fixedColumns = [
  { name: "prediction_id", type: "VARCHAR" },
  { name: "row", type: "INTEGER" },
  { name: "time", type: "TIMESTAMP_MS" },
  { name: "request_id", type: "VARCHAR" },
  { name: "outcome", type: "VARCHAR" },
  { name: "queue_us", type: "DOUBLE" },
  { name: "run_us", type: "DOUBLE" },
  { name: "total_us", type: "DOUBLE" },
  { name: "batch_rows", type: "BIGINT" },
  { name: "header", type: "VARCHAR" },
  // Of predictions of a model with a route; files of releases before rollouts do not have them.
  { name: "rollout", type: "VARCHAR" },
  { name: "phase", type: "VARCHAR" },
  { name: "arm", type: "VARCHAR" },
  { name: "shadow_of", type: "VARCHAR" },
] as const;

/** Element type of each datatype; FP16 is kept as the number that its bits stand for. */
export const elementTypes: Record<Datatype, string> = {
  BOOL: "BOOLEAN", UINT8: "UTINYINT", UINT16: "USMALLINT", UINT32: "UINTEGER", UINT64: "UBIGINT",
  INT8: "TINYINT", INT16: "SMALLINT", INT32: "INTEGER", INT64: "BIGINT", FP16: "FLOAT", FP32: "FLOAT", FP64: "DOUBLE", BYTES: "VARCHAR",
};

/** Whether a tensor has one slice for each row of the request; else it stands whole on row 0. */
export function isSplitByRow(shape: readonly number[], rows: number): boolean {
  return rows > 0 && shape[0] === rows;
}

/** Elements on each row that the tensor stands on. */
export function elementsPerRow(shape: readonly number[], rows: number): number {
  return isSplitByRow(shape, rows) ? elementCount(shape) / rows : elementCount(shape);
}

/** A prediction has a tensor that neither the signature nor an observed prediction made columns for. */
export class UnplannedTensor extends Error {}

/**
 * The columns of one version's Parquet file. The contract's signature decides them, whatever the predictions hold, so that
 * all files of a version agree. A tensor that does not fit its place there gets a column of lists of its own; without a
 * signature the predictions themselves decide. Names are unique whatever their case, as DuckDB and Spark need it.
 */
export class PredictionColumns {
  readonly #bySpec = new Map<string, TensorColumns>();
  readonly #observed = new Map<string, { side: Side; name: string; columns: TensorColumns }>();
  readonly #signature: Signature | null;

  constructor(signature: Signature | null) {
    this.#signature = signature;
    for (const [side, specs] of [["in", signature?.inputs ?? []], ["out", signature?.outputs ?? []]] as const) {
      for (const spec of specs) this.#bySpec.set(keyOf(side, spec.name, spec.datatype), columnsOfSpec(spec, signature!.batchable));
    }
  }

  /** Makes columns for what does not fit the signature; for every prediction of the file, before `settle`. */
  observe(entry: PredictionEntry): void {
    for (const [side, tensors] of [["in", entry.inputs], ["out", entry.outputs]] as const) {
      for (const tensor of tensors) if (tensor.data !== null) this.#observeTensor(side, tensor, entry.rows);
    }
  }

  /** Gives the columns their names; answers them in order. */
  settle(): TensorColumns[] {
    const taken = new Set<string>(fixedColumns.map((column) => column.name));
    const all: TensorColumns[] = [];
    const name = (columns: TensorColumns, side: Side): void => {
      columns.names = columns.names.map((wanted) => uniqueName(`${side}_${wanted}`, taken));
      all.push(columns);
    };
    for (const [key, columns] of this.#bySpec) name(columns, key.startsWith("in") ? "in" : "out");
    const observed = [...this.#observed].sort(([left], [right]) => (left < right ? -1 : 1));
    for (const [, { side, columns }] of observed) name(columns, side);
    return all;
  }

  /** Throws UnplannedTensor. */
  columnsOf(side: Side, tensor: LogTensor, rows: number): TensorColumns {
    const key = keyOf(side, tensor.name, tensor.datatype);
    const planned = this.#bySpec.get(key);
    if (planned !== undefined && fits(planned, tensor, rows)) return planned;
    const observed = this.#observed.get(key);
    if (observed === undefined) throw new UnplannedTensor(key);
    return observed.columns;
  }

  #observeTensor(side: Side, tensor: LogTensor, rows: number): void {
    const key = keyOf(side, tensor.name, tensor.datatype);
    const planned = this.#bySpec.get(key);
    if (planned !== undefined && fits(planned, tensor, rows)) return;
    const seen = this.#observed.get(key);
    const single = this.#signature === null && elementsPerRow(tensor.shape, rows) === 1;
    if (seen === undefined) {
      const columns: TensorColumns = { datatype: tensor.datatype, layout: single ? "scalars" : "lists", names: [tensor.name] };
      this.#observed.set(key, { side, name: tensor.name, columns });
    } else if (!single) seen.columns.layout = "lists";
  }
}

function keyOf(side: Side, name: string, datatype: Datatype): string {
  return `${side} ${datatype} ${name}`;
}

function fits(columns: TensorColumns, tensor: LogTensor, rows: number): boolean {
  return columns.layout === "lists" || elementsPerRow(tensor.shape, rows) === columns.names.length;
}

function columnsOfSpec(spec: TensorSpec, batchable: boolean): TensorColumns {
  const { datatype, shape } = spec;
  const perRow = batchable ? shape.slice(1) : shape;
  const width = perRow.reduce((product, dimension) => (dimension < 0 ? Number.NaN : product * dimension), 1);
  const last = shape.at(-1);
  if (spec.columns !== undefined && perRow.length <= 1 && (last === -1 || width === spec.columns.length)) {
    return { datatype, layout: "scalars", names: [...spec.columns] };
  }
  return { datatype, layout: width === 1 ? "scalars" : "lists", names: [spec.name] };
}

/** Control characters become underscores; a name that is taken gets a number. */
function uniqueName(wanted: string, taken: Set<string>): string {
  const clean = wanted.replace(/[\u0000-\u001f\u007f]/g, "_").slice(0, 200).toWellFormed();
  let name = clean;
  for (let number = 2; taken.has(name.toLowerCase()); number++) name = `${clean}_${number}`;
  taken.add(name.toLowerCase());
  return name;
}
