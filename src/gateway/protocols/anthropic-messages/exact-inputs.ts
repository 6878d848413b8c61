import { parseExact } from "../../providers/tool-arguments.ts";
import { isFields, type Fields } from "../request-fields.ts";

/** The first whole number that may be a rounded one. */
const firstInexact = 2 ** 53;
/** Digits that a fraction keeps whatever they are. */
const exactDigits = 15;

/**
 * The body of a conversation whose calls of tools have their numbers as they were written: an identifier of twenty digits is rounded by JSON.parse, and another provider's model would read another one. `body` is the parsed text of `bytes`; it
 * comes back as it is where nothing was rounded, and only bodies with such a number are read once more.
 */
export function withExactInputs(body: Fields, bytes: Uint8Array): Fields {
  const { messages } = body;
  if (!Array.isArray(messages) || !messages.some((message) => callsOf(message).some(({ input }) => mayBeRounded(input)))) return body;
  const exact = parseExact(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")) as { messages: readonly unknown[] };
  return { ...body, messages: messages.map((message, index) => (callsOf(message).length === 0 ? (message as unknown) : withInputsOf(message as Fields, exact.messages[index] as Fields))) };
}

function withInputsOf(message: Fields, exact: Fields): Fields {
  const blocks = exact.content as readonly Fields[];
  return { ...message, content: (message.content as readonly unknown[]).map((block, index) => (isCall(block) ? { ...block, input: blocks[index]!.input } : block)) };
}

function callsOf(message: unknown): readonly Fields[] {
  return isFields(message) && Array.isArray(message.content) ? message.content.filter(isCall) : [];
}

function isCall(block: unknown): block is Fields {
  return isFields(block) && block.type === "tool_use" && isFields(block.input);
}

function mayBeRounded(value: unknown): boolean {
  if (typeof value === "number") return Math.abs(value) >= firstInexact || (!Number.isInteger(value) && String(value).length > exactDigits);
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(mayBeRounded);
}
