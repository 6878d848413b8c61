import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { csvRows } from "./csv-rows.ts";

describe("csvRows", () => {
  it("reads back what was written, whatever the fields hold", () => {
    const field = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", "é") });
    fc.assert(
      fc.property(fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 6 }), (rows) => {
        const text = rows.map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(",")).join("\r\n");
        assert.deepEqual(csvRows(text, { limit: 100, whole: true }), rows);
      }),
    );
  });

  it("leaves out the row in which the text was cut, and what is beyond the limit", () => {
    assert.deepEqual(csvRows("a,b\n1,2\n3,", { limit: 10, whole: false }), [["a", "b"], ["1", "2"]]);
    assert.deepEqual(csvRows("a\tb\n1\t2\n", { limit: 1, whole: true, separator: "\t" }), [["a", "b"]]);
  });
});
