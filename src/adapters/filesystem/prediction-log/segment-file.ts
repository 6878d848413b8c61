import { crc32 } from "node:zlib";
import type { FileSystem } from "../file-system.ts";
import type { ByteWriter } from "./byte-buffer.ts";

/*
 * A segment is `SLIPSEG1`, then frames: u32 length of the payload, u32 CRC-32 of the payload, payload. Length 0 is no
 * frame: file systems leave zeros where a power cut met an unwritten block.
 */
export const segmentMagic = Buffer.from("SLIPSEG1", "latin1");
export const frameHeaderBytes = 8;
const sliceBytes = 1024 * 1024;
const namePattern = /^([0-9]{13}-[0-9a-f]{8})\.segment$/;

/** Segments sort by name in the order of their making. */
export function segmentName(id: string): string {
  return `${id}.segment`;
}

/** The id in a segment's file name; null for other files. */
export function segmentIdOf(name: string): string | null {
  return namePattern.exec(name)?.[1] ?? null;
}

/** Puts a frame around what `encode` writes. */
export function writeFrame(writer: ByteWriter, encode: () => void): void {
  const start = writer.length;
  writer.uint32(0);
  writer.uint32(0);
  try {
    encode();
  } catch (error) {
    writer.length = start;
    throw error;
  }
  writer.setUint32(start, writer.length - start - frameHeaderBytes);
  writer.setUint32(start + 4, crc32(writer.slice(start + frameHeaderBytes)));
}

export interface SegmentScan {
  /** End of the last whole frame; what follows is torn. */
  validBytes: number;
  /** Frames in the middle whose checksum was wrong; they were passed over. */
  damagedFrames: number;
}

/**
 * Calls back for every frame of a segment up to `bytes`, in slices, so that the event loop runs in between. The payload
 * is valid during the call only. With `verify`, checksums are compared: a wrong one with a whole frame behind it is one
 * damaged frame, else it is the torn end. `visit` may answer false to stop; `afterSlice` is waited for after each slice.
 */
export async function scanSegment(
  fileSystem: FileSystem,
  path: string,
  options: { bytes: number; verify: boolean },
  visit: (payload: Buffer, position: number) => boolean | void,
  afterSlice?: () => Promise<void>,
): Promise<SegmentScan> {
  const file = await fileSystem.open(path, "read");
  try {
    let buffer = Buffer.allocUnsafe(Math.min(sliceBytes, Math.max(options.bytes, segmentMagic.length)));
    const magic = buffer.subarray(0, segmentMagic.length);
    if (options.bytes < segmentMagic.length || (await file.read(magic, 0)) < magic.length || !magic.equals(segmentMagic)) {
      return { validBytes: 0, damagedFrames: 0 };
    }
    let position = segmentMagic.length;
    let validBytes = position;
    let damagedFrames = 0;
    let suspects = 0;
    for (;;) {
      const filled = await fill(file, buffer, position, options.bytes);
      let offset = 0;
      while (offset + frameHeaderBytes <= filled) {
        const length = buffer.readUInt32LE(offset);
        const end = offset + frameHeaderBytes + length;
        if (length === 0 || position + end > options.bytes) return { validBytes, damagedFrames };
        if (end > filled) break;
        const payload = buffer.subarray(offset + frameHeaderBytes, end);
        if (options.verify && crc32(payload) !== buffer.readUInt32LE(offset + 4)) {
          // Its length may be what is wrong. Two in a row, or none behind it, mean that this is the torn end.
          if (++suspects > 1) return { validBytes, damagedFrames };
        } else {
          damagedFrames += suspects;
          suspects = 0;
          validBytes = position + end;
          if (visit(payload, position + offset) === false) return { validBytes, damagedFrames };
        }
        offset = end;
      }
      position += offset;
      await afterSlice?.();
      if (offset > 0) continue;
      if (filled < frameHeaderBytes) return { validBytes, damagedFrames };
      // One frame is larger than the slice.
      buffer = Buffer.allocUnsafe(frameHeaderBytes + buffer.readUInt32LE(0));
    }
  } finally {
    await file.close();
  }
}

/** Reads until the buffer is full or `end` is reached; answers how many bytes there are. */
async function fill(file: { read(target: Uint8Array, position: number): Promise<number> }, buffer: Buffer, position: number, end: number): Promise<number> {
  const wanted = Math.min(buffer.length, end - position);
  let filled = 0;
  while (filled < wanted) {
    const read = await file.read(buffer.subarray(filled, wanted), position + filled);
    if (read === 0) break;
    filled += read;
  }
  return filled;
}

/** Reads the payload of the frame at a position that a scan gave. */
export async function readFrame(fileSystem: FileSystem, path: string, position: number): Promise<Buffer> {
  const file = await fileSystem.open(path, "read");
  try {
    const header = Buffer.allocUnsafe(frameHeaderBytes);
    await fill(file, header, position, position + frameHeaderBytes);
    const payload = Buffer.allocUnsafe(header.readUInt32LE(0));
    const filled = await fill(file, payload, position + frameHeaderBytes, Number.POSITIVE_INFINITY);
    if (filled < payload.length) throw new RangeError("the segment ends within a frame");
    return payload;
  } finally {
    await file.close();
  }
}
