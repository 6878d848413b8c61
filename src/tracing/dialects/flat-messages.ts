import { parsedValue } from "../parsed-value.ts";
import type { Attributes } from "../span.ts";
import type { ChatMessage } from "./chat-messages.ts";
import type { FlatMessages } from "./dialect.ts";

const mostMessages = 10_000;

/** Messages out of attributes such as `gen_ai.prompt.0.content` or `llm.input_messages.0.message.contents.1.message_content.text`, in the order of their numbers. */
export function flatMessagesOf({ prefix, infix }: FlatMessages, keys: readonly string[], attributes: Attributes): ChatMessage[] {
  const fields = new Map<number, Map<string, unknown>>();
  for (const key of keys) {
    const dot = key.indexOf(".", prefix.length);
    const number = Number(key.slice(prefix.length, dot));
    if (dot < 0 || !Number.isInteger(number) || number < 0 || number > mostMessages) continue;
    const rest = key.slice(dot + 1);
    const field = infix !== "" && rest.startsWith(infix) ? rest.slice(infix.length) : rest;
    const own = fields.get(number) ?? new Map<string, unknown>();
    fields.set(number, own.set(field, attributes[key]));
  }
  return [...fields].sort(([left], [right]) => left - right).map(([, own]) => messageOf(own));
}

function messageOf(fields: ReadonlyMap<string, unknown>): ChatMessage {
  const role = String(fields.get("role") ?? "user");
  const content = fields.get("content");
  const toolCallId = fields.get("tool_call_id");
  const parts: Record<string, unknown>[] = [];
  if (role === "tool" && toolCallId !== undefined) parts.push({ type: "tool_call_response", id: toolCallId, response: content ?? null });
  else if (typeof content === "string" && content !== "") parts.push({ type: "text", content });
  for (const own of numbered(fields, "contents.")) {
    const text = own.get("message_content.text");
    const image = own.get("message_content.image.image.url");
    if (text !== undefined) parts.push({ type: "text", content: text });
    else if (image !== undefined) parts.push({ type: "uri", modality: "image", uri: image });
  }
  for (const own of numbered(fields, "tool_calls.")) {
    const name = own.get("name") ?? own.get("tool_call.function.name") ?? "";
    const given = own.get("arguments") ?? own.get("tool_call.function.arguments");
    parts.push({ type: "tool_call", id: own.get("id") ?? own.get("tool_call.id") ?? null, name, arguments: parsed(given) });
  }
  const finish = fields.get("finish_reason");
  return { role, parts, ...(typeof finish === "string" ? { finish_reason: finish } : {}) };
}

function numbered(fields: ReadonlyMap<string, unknown>, prefix: string): ReadonlyMap<string, unknown>[] {
  const groups = new Map<number, Map<string, unknown>>();
  for (const [key, value] of fields) {
    if (!key.startsWith(prefix)) continue;
    const dot = key.indexOf(".", prefix.length);
    if (dot < 0) continue;
    const number = Number(key.slice(prefix.length, dot));
    groups.set(number, (groups.get(number) ?? new Map<string, unknown>()).set(key.slice(dot + 1), value));
  }
  return [...groups].sort(([left], [right]) => left - right).map(([, own]) => own);
}

function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value ?? {};
  const read = parsedValue(value);
  return read === undefined ? value : read;
}
