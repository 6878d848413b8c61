import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { callFailure, toldMessage, type TargetTrouble } from "./call-failure.ts";

const trouble = (provider: string, message: string, kind: TargetTrouble["kind"] = "failed"): TargetTrouble => ({ target: { provider, model: "m", weight: 1, priority: 0 }, kind, message, retryAfterMs: null, thrown: null });

describe("the error of a call that no target answered", () => {
  it("keeps what several targets said apart, and each message as it came", () => {
    const error = callFailure([trouble("a", "down"), trouble("b", "Is it on?"), trouble("c", "Out of order."), trouble("d", "down")]);
    assert.equal(error.message, "a/m: down. b/m: Is it on? c/m: Out of order. d/m: down");
    assert.deepEqual(error.problems.map(({ message }) => message), ["down", "Is it on?", "Out of order.", "down"]);
    assert.equal(callFailure([trouble("a", "down")]).message, "a/m: down");
  });

  it("says of a 404 that it is the provider's, whose two words do not tell what was not found", () => {
    assert.equal(toldMessage({ message: "Not Found", outcome: "not-found", status: 404 }), "The provider has no such model or path (404): Not Found");
    assert.equal(toldMessage({ message: "Not Found", outcome: "not-found", status: 404, requestId: "req_1" }), "The provider has no such model or path (404): Not Found (its request req_1)");
    assert.equal(toldMessage({ message: "Too hot.", outcome: "invalid", status: 400 }), "Too hot.");
  });
});
