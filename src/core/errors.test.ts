import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError, toAppError } from "./errors.ts";

describe("toAppError", () => {
  it("tells a full disk apart, and keeps what was thrown as the cause", () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, write '/secret'"), { code: "ENOSPC" });
    const error = toAppError(full);
    assert.deepEqual([error.code, error.status, error.cause], ["STORAGE_FULL", 507, full]);
    assert.doesNotMatch(error.message, /secret/);
  });

  it("says nothing of an unexpected failure, and passes an AppError through", () => {
    assert.equal(toAppError(new Error("at /secret/path")).code, "INTERNAL");
    assert.doesNotMatch(toAppError("/secret/path").message, /secret/);
    const own = new AppError("QUEUE_FULL", "Full.");
    assert.equal(toAppError(own), own);
  });
});
