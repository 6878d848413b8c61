import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { nextWait, subscriberSchedule, webhookSchedule, type RetrySchedule } from "./retry-schedule.ts";

const hourMs = 3_600_000;

/** Sum of the waits of a delivery that never succeeds. */
function wholeWait(schedule: RetrySchedule, random: number): number {
  let sum = 0;
  for (let attempt = 1; ; attempt++) {
    const wait = nextWait(schedule, attempt, random);
    if (wait === null) return sum;
    sum += wait;
  }
}

describe("retry schedules", () => {
  it("keep trying a webhook for about a day, and a subscriber for minutes", () => {
    assert.equal(Math.round(wholeWait(webhookSchedule, 0.5) / hourMs), 26);
    assert.equal(Math.round(wholeWait(webhookSchedule, 0.999999) / hourMs), 51);
    assert.equal(Math.round(wholeWait(subscriberSchedule, 0.5) / 60_000), 9);
    assert.equal(nextWait(webhookSchedule, 17, 0.5) === null, false);
    assert.equal(nextWait(webhookSchedule, 18, 0.5), null);
  });

  it("wait a random part of a bound that doubles, or as long as the receiver asks within the longest wait", () => {
    const schedule = { attempts: 30, firstMs: 10, longestMs: 10_000 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 29 }), fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(50_000), (attempt, random, asked) => {
        const bound = Math.min(10_000, 10 * 2 ** (attempt - 1));
        assert.equal(nextWait(schedule, attempt, random, asked), Math.max(Math.ceil(random * bound), Math.min(asked, 10_000)));
      }),
    );
  });
});
