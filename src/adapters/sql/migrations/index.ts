import { modelsTruthsStatistics } from "./0001-models-truths-statistics.ts";
import { warmupMeasurements } from "./0002-warmup-measurements.ts";
import type { Migration } from "./migration.ts";

/** In order. A new one goes to the end. */
export const migrations: readonly Migration[] = [modelsTruthsStatistics, warmupMeasurements];
