import { DuckdbPredictionArchive } from "../../src/adapters/duckdb/duckdb-prediction-archive.ts";
import { SegmentPredictionLog } from "../../src/adapters/filesystem/prediction-log/segment-prediction-log.ts";
import { systemClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";

/*
 * Appends predictions to the log in the directory given, 8 at a time, and prints the id of each one when it was
 * acknowledged, with a full stop behind it, until somebody kills it.
 */
const log = await SegmentPredictionLog.open({
  directory: process.argv[2]!,
  clock: systemClock,
  logger: silentLogger,
  archive: new DuckdbPredictionArchive(),
  signatureOf: () => null,
  segmentBytes: 20_000,
  syncEveryMs: 20,
});
const ids = new TimeOrderedIds(systemClock);

async function appendForever(): Promise<never> {
  for (;;) {
    const id = ids.next("prediction");
    await log.append({
      id,
      time: systemClock.now(),
      model: "flights",
      version: "1",
      requestId: null,
      rows: 1,
      outcome: "ok",
      timing: { queueUs: 1, runUs: 2, totalUs: 3, batchRows: 1 },
      inputs: [{ name: "x", datatype: "FP64", shape: [1], data: Float64Array.of(1) }],
      outputs: [],
    });
    await new Promise<void>((resolve) => process.stdout.write(`${id}.\n`, () => resolve()));
  }
}

await Promise.all(Array.from({ length: 8 }, appendForever));
