import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { counted } from "./counted.ts";

describe("counted", () => {
  it("has one thing in the singular, and none, several and parts in the plural", () => {
    assert.deepEqual([0, 1, 2, 1.5].map((count) => counted(count, "row")), ["0 rows", "1 row", "2 rows", "1.5 rows"]);
    assert.deepEqual([counted(1, "query", "queries"), counted(2, "query", "queries")], ["1 query", "2 queries"]);
    assert.equal(counted(1, "model has", "models have"), "1 model has");
  });
});
