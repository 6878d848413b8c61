import type { SpanView, TraceMessage } from "../../data/types.ts";
import { formatBytes } from "../../format.ts";

/** A part of a message as it is drawn. */
export type ReadPart =
  | { kind: "text" | "reasoning"; text: string }
  | { kind: "call"; id: string; name: string; input: string }
  | { kind: "result"; id: string; output: string }
  /** An image, a sound or a file: named, never loaded, since it may come from anywhere. */
  | { kind: "media"; what: string; source: string }
  | { kind: "other"; type: string; text: string };

/** A value as text: texts as they are, the rest as JSON over several lines. */
export function valueText(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

/** JSON in a text over several lines; other text as it is. */
export function prettyText(text: string): string {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const words = (value: unknown): string => (typeof value === "string" ? value : "");

export function readPart(part: TraceMessage["parts"][number]): ReadPart {
  switch (part.type) {
    case "text":
      return { kind: "text", text: valueText(part.content) };
    case "reasoning":
      return { kind: "reasoning", text: valueText(part.content) };
    case "tool_call":
      return { kind: "call", id: words(part.id), name: words(part.name), input: prettyText(valueText(part.arguments)) };
    case "tool_call_response":
      return { kind: "result", id: words(part.id), output: prettyText(valueText(part.response ?? part.result)) };
    case "uri":
      return { kind: "media", what: words(part.modality) || "file", source: mediaSource(words(part.uri)) };
    case "file":
      return { kind: "media", what: words(part.modality) || "file", source: words(part.file_id) };
    case "blob":
      return { kind: "media", what: words(part.modality) || "file", source: [words(part.mime_type), sizeOfBase64(words(part.content)) || "not kept here"].filter((word) => word !== "").join(", ") };
    default:
      return { kind: "other", type: part.type, text: valueText(part) };
  }
}

/** An address is shown whole; data inside one by its type and size alone. */
function mediaSource(uri: string): string {
  const data = /^data:([^;,]*)[^,]*,/.exec(uri);
  return data === null ? uri : `${data[1] === "" ? "text/plain" : data[1]!}, ${sizeOfBase64(uri.slice(data[0].length))}`;
}

function sizeOfBase64(text: string): string {
  if (text === "") return "";
  return formatBytes(Math.floor((text.replace(/=+$/, "").length * 3) / 4));
}

/** One exchange of a conversation. */
export interface Turn {
  /** What was said since the model's last answer; the messages before it belong to the turns before. */
  asked: TraceMessage[];
  answered: TraceMessage[];
}

const saysText = ({ parts }: TraceMessage): boolean => parts.some(({ type }) => type === "text");

/**
 * What one trace adds to a conversation: the messages after the last answer that was already there, without instructions to the model. A root that
 * tells messages has them; else the last span that answered in words, which was given the calls of tools before it; where none answered, the first
 * that was asked. Null where no span tells any.
 */
export function turnOf(spans: readonly Pick<SpanView, "parentSpanId" | "inputMessages" | "outputMessages" | "input" | "output">[]): Turn | null {
  const speaking = spans.filter(({ outputMessages }) => outputMessages !== null && outputMessages.length > 0);
  const spoken = speaking.find(({ parentSpanId }) => parentSpanId === null) ?? speaking.findLast(({ outputMessages }) => outputMessages!.some(saysText)) ?? speaking.at(-1);
  if (spoken !== undefined) {
    return { asked: newSince(spoken.inputMessages ?? []), answered: spoken.outputMessages! };
  }
  const asking = spans.find(({ inputMessages }) => inputMessages !== null && inputMessages.length > 0);
  if (asking !== undefined) return { asked: newSince(asking.inputMessages!), answered: [] };
  const plain = spans.find(({ input, output }) => input !== null || output !== null);
  if (plain === undefined) return null;
  return { asked: plainMessage("user", plain.input), answered: plainMessage("assistant", plain.output) };
}

/** What was said after the model's last answer in words. */
function newSince(messages: readonly TraceMessage[]): TraceMessage[] {
  const last = messages.findLastIndex((message) => message.role === "assistant" && saysText(message));
  return messages.slice(last + 1).filter(({ role }) => role !== "system" && role !== "developer");
}

/** Why the trace failed, by the first of its outermost spans that did; null where none did, or none says why. */
export function failureOfTurn(spans: readonly Pick<SpanView, "spanId" | "parentSpanId" | "status">[]): string | null {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const failed = spans.find(({ parentSpanId, status }) => status.code === "error" && (parentSpanId === null || !ids.has(parentSpanId)));
  return failed === undefined || failed.status.message === "" ? null : failed.status.message;
}

function plainMessage(role: string, text: string | null): TraceMessage[] {
  return text === null ? [] : [{ role, parts: [{ type: "text", content: text }], finishReason: null }];
}
