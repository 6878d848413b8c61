import { CsvLines } from "../../core/csv-lines.ts";
import type { ProblemList } from "./problem-list.ts";
import { assertWithin } from "./wire-limits.ts";

/**
 * Visits the lines of a request's CSV. The cells given to `visit` are only good until it returns; where `headerOnly` says so, cells after the first line are not read out, only counted. An open quote is a problem and ends it. Throws
 * INVALID_REQUEST for more columns than a request may have.
 */
export function forEachCsvLine(text: string, problems: ProblemList, headerOnly: boolean, visit: (cells: readonly string[]) => void): void {
  const onCell = (width: number): void => assertWithin("columns", width, "columns");
  const broken = (line: number, message: string): void => problems.add(line === 0 ? "csv header" : `csv[${line - 1}]`, message);
  new CsvLines({ visit, headerOnly, onCell, broken }).read(text, true);
}
