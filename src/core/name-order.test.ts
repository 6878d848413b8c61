import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../test/kit/fast-check.ts";
import { inNameOrder, nameOrder } from "./name-order.ts";

describe("nameOrder", () => {
  it("counts numbers as numbers, wherever they stand", () => {
    const names = ["route-10", "route-2", "b", "route-1", "A", "gpt-4.1", "a", "gpt-4.10", "gpt-4.9", "v2-x10", "v2-x9"];
    assert.deepEqual(names.toSorted(nameOrder), ["a", "A", "b", "gpt-4.1", "gpt-4.9", "gpt-4.10", "route-1", "route-2", "route-10", "v2-x9", "v2-x10"]);
  });

  it("is an order in which only one and the same name is equal (property)", () => {
    fc.assert(fc.property(fc.string({ unit: codePoint }), fc.string({ unit: codePoint }), (left, right) => {
      assert.equal(Math.sign(nameOrder(left, right)), -Math.sign(nameOrder(right, left)) || 0);
      assert.equal(nameOrder(left, right) === 0, left === right);
    }));
  });

  it("leaves what it was given as it was", () => {
    const given = [{ name: "x10" }, { name: "x2" }];
    assert.deepEqual(inNameOrder(given).map(({ name }) => name), ["x2", "x10"]);
    assert.equal(given[0]!.name, "x10");
  });
});
