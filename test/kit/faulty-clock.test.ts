import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../src/core/clock.ts";
import { FaultyClock } from "./faulty-clock.ts";
import { seededRandom } from "./seed.ts";

const hour = 3_600_000;

/** Reads of 12 hours, `everyMs` apart; `between` more reads each time, which must not matter. */
function readsOf(purpose: string, { everyMs = 10_000, between = 0, faults = {} }: { everyMs?: number; between?: number; faults?: ConstructorParameters<typeof FaultyClock>[2] } = {}) {
  const truth = new ManualClock();
  const clock = new FaultyClock(truth, seededRandom(purpose), faults);
  const reads = Array.from({ length: (12 * hour) / everyMs }, () => {
    for (let count = 0; count < between; count++) clock.now();
    const read = { truth: truth.now(), now: clock.now(), monotonic: clock.monotonic() };
    truth.advance(everyMs);
    return read;
  });
  return { reads, clock };
}

describe("FaultyClock", () => {
  it("shows the same for the same seed and time, however often it is read", () => {
    const often = readsOf("clock", { between: 3 }).reads;
    assert.deepEqual(often, readsOf("clock").reads);
    assert.deepEqual(often.filter((_, index) => index % 60 === 0), readsOf("clock", { everyMs: 600_000 }).reads);
    assert.notDeepEqual(often, readsOf("another clock").reads);
  });

  it("jumps forwards and back, and its monotonic time does neither", () => {
    const { reads, clock } = readsOf("clock");
    const steps = reads.slice(1).map(({ now, monotonic }, index) => ({ wall: now - reads[index]!.now, monotonic: monotonic - reads[index]!.monotonic }));
    assert.ok(steps.some(({ wall }) => wall < 0) && steps.some(({ wall }) => wall > 20_000));
    assert.ok(clock.jumpsBack > 0);
    assert.ok(steps.every(({ monotonic }) => monotonic >= 9990 && monotonic <= 10_010));
  });

  it("is off by no more than it was told", () => {
    const { reads } = readsOf("clock", { faults: { skewMs: 5000, drift: 0, jumpMs: 0 } });
    const offsets = new Set(reads.map(({ truth, now }) => now - truth));
    assert.equal(offsets.size, 1);
    assert.ok(Math.abs([...offsets][0]!) <= 5000);
    assert.deepEqual(new Set(readsOf("clock", { faults: { skewMs: 0, drift: 0, jumpMs: 0 } }).reads.map(({ truth, now }) => now - truth)), new Set([0]));
  });
});
