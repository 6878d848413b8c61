import type { LookupRequest } from "./deploy-schemas.ts";
import type { SourceModel } from "./model-source.ts";

/** Makes versions out of tables of predictions. */
export interface LookupSource {
  /**
   * Writes the searchable form of the table at `path` into the blob store. The first rows are the example. Throws LOOKUP_TABLE_INVALID for a table
   * in which keys are missing or stand twice, that is too large, or that a default row does not fit.
   */
  read(path: string, format: "parquet" | "csv", request: LookupRequest): Promise<SourceModel>;
}
