import { isUtf8 } from "node:buffer";
import { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { JsonScanner } from "./json-scanner.ts";
import { ProblemList } from "./problem-list.ts";
import { readColumns } from "./read-columns.ts";
import { readRows } from "./read-rows.ts";
import type { WireAnswer } from "./write-infer-response.ts";
import { writeColumns, writePredictions } from "./write-predictions.ts";

export interface PredictV1Request {
  inputs: Tensor[];
  /** The request was columnar, and the answer is. */
  columnar: boolean;
}

/**
 * Reads the body of `POST /v1/models/M:predict`, as TF Serving, KServe v1 and Vertex AI have it: `{"instances": [rows]}`
 * or TF Serving's columnar `{"inputs": ...}`. Throws INVALID_JSON, INVALID_INPUT with every problem.
 */
export function parsePredictV1(body: Buffer, signature: Signature): PredictV1Request {
  const members = topMembers(body, ["instances", "inputs"]);
  const { scanner, found } = members;
  if (found.size !== 1) throw new AppError("INVALID_INPUT", 'The body must have either "instances" (rows) or "inputs" (columns).');
  const problems = new ProblemList();
  const [[name, start]] = found as unknown as [[string, number]];
  scanner.position = start;
  if (name === "inputs") return { inputs: readColumns(scanner, signature, problems, name), columnar: true };
  if (scanner.kind() !== "array") throw new AppError("INVALID_INPUT", '"instances" is not a list of rows.');
  return { inputs: readRows(scanner, signature, problems, name, { unknownNames: "refuse" }), columnar: false };
}

/** Rows for rows, columns for columns. */
export function writePredictV1(outputs: readonly Tensor[], { columnar }: Pick<PredictV1Request, "columnar">): WireAnswer {
  return columnar ? writeColumns(outputs) : writePredictions(outputs, false);
}

/** Passes over a whole JSON object and tells where the values of the named members start. */
export function topMembers(body: Buffer, names: readonly string[]): { scanner: JsonScanner; found: Map<string, number> } {
  if (!isUtf8(body)) throw new AppError("INVALID_JSON", "The body is not valid UTF-8.");
  const scanner = new JsonScanner(body, 0, body.length);
  const found = new Map<string, number>();
  if (scanner.enter(0x7b)) {
    do {
      const key = scanner.readKey();
      scanner.peek();
      if (names.includes(key)) found.set(key, scanner.position);
      scanner.skipValue();
    } while (scanner.next(0x7b));
  }
  scanner.finish();
  return { scanner, found };
}
