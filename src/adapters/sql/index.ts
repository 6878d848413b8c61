export { SqliteDialect } from "./dialects/sqlite/sqlite-dialect.ts";
export { openSqlDatabase } from "./sql-database.ts";
export { SqlMeasurementStore } from "./sql-measurement-store.ts";
export { SqlRegistryStore } from "./sql-registry-store.ts";
export { SqlStatisticsStore } from "./sql-statistics-store.ts";
export { SqlTruthStore } from "./sql-truth-store.ts";
