import type { CellValue, DatasetFormat, TableReader } from "../../datasets/index.ts";
import type { DuckdbChild } from "./duckdb-child.ts";
import { refuseUnreadable } from "./refuse-unreadable.ts";

/**
 * Reads rows in a child process.
 *
 * - Kinds of CSV columns and the words for missing values are those of `DuckdbReferenceProfiler`: `NaN` in a CSV file is missing.
 * - Points in time: ISO 8601 with a `T`, as exact as the file has them; a `Z` at the end where the file says a time zone, none where it
 *   says none. Days have no time. CSV files keep the zone that they write.
 * - Decimals are the nearest double. Lists, bytes and nested values are a text for people.
 * - An answer is at most 128 MiB; more is refused.
 */
export class DuckdbTableReader implements TableReader {
  readonly #child: DuckdbChild;
  readonly #timeoutMs: number;

  /** The child belongs to the caller, who closes it. */
  constructor(child: DuckdbChild, options: { timeoutMs?: number } = {}) {
    this.#child = child;
    this.#timeoutMs = options.timeoutMs ?? 300_000;
  }

  readRows(path: string, format: DatasetFormat, columns: readonly string[], page: { offset: number; limit: number }): Promise<CellValue[][]> {
    return this.#child.run("readRows", { path, format, columns, page }, this.#timeoutMs).catch(refuseUnreadable);
  }
}
