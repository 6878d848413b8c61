import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { forEachCsvLine } from "./csv-lines.ts";
import { ProblemList } from "./problem-list.ts";

function linesOf(text: string, headerOnly = false): string[][] {
  const lines: string[][] = [];
  const problems = new ProblemList();
  forEachCsvLine(text, problems, headerOnly, (cells) => lines.push([...cells]));
  problems.throwIfAny();
  return lines;
}

describe("forEachCsvLine", () => {
  it("knows quotes, line ends, empty cells and empty lines", () => {
    assert.deepEqual(linesOf('\ufeffa,b\r\n"1,""x""\n",\n\n""\n,2\r3,'), [["a", "b"], ['1,"x"\n', ""], ["", "2"], ["3", ""]]);
    assert.deepEqual(linesOf(""), []);
    for (const text of ['a\n"1', '"a"b', '"""']) assert.throws(() => linesOf(text), { code: "INVALID_INPUT" });
  });

  it("finds as many lines and cells when it does not read them out", () => {
    const text = fc.array(fc.constantFrom("a", '"', ",", "\n", "\r", "1")).map((characters) => characters.join(""));
    fc.assert(
      fc.property(text, (csv) => {
        const count = (headerOnly: boolean): number[] | string => {
          try {
            return linesOf(csv, headerOnly).map((cells) => cells.length);
          } catch (error) {
            return (error as Error).message;
          }
        };
        assert.deepEqual(count(true), count(false));
      }),
      { numRuns: 2000 },
    );
  });
});
