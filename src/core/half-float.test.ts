import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { halfToNumber, numberToHalf, roundToHalf } from "./half-float.ts";

describe("half floats", () => {
  it("knows every bit pattern as the platform does", () => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, pattern) => pattern);
    const platform = new Float16Array(bits.buffer);
    for (let pattern = 0; pattern < bits.length; pattern++) assert.ok(Object.is(halfToNumber(pattern), platform[pattern]), String(pattern));
  });

  it("rounds as the platform does: ties to even, subnormals, overflow, signed zeros", () => {
    const near = fc.tuple(fc.nat(65_535), fc.constantFrom(-1, -0.5, -0.4999999, 0, 0.4999999, 0.5, 1)).map(([pattern, part]) => {
      const [here, next] = [halfToNumber(pattern), halfToNumber((pattern + 1) & 65_535)];
      return here + (next - here) * part;
    });
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.double({ min: -70_000, max: 70_000 }), fc.double({ min: -1e-4, max: 1e-4 }), near), (value) =>
        Object.is(roundToHalf(value), Math.f16round(value)),
      ),
      { numRuns: 5000 },
    );
  });

  it("writes back every bit pattern that it reads; NaN as one of them", () => {
    for (let pattern = 0; pattern < 65_536; pattern++) {
      const number = halfToNumber(pattern);
      assert.equal(numberToHalf(number), Number.isNaN(number) ? 0x7e00 : pattern);
    }
  });
});
