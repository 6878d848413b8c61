import { epochMs, type EpochMs } from "../core/clock.ts";
import type { Outbox } from "./outbox.ts";

const dayMs = 86_400_000;
const keptDays = 30;
/** What a paused webhook still waits for is kept longer, and not for ever. */
const unreadKeptDays = 90;
const sliceSize = 500;

/** Removes events and their deliveries after 30 days; at most 20,000 in one call, in short transactions. Answers how many events went. */
export async function pruneEvents(outbox: Outbox, now: EpochMs, options: { slices?: number } = {}): Promise<number> {
  const request = { before: epochMs(now - keptDays * dayMs), unreadBefore: epochMs(now - unreadKeptDays * dayMs), limit: sliceSize };
  let removed = 0;
  for (let slice = 0; slice < (options.slices ?? 40); slice++) {
    const gone = await outbox.prune(request);
    removed += gone;
    if (gone < sliceSize) break;
  }
  return removed;
}
