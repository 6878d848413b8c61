import { z } from "zod";
import { Datatype } from "../../core/tensor.ts";
import type { LogTensor, PredictionEntry } from "../../serving/index.ts";
import { Assignment } from "../../serving/schemas.ts";
import type { PredictionColumns, Side } from "./prediction-columns.ts";

const StoredTensor = z.object({
  name: z.string(),
  datatype: Datatype,
  shape: z.array(z.number()),
  /** Columns that hold the values; absent when they were withheld. */
  columns: z.array(z.string()).optional(),
  digest: z.string().optional(),
  redacted: z.boolean().optional(),
});
export type StoredTensor = z.infer<typeof StoredTensor>;

/** The column `header` on row 0 of a prediction, as JSON: what the typed columns do not say of it. Equal ones cost Parquet nothing. */
export const PredictionHeader = z.object({
  rows: z.number(), inputs: z.array(StoredTensor), outputs: z.array(StoredTensor),
  /** Left out where there is none, and by releases before rollouts. */
  assignment: Assignment.nullable().default(null),
  /** Left out of predictions without a span. */
  traceId: z.string().nullable().default(null),
});
export type PredictionHeader = z.infer<typeof PredictionHeader>;

export function headerOf(entry: PredictionEntry, columns: PredictionColumns): z.input<typeof PredictionHeader> {
  const stored = (side: Side) => (tensor: LogTensor): StoredTensor => {
    const { name, datatype, shape } = tensor;
    if (tensor.data !== null) return { name, datatype, shape, columns: columns.columnsOf(side, tensor, entry.rows).names };
    return {
      name,
      datatype,
      shape,
      ...(tensor.digest === undefined ? {} : { digest: tensor.digest }),
      ...(tensor.redacted === undefined ? {} : { redacted: tensor.redacted }),
    };
  };
  const assignment = entry.assignment ?? null;
  return { rows: entry.rows, inputs: entry.inputs.map(stored("in")), outputs: entry.outputs.map(stored("out")), ...(assignment === null ? {} : { assignment }), ...(entry.traceId === undefined || entry.traceId === null ? {} : { traceId: entry.traceId }) };
}
