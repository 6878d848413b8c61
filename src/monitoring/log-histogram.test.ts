import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { LogHistogram } from "./log-histogram.ts";

const microseconds = fc.array(fc.double({ min: 1, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 300 });

describe("LogHistogram", () => {
  it("answers every quantile within 2% of the exact nearest-rank one", () => {
    fc.assert(
      fc.property(microseconds, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const histogram = new LogHistogram();
        for (const value of values) histogram.add(value);
        const exact = [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil(share * values.length)) - 1]!;
        const found = histogram.quantile(share)!;
        assert.ok(Math.abs(found - exact) <= exact * 0.0201, `${found} is not ${exact}`);
      }),
    );
  });

  it("merges to the same as one histogram of everything, kept or not", () => {
    fc.assert(
      fc.property(microseconds, microseconds, (left, right) => {
        const whole = new LogHistogram();
        const one = new LogHistogram();
        const two = new LogHistogram();
        for (const value of left) { whole.add(value); one.add(value); }
        for (const value of right) { whole.add(value); two.add(value); }
        one.addSparse(JSON.parse(JSON.stringify(two.toSparse())) as ReturnType<LogHistogram["toSparse"]>);
        assert.deepEqual(one.toSparse(), whole.toSparse());
        assert.equal(one.total, left.length + right.length);
      }),
    );
  });

  it("has no quantile while it is empty", () => assert.equal(new LogHistogram().quantile(0.5), null));
});
