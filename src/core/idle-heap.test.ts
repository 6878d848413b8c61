import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { IdleHeap } from "./idle-heap.ts";

describe("memory of a server without work", () => {
  it("is given back once in a pause of ten looks, and again only after work", () => {
    let released = 0;
    const heap = new IdleHeap(() => released++);
    const look = (share: number, times: number): number => {
      for (let count = 0; count < times; count++) heap.look(share);
      return released;
    };
    assert.equal(look(0, 100), 0, "the start has given back its own");
    assert.equal(look(0.5, 1), 0);
    assert.equal(look(0.01, 9), 0);
    assert.equal(look(0.5, 3), 0, "a short pause");
    assert.equal(look(0.01, 9), 0);
    assert.equal(look(0.01, 1), 1);
    assert.equal(look(0.01, 100), 1);
    assert.equal(look(0.02, 1), 1);
    assert.equal(look(0, 10), 2);
  });
});
