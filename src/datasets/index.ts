export * from "./schemas.ts";
export { addDataset, type DatasetFile } from "./add-dataset.ts";
export { DatasetService } from "./dataset-service.ts";
export type { DatasetFacts, DatasetStore } from "./dataset-store.ts";
export { datasetRoutes } from "./routes.ts";
export type { CellValue, TableReader } from "./table-reader.ts";
