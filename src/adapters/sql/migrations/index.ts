import { modelsTruthsStatistics } from "./0001-models-truths-statistics.ts";
import type { Migration } from "./migration.ts";

/** In order. A new one goes to the end. */
export const migrations: readonly Migration[] = [modelsTruthsStatistics];
