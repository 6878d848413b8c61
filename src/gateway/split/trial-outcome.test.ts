import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ErrorCode } from "../../core/error-catalogue.ts";
import { AppError } from "../../core/errors.ts";
import { cutByDoor, endingOf } from "./trial-outcome.ts";

const stopped = (reason: unknown): AbortSignal => AbortSignal.abort(reason);
const thrown = new AppError("PROVIDER_UNAVAILABLE", "The connection was closed.");

describe("a call that was ended from outside", () => {
  it("ends with why the door ended it: its caller read nothing, or its key or its right has ended", () => {
    for (const code of ["CALLER_STALLED", "UNAUTHENTICATED", "FORBIDDEN"] satisfies ErrorCode[]) {
      const reason = new AppError(code, "why");
      assert.equal(cutByDoor(stopped(reason)), reason);
      assert.deepEqual(endingOf(thrown, stopped(reason)), { outcome: "cancelled", error: reason });
    }
  });

  it("ends with what was thrown where its caller has left, and fails where nobody ended it", () => {
    for (const reason of [new AppError("CALLER_GONE", "left"), new Error("closed"), undefined]) {
      assert.equal(cutByDoor(stopped(reason)), null);
      assert.deepEqual(endingOf(thrown, stopped(reason)), { outcome: "cancelled", error: thrown });
    }
    const { signal } = new AbortController();
    assert.deepEqual([cutByDoor(signal), endingOf(thrown, signal)], [null, { outcome: "failed", error: thrown }]);
  });
});
