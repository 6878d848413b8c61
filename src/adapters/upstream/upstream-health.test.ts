import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { systemClock } from "../../core/clock.ts";
import { silentLogger } from "../../core/logger.ts";
import { UpstreamHealth } from "./upstream-health.ts";

/** Lets promises settle; time itself stands still. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

describe("UpstreamHealth", () => {
  let reason: string | null;
  let checks: number;
  let health: UpstreamHealth;
  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout"] });
    reason = null;
    checks = 0;
    const check = (): Promise<string | null> => {
      checks++;
      return Promise.resolve(reason);
    };
    health = new UpstreamHealth({ check, clock: systemClock, logger: silentLogger, logFields: {}, everyMs: 10_000, firstRetryMs: 100 });
  });
  afterEach(() => {
    health.stop();
    mock.timers.reset();
  });
  const pass = async (milliseconds: number): Promise<void> => {
    mock.timers.tick(milliseconds);
    await settle();
  };

  it("believes nothing before the first check, and that one at once", async () => {
    assert.notEqual(health.away, null);
    await health.begin();
    assert.equal(health.away, null);
    const other = new UpstreamHealth({ check: () => Promise.resolve("it is down"), clock: systemClock, logger: silentLogger, logFields: {} });
    await other.begin();
    assert.equal(other.away, "it is down");
    other.stop();
  });

  it("forgives one failed check, and is away after the second", async () => {
    await health.begin();
    reason = "gone";
    await pass(10_000);
    assert.deepEqual([checks, health.away], [2, null]);
    await pass(100);
    assert.deepEqual([checks, health.away], [3, "gone"]);
    reason = null;
    await pass(200);
    assert.equal(health.away, null);
  });

  it("asks at once when a request could not reach the server, and once for all of them", async () => {
    await health.begin();
    reason = "gone";
    for (let count = 0; count < 50; count++) health.noteUnreached();
    await pass(0);
    assert.equal(checks, 2);
    for (let count = 0; count < 50; count++) health.noteUnreached();
    await pass(0);
    assert.equal(checks, 2);
    await pass(100);
    assert.equal(health.away, "gone");
  });

  it("asks a server that is away ever later, and not later than every quarter of a minute", async () => {
    reason = "gone";
    await health.begin();
    await pass(300);
    const early = checks;
    assert.ok(early >= 2, String(early));
    for (let second = 0; second < 600; second++) await pass(1000);
    const calm = checks;
    for (let second = 0; second < 150; second++) await pass(1000);
    // Pauses of 7.5 to 15 seconds.
    assert.ok(checks - calm >= 9 && checks - calm <= 20, String(checks - calm));
    assert.ok(health.retryAfterSeconds >= 1);
  });

  it("asks nobody any more when it was stopped", async () => {
    await health.begin();
    health.stop();
    await pass(100_000);
    assert.equal(checks, 1);
  });
});
