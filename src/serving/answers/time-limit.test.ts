import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { patienceMs, remainingMs, reserveMs } from "./time-limit.ts";
import { isFailureBeside, isOwnFailure, isWorthAnother } from "../versions/version-blame.ts";

describe("reserveMs", () => {
  it("keeps what the stable version needs, within bounds", () => {
    assert.deepEqual([reserveMs(30_000, null), reserveMs(30_000, 5000), reserveMs(100, 1), reserveMs(100, 90), reserveMs(10, 1)], [3000, 5000, 25, 50, 5]);
    assert.deepEqual([remainingMs(100, 60, 25), remainingMs(100, 130, 25)], [40, 12.5]);
  });
});

describe("patienceMs", () => {
  it("is a second at least, and as long as it takes while nobody knows how long stable takes", () => {
    assert.deepEqual([patienceMs(null), patienceMs(0.3), patienceMs(50), patienceMs(400)], [Infinity, 1000, 1000, 8000]);
  });
});

describe("who is to blame", () => {
  it("is never the version for what its caller did", () => {
    for (const outcome of ["INVALID_INPUT", "CALLER_GONE", "SHUTTING_DOWN", "LOOKUP_KEY_NOT_FOUND", "ok", "cached"]) {
      assert.deepEqual([isWorthAnother(outcome), isOwnFailure(outcome, 100, 1), isFailureBeside(outcome, 100, 1)], [false, false, false], outcome);
    }
  });

  it("is the version for refused values and a full queue only beside one that answered", () => {
    for (const outcome of ["MODEL_RUN_FAILED", "QUEUE_FULL"]) assert.deepEqual([isWorthAnother(outcome), isOwnFailure(outcome, 100, 1), isFailureBeside(outcome, 100, 1)], [true, false, true], outcome);
    assert.deepEqual([isWorthAnother("VERSION_NOT_READY"), isFailureBeside("VERSION_NOT_READY", 100, 1)], [true, false]);
  });

  it("is the version for a crash, an invalid output, and time that others need less of", () => {
    for (const outcome of ["RUNNER_CRASHED", "OUTPUT_INVALID", "INVALID_OUTPUT", "UPSTREAM_FAILED", "INTERNAL"]) assert.ok(isOwnFailure(outcome, 1, 100), outcome);
    for (const outcome of ["DEADLINE_EXCEEDED", "CANDIDATE_TIMEOUT"]) assert.deepEqual([isOwnFailure(outcome, 100, 20), isOwnFailure(outcome, 10, 20), isOwnFailure(outcome, 10, null)], [true, false, true]);
  });
});
