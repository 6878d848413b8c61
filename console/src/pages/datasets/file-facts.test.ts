import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { isSafeName } from "../../../../src/core/names.ts";
import { formatOf, nameOf } from "./file-facts.ts";

describe("a file's name", () => {
  it("tells the format where it can", () => {
    assert.deepEqual(["a.parquet", "a.PQ", "a.b.CSV", "a.txt", "csv"].map(formatOf), ["parquet", "parquet", "csv", null, null]);
  });

  it("becomes a name that a dataset may have, or none", () => {
    assert.equal(nameOf("Flights 2013 (test).parquet"), "Flights-2013-test");
    assert.equal(nameOf("../../etc/.x.csv"), "etc-.x");
    fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: "grapheme" })), (text) => {
      const name = nameOf(text);
      assert.ok(isSafeName(`a${name}`) && /^([A-Za-z0-9]|$)/.test(name), JSON.stringify(name));
    }));
  });
});
