export * from "./schemas.ts";
export type { DatasetFacts, DatasetStore } from "./dataset-store.ts";
export type { CellValue, TableReader } from "./table-reader.ts";
