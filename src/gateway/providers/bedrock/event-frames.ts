import { crc32 } from "node:zlib";
import { AppError } from "../../../core/errors.ts";

/** One message of application/vnd.amazon.eventstream. */
export interface EventFrame {
  /** Values of text alone: no other kind is used by this protocol. */
  headers: Readonly<Record<string, string>>;
  payload: Buffer;
}

const preludeBytes = 12;
const trailerBytes = 4;
/** As for server-sent events: one piece of an answer has some hundred bytes, an image some million. */
const mostFrameBytes = 8 << 20;
/** Bytes of a header's value by its kind: true, false, byte, short, integer, long; then bytes and text with their length before them; timestamp and UUID. */
const fixedBytes = [0, 0, 1, 2, 4, 8, null, null, 8, 16] as const;
const textKind = 7;

/**
 * Frames from bytes that may be cut anywhere: total length, length of the headers, CRC-32 of both, headers, payload, CRC-32 of all before (numbers big-endian).
 * Throws PROVIDER_STREAM_FAILED where a sum is wrong, a length impossible, or one frame has more than 8 MiB.
 */
export class EventFrameReader {
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Of the frame at hand; 0 while its prelude is not whole. */
  #needed = 0;

  push(bytes: Uint8Array): EventFrame[] {
    if (bytes.length > 0) this.#parts.push(Buffer.from(bytes));
    this.#bytes += bytes.length;
    const frames: EventFrame[] = [];
    for (;;) {
      if (this.#needed === 0) {
        if (this.#bytes < preludeBytes) return frames;
        this.#needed = frameLength(this.#whole());
      }
      if (this.#bytes < this.#needed) return frames;
      const whole = this.#whole();
      frames.push(readFrame(whole.subarray(0, this.#needed)));
      const rest = whole.subarray(this.#needed);
      this.#parts = rest.length === 0 ? [] : [rest];
      this.#bytes = rest.length;
      this.#needed = 0;
    }
  }

  /** Throws where a frame was cut off. */
  end(): void {
    if (this.#bytes > 0) throw broken("ended within a message");
  }

  /** Put together once for a prelude and once for a frame, not for each piece that arrives. */
  #whole(): Buffer {
    if (this.#parts.length !== 1) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0]!;
  }
}

function frameLength(bytes: Buffer): number {
  const total = bytes.readUInt32BE(0);
  const headers = bytes.readUInt32BE(4);
  if (crc32(bytes.subarray(0, 8)) !== bytes.readUInt32BE(8)) throw broken("is no event stream, or was damaged on its way");
  if (total > mostFrameBytes) throw broken("sent a message of more than 8 MiB");
  if (total < preludeBytes + headers + trailerBytes) throw broken("sent a message with impossible lengths");
  return total;
}

function readFrame(frame: Buffer): EventFrame {
  const end = frame.length - trailerBytes;
  if (crc32(frame.subarray(0, end)) !== frame.readUInt32BE(end)) throw broken("sent a message that was damaged on its way");
  const headersEnd = preludeBytes + frame.readUInt32BE(4);
  return { headers: readHeaders(frame.subarray(preludeBytes, headersEnd)), payload: frame.subarray(headersEnd, end) };
}

function readHeaders(bytes: Buffer): Record<string, string> {
  const headers: Record<string, string> = {};
  let at = 0;
  /** The place before the next `count` bytes. */
  const take = (count: number) => {
    const from = at;
    at += count;
    if (at > bytes.length) throw broken("sent headers that do not end");
    return from;
  };
  while (at < bytes.length) {
    const nameBytes = bytes[take(1)]!;
    const name = bytes.toString("latin1", take(nameBytes), at);
    const kind = bytes[take(1)]!;
    const fixed = fixedBytes[kind];
    if (fixed === undefined) throw broken("sent a header of an unknown kind");
    const valueBytes = fixed ?? bytes.readUInt16BE(take(2));
    const from = take(valueBytes);
    if (kind === textKind) headers[name] = bytes.toString("utf8", from, at);
  }
  return headers;
}

function broken(how: string): AppError {
  return new AppError("PROVIDER_STREAM_FAILED", `The provider ${how}.`);
}
