import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { compileCache } from "../../../../test/kit/compile-cache.ts";
import { systemClock } from "../../../core/clock.ts";
import { silentLogger } from "../../../core/logger.ts";
import { predictionLogConformance } from "../../../serving/predictions/prediction-log.conformance.ts";
import { DuckdbPredictionArchive } from "../../duckdb/duckdb-prediction-archive.ts";
import type { PredictionArchive } from "./prediction-archive.ts";
import { SegmentPredictionLog } from "./segment-prediction-log.ts";

let archive = opened();
after(() => archive.close());

/**
 * For one log after the other: an archive knows nothing but the files that it is asked about, and each start of its two processes
 * costs more than what a log asks of them. What `close` and `hasten` do to them has tests of its own.
 */
const lent = (): PredictionArchive => {
  const one = archive;
  return {
    convert: (request) => one.convert(request), merge: (request) => one.merge(request),
    find: (files, id) => one.find(files, id), list: (files, filter) => one.list(files, filter),
    hasten: () => undefined, close: () => Promise.resolve(),
  };
};

predictionLogConformance("segments and Parquet", async () => {
  const directory = await mkdtemp(join(tmpdir(), "slipway-predictions-"));
  const start = (): Promise<SegmentPredictionLog> =>
    SegmentPredictionLog.open({ directory, clock: systemClock, logger: silentLogger, archive: lent(), signatureOf: () => null, recentBytesPerModel: 2048 });
  const harness = {
    log: await start(),
    async reopen() {
      await harness.log.stop();
      harness.log = await start();
    },
    async crash() {
      // Nothing is flushed; the old object is left alone and only its child processes end.
      await archive.close();
      archive = opened();
      harness.log = await start();
    },
    async close() {
      await harness.log.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return harness;
});

/** Nobody is served here: its writer need not give way to others. */
function opened(): DuckdbPredictionArchive {
  const made = new DuckdbPredictionArchive({ environment: compileCache });
  made.hasten();
  return made;
}
