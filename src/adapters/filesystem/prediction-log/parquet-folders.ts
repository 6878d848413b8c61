import type { Clock } from "../../../core/clock.ts";
import type { Logger } from "../../../core/logger.ts";
import type { DurableDirectories } from "../durable-file.ts";
import type { FileSystem } from "../file-system.ts";
import type { ParquetIndex } from "./parquet-index.ts";
import type { PredictionArchive } from "./prediction-archive.ts";

/** What it takes to publish Parquet files: shared by all that write them. */
export interface ParquetFolders {
  fileSystem: FileSystem;
  directories: DurableDirectories;
  clock: Clock;
  logger: Logger;
  archive: PredictionArchive;
  index: ParquetIndex;
  /** Where Parquet files are published, and where the archive writes them before. */
  parquetRoot: string;
  staging: string;
  /** Holds the segments, and the intent of a compaction. */
  segmentDirectory: string;
}
