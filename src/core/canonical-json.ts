import { createHash } from "node:crypto";

/**
 * JSON as RFC 8785 writes it: the keys of every object in order of UTF-16 code units, no white space, undefined members
 * left out. Equal values have equal texts. Throws TypeError for what JSON cannot carry.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "number":
      if (!Number.isFinite(value)) throw new TypeError("JSON cannot carry NaN or infinity.");
      return JSON.stringify(value);
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
      return `{${members(value as Record<string, unknown>)}}`;
    default:
      throw new TypeError(`JSON cannot carry a ${typeof value}.`);
  }
}

function members(value: Record<string, unknown>): string {
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  return keys.sort().map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`).join(",");
}

/** `sha256:` and the digest of a text in UTF-8. */
export function digestOfText(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** Digest of the value's canonical JSON. */
export function jsonDigest(value: unknown): string {
  return digestOfText(canonicalJson(value));
}
