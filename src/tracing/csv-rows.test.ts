import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { csvColumnHas, csvRows } from "./csv-rows.ts";

describe("rows of a CSV file", () => {
  it("are cells between commas, with what stands in quotes as it is", () => {
    assert.deepEqual([...csvRows("a,b\r\n1,\"two, \"\"so\"\",\nplease\"\n\n,\n3,")], [["a", "b"], ["1", "two, \"so\",\nplease"], ["", ""], ["3", ""]]);
    assert.deepEqual([...csvRows("")], []);
    assert.deepEqual([...csvRows("a\n\"never closed\nb,c")], [["a"], ["never closed\nb,c"]]);
  });

  it("take no longer than the file is long, whatever stands in it", () => {
    const text = `a\n${"x".repeat(3_000_000)}"\n"${"y\"\"".repeat(1_000_000)}"\n`;
    assert.deepEqual([...csvRows(text)].map(([cell]) => cell!.length), [1, 3_000_001, 2_000_000]);
  });

  it("have a value in a column, and not in another one", () => {
    const file = "\uFEFF\"input\",\"trace_id\"\n\"of t1, and t2\",\"t3\"\n";
    assert.deepEqual(["t1", "t2", "t3", "t4"].map((id) => csvColumnHas(file, "trace_id", id)), [false, false, true, false]);
    assert.equal(csvColumnHas("input\nt1\n", "trace_id", "t1"), false);
  });
});
