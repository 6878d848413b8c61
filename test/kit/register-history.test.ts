import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "./fast-check.ts";
import { registerViolation, type RegisterOperation } from "./register-history.ts";

type Sketch = [kind: "write" | "read", value: number | null, start: number, end: number];

const history = (...sketches: Sketch[]): RegisterOperation[] => sketches.map(([kind, value, start, end]) => ({ kind, register: "r", value, start, end }));

/** Tries every order: slow and obviously right. */
function isAtomic(operations: readonly RegisterOperation[], held: number | null = null): boolean {
  const known = operations.filter(({ kind, end }) => kind === "read" || end !== Infinity);
  if (known.length === 0) return true;
  const firstEnd = Math.min(...operations.map(({ end }) => end));
  return operations.some((next, index) => {
    if (next.start > firstEnd) return false;
    const rest = operations.toSpliced(index, 1);
    return next.kind === "write" ? isAtomic(rest, next.value) : next.value === held && isAtomic(rest, held);
  });
}

describe("registerViolation", () => {
  it("takes what one register can do", () => {
    assert.equal(registerViolation(history(["write", 1, 0, 1], ["read", 1, 2, 3], ["write", 2, 4, 7], ["read", 1, 5, 6], ["read", 2, 8, 9])), null);
    assert.equal(registerViolation(history(["read", null, 0, 1], ["write", 1, 2, Infinity], ["read", null, 3, 4], ["read", 1, 5, 6])), null);
  });

  it("finds a write that was lost, one that came back, one read before it was made, and one of nobody", () => {
    assert.match(registerViolation(history(["write", 1, 0, 1], ["read", null, 2, 3])) ?? "", /held/);
    assert.match(registerViolation(history(["write", 1, 0, 1], ["write", 2, 2, 3], ["read", 1, 4, 5])) ?? "", /held/);
    assert.match(registerViolation(history(["write", 1, 0, Infinity], ["read", 1, 2, 3], ["read", null, 4, 5])) ?? "", /held/);
    assert.match(registerViolation(history(["read", 1, 0, 1], ["write", 1, 2, 3])) ?? "", /read at/);
    assert.match(registerViolation(history(["read", 7, 0, 1])) ?? "", /never written/);
  });

  it("agrees with trying every order", () => {
    const sketch = fc.record({ kind: fc.constantFrom("write" as const, "read" as const), value: fc.nat(3), unknown: fc.boolean(), moments: fc.tuple(fc.nat(1000), fc.nat(1000)) });
    let violations = 0;
    fc.assert(
      fc.property(fc.array(sketch, { maxLength: 7 }), (sketches) => {
        let writes = 0;
        const made = sketches.map(({ kind, value, unknown, moments }, index): RegisterOperation => {
          const [start, end] = moments.map((moment, side) => moment + (2 * index + side) / 100).sort((left, right) => left - right) as [number, number];
          if (kind === "read") return { kind, register: "r", value: value === 0 ? null : value, start, end };
          return { kind, register: "r", value: ++writes, start, end: unknown ? Infinity : end };
        });
        const violation = registerViolation(made);
        if (violation !== null) violations++;
        assert.equal(violation === null, isAtomic(made), violation ?? "no violation found");
      }),
      { numRuns: 3000 },
    );
    assert.ok(violations > 100);
  });
});
