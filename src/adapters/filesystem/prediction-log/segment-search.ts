import type { PredictionEntry, PredictionFilter } from "../../../serving/index.ts";
import { type FileSystem, systemErrorCode } from "../file-system.ts";
import { decodeEntry, readEntryKey } from "./entry-codec.ts";
import { matches } from "./recent-predictions.ts";
import { NewestFirst } from "./newest-first.ts";
import type { Segment } from "./segment.ts";
import { readFrame, scanSegment } from "./segment-file.ts";

/**
 * Looks for one prediction in the segments that may hold it. Segments are read whole, in slices: they are few and young,
 * hence in the page cache, and an index of every entry would cost the hot path more than this costs a rare search.
 */
export async function findInSegments(fileSystem: FileSystem, segments: Iterable<Segment>, id: string): Promise<PredictionEntry | null> {
  for (const segment of [...segments]) {
    if (!segment.mayHold(id)) continue;
    let found: PredictionEntry | null = null;
    await unlessGone(() =>
      scanSegment(fileSystem, segment.path, { bytes: segment.bytes, verify: false }, (payload) => {
        if (readEntryKey(payload)?.id !== id) return true;
        found = decodeEntry(payload);
        return false;
      }),
    );
    if (found !== null) return found;
  }
  return null;
}

/** The segment's matching predictions that `newest` still wants, at most as many as the filter asks for. */
export async function selectFromSegment(
  fileSystem: FileSystem,
  segment: Segment,
  filter: PredictionFilter,
  newest: NewestFirst<unknown>,
): Promise<PredictionEntry[]> {
  const positions = new NewestFirst<number>(filter.limit);
  const entries: PredictionEntry[] = [];
  await unlessGone(async () => {
    await scanSegment(fileSystem, segment.path, { bytes: segment.bytes, verify: false }, (payload, position) => {
      const key = readEntryKey(payload);
      if (key === null || key.model !== filter.model || !matches(filter, key)) return;
      if (newest.wants(key.id)) positions.add(key.id, position);
    });
    for (const position of positions.values()) entries.push(decodeEntry(await readFrame(fileSystem, segment.path, position)));
  });
  return entries;
}

/** A conversion may remove the segment between two looks; its predictions are in Parquet then. */
async function unlessGone(read: () => Promise<unknown>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
  }
}
