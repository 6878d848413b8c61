import { AppError } from "../../core/errors.ts";
import type { ChatEvent } from "../conversation/chat-event.ts";
import type { ChatStreamReader } from "../providers/provider-mapping.ts";
import type { StreamPiece } from "./call-plan.ts";
import { uncountedBytes } from "../../core/answer-memory.ts";
import { CallTimer, type Alarm } from "./call-timer.ts";

/** Memory for what a stream has said so far, which is kept until its end. */
export interface StreamRoom {
  /** Until there is room for so many bytes in all; undefined where there is at once. */
  roomFor(bytes: number): Promise<void> | undefined;
  leaveRoom(): void;
}

export interface StreamSource {
  /** What was read until the first content. */
  first: StreamPiece;
  /** Null where the stream has ended already. */
  body: AsyncIterator<Uint8Array> | null;
  reader: ChatStreamReader;
  alarm: Alarm;
  room: StreamRoom;
  /** What a caller gets for what the body or the reader threw. */
  failureOf(thrown: unknown): AppError;
  /** Once, when nothing more comes: with what it broke off with, or null. */
  ended(failure: AppError | null): void;
}

/** Of one stream: what it says is kept until its end. */
const mostBytes = 128 << 20;
/** From the last words of an answer to the end of its connection's stream: a provider that holds it longer, or says more, is left. Milliseconds. */
const mostAfterEnd = 1000;
/** What a piece of text takes beside its characters while it is a part of a longer one: V8's two heads. */
const bytesOfPiece = 64;
const noBytes = new Uint8Array();

/**
 * The rest of a stream that has begun. No generator: one that was never started cannot be ended, and a caller may leave before the first piece.
 */
export class StreamPieces implements AsyncIterableIterator<StreamPiece> {
  readonly #source: StreamSource;
  #first: StreamPiece | null;
  #over = false;
  #bytes = 0;
  /** What the texts of its events take. */
  #textBytes = 0;

  constructor(source: StreamSource) {
    this.#source = source;
    this.#first = source.first;
    if (source.body === null) this.#end(null);
  }

  async next(): Promise<IteratorResult<StreamPiece>> {
    const first = this.#first;
    if (first !== null) {
      this.#first = null;
      this.#textBytes += textBytesOf(first.events);
      return { done: false, value: first };
    }
    const { body, reader, failureOf } = this.#source;
    if (this.#over || body === null) return { done: true, value: undefined };
    try {
      const { done, value: bytes } = reader.isOver === true ? await this.#endOf(body) : await body.next();
      if (done !== true) {
        this.#bytes += bytes.length;
        if (this.#bytes > mostBytes) throw new AppError("PROVIDER_STREAM_FAILED", "The provider's stream is longer than 128 MiB.");
        const events = reader.push(bytes);
        this.#textBytes += textBytesOf(events);
        // Its caller waits with it, and the provider too.
        const room = this.#textBytes > uncountedBytes ? this.#source.room.roomFor(Math.min(this.#textBytes, mostBytes)) : undefined;
        if (room !== undefined) await room;
        return { done: false, value: { bytes, events } };
      }
      const events: readonly ChatEvent[] = reader.end();
      this.#end(null);
      return events.length > 0 ? { done: false, value: { bytes: noBytes, events } } : { done: true, value: undefined };
    } catch (thrown) {
      const failure = failureOf(thrown);
      this.#end(failure);
      void body.return?.().catch(() => undefined);
      throw failure;
    }
  }

  async return(): Promise<IteratorResult<StreamPiece>> {
    this.#first = null;
    if (!this.#over) {
      this.#end(null);
      await this.#source.body?.return?.();
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The answer is whole: what comes now, and how the connection ends, is nothing to the caller. A connection that ends at once stays for the next call. */
  async #endOf(body: AsyncIterator<Uint8Array>): Promise<IteratorReturnResult<undefined>> {
    const late = Promise.withResolvers<null>();
    const timer = new CallTimer(this.#source.alarm);
    timer.set(mostAfterEnd, () => late.resolve(null));
    const isAtEnd = await Promise.race([body.next(), late.promise]).then((read) => read?.done === true, () => true);
    timer.clear();
    // Not waited for: a body that is compressed ends no read before its next bytes.
    if (!isAtEnd) void body.return?.().catch(() => undefined);
    return { done: true, value: undefined };
  }

  #end(failure: AppError | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#source.room.leaveRoom();
    this.#source.ended(failure);
  }
}

function textBytesOf(events: readonly ChatEvent[]): number {
  let bytes = 0;
  for (const event of events) {
    if ("text" in event) bytes += event.text.length + bytesOfPiece;
    else if (event.type === "redacted-thinking") bytes += event.data.length;
    else if (event.type === "thinking-signature") bytes += event.signature.length;
  }
  return bytes;
}
