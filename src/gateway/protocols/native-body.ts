import { AppError } from "../../core/errors.ts";

/** The protocols whose bytes are passed on. */
export type NativeBodyProtocol = "openai-chat" | "openai-completions" | "openai-responses" | "openai-embeddings" | "anthropic-messages" | "anthropic-count" | "rerank";

/** What the gateway changes in a body that otherwise passes as it came. */
export interface NativeBodyEdit {
  /** As the provider names it. */
  model?: string;
  /** Asks for `stream_options.include_usage`, where the protocol has it. */
  streamUsage?: true;
  /** The most tokens of output: in the place where the caller said it, else in the protocol's own. */
  maxTokens?: number;
  /** Fields that get other values. */
  fields?: Readonly<Record<string, unknown>>;
}

/** Where each protocol says the most tokens of output, the place of choice first. */
const tokenFields: Readonly<Partial<Record<NativeBodyProtocol, readonly string[]>>> = {
  "openai-chat": ["max_completion_tokens", "max_tokens"],
  "openai-completions": ["max_tokens"],
  "openai-responses": ["max_output_tokens"],
  "anthropic-messages": ["max_tokens"],
};
const withStreamOptions: ReadonlySet<NativeBodyProtocol> = new Set(["openai-chat", "openai-completions"]);

/**
 * The bytes to send for a body of JSON that has been read already. Text is exchanged in place, so that the rest stays as it came: big integers, spelling of numbers, order, spaces. No field
 * stands twice in it: such bodies were refused when they were read. Throws INVALID_JSON for what is not one object.
 */
export function editNativeBody(body: Uint8Array, protocol: NativeBodyProtocol, edit: NativeBodyEdit): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const object = scanObject(bytes, skipSpace(bytes, bytes[0] === 0xef ? 3 : 0));
  const changes = new Map<string, string>();
  for (const [name, value] of Object.entries(edit.fields ?? {})) changes.set(name, JSON.stringify(value));
  if (edit.model !== undefined) changes.set("model", JSON.stringify(edit.model));
  const places = tokenFields[protocol] ?? [];
  const said = places.filter((place) => object.members.has(place));
  if (edit.maxTokens !== undefined) {
    for (const place of said.length > 0 ? said : places.slice(0, 1)) changes.set(place, String(edit.maxTokens));
  } else if (said.length > 1) {
    // Servers differ in which they go by: the one that was read here stands in all.
    const [first, ...others] = said.map((place) => ({ place, text: textOf(bytes, object.members.get(place)!) })).filter(({ text }) => text !== "null");
    for (const { place, text } of others) if (text !== first!.text) changes.set(place, first!.text);
  }
  if (edit.streamUsage === true && withStreamOptions.has(protocol)) changes.set("stream_options", streamOptions(bytes, object.members.get("stream_options")));
  return write(bytes, object, changes);
}

interface Member {
  /** Of the value's first byte, and behind its last. */
  valueStart: number;
  valueEnd: number;
}

interface ScannedObject {
  /** Of the brackets. */
  start: number;
  end: number;
  members: Map<string, Member>;
}

function textOf(bytes: Buffer, { valueStart, valueEnd }: Member): string {
  return bytes.toString("utf8", valueStart, valueEnd);
}

function streamOptions(bytes: Buffer, member: Member | undefined): string {
  if (member === undefined || bytes[member.valueStart] !== 0x7b) return '{"include_usage":true}';
  const value = bytes.subarray(member.valueStart, member.valueEnd);
  return write(value, scanObject(value, 0), new Map([["include_usage", "true"]])).toString("utf8");
}

/** The object with other values for some names, in their places, or at its end where they were not there. */
function write(bytes: Buffer, object: ScannedObject, changes: ReadonlyMap<string, string>): Buffer {
  if (changes.size === 0) return bytes;
  const edits: { from: number; to: number; text: string }[] = [];
  const added: string[] = [];
  for (const [name, text] of changes) {
    const member = object.members.get(name);
    if (member === undefined) added.push(`${JSON.stringify(name)}:${text}`);
    else edits.push({ from: member.valueStart, to: member.valueEnd, text });
  }
  if (added.length > 0) edits.push({ from: object.end, to: object.end, text: (object.members.size > 0 ? "," : "") + added.join(",") });
  edits.sort((one, other) => one.from - other.from);
  const parts: Buffer[] = [];
  let at = 0;
  for (const { from, to, text } of edits) {
    parts.push(bytes.subarray(at, from), Buffer.from(text));
    at = to;
  }
  parts.push(bytes.subarray(at));
  return Buffer.concat(parts);
}

/** Finds the members of the object that begins here. Values are stepped over; that they are JSON was seen before. */
function scanObject(bytes: Buffer, start: number): ScannedObject {
  if (bytes[start] !== 0x7b) throw notOneObject();
  const object: ScannedObject = { start, end: start, members: new Map() };
  let at = skipSpace(bytes, start + 1);
  while (bytes[at] !== 0x7d) {
    if (bytes[at] !== 0x22) throw notOneObject();
    const keyStart = at;
    at = endOfString(bytes, at);
    const name = keyText(bytes, keyStart, at);
    at = skipSpace(bytes, at);
    if (bytes[at] !== 0x3a) throw notOneObject();
    const valueStart = skipSpace(bytes, at + 1);
    const valueEnd = endOfValue(bytes, valueStart);
    object.members.set(name, { valueStart, valueEnd });
    at = skipSpace(bytes, valueEnd);
    if (bytes[at] === 0x2c) at = skipSpace(bytes, at + 1);
    else if (bytes[at] !== 0x7d) throw notOneObject();
  }
  object.end = at;
  return object;
}

/** A name may be spelled with escapes: "\u006dodel" is model. */
function keyText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString("utf8", start + 1, end - 1);
  return text.includes("\\") ? (JSON.parse(`"${text}"`) as string) : text;
}

function skipSpace(bytes: Buffer, at: number): number {
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}

/** Behind the closing quote; images of megabytes are stepped over by the search for it. */
function endOfString(bytes: Buffer, start: number): number {
  let at = start;
  for (;;) {
    at = bytes.indexOf(0x22, at + 1);
    if (at < 0) throw notOneObject();
    let slashes = 0;
    while (bytes[at - 1 - slashes] === 0x5c) slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}

function endOfValue(bytes: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length; ) {
    const byte = bytes[at]!;
    if (byte === 0x22) {
      at = endOfString(bytes, at);
      if (depth === 0) return at;
      continue;
    }
    if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) return endOfScalar(bytes, start, at);
      if (--depth === 0) return at + 1;
    } else if (byte === 0x2c && depth === 0) return endOfScalar(bytes, start, at);
    at++;
  }
  throw notOneObject();
}

/** Without the spaces behind a number or a word. */
function endOfScalar(bytes: Buffer, start: number, end: number): number {
  while (end > start && bytes[end - 1]! <= 0x20) end--;
  if (end === start) throw notOneObject();
  return end;
}

function notOneObject(): AppError {
  return new AppError("INVALID_JSON", "The body must be one JSON object.");
}
