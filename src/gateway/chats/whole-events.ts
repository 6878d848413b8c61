const [lineFeed, carriageReturn] = [10, 13];

/**
 * Server-sent events that are passed on as they came, each only when it is whole: what is not yet may become an error of the provider, whose words are cleared of its key, and half of an event in front of another is no event.
 */
export class WholeEvents {
  #held: Uint8Array[] = [];
  /** The last bytes of what is held: an event's end may be cut, too. */
  #last = Buffer.alloc(0);

  /** What is whole by now; the bytes themselves where they end with an event, as they mostly do. */
  push(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (this.#held.length === 0 && bytes[length - 1] === lineFeed && bytes[length - 2] === lineFeed) return bytes;
    const seen = Buffer.concat([this.#last, bytes]);
    const end = lastEnd(seen) - this.#last.length;
    if (end <= 0) {
      if (length > 0) this.#held.push(bytes);
      this.#last = seen.subarray(-3);
      return noBytes;
    }
    const whole = Buffer.concat([...this.#held, bytes.subarray(0, end)]);
    const rest = bytes.subarray(end);
    this.#held = rest.length === 0 ? [] : [rest];
    this.#last = Buffer.from(rest.subarray(-3));
    return whole;
  }

  /** The stream has ended well: also what the empty line is missing behind. */
  end(): Uint8Array {
    return Buffer.concat(this.#held.splice(0));
  }
}

const noBytes = new Uint8Array();

/** Behind the last empty line, whichever ends its lines have; 0 where there is none. */
function lastEnd(bytes: Buffer): number {
  for (let at = bytes.length - 1; at > 0; at--) {
    const [byte, before] = [bytes[at], bytes[at - 1]];
    if (byte === before && (byte === lineFeed || byte === carriageReturn)) return at + 1;
    if (byte === lineFeed && before === carriageReturn && (bytes[at - 2] === lineFeed || bytes[at - 2] === carriageReturn)) return at + 1;
  }
  return 0;
}
