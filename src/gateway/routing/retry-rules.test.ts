import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { attemptSpans, backoffMs, isCounted, isFinal, isPassing, isSound, type AttemptTimes } from "./retry-rules.ts";

describe("retry rules", () => {
  it("wait twice as long after each failure, up to five seconds, and any part of that by chance", () => {
    assert.deepEqual([1, 2, 3, 6, 7, 30].map((failures) => backoffMs(failures, 0.5)), [50, 100, 200, 1600, 2500, 2500]);
    assert.deepEqual([backoffMs(5, 0), backoffMs(5, 0.25)], [0, 400]);
  });

  it("tell of each outcome whether it may pass, ends the call, opens the breaker, or shows that the provider is well", () => {
    const outcomes = ["rate-limited", "overloaded", "failed", "timeout", "unreachable", "broken-answer", "unauthorized", "quota", "invalid", "content-filter", "context-length", "not-found", "cancelled"] as const;
    const of = (is: (outcome: (typeof outcomes)[number]) => boolean): string => outcomes.filter(is).join(" ");
    assert.equal(of(isPassing), "rate-limited overloaded failed timeout unreachable broken-answer");
    assert.equal(of(isFinal), "invalid content-filter");
    assert.equal(of(isCounted), "overloaded failed timeout unreachable broken-answer unauthorized quota");
    assert.equal(of(isSound), "invalid content-filter context-length");
  });

  const spans = (given: Partial<AttemptTimes>): unknown[] => {
    const { firstByteMs, wholeMs, resentMs, inWindow } = attemptSpans({ remainingMs: 30_000, firstByteMs: 20_000, others: 0, sinceFailureMs: null, usualMs: null, ...given });
    return [firstByteMs, wholeMs, resentMs, inWindow];
  };

  it("share the deadline with the targets that are left, of which three count, and keep ten seconds at most for them", () => {
    assert.deepEqual(spans({}), [20_000, 30_000, Infinity, false]);
    assert.deepEqual(spans({ others: 1 }), [15_000, 20_000, 1000, false]);
    assert.deepEqual(spans({ others: 7 }), [10_000, 20_000, 1000, false]);
    assert.deepEqual(spans({ others: 1, remainingMs: 8000 }), [4000, 4000, 1000, false]);
    assert.deepEqual(spans({ others: 1, firstByteMs: 300 }), [300, 20_000, 1000, false]);
  });

  it("have everything again over within a second of the first failure where others wait; one that was sent again has twice its usual time", () => {
    assert.deepEqual(spans({ others: 1, sinceFailureMs: 400 }), [600, 20_000, 1000, true]);
    assert.deepEqual(spans({ others: 1, sinceFailureMs: 400, firstByteMs: 500 }), [500, 20_000, 1000, false]);
    assert.deepEqual(spans({ sinceFailureMs: 400 }), [20_000, 30_000, Infinity, false]);
    assert.deepEqual(spans({ others: 1, usualMs: 800 }), [15_000, 20_000, 1600, false]);
  });
});
