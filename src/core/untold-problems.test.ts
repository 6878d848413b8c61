import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { untoldProblems } from "./untold-problems.ts";

describe("untoldProblems", () => {
  it("leaves out what the message tells with its place, and nothing else", () => {
    const problems = [{ path: "a/m", message: "It is down." }, { path: "b/m", message: "It is down." }, { path: "", message: "All are down." }, { path: "max_tokens", message: "must be a number" }];
    assert.deepEqual(untoldProblems({ message: "a/m: It is down. All are down.", problems }), [problems[1], problems[3]]);
    assert.deepEqual(untoldProblems({ message: "No: max_tokens must be a number.", problems: [problems[3]!] }), []);
    assert.deepEqual(untoldProblems({ message: "It is down.", problems }), problems);
  });
});
