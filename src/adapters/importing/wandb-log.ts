import { createReadStream } from "node:fs";
import { crc32 } from "node:zlib";
import { AppError } from "../../core/errors.ts";

const blockBytes = 32_768;
const fragmentHeader = 7;
/** `:W&B`, a magic number and a version, at the head of the first block. */
const fileHeader = 7;
const mostRecordBytes = 64 << 20;

const kinds = { full: 1, first: 2, middle: 3, last: 4 } as const;

/**
 * Records of a log in blocks of 32 KiB, each cut into fragments with a checksum, a length and a kind. A run that was killed leaves a
 * torn end: the records before it are good. A fragment whose checksum does not hold ends the log, and `onDamage` is called.
 */
export async function* readWandbLog(file: string, onDamage: () => void): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let isFirst = true;
  for await (const block of blocksOf(file)) {
    let at = 0;
    if (isFirst) {
      if (block.subarray(0, 4).toString("latin1") !== ":W&B") throw new AppError("IMPORT_SOURCE_INVALID", "A file .wandb of the source is no log of W&B.");
      at = fileHeader;
      isFirst = false;
    }
    // What is too short for a header is padding.
    while (block.length - at >= fragmentHeader) {
      const [sum, length, kind] = [block.readUInt32LE(at), block.readUInt16LE(at + 4), block[at + 6]!];
      if (kind === 0 && length === 0) break;
      const end = at + fragmentHeader + length;
      if (end > block.length) {
        if (block.length === blockBytes) onDamage();
        return;
      }
      if (crc32(block.subarray(at + 6, end)) !== sum || kind > kinds.last) {
        onDamage();
        return;
      }
      if (kind === kinds.full || kind === kinds.first) parts = [];
      parts.push(block.subarray(at + fragmentHeader, end));
      if (kind === kinds.full || kind === kinds.last) {
        yield Buffer.concat(parts);
        parts = [];
      } else if (parts.reduce((bytes, part) => bytes + part.length, 0) > mostRecordBytes) {
        onDamage();
        return;
      }
      at = end;
    }
  }
}

async function* blocksOf(file: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: 16 * blockBytes })) {
    let bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    for (; bytes.length >= blockBytes; bytes = bytes.subarray(blockBytes)) yield bytes.subarray(0, blockBytes);
    rest = bytes;
  }
  if (rest.length > 0) yield rest;
}
