import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseMemory } from "./release-memory.ts";

test("large memory of its own is given back at once", () => {
  const bytes = Buffer.allocUnsafeSlow(1 << 20);
  const memory = bytes.buffer;
  releaseMemory(bytes);
  assert.equal(memory.byteLength, 0);
  assert.equal(bytes.length, 0);
});

test("memory that others may look at, and small memory, stays", () => {
  const whole = Buffer.alloc(1 << 20, 7);
  releaseMemory(whole.subarray(0, 1 << 19));
  releaseMemory(whole.subarray(1));
  assert.equal(whole.length, 1 << 20);
  const small = Buffer.allocUnsafeSlow(100);
  releaseMemory(small);
  assert.equal(small.length, 100);
});
