import { AppError } from "../../core/errors.ts";
import { assertJsonBounds } from "../../core/json-bounds.ts";
import type { TokenUsage } from "../conversation/chat-answer.ts";
import { parseExact } from "./tool-arguments.ts";

/** A JSON object that somebody else wrote: nothing is known of it until it is looked at. */
export type Fields = Readonly<Record<string, unknown>>;

const nothing: Fields = Object.freeze({});

/** The object that this is, or an empty one. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : nothing;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A row of a table by a word that somebody else wrote: `constructor` is none. */
export function rowOf<Row>(table: Readonly<Record<string, Row>>, word: string): Row | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

/** A whole number from 0; null for anything else, as nobody has told it then. */
export function countOf(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** Null where none was told. */
export function sumOf(...counts: readonly (number | null)[]): number | null {
  let sum: number | null = null;
  for (const count of counts) if (count !== null) sum = (sum ?? 0) + count;
  return sum;
}

/** Tokens of audio among those of input and output, where they are told and not 0. */
export function audioTokens(input: number | null, output: number | null): Pick<TokenUsage, "audioInputTokens" | "audioOutputTokens"> {
  return { ...(input === null || input === 0 ? {} : { audioInputTokens: input }), ...(output === null || output === 0 ? {} : { audioOutputTokens: output }) };
}

/** Searches of the web, where they are told and not 0. */
export function webSearches(count: number | null): Pick<TokenUsage, "webSearches"> {
  return count === null || count === 0 ? {} : { webSearches: count };
}

/** The JSON object of a whole answer. Throws PROVIDER_ANSWER_INVALID. */
export function readAnswer(body: Uint8Array): Fields {
  return objectOf(body, JSON.parse);
}

/** The same where arguments of tools are objects: their numbers are written again as they were read. */
export function readExactAnswer(body: Uint8Array): Fields {
  return objectOf(body, parseExact);
}

function objectOf(body: Uint8Array, parse: (text: string) => unknown): Fields {
  const parsed = parseFields(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"), parse);
  if (parsed === null) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider's answer is not a JSON object.");
  return parsed;
}

/** The JSON object of one event of a stream. Throws PROVIDER_STREAM_FAILED. */
export function readEvent(data: string): Fields {
  const parsed = parseFields(data);
  if (parsed === null) throw new AppError("PROVIDER_STREAM_FAILED", "The provider sent an event that is not a JSON object.");
  return parsed;
}

/** More than this is looked at before it is read. Characters. */
const longDocument = 1 << 20;
/** Vectors of thousands of texts are some million numbers. */
const documentBounds = { depth: 1000, containers: 500_000, neighbours: 32_000_000 };

/** Null for what is not a JSON object, or has more in it than any answer. */
export function parseFields(text: string, parse: (text: string) => unknown = JSON.parse): Fields | null {
  try {
    if (text.length > longDocument) assertJsonBounds(Buffer.from(text), documentBounds);
    const value = parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
  } catch {
    return null;
  }
}

/**
 * JSON text of what a provider sent as a value. Null for what is nested deeper than the stack reaches: parsing takes any depth, writing does not.
 */
export function jsonText(value: unknown): string | null {
  try {
    return JSON.stringify(value) ?? null;
  } catch {
    return null;
  }
}

/** The body of a request to a provider. Throws INVALID_REQUEST for what a caller nested deeper than it can be written. */
export function requestText(body: object): string {
  const text = jsonText(body);
  if (text === null) throw new AppError("INVALID_REQUEST", "The request is nested too deeply.");
  return text;
}

/** How long a provider's own words may become in a message of this server. */
const mostMessageCharacters = 500;

/**
 * A provider's words, fit for a caller: one line, shortened, and without what looks like a key, a signature or an account of AWS.
 */
export function callerText(text: string): string {
  const line = text.slice(0, 4 * mostMessageCharacters).replace(/\s+/g, " ").trim()
    .replace(/\barn:aws[a-z-]*:[^\s"',]+/g, "arn:...")
    .replace(/\b(?:AIza[\w-]{10,}|A[KS]IA[A-Z0-9]{8,}|ABSK[\w+/=]{10,}|bedrock-api-key-\S+|sk-[\w-]{8,})/g, "***")
    .replace(/\b(key|token|signature|credential)([=:]\s*)[^\s"',&]{8,}/gi, "$1$2***");
  return line.length <= mostMessageCharacters ? line : `${line.slice(0, mostMessageCharacters - 3)}...`;
}

/** Of an answer that is a count. Throws PROVIDER_ANSWER_INVALID where it has none. */
export function countedTokens(body: Uint8Array, field: string): number {
  const tokens = countOf(readAnswer(body)[field]);
  if (tokens === null) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider's answer has no count of tokens.");
  return tokens;
}
