import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { csvColumnHas } from "./csv-column-has.ts";

/** The file in pieces of so many bytes. */
const inPieces = (file: string, length: number) =>
  async function* (): AsyncGenerator<Uint8Array> {
    const bytes = Buffer.from(file);
    for (let at = 0; at < bytes.length; at += length) yield await Promise.resolve(bytes.subarray(at, at + length));
  };

describe("csvColumnHas", () => {
  it("finds a value in a column, and not in another one, wherever the file is cut", async () => {
    const file = "\uFEFF\"input\", trace_id \r\n\"of t1, \"\"日本\"\"\nand t2\",\"t3\"\r\n\n5,t6";
    for (let length = 1; length <= Buffer.byteLength(file); length++) {
      const has = ["t1", "t2", "t3", "t4", "t6"].map((id) => csvColumnHas(inPieces(file, length), "trace_id", id));
      assert.deepEqual(await Promise.all(has), [false, false, true, false, true], `${length} bytes`);
    }
    assert.equal(await csvColumnHas(inPieces("input\nt1\n", 3), "trace_id", "t1"), false);
    assert.equal(await csvColumnHas(inPieces("", 3), "trace_id", "t1"), false);
  });

  it("says of any file what it says of it in one piece", async () => {
    const text = fc.array(fc.constantFrom("t1", "日", '"', '""', ",", "\n", "\r\n", "\r")).map((parts) => `trace_id,"x"\n${parts.join("")}`);
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (file, length) => {
        assert.equal(await csvColumnHas(inPieces(file, length), "trace_id", "t1"), await csvColumnHas(inPieces(file, file.length * 4), "trace_id", "t1"));
      }),
      { numRuns: 500 },
    );
  });
});
