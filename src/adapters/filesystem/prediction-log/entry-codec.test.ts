import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../../../core/clock.ts";
import type { Assignment, PredictionEntry } from "../../../serving/index.ts";
import { ByteWriter } from "./byte-buffer.ts";
import { decodeEntry, encodeEntry, readEntryKey } from "./entry-codec.ts";

const entry: PredictionEntry = {
  id: "prd_01ktz00000000000000000000a", time: epochMs(1_760_000_000_123), model: "flights", version: "3", requestId: "call-1", rows: 2, outcome: "ok",
  timing: { queueUs: 1.5, runUs: 20, totalUs: 30.25, batchRows: 7 },
  inputs: [{ name: "x", datatype: "FP32", shape: [2], data: Float32Array.of(1, -0.5) }],
  outputs: [{ name: "y", datatype: "BYTES", shape: [2], data: ["a", "é"] }, { name: "z", datatype: "INT64", shape: [2], data: null, redacted: true }],
};
/** The same entry as the last release before rollouts wrote it. */
const before = Buffer.from(
  "AR4AAABwcmRfMDFrdHowMDAwMDAwMDAwMDAwMDAwMDAwMGEHAAAAZmxpZ2h0cwEAAAAzAgAAAG9rALAHzIKceUICAAAABwAAAAAAAAAAAPg/AAAAAAAANEAAAAAAAEA+QAEGAAAAY2FsbC0xAQACAAEAAAB4CgEBAAIAAAAIAAAAAACAPwAAAL8BAAAAeQwBAQACAAAAAgAAAAEAAABhAgAAAMOpAQAAAHoIDAEAAgAAAA==",
  "base64",
);
const assignment: Assignment = { rollout: "rol_1", phase: "1 canary", arm: "candidate", by: "key", fraction: 0.1 + 0.2, failed: null, shadowOf: null };

function encoded(change: Partial<PredictionEntry> = {}): Buffer {
  const writer = new ByteWriter(16);
  encodeEntry(writer, { ...entry, ...change });
  return Buffer.from(writer.slice());
}

describe("encoded predictions", () => {
  it("reads what releases before rollouts wrote, and writes predictions without an assignment for them", () => {
    assert.deepEqual(decodeEntry(before), { ...entry, assignment: null, traceId: null });
    assert.deepEqual(readEntryKey(before), { id: entry.id, model: "flights", version: "3", outcome: "ok", shadowOf: null });
    for (const change of [{}, { assignment: null }, { traceId: null }]) assert.deepEqual(encoded(change), before);
  });

  it("keeps the assignment, and what it is a shadow of where the key alone is read", () => {
    assert.deepEqual(decodeEntry(encoded({ assignment })), { ...entry, assignment, traceId: null });
    assert.equal(readEntryKey(encoded({ assignment }))?.shadowOf, null);
    const shadow = encoded({ assignment: { ...assignment, shadowOf: "prd_01ktz00000000000000000000b" } });
    assert.equal(decodeEntry(shadow).assignment?.shadowOf, "prd_01ktz00000000000000000000b");
    assert.equal(readEntryKey(shadow)?.shadowOf, "prd_01ktz00000000000000000000b");
  });

  it("keeps the trace of predictions that have a span, with and without an assignment", () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    assert.deepEqual(decodeEntry(encoded({ traceId })), { ...entry, assignment: null, traceId });
    assert.deepEqual(decodeEntry(encoded({ traceId, assignment })), { ...entry, assignment, traceId });
    assert.deepEqual(readEntryKey(encoded({ traceId })), { id: entry.id, model: "flights", version: "3", outcome: "ok", shadowOf: null });
    assert.equal(readEntryKey(encoded({ traceId, assignment: { ...assignment, shadowOf: "prd_01ktz00000000000000000000b" } }))?.shadowOf, "prd_01ktz00000000000000000000b");
  });

  it("does not read what a later release may write", () => {
    const later = encoded();
    later[0] = 4;
    assert.equal(readEntryKey(later), null);
    assert.throws(() => decodeEntry(later), RangeError);
  });
});
