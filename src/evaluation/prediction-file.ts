import { AppError } from "../core/errors.ts";
import type { Predictions } from "./predictions.ts";

type Head = Pick<Predictions, "rows" | "width" | "columns" | "isDouble" | "notes"> & { predictions: 1; hasLabels: boolean };

const rowsPerPart = 1000;

/** As lines of JSON: what holds for all rows first, then each row as a list of its label and numbers, null where it was left out. The same predictions are the same bytes. */
export function* writePredictions({ rows, answered, labels, width, numbers, columns, isDouble, notes }: Predictions): Generator<string> {
  yield `${JSON.stringify({ predictions: 1, rows, width, columns, isDouble, notes, hasLabels: labels !== null } satisfies Head)}\n`;
  for (let start = 0; start < rows; start += rowsPerPart) {
    let part = "";
    for (let row = start; row < Math.min(rows, start + rowsPerPart); row++) {
      const values = numbers.subarray(row * width, (row + 1) * width);
      part += answered[row] === 1 ? `${JSON.stringify(labels === null ? [...values] : [labels[row], ...values])}\n` : "null\n";
    }
    yield part;
  }
}

/** The opposite. Throws BLOB_CORRUPT. */
export async function readPredictions(lines: AsyncIterable<string>): Promise<Predictions> {
  let read: Predictions | undefined;
  let row = 0;
  for await (const line of lines) {
    if (read === undefined) {
      const { rows, width, columns, isDouble, notes, hasLabels } = JSON.parse(line) as Head;
      read = { rows, width, columns, isDouble, notes, answered: new Uint8Array(rows), labels: hasLabels ? new Array<string>(rows).fill("") : null, numbers: new Float64Array(rows * width) };
      continue;
    }
    const values = JSON.parse(line) as (string | number)[] | null;
    if (values !== null) {
      read.answered[row] = 1;
      if (read.labels !== null) read.labels[row] = values.shift() as string;
      read.numbers.set(values as number[], row * read.width);
    }
    row++;
  }
  if (read === undefined || row !== read.rows) throw new AppError("BLOB_CORRUPT", "The file of predictions is not whole.");
  return read;
}
