import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isUntraced, refusedCount, refusedWords, tracesOfRefused } from "./refused-words.ts";

describe("calls that no provider was asked for", () => {
  const refused = [{ team: "blue", route: "chat", reason: "RATE_LIMITED", calls: 3 }, { team: "blue", route: "chat", reason: "BUDGET_EXCEEDED", calls: 2 }, { team: "red", route: "chat", reason: "BUDGET_EXCEEDED", calls: 4 }];

  it("are summed by their reason, the most first", () => {
    assert.equal(refusedWords(refused), "BUDGET_EXCEEDED: 6, RATE_LIMITED: 3");
    assert.deepEqual([refusedCount(refused), refusedCount([]), refusedWords([])], [9, 0, ""]);
  });

  it("have no traces where their caller named what is no model of his", () => {
    const [unknown, hidden, direct, route] = [["other", "GATEWAY_MODEL_NOT_FOUND"], ["other", "FORBIDDEN"], ["other", "BUDGET_EXCEEDED"], ["chat", "FORBIDDEN"]].map(([of, reason]) => isUntraced({ route: of!, reason: reason! }));
    assert.deepEqual([unknown, hidden, direct, route], [true, true, false, false]);
  });

  it("lead to their traces", () => {
    assert.deepEqual(
      [{ route: "chat" }, { route: "chat", reason: "RATE_LIMITED" }, { route: "other", reason: "RATE_LIMITED" }, { route: "other" }].map(tracesOfRefused),
      ["/traces?status=error&attributes=slipway.route%3Dchat", "/traces?status=error&attributes=slipway.route%3Dchat%2Cerror.type%3DRATE_LIMITED", "/traces?status=error&attributes=error.type%3DRATE_LIMITED", "/traces?status=error"],
    );
  });
});
