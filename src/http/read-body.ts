import type { IncomingMessage } from "node:http";
import { constants, createGunzip, createInflate, createInflateRaw, createZstdDecompress, type Gunzip, type Inflate, type InflateRaw, type ZstdDecompress } from "node:zlib";
import { AppError, toAppError } from "../core/errors.ts";
import { alignedBytes, releaseMemory } from "../core/release-memory.ts";
import { ZstdFrames } from "./zstd-frames.ts";

export interface BodyLimits {
  /** Largest body after decompression, in bytes. */
  maxBytes: number;
  /** Largest ratio of decompressed to received bytes, judged past the first MiB; of zstd ten times that. */
  maxExpansion: number;
  /** Told of every piece that is kept; what it throws ends the reading. */
  onBytes?: (bytes: number) => void;
  /** Place in the body that is to lie at a multiple of 8 bytes in memory, when the body comes in several pieces; 0 when absent. */
  alignedAt?: number;
}

/**
 * A plain body as it comes. Its pieces are kept until half of the declared length is there, then the whole is allocated and
 * filled: a length that lies takes at most twice the memory of what has arrived. Pieces that are copied are released.
 */
class PlainBody {
  readonly #declared: number;
  readonly #alignedAt: number;
  #pieces: Buffer<ArrayBuffer>[] = [];
  /** Takes what comes next, once it exists; there are no pieces then. */
  #whole: Buffer<ArrayBuffer> | undefined;
  #length = 0;

  /** `declared` is the length that the sender promises, in bytes; 0 when it promises none. */
  constructor(declared: number, alignedAt = 0) {
    this.#declared = declared;
    this.#alignedAt = alignedAt;
  }

  get length(): number {
    return this.#length;
  }

  add(piece: Buffer<ArrayBuffer>): void {
    const start = this.#length;
    this.#length += piece.length;
    if (this.#whole !== undefined && this.#length <= this.#whole.length) {
      piece.copy(this.#whole, start);
      releaseMemory(piece);
      return;
    }
    if (this.#whole !== undefined) this.#pieces.push(this.#whole.subarray(0, start));
    this.#whole = undefined;
    this.#pieces.push(piece);
    if (this.#length < this.#declared && this.#length >= this.#declared / 2) this.#gather(this.#declared);
  }

  /** All of it; the one piece itself where there was only one. */
  finish(): Buffer {
    if (this.#whole === undefined && this.#pieces.length === 1) return this.#pieces[0]!;
    return (this.#whole ?? this.#gather(this.#length)).subarray(0, this.#length);
  }

  #gather(capacity: number): Buffer<ArrayBuffer> {
    const whole = alignedBytes(capacity, this.#alignedAt);
    let at = 0;
    for (const piece of this.#pieces.splice(0)) {
      at += piece.copy(whole, at);
      releaseMemory(piece);
    }
    return (this.#whole = whole);
  }
}

/**
 * Reads a body whole. A plain body that arrives in one piece is not copied. Throws BODY_TOO_LARGE, BODY_INCOMPLETE,
 * UNSUPPORTED_ENCODING.
 */
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase();
  const declared = request.headers["content-length"];
  // Whoever left before the reading began sends no event any more.
  if (request.destroyed && !request.complete) return Promise.reject(incomplete());
  if (declared !== undefined && Number(declared) > limits.maxBytes) {
    return Promise.reject(tooLarge(limits.maxBytes));
  }
  if (encoding === undefined || encoding === "" || encoding === "identity") return readPlain(request, Number(declared ?? 0), limits);
  if (encoding === "gzip" || encoding === "x-gzip" || encoding === "deflate" || encoding === "zstd") return readCompressed(request, encoding, limits);
  return Promise.reject(new AppError("UNSUPPORTED_ENCODING", "The body's Content-Encoding is not one that this server reads."));
}

function tooLarge(maxBytes: number): AppError {
  return new AppError("BODY_TOO_LARGE", `The body is larger than the ${maxBytes} bytes that this route takes.`);
}

function incomplete(cause?: unknown): AppError {
  return new AppError("BODY_INCOMPLETE", "The connection ended before the body was whole.", { cause });
}

function refusalOf(bytes: number, onBytes: BodyLimits["onBytes"]): AppError | null {
  try {
    onBytes?.(bytes);
    return null;
  } catch (thrown) {
    return toAppError(thrown);
  }
}

function readPlain(request: IncomingMessage, declared: number, { maxBytes, onBytes, alignedAt }: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const body = new PlainBody(declared, alignedAt);
    request.on("data", (chunk: Buffer<ArrayBuffer>) => {
      const refused = body.length + chunk.length > maxBytes ? tooLarge(maxBytes) : refusalOf(chunk.length, onBytes);
      if (refused === null) {
        body.add(chunk);
      } else {
        request.pause();
        reject(refused);
      }
    });
    request.on("end", () => resolve(body.finish()));
    request.on("error", (error) => reject(incomplete(error)));
    request.on("aborted", () => reject(incomplete()));
  });
}

/** What a body may ask to be kept of it while it is decoded, as RFC 9659 has it for HTTP: 8 MiB. */
const zstdWindow = { params: { [constants.ZSTD_d_windowLogMax]: 23 } };
/** Texts that repeat, such as one prompt in many traces, are found over all of the window: 20 MB of honest ones were 1/195. */
const zstdExpansion = 10;
/** Each takes a turn of its own, however little it holds. */
const mostFrames = 1000;

function readCompressed(request: IncomingMessage, encoding: string, limits: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = 0;
    let produced = 0;
    const chunks: Buffer[] = [];
    const frames = encoding === "zstd" ? new ZstdFrames() : null;
    let decoder: Gunzip | Inflate | InflateRaw | ZstdDecompress | undefined;
    const mostExpansion = limits.maxExpansion * (frames === null ? 1 : zstdExpansion);
    const fail = (error: AppError): void => {
      request.pause();
      decoder?.destroy();
      reject(error);
    };
    const broken = (cause?: unknown): void => fail(new AppError("BODY_INCOMPLETE", "The compressed body is broken or cut short.", { cause }));
    const start = (firstByte: number | undefined): NonNullable<typeof decoder> => {
      // "deflate" means zlib, but some clients send the bare stream: a zlib header starts with the method nibble 8.
      const hasZlibHeader = ((firstByte ?? 0x78) & 0x0f) === 8;
      const made = frames !== null ? createZstdDecompress(zstdWindow) : encoding !== "deflate" ? createGunzip() : hasZlibHeader ? createInflate() : createInflateRaw();
      made.on("data", (chunk: Buffer) => {
        produced += chunk.length;
        if (produced > limits.maxBytes) return fail(tooLarge(limits.maxBytes));
        if (produced > 1 << 20 && produced > received * mostExpansion) {
          return fail(new AppError("BODY_TOO_LARGE", "The compressed body expands further than this server allows."));
        }
        const refused = refusalOf(chunk.length, limits.onBytes);
        if (refused !== null) return fail(refused);
        chunks.push(chunk);
      });
      made.on("end", () => {
        // Node's decoder of zstd passes over what stands behind a frame and is none, and says nothing.
        if (frames !== null && made.bytesWritten < received) broken();
        else resolve(Buffer.concat(chunks, produced));
      });
      made.on("error", broken);
      return made;
    };
    request.on("data", (chunk: Buffer) => {
      received += chunk.length;
      decoder ??= start(chunk[0]);
      const pieces = frames?.split(chunk) ?? [chunk];
      if (frames !== null && frames.ended > mostFrames) return fail(new AppError("BODY_TOO_LARGE", `The compressed body has more than ${mostFrames} frames.`));
      let isFull = false;
      for (const piece of pieces) {
        if (decoder.destroyed) return;
        isFull = !decoder.write(piece);
      }
      if (!isFull) return;
      request.pause();
      decoder.once("drain", () => request.resume());
    });
    request.on("end", () => {
      decoder ??= start(undefined);
      if (!decoder.destroyed) decoder.end();
    });
    request.on("error", (error) => fail(incomplete(error)));
    request.on("aborted", () => fail(incomplete()));
  });
}
