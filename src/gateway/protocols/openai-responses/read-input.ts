import type { AssistantPart, ChatMessage, ContentPart, MadeImagePart, RedactedThinkingPart, TextPart, ThinkingPart } from "../../conversation/chat-request.ts";
import { audioPart, cacheMark, documentPart, fileSource, imagePart, urlSource } from "../media-source.ts";
import { thoughtSignature } from "../openai-chat/read-chat-message.ts";
import type { Fields, RequestFields } from "../request-fields.ts";
import { shown } from "../request-fields.ts";
import { isImageMadeHere, openThinking } from "./sealed-thinking.ts";

/** Ids and states are of answers that were given; they do not go to a provider. */
const messageFields = new Set(["type", "role", "content", "id", "status"]);
const callFields = new Set(["type", "id", "call_id", "name", "arguments", "status", "extra_content", "caller"]);
const resultFields = new Set(["type", "id", "call_id", "output", "status", "caller"]);

/** What clients do instead where no server keeps answers; SDKs and agents have a setting `store: false` for it. */
export const wholeInput = "send the whole conversation as input: what was asked, and the items of each answer's output as they came";

/** Reads the items of `input`. What the assistant thought, said and called are items of their own there, and one message in the canonical form. */
export class InputReader {
  readonly messages: ChatMessage[] = [];
  readonly #fields: RequestFields;
  /** Parts of the assistant's message that is last in `messages`. */
  #turn: AssistantPart[] | null = null;

  constructor(fields: RequestFields) {
    this.#fields = fields;
  }

  read(value: unknown, path: string): void {
    const fields = this.#fields;
    const item = fields.record(value, path);
    switch (item.type) {
      case undefined:
      case null:
      case "message":
        this.#readMessage(item, path);
        return;
      case "reasoning":
        this.#assistant(readReasoning(fields, item, path));
        return;
      case "function_call": {
        fields.leaveRest(item, callFields, path);
        const signature = thoughtSignature(item.extra_content);
        const [id, name] = [fields.name(item.call_id, `${path}.call_id`), fields.name(item.name, `${path}.name`)];
        this.#assistant([{ type: "tool-call", id, name, arguments: fields.text(item.arguments, `${path}.arguments`), ...(signature !== undefined && { signature }) }]);
        return;
      }
      case "function_call_output": {
        fields.leaveRest(item, resultFields, path);
        const parts = contentParts(fields, item.output, `${path}.output`);
        this.#other({ role: "tool", callId: fields.name(item.call_id, `${path}.call_id`), parts, isError: false });
        return;
      }
      case "image_generation_call":
        if (!isImageMadeHere(item)) return this.#foreign(item, path);
        this.#assistant([madeImage(item)]);
        return;
      default:
        this.#foreign(item, path);
    }
  }

  #foreign(item: Fields, path: string): void {
    const fields = this.#fields;
    if (typeof item.type !== "string") fields.problem(`${path}.type`, `must be the type of an item, but is ${shown(item.type)}`);
    else if (item.type === "item_reference") fields.native(path, `names an item that another server keeps; send store: false, and ${wholeInput}`);
    else fields.native(path, `items of type ${shown(item.type)} are not carried over`);
    // To be counted and judged.
    this.#other({ role: "user", parts: [{ type: "text", text: JSON.stringify(item) }] });
  }

  #readMessage(item: Fields, path: string): void {
    const fields = this.#fields;
    fields.leaveRest(item, messageFields, path);
    const { role } = item;
    if (role === "assistant") {
      this.#assistant(assistantParts(fields, item.content, `${path}.content`));
      return;
    }
    const parts = contentParts(fields, item.content, `${path}.content`);
    if (role === "user") this.#other({ role, parts });
    else if (role === "system" || role === "developer") {
      const texts = parts.filter((part): part is TextPart => part.type === "text");
      if (texts.length < parts.length) fields.problem(`${path}.content`, `must be text in a message of role ${role}`);
      this.#other({ role: "system", parts: texts });
    } else fields.problem(`${path}.role`, `must be user, assistant, system or developer, but is ${shown(role)}`);
  }

  #assistant(parts: readonly AssistantPart[]): void {
    if (this.#turn === null) this.messages.push({ role: "assistant", parts: (this.#turn = []) });
    this.#turn.push(...parts);
  }

  #other(message: ChatMessage): void {
    this.#turn = null;
    this.messages.push(message);
  }
}

/** Beginnings of images in base64. */
const imageHeads: readonly (readonly [head: string, mediaType: string])[] = [["/9j/", "image/jpeg"], ["UklGR", "image/webp"], ["R0lGOD", "image/gif"]];

/** Of an answer that was written here: its item has no media type. */
function madeImage({ result, extra_content: extra }: Fields): MadeImagePart {
  const base64 = result as string;
  const signature = thoughtSignature(extra);
  return { type: "image", source: { kind: "data", mediaType: imageHeads.find(([head]) => base64.startsWith(head))?.[1] ?? "image/png", base64 }, ...(signature !== undefined && { signature }) };
}

function contentParts(fields: RequestFields, content: unknown, path: string): readonly ContentPart[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  const parts: ContentPart[] = [];
  fields.list(content, path).forEach((value, index) => {
    const part = contentPart(fields, fields.record(value, `${path}[${index}]`), `${path}[${index}]`);
    if (part !== null) parts.push(part);
  });
  return parts;
}

function contentPart(fields: RequestFields, part: Fields, path: string): ContentPart | null {
  const cache = cacheMark(fields, part, path);
  switch (part.type) {
    case "input_text":
    case "output_text":
    case "text":
      // Clients give back parts of answers under other roles too.
      return { type: "text", text: fields.text(part.text, `${path}.text`), ...(cache && { cache }) };
    case "input_image": {
      const id = fields.optionalText(part.file_id, `${path}.file_id`);
      const source = id === undefined ? urlSource(fields, part.image_url, `${path}.image_url`) : ({ kind: "file", id } as const);
      return imagePart(fields, source, `${path}.image_url`, fields.optionalText(part.detail, `${path}.detail`), cache);
    }
    case "input_file":
      return documentPart(fields, fileSource(fields, part, path), `${path}.file_data`, fields.optionalText(part.filename, `${path}.filename`), cache);
    case "input_audio":
      return audioPart(fields, part.input_audio, `${path}.input_audio`);
    default:
      fields.problem(`${path}.type`, `must be input_text, input_image, input_file or input_audio, but is ${shown(part.type)}`);
      return null;
  }
}

function assistantParts(fields: RequestFields, content: unknown, path: string): readonly AssistantPart[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return fields.list(content, path).map((value, index): AssistantPart => {
    const part = fields.record(value, `${path}[${index}]`);
    if (part.type === "refusal") return { type: "refusal", text: fields.text(part.refusal, `${path}[${index}].refusal`) };
    if (part.type !== "output_text" && part.type !== "input_text" && part.type !== "text") fields.problem(`${path}[${index}].type`, `must be output_text or refusal, but is ${shown(part.type)}`);
    return { type: "text", text: fields.text(part.text, `${path}[${index}].text`) };
  });
}

/** Text from `content` or `summary`; what was sealed here is opened again, what another server encrypted cannot be carried over. */
function readReasoning(fields: RequestFields, item: Fields, path: string): readonly (ThinkingPart | RedactedThinkingPart)[] {
  const list = Array.isArray(item.content) && item.content.length > 0 ? "content" : "summary";
  const texts = fields.optionalList(item[list], `${path}.${list}`).map((value, index) => fields.text(fields.record(value, `${path}.${list}[${index}]`).text, `${path}.${list}[${index}].text`));
  const text = texts.join("\n\n");
  const encrypted = fields.optionalText(item.encrypted_content, `${path}.encrypted_content`);
  const sealed = encrypted === undefined ? null : openThinking(encrypted);
  if (encrypted !== undefined && sealed === null) fields.leave(`${path}.encrypted_content`);
  if (sealed?.kind === "redacted") return [{ type: "redacted-thinking", data: sealed.value }];
  return text === "" && sealed === null ? [] : [{ type: "thinking", text, signature: sealed?.value ?? null }];
}
