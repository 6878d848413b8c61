import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toldTier } from "../../ledger/index.ts";
import { dearerTier, tierOfRounds } from "./service-tier.ts";

describe("ways to be served", () => {
  it("are told by the provider's word, where they are not the usual one; a cheaper one counts only when it was told", () => {
    assert.deepEqual(["default", "standard", "auto", "", undefined, null, "flex", "batch", "priority", { type: "odd" }].map(toldTier), [null, null, null, null, null, null, "flex", "batch", "priority", '{"type":"odd"}']);
    assert.deepEqual(["default", "flex", "batch", "priority"].map(dearerTier), [null, null, null, "priority"]);
  });

  it("of two rounds are the dearer one", () => {
    const cases: [string | null | undefined, string | null | undefined, string | null | undefined][] = [
      ["flex", "flex", "flex"], ["flex", null, null], ["flex", undefined, null], ["flex", "batch", null], ["flex", "priority", "priority"], [null, "priority", "priority"], [undefined, "priority", "priority"], [null, undefined, null], [undefined, undefined, undefined],
    ];
    for (const [one, other, expected] of cases) for (const pair of [[one, other], [other, one]] as const) assert.equal(tierOfRounds(...pair), expected, String(pair));
  });
});
