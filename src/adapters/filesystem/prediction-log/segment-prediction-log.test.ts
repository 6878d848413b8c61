import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileCache } from "../../../../test/kit/compile-cache.ts";
import { systemClock } from "../../../core/clock.ts";
import { silentLogger } from "../../../core/logger.ts";
import { predictionLogConformance } from "../../../serving/predictions/prediction-log.conformance.ts";
import { DuckdbPredictionArchive } from "../../duckdb/duckdb-prediction-archive.ts";
import { SegmentPredictionLog } from "./segment-prediction-log.ts";

predictionLogConformance("segments and Parquet", async () => {
  const directory = await mkdtemp(join(tmpdir(), "slipway-predictions-"));
  const archives: DuckdbPredictionArchive[] = [];
  const start = (): Promise<SegmentPredictionLog> => {
    const archive = new DuckdbPredictionArchive({ environment: compileCache });
    archives.push(archive);
    return SegmentPredictionLog.open({ directory, clock: systemClock, logger: silentLogger, archive, signatureOf: () => null, recentBytesPerModel: 2048 });
  };
  const harness = {
    log: await start(),
    async reopen() {
      await harness.log.stop();
      harness.log = await start();
    },
    async crash() {
      // Nothing is flushed; the old object is left alone and only its child processes end.
      await archives.at(-1)!.close();
      harness.log = await start();
    },
    async close() {
      await harness.log.stop();
      for (const archive of archives) await archive.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return harness;
});
