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
  #lineIsEmpty = true;
  #afterReturn = false;
  /** What became of the event that has just ended: a line feed that still belongs to its end goes the same way. */
  #ended: "passed" | "left-out" | null = null;

  push(bytes: Uint8Array): Uint8Array {
    const out: Uint8Array[] = [];
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      const ended = this.#ended;
      this.#ended = null;
      if (byte === lineFeed && this.#afterReturn) {
        this.#afterReturn = false;
        if (ended === "passed") out.push(bytes.subarray(at, at + 1));
        if (ended !== null) from = at + 1;
        continue;
      }
      this.#afterReturn = byte === carriageReturn;
      if (byte !== lineFeed && byte !== carriageReturn) this.#lineIsEmpty = false;
      else if (!this.#lineIsEmpty) this.#lineIsEmpty = true;
      else {
        this.#hold(bytes.subarray(from, at + 1));
        from = at + 1;
        this.#release(out);
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

/** A chunk with usage and without choices. (Azure's first chunk has no choices either, and tells of its filters.) */
function isUsageChunk(event: Uint8Array): boolean {
  if (event.length > mostHeldBytes) return false;
  const text = Buffer.from(event.buffer, event.byteOffset, event.byteLength).toString("utf8");
  if (!noChoices.test(text)) return false;
  const data = text.split(/\r\n|\n|\r/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
  try {
    const chunk: unknown = JSON.parse(data);
    return isFields(chunk) && Array.isArray(chunk.choices) && chunk.choices.length === 0 && isFields(chunk.usage);
  } catch {
    return false;
  }
}
