import type { AssistantPart, ChatMessage, ContentPart, MediaSource, TextPart } from "../../conversation/chat-request.ts";
import { parseExact } from "../../providers/tool-arguments.ts";
import { base64Source, cacheMark, documentPart, imagePart, urlSource } from "../media-source.ts";
import type { Mutable } from "../mutable.ts";
import type { Fields, RequestFields } from "../request-fields.ts";
import { isFields, shown } from "../request-fields.ts";
import { thoughtSignature } from "../openai-chat/read-chat-message.ts";

const messageFields = new Set(["role", "content"]);
const textFields = new Set(["type", "text", "cache_control"]);
const imageFields = new Set(["type", "source", "cache_control"]);
const documentFields = new Set(["type", "source", "title", "cache_control"]);
const resultFields = new Set(["type", "tool_use_id", "content", "is_error", "cache_control"]);
// Who called a tool is said of every call, and is the model itself where nothing else is asked for.
const callFields = new Set(["type", "id", "name", "input", "cache_control", "extra_content", "caller"]);

/** One message of `messages` as one or more of the canonical form: results of tools are messages of their own there. */
export function readMessage(fields: RequestFields, value: unknown, path: string): ChatMessage[] {
  const message = fields.record(value, path);
  fields.leaveRest(message, messageFields, path);
  const { role, content } = message;
  if (role === "system") return [{ role, parts: readTexts(fields, content, `${path}.content`) }];
  if (role !== "user" && role !== "assistant") {
    fields.problem(`${path}.role`, `must be user, assistant or system, but is ${shown(role)}`);
    return [];
  }
  if (typeof content === "string") return [{ role, parts: [{ type: "text", text: content }] }];
  const blocks = fields.list(content, `${path}.content`);
  if (role === "assistant") return [{ role, parts: blocks.map((block, index) => assistantPart(fields, fields.record(block, `${path}.content[${index}]`), `${path}.content[${index}]`)).filter((part) => part !== null) }];
  return userMessages(fields, blocks, `${path}.content`);
}

/** A text or blocks of text, as `system` has it. */
export function readTexts(fields: RequestFields, content: unknown, path: string): readonly TextPart[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return fields.list(content, path).map((value, index) => {
    const block = fields.record(value, `${path}[${index}]`);
    if (block.type !== "text") fields.problem(`${path}[${index}].type`, `must be text, but is ${shown(block.type)}`);
    return textPart(fields, block, `${path}[${index}]`);
  });
}

function userMessages(fields: RequestFields, blocks: readonly unknown[], path: string): ChatMessage[] {
  const messages: ChatMessage[] = [];
  let parts: ContentPart[] | null = null;
  blocks.forEach((value, index) => {
    const place = `${path}[${index}]`;
    const block = fields.record(value, place);
    if (block.type === "tool_result") {
      parts = null;
      messages.push(toolResult(fields, block, place));
      return;
    }
    const part = contentPart(fields, block, place);
    if (part === null) return;
    if (parts === null) messages.push({ role: "user", parts: (parts = []) });
    parts.push(part);
  });
  return messages;
}

/** A mark on the whole result belongs to its last part. */
function toolResult(fields: RequestFields, block: Fields, path: string): ChatMessage {
  fields.leaveRest(block, resultFields, path);
  const cache = cacheMark(fields, block, path);
  const { content } = block;
  const parts: Mutable<ContentPart>[] = [];
  if (typeof content === "string") parts.push({ type: "text", text: content });
  else {
    fields.optionalList(content, `${path}.content`).forEach((value, index) => {
      const part = contentPart(fields, fields.record(value, `${path}.content[${index}]`), `${path}.content[${index}]`);
      if (part !== null) parts.push(part);
    });
  }
  if (cache) {
    const last = parts.at(-1);
    if (last === undefined) parts.push({ type: "text", text: "", cache });
    else if (last.type !== "audio") last.cache ??= cache;
  }
  return { role: "tool", callId: fields.name(block.tool_use_id, `${path}.tool_use_id`), parts, isError: fields.flag(block.is_error, `${path}.is_error`) ?? false };
}

function textPart(fields: RequestFields, block: Fields, path: string): TextPart {
  fields.leaveRest(block, textFields, path);
  const cache = cacheMark(fields, block, path);
  return { type: "text", text: fields.text(block.text, `${path}.text`), ...(cache && { cache }) };
}

function contentPart(fields: RequestFields, block: Fields, path: string): ContentPart | null {
  switch (block.type) {
    case "text":
      return textPart(fields, block, path);
    case "image":
      fields.leaveRest(block, imageFields, path);
      return imagePart(fields, blockSource(fields, block, path), `${path}.source.media_type`, undefined, cacheMark(fields, block, path));
    case "document":
      fields.leaveRest(block, documentFields, path);
      return documentPart(fields, blockSource(fields, block, path), `${path}.source.media_type`, fields.optionalText(block.title, `${path}.title`), cacheMark(fields, block, path));
    default:
      return foreignBlock(fields, block, path);
  }
}

function blockSource(fields: RequestFields, block: Fields, path: string): MediaSource | null {
  const source = fields.record(block.source, `${path}.source`);
  switch (source.type) {
    case "base64":
      return base64Source(fields, source.media_type, source.data, `${path}.source`);
    case "text":
      return textSource(fields.text(source.data, `${path}.source.data`));
    case "content":
      return textSource(readTexts(fields, source.content, `${path}.source.content`).map(({ text }) => text).join("\n"));
    case "url":
      return urlSource(fields, source.url, `${path}.source.url`);
    case "file":
      return { kind: "file", id: fields.name(source.file_id, `${path}.source.file_id`) };
    default:
      fields.problem(`${path}.source.type`, `must be base64, text, content, url or file, but is ${shown(source.type)}`);
      return null;
  }
}

function textSource(text: string): MediaSource {
  return { kind: "data", mediaType: "text/plain", base64: Buffer.from(text).toString("base64") };
}

function assistantPart(fields: RequestFields, block: Fields, path: string): AssistantPart | null {
  switch (block.type) {
    case "text":
      return textPart(fields, block, path);
    case "thinking":
      return { type: "thinking", text: fields.text(block.thinking, `${path}.thinking`), signature: fields.optionalText(block.signature, `${path}.signature`) || null };
    case "redacted_thinking":
      return { type: "redacted-thinking", data: fields.text(block.data, `${path}.data`) };
    case "tool_use": {
      fields.leaveRest(block, callFields, path);
      const cache = cacheMark(fields, block, path);
      const signature = thoughtSignature(block.extra_content);
      return {
        type: "tool-call",
        id: fields.name(block.id, `${path}.id`),
        name: fields.name(block.name, `${path}.name`),
        arguments: argumentsOf(fields.document(block.input, `${path}.input`)),
        ...(signature !== undefined && { signature }),
        ...(cache && { cache }),
      };
    }
    default:
      return foreignBlock(fields, block, path);
  }
}

/** The field in which a text that is no object goes where the protocol wants an object, as Anthropic's documentation of tool streams has it. */
const malformed = "INVALID_JSON";

/** The text of a tool call's `input`. */
function argumentsOf(input: Fields): string {
  const text = input[malformed];
  if (typeof text === "string" && Object.keys(input).length === 1) return text;
  return JSON.stringify(input);
}

/** The `input` of a tool call's text, its numbers as they stand there: an empty one is no arguments, what is no object is wrapped. */
export function inputOf(text: string): Fields {
  if (text.trim() === "") return {};
  try {
    const value = parseExact(text);
    if (isFields(value)) return value;
  } catch {
    // Models do write what is not JSON: it goes to the caller as it is.
  }
  return { [malformed]: text };
}

/** Blocks of tools that Anthropic runs itself, search results and the like: their text stays to be counted and judged. */
function foreignBlock(fields: RequestFields, block: Fields, path: string): TextPart | null {
  if (typeof block.type !== "string") {
    fields.problem(`${path}.type`, `must be the type of a block, but is ${shown(block.type)}`);
    return null;
  }
  if (["tool_use", "tool_result", "thinking", "redacted_thinking"].includes(block.type)) fields.problem(`${path}.type`, `must not be ${block.type} here`);
  else fields.native(path, `blocks of type ${shown(block.type)} are not carried over`);
  return { type: "text", text: JSON.stringify(block) };
}
