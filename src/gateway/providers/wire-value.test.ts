import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseFields } from "./wire-value.ts";

describe("documents of providers", () => {
  it("are read with vectors of many texts, and not with millions of objects in them", () => {
    const vector = new Array(100_000).fill(0.125);
    assert.equal((parseFields(JSON.stringify({ data: new Array(10).fill({ embedding: vector }) }))?.data as unknown[]).length, 10);
    assert.equal(parseFields(`{"a":[${"{},".repeat(600_000)}{}]}`), null);
    assert.equal(parseFields(`{"a":${"[".repeat(600_000)}${"]".repeat(600_000)}}`), null);
  });
});
