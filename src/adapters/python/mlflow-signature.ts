import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import type { Datatype } from "../../core/tensor.ts";
import type { TensorSpec } from "../../registry/index.ts";

/**
 * How a runner makes the model's input of tensors. `columns`: a DataFrame with a tensor for each column; `frame`: a
 * DataFrame out of one matrix whose columns have names; `tensor`: one array; `tensors`: arrays by name; `values`: a list.
 */
export type InputLayout = "columns" | "frame" | "tensor" | "tensors" | "values";

/** One input as the runner has to read it, beside its TensorSpec. */
export interface InputReading {
  name: string;
  /** `datetime`: texts of ISO 8601, `binary`: base64, `json`: a structure as JSON, `array`: rows are lists. Absent: as they are. */
  type?: "datetime" | "binary" | "json" | "array";
  columns?: readonly string[];
}

export interface MlflowInputs {
  layout: InputLayout;
  specs: TensorSpec[];
  readings: InputReading[];
}

const Shape = z.array(z.number().int().min(-1));
const TensorField = z.object({ type: z.literal("tensor"), name: z.string().min(1).optional(), "tensor-spec": z.object({ dtype: z.string(), shape: Shape }) });
const ColumnField = z.object({ type: z.string(), name: z.union([z.string(), z.number()]).optional(), required: z.boolean().optional(), items: z.unknown().optional() });
const Schema = z.array(z.union([TensorField, ColumnField]));
type ColumnField = z.infer<typeof ColumnField>;
type TensorField = z.infer<typeof TensorField>;

const columnDatatypes: Record<string, Datatype> = {
  boolean: "BOOL", integer: "INT32", long: "INT64", float: "FP32", double: "FP64", string: "BYTES", binary: "BYTES", datetime: "BYTES",
};

const numpyDatatypes: Record<string, Datatype> = {
  bool: "BOOL", uint8: "UINT8", uint16: "UINT16", uint32: "UINT32", uint64: "UINT64", int8: "INT8", int16: "INT16", int32: "INT32", int64: "INT64",
  float16: "FP16", float32: "FP32", float64: "FP64", object: "BYTES", str: "BYTES", bytes: "BYTES",
};

/** The inputs of a signature's JSON, as MLmodel has it. Throws MODEL_FILE_INVALID. */
export function readMlflowInputs(json: string): MlflowInputs {
  const fields = readSchema(json, "inputs");
  if (fields.every(isTensor)) {
    const specs = fields.map((field, index) => tensorSpec(field, fields.length === 1 ? "input" : `input-${index}`));
    return { layout: fields.length === 1 && fields[0]!.name === undefined ? "tensor" : "tensors", specs, readings: specs.map(({ name }) => ({ name })) };
  }
  const columns = fields.filter((field): field is ColumnField => !isTensor(field));
  if (columns.length !== fields.length) throw invalid("inputs");
  if (columns.every(({ name }) => name === undefined)) return unnamedColumns(columns);
  const read = columns.map((field, index) => columnSpec(field, `column-${index}`));
  assertDistinct(read.map(({ spec }) => spec.name));
  return { layout: "columns", specs: read.map(({ spec }) => spec), readings: read.map(({ reading }) => reading) };
}

/** The outputs of a signature's JSON; an output without a name is `output`. Throws MODEL_FILE_INVALID. */
export function readMlflowOutputs(json: string): TensorSpec[] {
  const fields = readSchema(json, "outputs");
  const specs = fields.map((field, index) => {
    const name = fields.length === 1 ? "output" : `output-${index}`;
    // What a model answers is given as it comes: a text, a time or a structure in JSON are all texts here.
    return isTensor(field) ? tensorSpec(field, name) : columnSpec(field, name).spec;
  });
  assertDistinct(specs.map(({ name }) => name));
  return specs.map((spec) => ({ ...spec, missingAllowed: false }));
}

function readSchema(json: string, side: string): (TensorField | ColumnField)[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new AppError("MODEL_FILE_INVALID", `The signature's ${side} are not JSON.`, { cause });
  }
  const parsed = Schema.safeParse(value);
  if (!parsed.success || parsed.data.length === 0) throw invalid(side);
  return parsed.data;
}

function isTensor(field: TensorField | ColumnField): field is TensorField {
  return field.type === "tensor";
}

function tensorSpec(field: TensorField, unnamed: string): TensorSpec {
  const { dtype, shape } = field["tensor-spec"];
  // numpy writes texts of a fixed length as U7 or S7.
  const datatype = numpyDatatypes[dtype.replace(/^[<>|=]/, "").replace(/^U\d*$/, "str").replace(/^S\d*$/, "bytes")];
  if (datatype === undefined) throw new AppError("MODEL_FILE_INVALID", `The signature has a tensor of the type ${JSON.stringify(dtype.slice(0, 40))}, which no datatype holds.`);
  return { name: field.name ?? unnamed, datatype, shape: shape.length === 0 ? [-1] : shape, missingAllowed: datatype.startsWith("FP") };
}

function columnSpec(field: ColumnField, unnamed: string): { spec: TensorSpec; reading: InputReading } {
  const name = field.name === undefined ? unnamed : String(field.name);
  const datatype = Object.hasOwn(columnDatatypes, field.type) ? columnDatatypes[field.type]! : undefined;
  if (datatype !== undefined) {
    const reading: InputReading = field.type === "datetime" || field.type === "binary" ? { name, type: field.type } : { name };
    // MLflow reads null in a column of floats as NaN.
    return { spec: { name, datatype, shape: [-1], missingAllowed: datatype.startsWith("FP") }, reading };
  }
  const items = ColumnField.safeParse(field.items);
  const element = field.type === "array" && items.success && Object.hasOwn(columnDatatypes, items.data.type) ? columnDatatypes[items.data.type]! : undefined;
  if (element !== undefined && items.data?.type !== "binary" && items.data?.type !== "datetime") {
    return { spec: { name, datatype: element, shape: [-1, -1], missingAllowed: element.startsWith("FP") }, reading: { name, type: "array" } };
  }
  return { spec: { name, datatype: "BYTES", shape: [-1], missingAllowed: false }, reading: { name, type: "json" } };
}

/** Columns that go by their order: one matrix where they are alike. */
function unnamedColumns(columns: readonly ColumnField[]): MlflowInputs {
  const [first] = columns;
  const { spec, reading } = columnSpec(first!, "input");
  if (columns.length === 1) return { layout: "values", specs: [spec], readings: [reading] };
  if (columns.some(({ type }) => type !== first!.type) || spec.shape.length !== 1) {
    throw new AppError("MODEL_FILE_INVALID", "The signature has columns of several types without names; log the model with names of columns.");
  }
  return { layout: "tensor", specs: [{ ...spec, shape: [-1, columns.length] }], readings: [reading] };
}

function assertDistinct(names: readonly string[]): void {
  if (new Set(names).size !== names.length) throw new AppError("MODEL_FILE_INVALID", "The signature names a column twice.");
}

function invalid(side: string): AppError {
  return new AppError("MODEL_FILE_INVALID", `The signature's ${side} are not a schema of MLflow.`);
}
