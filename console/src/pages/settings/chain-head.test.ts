import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { headText, parseHead } from "./chain-head.ts";

describe("parseHead", () => {
  it("reads what headText wrote, with space around it", () => {
    const head = { sequence: 120, hash: `sha256:${"9f".repeat(32)}` };
    assert.deepEqual(parseHead(` ${headText(head)}\n`), head);
  });

  it("refuses the rest", () => {
    for (const text of ["", "120", "120:", ":9f9f9f9f", "x:9f9f9f9f", "1:9f 9f 9f 9f", "-1:9f9f9f9f"]) assert.equal(parseHead(text), null, text);
  });
});
