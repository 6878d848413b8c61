import { constants, type ServerHttp2Stream } from "node:http2";
import type { BodyBudget } from "../core/body-budget.ts";
import { ChurnSet, type ChurnMember } from "../core/churn-set.ts";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";

/** What a piece of a message costs beside its bytes: a frame may bring a single one. */
const pieceBytes = 256;
/** Deflate makes of one byte at most so many. */
const mostExpansion = 1032;
/** Answers may take so much longer than a reader's time by their length. Bytes for each millisecond. */
const slowestReading = 256;
/** The flag and the length before each message. */
const prefixBytes = 5;

export interface CallBounds {
  /** A larger message is refused as soon as its length is known; null leaves that to the library. Bytes as sent. */
  maxBytes: number | null;
  /** Tells the caller what was thrown. */
  refuse: (thrown: unknown) => void;
}

export interface MessageMemoryOptions {
  /** Largest message after decompression. */
  maxMessageBytes: number;
  /** From the first byte of a message until the caller has sent what is needed to work on it. */
  messageTimeoutMs: number;
  /** So long, and a second for each 256 kB of it, may an answer wait for a caller who does not take it. */
  readerTimeoutMs: number;
}

/**
 * What messages of all calls take together while they come and until they are answered, within a budget: the library holds
 * each whole message, and bounds it, but not their sum, nor how long one may come.
 */
export class MessageMemory {
  readonly budget: BodyBudget;
  readonly options: MessageMemoryOptions;
  readonly clock: Clock;
  /** Calls that wait for more of their caller. */
  readonly waiting = new ChurnSet<CallMemory>();
  /** Calls whose messages are counted, or answers not taken. */
  readonly #readers = new ChurnSet<Reader>();

  constructor(options: MessageMemoryOptions, parts: { budget: BodyBudget; clock: Clock }) {
    this.options = options;
    this.budget = parts.budget;
    this.clock = parts.clock;
  }

  /** Counts what comes on the stream from now on; before anything has. `single`: nothing is worked on until the caller has ended its side. */
  watch(stream: ServerHttp2Stream, single: boolean, bounds: CallBounds): CallMemory {
    const call = new CallMemory(this, stream, single, bounds);
    // Before the library sees it, and without making it flow.
    stream.prependListener("data", (chunk: Buffer) => call.receive(chunk));
    stream.once("end", () => call.ended());
    const reader: Reader = { stream, left: 0, since: 0, place: -1 };
    this.#readers.add(reader);
    stream.once("close", () => {
      this.#readers.delete(reader);
      call.release();
    });
    return call;
  }

  /** Called each second: ends calls whose message takes too long, and those whose caller takes nothing of what is answered. */
  sweep(): void {
    const now = this.clock.monotonic();
    const started = now - this.options.messageTimeoutMs;
    for (const call of this.waiting.values()) if (call.since <= started) call.expire();
    for (const reader of this.#readers.values()) {
      const left = reader.stream.writableLength;
      // What a large answer has left is told when all of it has gone: it gets time by its length.
      if (left === 0 || left < reader.left || reader.left === 0) reader.since = now;
      else if (now - reader.since >= this.options.readerTimeoutMs + left / slowestReading) reader.stream.close(constants.NGHTTP2_CANCEL);
      reader.left = left;
    }
  }
}

/** Who is to take what a call is answered with. A caller of HTTP/2 says itself how much it takes, while its connection is well. */
interface Reader extends ChurnMember {
  stream: ServerHttp2Stream;
  /** Bytes that waited when it was looked at last. */
  left: number;
  /** Monotonic: when some of them were taken last. */
  since: number;
}

/** Of one call. It reads the lengths before the messages itself: what the library reads of them it keeps to itself. */
export class CallMemory implements ChurnMember {
  place = -1;
  /** Monotonic: when the first byte came of what it waits for more of. */
  since = 0;
  readonly #memory: MessageMemory;
  readonly #stream: ServerHttp2Stream;
  readonly #single: boolean;
  readonly #bounds: CallBounds;
  /** Of the message that is coming. */
  #prefixRead = 0;
  #isCompressed = false;
  #size = 0;
  #left = 0;
  #partial = 0;
  #lastBuffer: ArrayBufferLike | undefined;
  /** Messages that are whole, in their order. */
  readonly #whole: number[] = [];
  /** Of answers that the caller has not taken. */
  #answering = 0;
  #isOver = false;
  #isReleased = false;
  /** Who is to be told when answers are taken, or the stream is closed; null where nobody ever was, as in most calls. */
  #tellers: Set<() => void> | null = null;

  constructor(memory: MessageMemory, stream: ServerHttp2Stream, single: boolean, bounds: CallBounds) {
    this.#memory = memory;
    this.#stream = stream;
    this.#single = single;
    this.#bounds = bounds;
  }

  receive(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#count(chunk);
    } catch (thrown) {
      this.refuse(thrown);
    }
  }

  /** The first message that was not answered is. */
  answered(): void {
    this.#memory.budget.giveBack(this.#whole.shift() ?? 0);
  }

  /** Part of an answer, from now until it is `taken`. Bytes. */
  answering(bytes: number): void {
    if (this.#isReleased) return;
    this.#memory.budget.hold(bytes);
    this.#answering += bytes;
  }

  /** It has gone to the caller, or at least to its connection. */
  taken(bytes: number): void {
    if (this.#isReleased) return;
    this.#memory.budget.giveBack(bytes);
    this.#answering -= bytes;
  }

  /** Called when the stream is closed, at the latest; answers how to do it before. Once. */
  onTaken(told: () => void): () => void {
    const tell = (): void => {
      if (this.#tellers!.delete(tell)) told();
    };
    (this.#tellers ??= new Set()).add(tell);
    if (this.#isReleased) tell();
    return tell;
  }

  /** Nothing more comes. */
  ended(): void {
    this.#memory.waiting.delete(this);
  }

  /** Ends the call, and its stream: what has come of a message stays in the library's hands as long as that is open. */
  refuse(thrown: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#wait();
    const stream = this.#stream;
    const { headersSent } = stream;
    this.#bounds.refuse(thrown);
    const close = (): void => stream.close(constants.NGHTTP2_NO_ERROR);
    // Behind the answers that were given; a caller that does not take them is cut off when the time is over once more.
    // The status leaves in the next turn only: closed at once, the stream would end without it.
    if (headersSent && !stream.destroyed) stream.once("wantTrailers", () => setImmediate(close));
    else close();
  }

  /** The time for a message is over. */
  expire(): void {
    if (this.#isOver) this.#stream.close(constants.NGHTTP2_CANCEL);
    else this.refuse(new AppError("BODY_TIMEOUT", "The message did not arrive in time."));
  }

  /** The stream is closed. */
  release(): void {
    this.#isOver = true;
    this.#isReleased = true;
    this.ended();
    this.#memory.budget.giveBack(this.#whole.reduce((sum, bytes) => sum + bytes, this.#partial + this.#answering));
    this.#answering = 0;
    this.#partial = 0;
    this.#whole.length = 0;
    for (const tell of this.#tellers ?? []) tell();
  }

  #wait(): void {
    this.since = this.#memory.clock.monotonic();
    this.#memory.waiting.add(this);
  }

  #count(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#prefixRead < prefixBytes) {
        const byte = chunk[at++]!;
        if (this.#prefixRead++ === 0) [this.#isCompressed, this.#size] = [byte === 1, 0];
        else this.#size = 256 * this.#size + byte;
        if (this.#prefixRead < prefixBytes) continue;
        const { maxBytes } = this.#bounds;
        if (maxBytes !== null && this.#size > maxBytes) throw new AppError("BODY_TOO_LARGE", `The message is larger than the ${maxBytes} bytes that this method takes.`);
        this.#left = this.#size;
      }
      const taken = Math.min(this.#left, chunk.length - at);
      at += taken;
      this.#left -= taken;
      if (this.#left === 0) this.#complete();
    }
    if (this.#prefixRead > 0) {
      // A piece keeps all that was read from the socket with it, also what was another call's.
      const cost = pieceBytes + (chunk.buffer === this.#lastBuffer ? 0 : chunk.buffer.byteLength);
      this.#memory.budget.take(cost);
      this.#partial += cost;
      this.#lastBuffer = chunk.buffer;
    }
    if (this.place < 0 && (this.#prefixRead > 0 || this.#single)) this.#wait();
  }

  #complete(): void {
    const { budget, options, waiting } = this.#memory;
    budget.giveBack(this.#partial);
    [this.#partial, this.#lastBuffer, this.#prefixRead] = [0, undefined, 0];
    const bytes = prefixBytes + this.#size + (this.#isCompressed ? Math.min(options.maxMessageBytes, mostExpansion * this.#size) : 0);
    budget.take(bytes);
    this.#whole.push(bytes);
    if (!this.#single) waiting.delete(this);
  }
}
