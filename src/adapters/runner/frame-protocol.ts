import type { Tensor } from "../../core/tensor.ts";
import { align, blobBytes, bytesOf, FrameError, readBlob, writeBlob, type TensorDescriptor } from "./tensor-codec.ts";

export { FrameError } from "./tensor-codec.ts";

/** Largest frame that either side sends or accepts, unless told otherwise: 1 GiB. */
export const defaultMaxFrameBytes = 2 ** 30;

/** Up to this size a frame is put together in one buffer; above, large blobs are written from where they lie. */
const assembleUpTo = 64 * 1024;
const prefixBytes = 8;

export interface Frame<Header> {
  header: Header;
  tensors: Tensor[];
}

/**
 * Encodes one frame: `u32 length of the rest | u32 length of the header | header as JSON | blobs`, where each blob and
 * the end of the frame stand at a multiple of 8 from the frame's beginning. Answers with the pieces to write in order;
 * the typed arrays are not copied when large, so they must not change until they are sent. Throws FrameError beyond `maxFrameBytes`.
 */
export function encodeFrame(header: object, tensors: readonly Tensor[], maxFrameBytes = defaultMaxFrameBytes): Uint8Array[] {
  const descriptors = new Array<TensorDescriptor>(tensors.length);
  let blobsBytes = 0;
  for (let index = 0; index < tensors.length; index++) {
    const { name, datatype, shape, data } = tensors[index]!;
    const bytes = blobBytes(data);
    descriptors[index] = { name, datatype, shape, bytes };
    blobsBytes += align(bytes);
  }
  const json = JSON.stringify(tensors.length === 0 ? header : { ...header, tensors: descriptors });
  const headerBytes = Buffer.byteLength(json);
  const blobsStart = align(prefixBytes + headerBytes);
  const frameBytes = blobsStart + blobsBytes;
  if (frameBytes > maxFrameBytes) throw new FrameError(`A frame of ${frameBytes} bytes is beyond the limit of ${maxFrameBytes}`);

  const whole = frameBytes <= assembleUpTo;
  const head = Buffer.allocUnsafe(whole ? frameBytes : blobsStart);
  head.writeUInt32LE(frameBytes - 4, 0);
  head.writeUInt32LE(headerBytes, 4);
  head.write(json, prefixBytes);
  const pieces: Uint8Array[] = [head];
  head.fill(0, prefixBytes + headerBytes, blobsStart);
  let position = blobsStart;
  for (let index = 0; index < tensors.length; index++) {
    const { data } = tensors[index]!;
    const { bytes } = descriptors[index]!;
    const end = align(position + bytes);
    if (whole) {
      writeBlob(data, head, position);
      head.fill(0, position + bytes, end);
    } else {
      pushBlob(pieces, data, bytes);
    }
    position = end;
  }
  return pieces;
}

function pushBlob(pieces: Uint8Array[], data: Tensor["data"], bytes: number): void {
  if (Array.isArray(data)) {
    const blob = Buffer.alloc(align(bytes));
    writeBlob(data, blob, 0);
    pieces.push(blob);
    return;
  }
  pieces.push(bytesOf(data));
  if (align(bytes) > bytes) pieces.push(Buffer.alloc(align(bytes) - bytes));
}

/** Anything that takes bytes and can gather several writes into one. */
interface FrameSink {
  cork(): void;
  uncork(): void;
  write(bytes: Uint8Array): boolean;
}

/** Sends one frame with one write to the socket. Throws FrameError beyond the limit, before anything was written. */
export function writeFrame(sink: FrameSink, header: object, tensors: readonly Tensor[] = [], maxFrameBytes = defaultMaxFrameBytes): void {
  const pieces = encodeFrame(header, tensors, maxFrameBytes);
  if (pieces.length === 1) {
    sink.write(pieces[0]!);
    return;
  }
  sink.cork();
  for (const piece of pieces) sink.write(piece);
  sink.uncork();
}

/**
 * Puts frames together from chunks of any size and hands each to the listener, in order. A frame that lies whole in a
 * chunk is read in place: the chunk must not be reused by its owner. After a FrameError the decoder stays broken.
 */
export class FrameDecoder<Header extends object> {
  readonly #onFrame: (frame: Frame<Header>, bytes: number) => void;
  readonly #maxFrameBytes: number;
  readonly #lengthBytes = Buffer.alloc(4);
  #lengthFilled = 0;
  /** The frame under way, when it did not come in one chunk. */
  #partial: Buffer | null = null;
  #partialFilled = 0;
  #broken: FrameError | null = null;

  constructor(onFrame: (frame: Frame<Header>, bytes: number) => void, maxFrameBytes = defaultMaxFrameBytes) {
    this.#onFrame = onFrame;
    this.#maxFrameBytes = maxFrameBytes;
  }

  push(chunk: Buffer): void {
    if (this.#broken !== null) throw this.#broken;
    try {
      let position = 0;
      while (position < chunk.length) position = this.#partial === null ? this.#begin(chunk, position) : this.#fill(chunk, position);
    } catch (error) {
      if (error instanceof FrameError) this.#broken = error;
      throw error;
    }
  }

  #begin(chunk: Buffer, position: number): number {
    if (this.#lengthFilled === 0 && chunk.length - position >= 4) {
      const frameBytes = this.#checkedFrameBytes(chunk.readUInt32LE(position));
      if (chunk.length - position >= frameBytes) {
        this.#deliver(chunk.subarray(position, position + frameBytes));
        return position + frameBytes;
      }
      this.#partial = Buffer.allocUnsafeSlow(frameBytes);
      return this.#fill(chunk, position);
    }
    this.#lengthBytes[this.#lengthFilled++] = chunk[position]!;
    if (this.#lengthFilled === 4) {
      // The limit bounds this allocation, and memory that is never written to is not taken from the machine.
      this.#partial = Buffer.allocUnsafeSlow(this.#checkedFrameBytes(this.#lengthBytes.readUInt32LE(0)));
      this.#lengthBytes.copy(this.#partial);
      this.#partialFilled = 4;
      this.#lengthFilled = 0;
    }
    return position + 1;
  }

  #fill(chunk: Buffer, position: number): number {
    const partial = this.#partial!;
    const copied = chunk.copy(partial, this.#partialFilled, position);
    this.#partialFilled += copied;
    if (this.#partialFilled === partial.length) {
      this.#partial = null;
      this.#partialFilled = 0;
      this.#deliver(partial);
    }
    return position + copied;
  }

  #checkedFrameBytes(rest: number): number {
    const frameBytes = rest + 4;
    if (frameBytes > this.#maxFrameBytes) throw new FrameError(`A frame of ${frameBytes} bytes is beyond the limit of ${this.#maxFrameBytes}`);
    if (frameBytes < prefixBytes || frameBytes % 8 !== 0) throw new FrameError(`A frame cannot have ${frameBytes} bytes`);
    return frameBytes;
  }

  #deliver(frame: Buffer): void {
    const headerBytes = frame.readUInt32LE(4);
    let position = prefixBytes + headerBytes;
    if (position > frame.length) throw new FrameError("A header is longer than its frame");
    const header = parseHeader(frame.toString("utf8", prefixBytes, position));
    const descriptors: unknown = header.tensors ?? [];
    if (!Array.isArray(descriptors)) throw new FrameError("A header's tensors are not a list");
    position = align(position);
    const tensors = descriptors.map((descriptor: TensorDescriptor) => {
      const bytes: unknown = descriptor?.bytes;
      if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) throw new FrameError("A tensor has no length");
      const end = position + (bytes as number);
      if (end > frame.length) throw new FrameError("A blob is longer than its frame");
      const tensor = readBlob(descriptor, frame, position);
      position = align(end);
      return tensor;
    });
    if (position !== frame.length) throw new FrameError("A frame is longer than its blobs");
    this.#onFrame({ header: header as unknown as Header, tensors }, frame.length);
  }
}

function parseHeader(json: string): { tensors?: unknown } {
  let header: unknown;
  try {
    header = JSON.parse(json);
  } catch (error) {
    throw new FrameError("A header is not JSON", { cause: error });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw new FrameError("A header is not an object");
  return header;
}
