import type { ColumnProfile } from "./schemas.ts";

export interface TableColumn {
  name: string;
  /** What the file's type amounts to. `other` cannot feed a tensor (lists, blobs, nested types). */
  kind: "boolean" | "integer" | "float" | "text" | "timestamp" | "other";
}

/** One column to profile, with the tensor place that it feeds. */
export interface ProfileRequest {
  column: string;
  input: string;
  index: number;
  /** Numeric columns get quantile buckets (deciles of the reference, open ends), categorical ones get counts. */
  kind: "numeric" | "categorical";
  /**
   * Numbers are profiled as the model gets them, `double` when absent: a reference in doubles for an input of singles
   * would have its ties on one side of an edge and the live values on the other.
   */
  precision?: "double" | "single" | "half";
}

/** Reads tables that users gave, in a killable child with memory and directory limits. */
export interface ReferenceProfiler {
  /** Throws REFERENCE_INVALID. */
  describe(path: string, format: "parquet" | "csv"): Promise<{ rows: number; columns: TableColumn[] }>;
  /** One pass over the file. Throws REFERENCE_INVALID. Answers in the order of the requests. */
  profile(path: string, format: "parquet" | "csv", requests: readonly ProfileRequest[]): Promise<ColumnProfile[]>;
}
