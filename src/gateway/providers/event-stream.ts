import { createParser } from "eventsource-parser";
import { StringDecoder } from "node:string_decoder";
import { AppError } from "../../core/errors.ts";

export interface ServerSentEvent {
  /** The `event:` field; empty where there was none. */
  name: string;
  data: string;
}

/** One event of a language model has some hundred bytes; an image in base64 some million. */
const mostPendingCharacters = 8 << 20;

/**
 * Server-sent events from bytes that may be cut anywhere: within a character, a line end (LF, CRLF, CR), an event. Comments and fields that nobody uses are passed over.
 * Throws PROVIDER_STREAM_FAILED when one event does not end within 8 million characters.
 */
export class EventStreamReader {
  readonly #decoder = new StringDecoder("utf8");
  readonly #events: ServerSentEvent[] = [];
  #pending = 0;
  readonly #parser = createParser({
    onEvent: ({ event = "", data }) => {
      this.#pending = 0;
      this.#events.push({ name: event, data });
    },
  });

  push(bytes: Uint8Array): ServerSentEvent[] {
    const text = this.#decoder.write(bytes);
    this.#pending += text.length;
    this.#parser.feed(text);
    if (this.#pending > mostPendingCharacters) throw new AppError("PROVIDER_STREAM_FAILED", "The provider sent more than 8 MiB without the end of an event.");
    return this.#events.splice(0);
  }

  /** The last event, where the stream ended without the empty line that should follow it. */
  end(): ServerSentEvent[] {
    this.#parser.feed(`${this.#decoder.end()}\n\n`);
    return this.#events.splice(0);
  }
}
