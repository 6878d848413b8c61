import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assignmentWords } from "./assignment-words.ts";

describe("assignmentWords", () => {
  it("says the arm and what decided", () => {
    assert.equal(assignmentWords({ arm: "candidate", by: "key", fraction: 0.03125 }), "candidate, by the caller's key at 0.0313");
    assert.equal(assignmentWords({ arm: "stable", by: "draw", fraction: 0.5 }), "stable, by a draw at 0.5000");
    assert.equal(assignmentWords({ arm: "candidate", by: "rule", fraction: null }), "candidate, by a rule");
  });
});
