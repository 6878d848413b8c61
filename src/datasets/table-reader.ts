import type { DatasetFormat } from "./schemas.ts";

export type CellValue = number | string | boolean | null;

/** Reads rows of tables that users gave, in a killable child with memory and directory limits. */
export interface TableReader {
  /**
   * Rows `offset` to `offset + limit`, in the order of the file, as one array per column asked for. Integers beyond 2^53 and times come as text; a
   * missing value is null, NaN stays NaN. Throws REFERENCE_INVALID.
   */
  readRows(path: string, format: DatasetFormat, columns: readonly string[], page: { offset: number; limit: number }): Promise<CellValue[][]>;
}
