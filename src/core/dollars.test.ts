import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { formatDollars } from "./dollars.ts";

describe("dollars", () => {
  it("have cents, and below a dollar as many digits as tell something", () => {
    const amounts = [0, 0.3, 0.05, 0.25, 0.123_456, 0.012_345_6, 0.001, 0.000_004_5, 1e-9, 0.9996, 0.999, 1, 1.5, 12.345_678, 1000, 23_456.789, -0.5, -2];
    assert.deepEqual(amounts.map((amount) => formatDollars(amount)), [
      "$0.00", "$0.30", "$0.05", "$0.25", "$0.123", "$0.0123", "$0.001", "$0.0000045", "$0.000000001", "$1.00", "$0.999", "$1.00", "$1.50", "$12.35", "$1,000.00", "$23,456.79", "-$0.50", "-$2.00",
    ]);
  });

  it("are shown as they were set, with more digits", () => {
    assert.deepEqual([0.018_75, 1.125, 3, 0.1, 1_000_000].map((amount) => formatDollars(amount, 9)), ["$0.01875", "$1.125", "$3.00", "$0.10", "$1,000,000.00"]);
  });

  it("say what is meant to a half of a percent, or of a cent", () => {
    fc.assert(fc.property(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), (amount) => {
      const text = formatDollars(amount);
      assert.match(text, /^\$(0|[1-9]\d{0,2}(,\d{3})*)\.\d{2,}$/);
      const read = Number(text.replace(/[$,]/g, ""));
      assert.ok(Math.abs(read - amount) <= Math.max(amount >= 1 ? 0.005 : 0, amount * 0.005) * (1 + 1e-6), `${amount} became ${text}`);
    }));
  });
});
