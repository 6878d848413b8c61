import { isFields } from "./request-fields.ts";

const [lineFeed, carriageReturn] = [10, 13];
/** An event longer than this is no usage chunk and passes as it comes. */
const mostHeldBytes = 64 * 1024;
const empty = new Uint8Array(0);
const noChoices = /"choices"\s*:\s*\[\s*\]/;

/**
 * Takes the chunk with the usage out of a stream in OpenAI's protocol, for a caller who did not ask for it: the gateway did, to know what the answer costs. All other events pass byte by byte, as soon as
 * they are whole. Bytes may be cut anywhere, and lines may end with LF, CRLF or CR.
 */
export class UsageChunkFilter {
  /** The event under way: its pieces, and how many bytes they have. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #passing = false;
  #isInLine = false;
  #afterReturn = false;
  /** What became of the event that has just ended: a line feed that still belongs to its end goes the same way. */
  #ended: "passed" | "left-out" | null = null;

  push(bytes: Uint8Array): Uint8Array {
    if (this.#isApart && this.#isWhole(bytes)) {
      this.#ended = "passed";
      this.#afterReturn = false;
      return bytes;
    }
    const out: Uint8Array[] = [];
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte !== lineFeed && byte !== carriageReturn) {
        // Nearly every byte: nothing else is looked at within a line.
        if (this.#isInLine) continue;
        this.#isInLine = true;
        this.#afterReturn = false;
        this.#ended = null;
      } else if (byte === lineFeed && this.#afterReturn) {
        this.#afterReturn = false;
        if (this.#ended === "passed") out.push(bytes.subarray(at, at + 1));
        if (this.#ended !== null) from = at + 1;
        this.#ended = null;
      } else {
        this.#afterReturn = byte === carriageReturn;
        this.#ended = null;
        if (!this.#isInLine) {
          this.#hold(bytes.subarray(from, at + 1));
          from = at + 1;
          this.#release(out);
        }
        this.#isInLine = false;
      }
    }
    this.#hold(bytes.subarray(from));
    if (this.#passing || this.#heldBytes > mostHeldBytes) {
      this.#passing = true;
      out.push(...this.#held);
      this.#forget();
    }
    return joined(out);
  }

  /** What is left of a stream that ended within an event. */
  end(): Uint8Array {
    const out: Uint8Array[] = [];
    this.#release(out);
    return joined(out);
  }

  /** Nothing is under way: what comes next begins an event. */
  get #isApart(): boolean {
    return this.#heldBytes === 0 && !this.#isInLine && !this.#afterReturn && !this.#passing;
  }

  /** Nearly every piece of a stream: events that end with their last line feed, and none of them with the usage. */
  #isWhole(bytes: Uint8Array): boolean {
    const { length } = bytes;
    if (length < 3 || length > mostHeldBytes || bytes[length - 1] !== lineFeed || bytes[length - 2] !== lineFeed) return false;
    return !noChoices.test(latin1(bytes));
  }

  #hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  #release(out: Uint8Array[]): void {
    this.#ended = !this.#passing && isUsageChunk(joined(this.#held)) ? "left-out" : "passed";
    if (this.#ended === "passed") out.push(...this.#held);
    this.#passing = false;
    this.#forget();
  }

  #forget(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 0 ? empty : parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** A chunk with usage and without choices. (Azure's first chunk has no choices either, and tells of its filters.) */
function isUsageChunk(event: Uint8Array): boolean {
  if (event.length > mostHeldBytes) return false;
  if (!noChoices.test(latin1(event))) return false;
  const data = Buffer.from(event.buffer, event.byteOffset, event.byteLength).toString("utf8").split(/\r\n|\n|\r/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
  try {
    const chunk: unknown = JSON.parse(data);
    return isFields(chunk) && Array.isArray(chunk.choices) && chunk.choices.length === 0 && isFields(chunk.usage);
  } catch {
    return false;
  }
}
