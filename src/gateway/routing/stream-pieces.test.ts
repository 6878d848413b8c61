import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AppError } from "../../core/errors.ts";
import { StreamPieces } from "./stream-pieces.ts";

describe("the rest of a stream", () => {
  it("breaks off when it is longer than any answer, and ends its source", async () => {
    const piece = new Uint8Array(1 << 20);
    let given = 0;
    let ended = 0;
    const body: AsyncIterator<Uint8Array> = {
      next: () => Promise.resolve({ done: false, value: (given++, piece) }),
      return: () => Promise.resolve({ done: true, value: (ended++, undefined) }),
    };
    const failures: unknown[] = [];
    const pieces = new StreamPieces({ first: { bytes: piece, events: [] }, body, reader: { push: () => [], end: () => [] }, failureOf: (thrown) => thrown as AppError, ended: (failure) => void failures.push(failure) });
    await assert.rejects(async () => {
      for await (const { bytes } of pieces) assert.equal(bytes, piece);
    }, { code: "PROVIDER_STREAM_FAILED" });
    assert.deepEqual([given, ended, failures.length], [129, 1, 1]);
  });
});
