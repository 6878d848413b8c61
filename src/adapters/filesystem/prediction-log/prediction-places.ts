import type { EpochMs } from "../../../core/clock.ts";
import { timeOfId } from "../../../core/ids.ts";
import type { ParquetIndex } from "./parquet-index.ts";
import type { Segment } from "./segment.ts";

/** Predictions of one version that were made in [from, to]. */
export interface PredictionRange {
  model: string;
  version: string;
  from: EpochMs;
  to: EpochMs;
}

/** Where predictions are: nothing behind a segment's `bytes` counts. Others may be in the same places. */
export interface PredictionPlaces {
  files: string[];
  segments: { path: string; bytes: number }[];
}

/** Conversions and compactions take files away under a reader; not again and again. */
const mostReadings = 3;

/**
 * Gives `read` every place that may hold predictions of the range, each prediction in one place alone. Where some of the places went away in the meantime it reads again; of what is gone
 * `read` may find nothing, or throw.
 */
export async function readPlaces<Result>(index: ParquetIndex, segments: ReadonlySet<Segment>, range: PredictionRange, read: (places: PredictionPlaces) => Promise<Result>): Promise<Result> {
  for (let reading = 1; ; reading++) {
    const files = index.ofModel(range.model).filter((file) => file.version === range.version && file.lastTime >= range.from && file.firstTime <= range.to);
    const found = [...segments].filter((segment) => mayHold(segment, range));
    const isWhole = (): boolean => reading === mostReadings || (files.every(({ path }) => index.has(path)) && found.every((segment) => segments.has(segment)));
    try {
      const result = await read({ files: files.map(({ path }) => path), segments: found.map(({ path, bytes }) => ({ path, bytes })) });
      if (isWhole()) return result;
    } catch (error) {
      if (isWhole()) throw error;
    }
  }
}

function mayHold(segment: Segment, { model, version, from, to }: PredictionRange): boolean {
  const ofModel = segment.models.get(model);
  return ofModel !== undefined && ofModel.versions.has(version) && timeOfId(ofModel.maxId) >= from && timeOfId(ofModel.minId) <= to;
}
