import { isUtf8 } from "node:buffer";
import { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { topMembers } from "./predict-v1.ts";
import { ProblemList, quoted } from "./problem-list.ts";
import { readColumns } from "./read-columns.ts";
import { readRows } from "./read-rows.ts";
import { readCsvTable, readSplitTable } from "./read-table.ts";
import type { WireAnswer } from "./write-infer-response.ts";
import { writePredictions } from "./write-predictions.ts";

const forms = ["dataframe_split", "dataframe_records", "instances", "inputs"] as const;

/**
 * Reads the body of `POST /invocations`, as MLflow's scoring server and SageMaker have it: JSON with exactly one of
 * `dataframe_split`, `dataframe_records`, `instances` and `inputs`, or CSV with a header line. Names that the model does
 * not know are passed over in tables, as MLflow does with a signature. Throws UNSUPPORTED_MEDIA_TYPE, INVALID_JSON,
 * INVALID_INPUT with every problem.
 */
export function parseInvocation(body: Buffer, contentType: string | undefined, signature: Signature): Tensor[] {
  const [mediaType, ...parameters] = (contentType ?? "application/json").split(";").map((part) => part.trim().toLowerCase());
  for (const parameter of parameters) {
    if (!/^(charset="?utf-8"?|header=.*)?$/.test(parameter)) {
      throw new AppError("UNSUPPORTED_MEDIA_TYPE", `The content type has ${quoted(parameter)}; only charset=utf-8 is read.`);
    }
  }
  const problems = new ProblemList();
  if (mediaType === "text/csv") {
    if (!isUtf8(body)) throw new AppError("INVALID_INPUT", "The CSV is not valid UTF-8.");
    return readCsvTable(body.toString(), signature, problems);
  }
  if (mediaType !== "" && mediaType !== "application/json") {
    throw new AppError("UNSUPPORTED_MEDIA_TYPE", `The content type is ${quoted(mediaType!)}; this route takes application/json and text/csv.`);
  }
  const { scanner, found } = topMembers(body, forms);
  if (found.size !== 1) throw new AppError("INVALID_INPUT", `The body must have exactly one of ${forms.map(quoted).join(", ")}.`);
  const [[form, start]] = found as unknown as [[(typeof forms)[number], number]];
  scanner.position = start;
  if (form === "dataframe_split") return readSplitTable(scanner, signature, problems, form);
  const isList = scanner.kind() === "array";
  // `inputs` is a tensor, tensors by name, or, for models of columns, a list of records.
  const rowsOfObjects = isList && startsWithObject(scanner.bytes, start, scanner.end);
  if (form === "inputs" && !rowsOfObjects) return readColumns(scanner, signature, problems, form);
  if (!isList) throw new AppError("INVALID_INPUT", `${quoted(form)} is not a list of rows.`);
  return readRows(scanner, signature, problems, form, { unknownNames: "ignore" });
}

function startsWithObject(bytes: Buffer, start: number, end: number): boolean {
  let at = start + 1;
  while (at < end && (bytes[at] === 0x20 || (bytes[at]! >= 0x09 && bytes[at]! <= 0x0d))) at++;
  return bytes[at] === 0x7b;
}

/**
 * `{"predictions": [...]}` as MLflow answers for scikit-learn models (values) and for several outputs (records, as of a
 * DataFrame): outputs of one value a row are flat in both.
 */
export function writeInvocation(outputs: readonly Tensor[]): WireAnswer {
  return writePredictions(outputs, true);
}
