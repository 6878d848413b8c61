import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { constants, createZstdDecompress, zstdCompressSync } from "node:zlib";
import fc from "../../test/kit/fast-check.ts";
import { ZstdFrames } from "./zstd-frames.ts";

interface Frame {
  content: Buffer;
  bytes: Buffer;
}

const content = fc.oneof(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)), fc.tuple(fc.nat(255), fc.constantFrom(1, 70_000, 300_000)).map(([byte, length]) => Buffer.alloc(length, byte)));
const frame: fc.Arbitrary<Frame> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(content, fc.nat(1), fc.nat(1)).map(([plain, checksum, size]) => ({ content: plain, bytes: zstdCompressSync(plain, { params: { [constants.ZSTD_c_checksumFlag]: checksum, [constants.ZSTD_c_contentSizeFlag]: size } }) })) },
  // Skippable, with content of the user's own.
  { weight: 1, arbitrary: fc.tuple(fc.nat(15), fc.nat(20)).map(([user, length]) => {
    const bytes = Buffer.alloc(8 + length, 0x28);
    bytes.writeUInt32LE(0x184d2a50 + user, 0);
    bytes.writeUInt32LE(length, 4);
    return { content: Buffer.alloc(0), bytes };
  }) },
);

async function decoded(pieces: readonly Buffer[]): Promise<Buffer> {
  const decoder = createZstdDecompress();
  for (const piece of pieces) decoder.write(piece);
  decoder.end();
  const parts: Buffer[] = [];
  for await (const part of decoder) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

describe("ZstdFrames", () => {
  it("ends a piece where a frame ends, wherever the chunks do, so that Node's decoder reads them all", async () => {
    await fc.assert(fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }), async (all, sizes) => {
      const bytes = Buffer.concat(all.map((each) => each.bytes));
      const frames = new ZstdFrames();
      const pieces: Buffer[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        pieces.push(...frames.split(bytes.subarray(at, at + size)));
        at += size;
      }
      assert.equal(frames.ended, all.length);
      assert.ok(Buffer.concat(pieces).equals(bytes));
      assert.ok((await decoded(pieces)).equals(Buffer.concat(all.map((each) => each.content))));
    }), { numRuns: 200 });
  });

  it("leaves what is no frame as it is", () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }), (chunks) => {
      const frames = new ZstdFrames();
      assert.deepEqual(Buffer.concat(chunks.flatMap((chunk) => frames.split(Buffer.from(chunk)))), Buffer.concat(chunks));
    }));
  });
});
