import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { compileCache } from "../../../test/kit/compile-cache.ts";
import { LogScenario } from "../../../test/kit/prediction-log-scenario.ts";
import { AppError } from "../../core/errors.ts";
import type { DuckdbChildError } from "./duckdb-child.ts";
import { DuckdbPredictionArchive } from "./duckdb-prediction-archive.ts";

describe("DuckdbPredictionArchive", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-archive-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const unavailable = (reason: DuckdbChildError["reason"]) => (error: unknown): boolean => {
    assert.ok(error instanceof AppError && error.code === "PREDICTION_LOG_UNAVAILABLE" && error.status === 503, String(error));
    assert.doesNotMatch(error.message, /duckdb|listPredictions|findPrediction/i);
    assert.equal((error.cause as DuckdbChildError).reason, reason);
    return true;
  };

  it("says that a search through the log was given up, and leaves the log as it was", async () => {
    const scenario = new LogScenario(directory);
    const entry = scenario.entry();
    const impatient = new DuckdbPredictionArchive({ environment: compileCache, readTimeoutMs: 1 });
    let log = await scenario.open({ archive: impatient, recentBytesPerModel: 0 });
    await log.append(entry);
    await log.flush();
    await assert.rejects(log.list({ model: entry.model, limit: 10 }), unavailable("timeout"));
    await assert.rejects(log.find(entry.id), unavailable("timeout"));
    await assert.rejects(log.list({ model: entry.model, limit: 10 }), /took longer than 0\.001 seconds/);
    await log.stop();
    log = await scenario.open({ archive: new DuckdbPredictionArchive({ environment: compileCache }), recentBytesPerModel: 0 });
    assert.deepEqual((await log.list({ model: entry.model, limit: 10 })).map(({ id }) => id), [entry.id]);
    await log.stop();
  });

  it("refuses searches once it is closed", async () => {
    const archive = new DuckdbPredictionArchive({ environment: compileCache });
    await archive.close();
    await assert.rejects(archive.find([join(directory, "any.parquet")], "prd_1"), { code: "SHUTTING_DOWN" });
  });
});
