import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { comparedRuns, type ComparedRun } from "./compared-runs.ts";

const done: ComparedRun["run"] = { state: "done", firstMs: 120, totalMs: 1000, usage: { input: 12, output: 40 }, cost: 1_200_000, cache: null, trace: "a", booked: true };
const of = (model: string, part: Partial<ComparedRun["run"]> = {}): ComparedRun => ({ model, run: { ...done, ...part } });

describe("two answers compared", () => {
  it("say which was quicker to the first token and to the end, and which was cheaper, with the tokens", () => {
    assert.deepEqual(comparedRuns(of("support"), of("search", { firstMs: 340, totalMs: 900, cost: 400_000, usage: { input: 12, output: 9 } })), [
      "First token: support was quicker, 120 ms against 340 ms.",
      "Whole answer: search was quicker, 900 ms against 1 s.",
      "Cost: search was cheaper, $0.0004 (12 tokens in, 9 out) against $0.0012 (12 tokens in, 40 out).",
    ]);
  });

  it("say nothing of what looks the same, or is not known of one of them", () => {
    assert.deepEqual(comparedRuns(of("support"), of("search", { firstMs: 120.0001 })), []);
    assert.deepEqual(comparedRuns(of("support", { firstMs: null, cost: null, usage: null }), of("search")), []);
    assert.match(comparedRuns(of("support", { firstMs: 50, cost: null }), of("search", { cost: null })).join(), /^First token: support was quicker, 50 ms against 120 ms\.$/);
  });

  it("say which took fewer tokens where no cost tells them apart", () => {
    for (const cost of [null, 0]) {
      assert.deepEqual(comparedRuns(of("support", { cost, usage: { input: 12, output: 95 } }), of("search", { cost })), ["Tokens: search took fewer, 52 (12 tokens in, 40 out) against 107 (12 tokens in, 95 out)."]);
    }
  });

  it("wait for both answers, and with the cost for the ledger", () => {
    for (const state of ["running", "failed", "stopped"] as const) assert.deepEqual(comparedRuns(of("support"), of("search", { state, firstMs: 9 })), [], state);
    assert.deepEqual(comparedRuns(of("support"), of("search", { booked: false, cost: 1 })), []);
    assert.equal(comparedRuns(of("support", { trace: null, booked: false, cost: null }), of("search", { cost: null, usage: { input: 1, output: 1 } })).length, 1, "no ledger is asked about a call without a trace");
  });

  it("tell a model from itself, and that an answer was one of before", () => {
    assert.deepEqual(comparedRuns(of("echo/echo"), of("echo/echo", { firstMs: 3, cache: "hit" })), ["First token: the second was quicker, 3 ms against 120 ms.", "The answer of the second came from the cache."]);
    assert.deepEqual(comparedRuns(of("echo/echo", { cache: "hit" }), of("echo/echo", { cache: "hit" })), []);
  });
});
