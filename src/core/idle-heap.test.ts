import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { IdleHeap } from "./idle-heap.ts";

describe("memory of a server without work", () => {
  function open(): (share: number, times: number) => number {
    let released = 0;
    const heap = new IdleHeap(() => released++);
    return (share, times) => {
      for (let count = 0; count < times; count++) heap.look(share);
      return released;
    };
  }

  it("is given back once in a pause of five minutes, and again only after work", () => {
    const look = open();
    assert.equal(look(0, 1), 1);
    assert.equal(look(0.5, 1), 1);
    assert.equal(look(0.01, 59), 1);
    assert.equal(look(0.5, 3), 1, "a short pause");
    assert.equal(look(0.01, 59), 1);
    assert.equal(look(0.01, 1), 2);
    assert.equal(look(0.01, 100), 2);
    assert.equal(look(0.02, 1), 2);
    assert.equal(look(0, 60), 3);
  });

  it("is given back after the start at the first look, where no work came by then", () => {
    const look = open();
    assert.deepEqual([look(0.01, 1), look(0.01, 100)], [1, 1]);
  });

  it("is left where it is when work came with the start", () => {
    const look = open();
    assert.deepEqual([look(0.5, 1), look(0.01, 59), look(0.01, 1)], [0, 0, 1]);
  });
});
