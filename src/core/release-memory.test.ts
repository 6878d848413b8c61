import assert from "node:assert/strict";
import { test } from "node:test";
import { alignedBytes, releaseMemory, releaseTensors } from "./release-memory.ts";

test("large memory of its own is given back at once", () => {
  const bytes = Buffer.allocUnsafeSlow(1 << 20);
  const memory = bytes.buffer;
  releaseMemory(bytes);
  assert.equal(memory.byteLength, 0);
  assert.equal(bytes.length, 0);
});

test("bytes behind their framing are given back with it", () => {
  const whole = Buffer.alloc(1 << 20, 7);
  releaseMemory(whole.subarray(5), 4);
  assert.equal(whole.length, 1 << 20);
  releaseMemory(whole.subarray(5), 5);
  assert.equal(whole.length, 0);
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

test("memory made to be aligned is given back with its padding", () => {
  const bytes = alignedBytes(1 << 20, 13);
  assert.equal((bytes.byteOffset + 13) % 8, 0);
  assert.equal(bytes.length, 1 << 20);
  releaseMemory(bytes.subarray(0, 1 << 19));
  assert.equal(bytes.length, 1 << 20);
  releaseMemory(bytes);
  assert.equal(bytes.length, 0);
});

test("of tensors the numbers are given back that lie in no other memory", () => {
  const own = new Float32Array(1 << 18);
  const view = new Float32Array(new ArrayBuffer(1 << 20), 64, 1 << 16);
  releaseTensors([
    { name: "own", datatype: "FP32", shape: [1 << 18], data: own },
    { name: "view", datatype: "FP32", shape: [1 << 16], data: view },
    { name: "texts", datatype: "BYTES", shape: [1], data: ["a"] },
  ]);
  assert.equal(own.length, 0);
  assert.equal(view.length, 1 << 16);
});
