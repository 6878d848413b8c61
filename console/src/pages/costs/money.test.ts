import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatDollars, formatLimit, formatNano, spendWords } from "./money.ts";

describe("money", () => {
  it("keeps what is far below a cent readable", () => {
    assert.deepEqual([0, 1, 4_500, 123_456_789, 999_000_000, 12_345_678_901, 23_456_789_000_000].map(formatNano), ["$0.00", "$0.000000001", "$0.0000045", "$0.123", "$0.999", "$12.35", "$23,456.79"]);
  });

  it("keeps all digits of what somebody has set", () => {
    assert.deepEqual([0.3, 0.012_345, 5].map(formatLimit), ["$0.30", "$0.012345", "$5.00"]);
  });

  it("has no zero for what is not known", () => {
    assert.deepEqual([{ cost: 0, unpriced: 3 }, { cost: 0, unpriced: 0 }, { cost: 1_000_000_000, unpriced: 3 }].map(spendWords), ["no price", "$0.00", "$1.00"]);
    assert.equal(formatNano(null), "–");
    assert.equal(formatDollars(Number.NaN), "–");
    assert.equal(formatDollars(-0.5), "-$0.50");
  });
});
