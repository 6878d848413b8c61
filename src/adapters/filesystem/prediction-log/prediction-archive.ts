import type { EpochMs } from "../../../core/clock.ts";
import type { Signature } from "../../../registry/index.ts";
import type { Prediction, PredictionFilter } from "../../../serving/index.ts";

/** One Parquet file that a conversion or a compaction wrote, not yet under its final name. */
export interface StagedFile {
  path: string;
  model: string;
  version: string;
  /** Times in the ids of its oldest and newest prediction. */
  firstTime: EpochMs;
  lastTime: EpochMs;
}

/**
 * Turns sealed segments into Parquet and reads it, away from the serving process. It only ever writes into the staging
 * folder: the log syncs the files and gives them their names, so that a process which outlives its parent can publish
 * nothing.
 */
export interface PredictionArchive {
  /**
   * One file for each model version in the segment, the same content for the same segment. `signatures` decide the
   * columns: names and types then agree over all files of a version. Only the first `bytes` are read.
   */
  convert(request: {
    segmentPath: string;
    bytes: number;
    staging: string;
    signatures: readonly { model: string; version: string; signature: Signature | null }[];
  }): Promise<StagedFile[]>;
  /** Joins files of one version into one. */
  merge(request: { files: readonly string[]; staging: string; model: string; version: string }): Promise<StagedFile>;
  /** Files that are no longer there are passed over. */
  find(files: readonly string[], id: string): Promise<Prediction | null>;
  /** `files` are of the filter's model, newest first; answers newest first. Files that are no longer there are passed over. */
  list(files: readonly { path: string; version: string; lastTime: EpochMs }[], filter: PredictionFilter): Promise<Prediction[]>;
  /** Nobody is served any more: conversions need not give way from now on. */
  hasten(): void;
  /** Ends what is under way, at once. */
  close(): Promise<void>;
}
