import { assertJsonBounds, type JsonBounds } from "../core/json-bounds.ts";

/** Of JSON in the text of an attribute. What is nested deeper could not be written again, and a list of many empty objects holds the thread for long. */
const bounds: JsonBounds = { depth: 128, containers: 50_000, neighbours: 200_000 };
/** A shorter text cannot go far beyond. */
const shortCharacters = 256;

/** What the JSON of an attribute says. Undefined for a text that is none, or that is no more than a text to this server: nested too deep, or of too many parts. */
export function parsedValue(text: string): unknown {
  try {
    if (text.length > shortCharacters) assertJsonBounds(Buffer.from(text), bounds);
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A part of such JSON where a word belongs: what is an object there is told as JSON, for it may bring a `toString` of its own that is no function. */
export function wordOf(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}
