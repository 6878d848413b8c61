import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import { elementCount, type Tensor } from "../../core/tensor.ts";
import type { TensorSpec, UpstreamMissing } from "../../registry/index.ts";
import type { ExactValue } from "./exact-json.ts";
import { tensorJson, tensorOfFlat } from "./json-tensors.ts";
import { rowCount } from "./row-json.ts";

/** A line for each row, without a header: the elements of every input in order. A missing value is empty where it may be null. */
export function csvOf(inputs: readonly Tensor[], missing: UpstreamMissing): string {
  const rows = rowCount(inputs);
  const lines = Array.from({ length: rows }, (_, row) => inputs.flatMap((tensor) => {
    const width = elementCount(tensor.shape.slice(1));
    return Array.from({ length: width }, (_, column) => cellOf(tensor, row * width + column, missing));
  }).join(","));
  return `${lines.join("\n")}\n`;
}

function cellOf(tensor: Tensor, index: number, missing: UpstreamMissing): string {
  if (Array.isArray(tensor.data)) {
    const text = tensor.data[index]!;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }
  const json = tensorJson({ ...tensor, shape: [] }, { missing }, 0, index);
  return json === "null" ? "" : json;
}

/**
 * Lines of the answer, each with the elements of every output in order. Numbers and texts without quotes alone: that is what containers answer.
 * Throws UPSTREAM_BAD_ANSWER.
 */
export function tensorsOfCsv(outputs: readonly TensorSpec[], body: Uint8Array): Tensor[] {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8").trim();
  const lines = text === "" ? [] : text.split(/\r?\n/).map((line) => line.split(","));
  const widths = outputs.map(({ name, shape }) => {
    if (shape.length === 0 || shape.slice(1).includes(-1)) throw new AppError("UPSTREAM_BAD_ANSWER", `Lines of CSV do not tell the shape of ${JSON.stringify(name)}.`);
    return elementCount(shape.slice(1));
  });
  const width = widths.reduce((sum, each) => sum + each, 0);
  // Some containers put all rows of an only value into one line.
  const rows = lines.length === 1 && width === 1 ? lines[0]!.map((cell) => [cell]) : lines;
  if (rows.some((row) => row.length !== width)) throw new AppError("UPSTREAM_BAD_ANSWER", `A line of the answer of the server upstream does not have ${counted(width, "value")}.`);
  let from = 0;
  return outputs.map((spec, index) => {
    const start = from;
    from += widths[index]!;
    const elements = rows.flatMap((row) => row.slice(start, start + widths[index]!).map((cell) => valueOf(spec, cell.trim())));
    return tensorOfFlat(spec, [rows.length, ...spec.shape.slice(1)], elements);
  });
}

function valueOf({ datatype }: TensorSpec, cell: string): ExactValue {
  if (datatype === "BYTES") return cell;
  if (datatype === "BOOL") return /^true$/i.test(cell) ? true : /^false$/i.test(cell) ? false : Number(cell);
  if (/^-?\d+$/.test(cell)) return Number.isSafeInteger(Number(cell)) ? Number(cell) : BigInt(cell);
  if (/^-?nan$/i.test(cell) || cell === "") return datatype.startsWith("FP") ? NaN : cell;
  if (/^[+-]?inf(inity)?$/i.test(cell)) return cell.startsWith("-") ? -Infinity : Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell) ? Number(cell) : cell;
}
