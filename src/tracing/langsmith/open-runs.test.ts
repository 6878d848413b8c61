import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OpenRuns } from "./open-runs.ts";

describe("runs that are not whole", () => {
  it("are put together in any order until they are, apart for each team", () => {
    const open = new OpenRuns();
    open.merge("a", { id: "1", name: "first", inputs: { x: 1 } }, "post");
    open.merge("b", { id: "1", name: "other" }, "post");
    assert.deepEqual(open.merge("a", { id: "1", outputs: { y: 2 }, name: null, end_time: "now" }, "patch"), { id: "1", name: "first", inputs: { x: 1 }, outputs: { y: 2 }, end_time: "now" });
    assert.deepEqual(open.merge("b", { id: "1", end_time: "now" }, "patch"), { id: "1", name: "other", end_time: "now" });
    assert.equal(open.merge("a", { id: "2", end_time: "now" }, "patch"), null);
    assert.deepEqual(open.merge("a", { id: "2", name: "late" }, "post"), { id: "2", name: "late", end_time: "now" });
    assert.equal(open.characters, 0);
  });

  it("hold a bounded number of characters, whatever is said and however often of one", () => {
    const open = new OpenRuns(10_000);
    for (let index = 0; index < 100; index++) {
      open.merge("a", { id: String(index), inputs: { text: "x".repeat(1000) } }, "post");
      open.merge("a", { id: "one", [`more${index}`]: ["y".repeat(100)] }, "patch");
      assert.ok(open.characters <= 10_000, String(open.characters));
    }
    assert.equal("inputs" in open.merge("a", { id: "99", end_time: "now" }, "patch")!, true);
    assert.equal(open.merge("a", { id: "0", end_time: "now" }, "patch"), null, "the oldest is forgotten");
    open.merge("a", { id: "huge", inputs: "z".repeat(20_000) }, "post");
    assert.equal(open.characters, 0);
  });
});
