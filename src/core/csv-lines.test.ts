import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { CsvLines } from "./csv-lines.ts";

/** What is read of the pieces, in the manner of who forgives what is no CSV. */
function linesOf(...pieces: string[]): string[][] {
  const lines: string[][] = [];
  const reader = new CsvLines({ visit: (cells) => lines.push([...cells]) });
  let unread = "";
  for (const piece of pieces) {
    unread += piece;
    unread = unread.slice(reader.read(unread, false));
  }
  reader.read(unread, true);
  return lines;
}

describe("CsvLines", () => {
  it("reads cells between commas, with what stands in quotes as it is", () => {
    assert.deepEqual(linesOf("\uFEFFa,b\r\n1,\"two, \"\"so\"\",\nplease\"\n\n,\n3,"), [["a", "b"], ["1", "two, \"so\",\nplease"], ["", ""], ["3", ""]]);
    assert.deepEqual(linesOf(""), []);
  });

  it("reads what is no CSV as well as can be, where nobody wants to be told", () => {
    assert.deepEqual(linesOf("a\n\"never closed\nb,c"), [["a"], ["never closed\nb,c"]]);
    assert.deepEqual(linesOf("\"a\"behind,b\"c\n1"), [["a", "b\"c"], ["1"]]);
  });

  it("reads the same of a text in pieces", () => {
    const parts = fc.array(fc.constantFrom("a", '"', ",", "\n", "\r", "\r\n", '""', "\uFEFF"));
    fc.assert(fc.property(fc.array(parts.map((part) => part.join(""))), (pieces) => assert.deepEqual(linesOf(...pieces), linesOf(pieces.join("")))), { numRuns: 2000 });
  });

  it("takes no longer than the text is long, whatever stands in it", () => {
    const text = `a\n${"x".repeat(3_000_000)}"\n"${"y\"\"".repeat(1_000_000)}"\n`;
    assert.deepEqual(linesOf(text).map(([cell]) => cell!.length), [1, 3_000_001, 2_000_000]);
  });
});
