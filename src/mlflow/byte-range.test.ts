import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { byteRangeOf } from "./byte-range.ts";

describe("byteRangeOf", () => {
  for (const [header, bytes, expected] of [
    [undefined, 10, "whole"],
    ["bytes=0-", 10, { start: 0, end: 10 }],
    ["bytes=0-0", 10, { start: 0, end: 1 }],
    ["bytes=3-5", 10, { start: 3, end: 6 }],
    ["bytes=3-99", 10, { start: 3, end: 10 }],
    ["bytes=-4", 10, { start: 6, end: 10 }],
    ["bytes=-40", 10, { start: 0, end: 10 }],
    ["bytes=-0", 10, "unsatisfiable"],
    ["bytes=10-", 10, "unsatisfiable"],
    ["bytes=0-", 0, "unsatisfiable"],
    ["bytes=-1", 0, "unsatisfiable"],
    ["bytes=5-3", 10, "whole"],
    ["bytes=0-1,3-4", 10, "whole"],
    ["bytes=-", 10, "whole"],
    ["items=0-1", 10, "whole"],
    ["bytes=a-b", 10, "whole"],
  ] as const) {
    it(`reads ${String(header)} of ${bytes} bytes`, () => assert.deepEqual(byteRangeOf(header, bytes), expected));
  }
});
