import type { DuckdbChild } from "./adapters/duckdb/duckdb-child.ts";
import { DuckdbTableReader } from "./adapters/duckdb/duckdb-table-reader.ts";
import { SqlDatasetStore, type SqlDatabase } from "./adapters/sql/index.ts";
import type { IdGenerator } from "./core/ids.ts";
import { DatasetService, type DatasetStore, type TableReader } from "./datasets/index.ts";
import type { OpenedTracking } from "./open-tracking.ts";
import type { BlobOwners, BlobStore, ReferenceProfiler, RegistryParts } from "./registry/index.ts";

interface Parts {
  database: SqlDatabase;
  blobs: BlobStore;
  owners: BlobOwners;
  profiler: ReferenceProfiler;
  /** Reads the files; it belongs to the caller, who closes it. */
  duckdb: DuckdbChild;
  tracking: OpenedTracking;
  ids: IdGenerator;
}

export interface OpenedDatasets {
  store: DatasetStore;
  reader: TableReader;
  service: DatasetService;
  /** For deployments that name a dataset in the place of a file. */
  heldData: NonNullable<RegistryParts["heldData"]>;
}

/** Datasets with their versions, on their store and on the process that reads tables. */
export function openDatasets({ database, blobs, owners, profiler, duckdb, tracking, ids }: Parts): OpenedDatasets {
  const store = new SqlDatasetStore(database, ids);
  const reader = new DuckdbTableReader(duckdb);
  const service = new DatasetService({ store, blobs, owners, profiler, reader, visibleExperiments: (caller) => tracking.access.visible(caller) });
  return { store, reader, service, heldData: (caller, dataset, version) => service.version(caller, dataset, version) };
}
