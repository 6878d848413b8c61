import type { AssistantPart, ChatMessage, ContentPart, TextPart } from "../../conversation/chat-request.ts";
import type { Mutable } from "../mutable.ts";
import { audioPart, cacheMark, documentPart, fileSource, imagePart, urlSource } from "../media-source.ts";
import type { Fields, RequestFields } from "../request-fields.ts";
import { isFields, shown } from "../request-fields.ts";
import { readThinking } from "./read-thinking.ts";

const messageFields = new Set([
  "role", "content", "name", "refusal", "tool_calls", "tool_call_id", "function_call", "cache_control", "reasoning_content", "reasoning", "thinking_blocks", "reasoning_details", "images",
]);
const partFields = new Set(["type", "text", "refusal", "image_url", "input_audio", "file", "cache_control", "prompt_cache_breakpoint"]);
const callFields = new Set(["id", "type", "index", "function", "extra_content", "provider_specific_fields", "cache_control"]);

/** One message of `messages` as one of the canonical form; null where its role is not known. */
export function readChatMessage(fields: RequestFields, value: unknown, path: string): ChatMessage | null {
  const message = fields.record(value, path);
  fields.leaveRest(message, messageFields, path);
  const named = message.name === undefined || message.name === null ? {} : { name: fields.text(message.name, `${path}.name`) };
  switch (message.role) {
    case "system":
    case "developer":
      return { role: "system", parts: textParts(fields, message, path), ...named };
    case "user":
      return { role: "user", parts: contentParts(fields, message, path), ...named };
    case "assistant":
      return { role: "assistant", parts: assistantParts(fields, message, path), ...named };
    case "tool":
      return { role: "tool", callId: fields.name(message.tool_call_id, `${path}.tool_call_id`), parts: contentParts(fields, message, path), isError: false };
    case "function":
      fields.native(path, "messages of role function are not carried over; answer with role tool and a tool_call_id");
      return { role: "tool", callId: fields.text(message.name, `${path}.name`), parts: contentParts(fields, message, path), isError: false };
    default:
      fields.problem(`${path}.role`, `must be system, developer, user, assistant or tool, but is ${shown(message.role)}`);
      return null;
  }
}

function textParts(fields: RequestFields, message: Fields, path: string): readonly TextPart[] {
  const parts = contentParts(fields, message, path);
  parts.forEach((part, index) => {
    if (part.type !== "text") fields.problem(`${path}.content[${index}]`, `must be a text in a message of role ${String(message.role)}`);
  });
  return parts as TextPart[];
}

/** `content` of any role but the assistant's. A mark on the whole message belongs to its last part. */
function contentParts(fields: RequestFields, message: Fields, path: string): readonly ContentPart[] {
  const { content } = message;
  const mark = cacheMark(fields, message, path);
  if (typeof content === "string") return [{ type: "text", text: content, ...(mark && { cache: mark }) }];
  if (content === null && message.role === "function") return [];
  const parts: Mutable<ContentPart>[] = [];
  fields.list(content, `${path}.content`).forEach((part, index) => {
    const read = contentPart(fields, fields.record(part, `${path}.content[${index}]`), `${path}.content[${index}]`);
    if (read !== null) parts.push(read);
  });
  const last = parts.at(-1);
  if (mark && last && last.type !== "audio") last.cache ??= mark;
  return parts;
}

function contentPart(fields: RequestFields, part: Fields, path: string): ContentPart | null {
  fields.leaveRest(part, partFields, path);
  const cache = cacheMark(fields, part, path);
  switch (part.type) {
    case "text":
      return { type: "text", text: fields.text(part.text, `${path}.text`), ...(cache && { cache }) };
    case "image_url": {
      // Some write the address without the object around it.
      const image = typeof part.image_url === "string" ? { url: part.image_url } : fields.record(part.image_url, `${path}.image_url`);
      const detail = fields.optionalText(image.detail, `${path}.image_url.detail`);
      return imagePart(fields, urlSource(fields, image.url, `${path}.image_url.url`), `${path}.image_url.url`, detail, cache);
    }
    case "input_audio":
      return audioPart(fields, part.input_audio, `${path}.input_audio`);
    case "file": {
      const file = fields.record(part.file, `${path}.file`);
      return documentPart(fields, fileSource(fields, file, `${path}.file`), `${path}.file.file_data`, fields.optionalText(file.filename, `${path}.file.filename`), cache);
    }
    default:
      fields.problem(`${path}.type`, `must be text, image_url, input_audio or file, but is ${shown(part.type)}`);
      return null;
  }
}

/** In the order of a turn: what was thought, what was said, what was called. */
function assistantParts(fields: RequestFields, message: Fields, path: string): readonly AssistantPart[] {
  const parts: Mutable<AssistantPart>[] = readThinking(fields, message, path);
  const { content } = message;
  const mark = cacheMark(fields, message, path);
  if (typeof content === "string") {
    if (content !== "") parts.push({ type: "text", text: content });
  } else {
    fields.optionalList(content, `${path}.content`).forEach((value, index) => {
      const part = fields.record(value, `${path}.content[${index}]`);
      const cache = cacheMark(fields, part, `${path}.content[${index}]`);
      if (part.type === "text") parts.push({ type: "text", text: fields.text(part.text, `${path}.content[${index}].text`), ...(cache && { cache }) });
      else if (part.type === "refusal") parts.push({ type: "refusal", text: fields.text(part.refusal, `${path}.content[${index}].refusal`) });
      // What Mistral and LiteLLM put among the content, LangChain gives back.
      else if (part.type === "thinking" || part.type === "redacted_thinking") parts.push(...readThinking(fields, { thinking_blocks: [part] }, `${path}.content[${index}]`));
      else fields.problem(`${path}.content[${index}].type`, `must be text or refusal in a message of role assistant, but is ${shown(part.type)}`);
    });
  }
  fields.optionalList(message.images, `${path}.images`).forEach((value, index) => {
    const at = `${path}.images[${index}]`;
    const image = fields.record(value, at);
    const source = urlSource(fields, fields.record(image.image_url, `${at}.image_url`).url, `${at}.image_url.url`);
    const signature = thoughtSignature(image.extra_content);
    if (imagePart(fields, source, `${at}.image_url.url`, undefined, undefined)?.type === "image") parts.push({ type: "image", source: source!, ...(signature !== undefined && { signature }) });
  });
  if (typeof message.refusal === "string" && message.refusal !== "") parts.push({ type: "refusal", text: message.refusal });
  fields.optionalList(message.tool_calls, `${path}.tool_calls`).forEach((value, index) => {
    parts.push(toolCall(fields, fields.record(value, `${path}.tool_calls[${index}]`), `${path}.tool_calls[${index}]`));
  });
  if (isFields(message.function_call)) {
    fields.native(`${path}.function_call`, "calls of the older kind are not carried over; use tool_calls");
    const name = fields.name(message.function_call.name, `${path}.function_call.name`);
    parts.push({ type: "tool-call", id: name, name, arguments: fields.text(message.function_call.arguments, `${path}.function_call.arguments`) });
  }
  const last = parts.at(-1);
  if (mark && (last?.type === "text" || last?.type === "tool-call")) last.cache ??= mark;
  return parts;
}

function toolCall(fields: RequestFields, call: Fields, path: string): Mutable<Extract<AssistantPart, { type: "tool-call" }>> {
  const id = fields.name(call.id, `${path}.id`);
  if (call.type === "custom") {
    const custom = fields.record(call.custom, `${path}.custom`);
    fields.native(path, "calls of custom tools are not carried over");
    return { type: "tool-call", id, name: fields.name(custom.name, `${path}.custom.name`), arguments: fields.text(custom.input, `${path}.custom.input`) };
  }
  fields.leaveRest(call, callFields, path);
  if (call.type !== undefined && call.type !== "function") fields.problem(`${path}.type`, `must be function, but is ${shown(call.type)}`);
  const { name, arguments: text, provider_specific_fields: specific } = fields.record(call.function, `${path}.function`);
  const cache = cacheMark(fields, call, path);
  const signature = thoughtSignature(call.extra_content) ?? thoughtSignature({ google: call.provider_specific_fields }) ?? thoughtSignature({ google: specific });
  return {
    type: "tool-call",
    id,
    name: fields.name(name, `${path}.function.name`),
    // Some give the object that the text would say, or nothing for no arguments.
    arguments: text === undefined || text === null ? "" : isFields(text) ? JSON.stringify(text) : fields.text(text, `${path}.function.arguments`),
    ...(signature !== undefined && { signature }),
    ...(cache && { cache }),
  };
}

/** `{ google: { thought_signature } }`, where Google's own server for OpenAI's protocol puts it. */
export function thoughtSignature(extraContent: unknown): string | undefined {
  const google = isFields(extraContent) ? extraContent.google : undefined;
  return isFields(google) && typeof google.thought_signature === "string" ? google.thought_signature : undefined;
}
