import type { ColumnProfile, ProfileRequest, ReferenceProfiler, TableColumn } from "../../registry/index.ts";
import type { DuckdbChild } from "./duckdb-child.ts";
import { refuseUnreadable } from "./refuse-unreadable.ts";

/**
 * Profiles reference data in a child process.
 *
 * - CSV: UTF-8 with a header row, separated by comma, semicolon, tab or bar. A column's kind follows from all of its
 *   values; the words that pandas reads as missing are missing.
 * - Numeric columns: missing is NULL or NaN; infinities are counted in the outer buckets, all else is of finite values.
 *   Booleans count as 0 and 1.
 * - Categorical columns: the 1,000 most frequent by count, then by value; texts of more than 1,024 bytes are counted as
 *   others. Numbers are written as JavaScript prints them (1, not 1.0), booleans as `true` and `false`.
 */
export class DuckdbReferenceProfiler implements ReferenceProfiler {
  readonly #child: DuckdbChild;
  readonly #timeoutMs: number;

  /** The child belongs to the caller, who closes it. */
  constructor(child: DuckdbChild, options: { timeoutMs?: number } = {}) {
    this.#child = child;
    this.#timeoutMs = options.timeoutMs ?? 300_000;
  }

  describe(path: string, format: "parquet" | "csv"): Promise<{ rows: number; columns: TableColumn[] }> {
    return this.#child.run("describeReference", { path, format }, this.#timeoutMs).catch(refuseUnreadable);
  }

  profile(path: string, format: "parquet" | "csv", requests: readonly ProfileRequest[]): Promise<ColumnProfile[]> {
    return this.#child.run("profileReference", { path, format, requests }, this.#timeoutMs).catch(refuseUnreadable);
  }
}
