import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { releaseMemory } from "../core/release-memory.ts";
import { readBody } from "./read-body.ts";

/** A request whose pieces come as they are given, each with memory of its own as Node's parser makes them. */
function requestOf(pieces: readonly Buffer[], declared: number | undefined): IncomingMessage {
  const stream = new PassThrough({ highWaterMark: 1 << 26 });
  for (const piece of pieces) stream.write(piece);
  stream.end();
  return Object.assign(stream, { headers: declared === undefined ? {} : { "content-length": String(declared) } }) as unknown as IncomingMessage;
}

function own(length: number, seed: number): Buffer {
  const piece = Buffer.allocUnsafeSlow(length);
  for (let index = 0; index < length; index++) piece[index] = (index * 31 + seed) & 255;
  return piece;
}

const limits = { maxBytes: 1 << 26, maxExpansion: 100 };

describe("a plain body", () => {
  test("is the bytes that came, whatever the pieces and whatever length was declared", async () => {
    const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 16_000, max: 70_000 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(lengths, fc.oneof(fc.constant("true"), fc.constant("none"), fc.nat(400_000)), async (sizes, promise) => {
        const pieces = sizes.map((size, index) => own(size, index));
        const expected = Buffer.concat(pieces);
        const declared = promise === "true" ? expected.length : promise === "none" ? undefined : Number(promise);
        const body = await readBody(requestOf(pieces, declared), limits);
        assert.ok(body.equals(expected));
      }),
      { numRuns: 60 },
    );
  });

  test("in several pieces has what is to be read as numbers at a multiple of 8, and its memory can be given back", async () => {
    const place = fc.oneof(fc.nat(300), fc.constantFrom(NaN, -3, 1.5, Infinity, 2 ** 53));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 16_000, max: 70_000 }), { minLength: 2, maxLength: 5 }), place, fc.boolean(), async (sizes, alignedAt, declares) => {
        const pieces = sizes.map((size, index) => own(size, index));
        const expected = Buffer.concat(pieces);
        const body = (await readBody(requestOf(pieces, declares ? expected.length : undefined), { ...limits, alignedAt })) as Buffer<ArrayBuffer>;
        assert.ok(body.equals(expected));
        if (Number.isSafeInteger(alignedAt) && alignedAt > 0) assert.equal((body.byteOffset + alignedAt) % 8, 0);
        releaseMemory(body);
        assert.equal(body.length, 0);
      }),
      { numRuns: 60 },
    );
  });

  test("in one piece is not copied", async () => {
    const piece = own(100_000, 1);
    assert.equal((await readBody(requestOf([piece], piece.length), limits)).buffer, piece.buffer);
  });

  test("in large pieces gives their memory back and has memory of its own size", async () => {
    const pieces = Array.from({ length: 8 }, (_, index) => own(65_536, index));
    const body = await readBody(requestOf(pieces, 8 * 65_536), limits);
    assert.deepEqual(pieces.map(({ length }) => length), Array<number>(8).fill(0));
    assert.equal(body.buffer.byteLength, 8 * 65_536);
  });

  test("that is shorter than it declared takes at most twice its own memory", async () => {
    for (const declared of [1 << 18, 1 << 20, 1 << 25]) {
      const body = await readBody(requestOf([own(65_536, 1), own(65_536, 2), own(10_000, 3)], declared), limits);
      assert.equal(body.length, 141_072);
      assert.ok(body.buffer.byteLength <= 2 * body.length, `${body.buffer.byteLength} bytes for ${declared}`);
    }
  });

  test("beyond the limit is refused although its length was not declared", async () => {
    await assert.rejects(readBody(requestOf([own(100, 1), own(100, 2)], undefined), { ...limits, maxBytes: 150 }), { code: "BODY_TOO_LARGE" });
  });

  test("ends with what the counting of its bytes throws", async () => {
    let counted = 0;
    const onBytes = (bytes: number): void => {
      counted += bytes;
      if (counted > 150) throw new Error("no more");
    };
    await assert.rejects(readBody(requestOf([own(100, 1), own(100, 2)], 200), { ...limits, onBytes }));
    assert.equal(counted, 200);
  });
});
