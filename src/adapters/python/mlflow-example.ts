import type { ExampleTensor, TensorSpec } from "../../registry/index.ts";

type Value = number | string | boolean;

/**
 * The first row of an input example as MLflow saves one (a DataFrame in the form `split` or as records, an array, arrays by
 * name), as tensors that fit the inputs; null where it does not fit. Never throws.
 */
export function exampleTensors(json: string, inputs: readonly TensorSpec[]): ExampleTensor[] | null {
  try {
    const row = firstRow(unwrapped(JSON.parse(json)), inputs);
    if (row === null) return null;
    const tensors = inputs.map((input) => tensorOf(input, row.get(input.name)));
    return tensors.every((tensor) => tensor !== null) ? tensors : null;
  } catch {
    return null;
  }
}

/** Input specs out of an example, for a model that has no signature: columns as they are, an array as one tensor. */
export function specsOfExample(json: string): TensorSpec[] | null {
  let value: unknown;
  try {
    value = unwrapped(JSON.parse(json));
  } catch {
    return null;
  }
  const table = tableOf(value);
  if (table !== null) {
    const [row] = table.data;
    if (row === undefined || row.length !== table.columns.length || row.length === 0) return null;
    const specs = table.columns.map((name, index) => specOfValue(String(name), row[index]));
    return specs.every((spec) => spec !== null) ? specs : null;
  }
  if (!Array.isArray(value) || value.length === 0) return null;
  const flat = value.flat(Infinity) as unknown[];
  const spec = specOfValue("input", flat[0]);
  return spec === null ? null : [{ ...spec, datatype: spec.datatype === "INT64" ? "FP64" : spec.datatype, shape: [-1, ...shapeOf(value).slice(1)] }];
}

/** `serving_input_example.json` wraps what `input_example.json` has bare. */
function unwrapped(value: unknown): unknown {
  if (!isObject(value)) return value;
  for (const form of ["dataframe_split", "dataframe_records", "instances", "inputs"]) if (Object.hasOwn(value, form) && Object.keys(value).length <= 2) return value[form];
  return value;
}

function firstRow(value: unknown, inputs: readonly TensorSpec[]): Map<string, unknown> | null {
  const table = tableOf(value);
  const [first] = inputs;
  if (table !== null) {
    const [row] = table.data;
    if (row === undefined) return null;
    // A matrix whose columns have names takes the row in their order.
    if (inputs.length === 1 && first!.columns !== undefined) return new Map([[first!.name, first!.columns.map((name) => row[table.columns.map(String).indexOf(name)])]]);
    if (inputs.length === 1 && first!.shape.length === 2 && !table.columns.map(String).includes(first!.name)) return new Map([[first!.name, row]]);
    return new Map(table.columns.map((name, index) => [String(name), row[index]]));
  }
  if (Array.isArray(value)) return inputs.length === 1 ? new Map([[first!.name, value[0]]]) : null;
  if (isObject(value)) return new Map(Object.entries(value).map(([name, rows]) => [name, Array.isArray(rows) ? rows[0] : rows]));
  return null;
}

function tableOf(value: unknown): { columns: unknown[]; data: unknown[][] } | null {
  if (isObject(value) && Array.isArray(value.columns) && Array.isArray(value.data)) return value as { columns: unknown[]; data: unknown[][] };
  if (isObject(value) && Array.isArray(value.data) && (value.data as unknown[]).every(Array.isArray)) {
    return { columns: (value.data as unknown[][])[0]?.map((_, index) => index) ?? [], data: value.data as unknown[][] };
  }
  if (Array.isArray(value) && isObject(value[0])) {
    const columns = Object.keys(value[0]);
    return { columns, data: (value as Record<string, unknown>[]).map((row) => columns.map((name) => row[name])) };
  }
  return null;
}

/** One row of an input, flat. */
function tensorOf(input: TensorSpec, value: unknown): ExampleTensor | null {
  const rest = input.shape.slice(1);
  const shape = [1, ...(Array.isArray(value) && rest.length > 0 ? shapeOf(value) : rest.map((dimension) => Math.abs(dimension)))];
  if (shape.length !== input.shape.length || rest.some((dimension, index) => dimension >= 0 && dimension !== shape[index + 1])) return null;
  const texts = input.datatype === "BYTES" && rest.length === 0;
  const flat = Array.isArray(value) && !texts ? (value.flat(Infinity) as unknown[]) : [value];
  const data = flat.map((one) => valueOf(input, one));
  if (data.some((one) => one === null) || data.length !== shape.reduce((product, dimension) => product * dimension, 1)) return null;
  return { name: input.name, datatype: input.datatype, shape, data: data as Value[] };
}

function valueOf({ datatype }: TensorSpec, value: unknown): Value | null {
  if (datatype === "BYTES") return typeof value === "string" ? value : value === null || value === undefined ? null : JSON.stringify(value);
  if (datatype === "BOOL") return typeof value === "boolean" ? value : typeof value === "number" ? value !== 0 : null;
  if (typeof value === "boolean") return Number(value);
  if (typeof value !== "number" || !Number.isFinite(value)) return null;
  if (datatype.startsWith("FP")) return value;
  if (!Number.isInteger(value)) return null;
  return Number.isSafeInteger(value) ? value : String(BigInt(value));
}

function specOfValue(name: string, value: unknown): TensorSpec | null {
  const datatype = typeof value === "boolean" ? "BOOL" : typeof value === "string" ? "BYTES" : typeof value !== "number" ? null : Number.isInteger(value) ? "INT64" : "FP64";
  return datatype === null ? null : { name, datatype, shape: [-1], missingAllowed: false };
}

function shapeOf(value: unknown): number[] {
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
