import { AppError } from "./errors.ts";

export interface JsonBounds {
  /** Objects and lists within each other. */
  depth: number;
  /** Objects and lists in all. */
  containers: number;
  /** Commas between fields and items: what stands beside each other in all of them. */
  neighbours: number;
}

/** For bodies of some megabytes: many times what definitions of tools, long conversations, or spans as OTLP's JSON has them come to. */
export const largeBodyBounds: JsonBounds = { depth: 256, containers: 500_000, neighbours: 500_000 };

const [quote, backslash, comma, colon, openList, closeList, openObject, closeObject] = [0x22, 0x5c, 0x2c, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Refuses a text of JSON whose reading would take the memory and the thread from everybody, before it is read: millions of empty objects in a few megabytes hold `JSON.parse` for minutes, and what is
 * nested by the thousand overflows the stack of whoever walks it. Whether it is JSON is not looked at. Strings are stepped over by a search for their end. Returns how many fields its objects have, each as often as
 * it stands there. Throws INVALID_JSON.
 */
export function assertJsonBounds(text: Uint8Array, { depth: deepest, containers: mostContainers, neighbours: mostNeighbours }: JsonBounds): number {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  let depth = 0;
  let containers = 0;
  let neighbours = 0;
  let fields = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === quote) {
      at = endOfString(bytes, at);
      if (at < 0) break;
    } else if (byte === openList || byte === openObject) {
      if (++depth > deepest) throw new AppError("INVALID_JSON", `The body is nested deeper than ${deepest} levels.`);
      if (++containers > mostContainers) throw new AppError("INVALID_JSON", `The body has more than ${mostContainers} objects and lists.`);
    } else if (byte === closeList || byte === closeObject) depth--;
    else if (byte === colon) fields++;
    else if (byte === comma && ++neighbours > mostNeighbours) throw new AppError("INVALID_JSON", `The body has more than ${mostNeighbours} fields and items.`);
  }
  return fields;
}

/** Of the quote that closes it; -1 where none does. */
function endOfString(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(quote, start + 1); at >= 0; at = bytes.indexOf(quote, at + 1)) {
    let slashes = 0;
    while (bytes[at - 1 - slashes] === backslash) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}
