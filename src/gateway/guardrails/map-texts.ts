import type { ChatAnswer } from "../conversation/chat-answer.ts";
import type { AssistantPart, ChatMessage, ChatRequest, ContentPart } from "../conversation/chat-request.ts";

/** What is done with texts and with what should be JSON. Returns the same string where nothing changes. */
export interface TextMapping {
  text(text: string): string;
  json(text: string): string;
  /** Texts beside the messages: definitions of tools, schemas, options. They stay as they are where this is not said. */
  beside?(text: string): string;
}

type Part = ContentPart | AssistantPart;

/** Documents that a model reads as they stand there. */
const textual = /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml|ya?ml)$|application\/(?:x-)?(?:ndjson|jsonl|javascript|typescript|python|sql|toml|csv|sh|rtf)$)/;

/** Every text of a request that a person or a tool may have written; the same object where none changed. Thinking goes back to its provider as it was, for it is signed. */
export function mapRequest(request: ChatRequest, mapping: TextMapping): ChatRequest {
  const messages = mapAll(request.messages, (message) => mapMessage(message, mapping));
  const user = request.user === null ? null : mapping.text(request.user);
  const beside = mapping.beside === undefined ? {} : changedBeside(request, mapping.beside);
  return messages === request.messages && user === request.user && Object.keys(beside).length === 0 ? request : { ...request, messages, user, ...beside };
}

/** What changes of definitions, schemas and options. Names of tools stay: the caller knows its tools by them. */
function changedBeside({ tools, output, sampling, extra }: ChatRequest, change: (text: string) => string): Partial<ChatRequest> {
  const changed = {
    tools: mapAll(tools, (tool) => withChanged(tool, { description: mapValue(tool.description, change), parameters: mapValue(tool.parameters, change) })),
    output: output.type === "schema" ? withChanged(output, { description: mapValue(output.description, change), schema: mapValue(output.schema, change) }) : output,
    sampling: withChanged(sampling, { stop: mapValue(sampling.stop, change) }),
    extra: withChanged(extra, Object.fromEntries(Object.entries(extra).map(([name, value]) => [name, mapValue(value, change)]))),
  };
  const before: Partial<ChatRequest> = { tools, output, sampling, extra };
  return Object.fromEntries(Object.entries(changed).filter(([name, value]) => value !== before[name as keyof ChatRequest]));
}

/** The same object where each of the fields has the value that it had. */
function withChanged<Whole extends object>(whole: Whole, fields: Partial<Whole>): Whole {
  const changed = Object.entries(fields).filter(([name, value]) => value !== whole[name as keyof Whole]);
  return changed.length === 0 ? whole : { ...whole, ...Object.fromEntries(changed) };
}

/** A value of JSON with each of its texts and names changed; the same where none is. */
function mapValue<Value>(value: Value, change: (text: string) => string): Value {
  if (typeof value === "string") return change(value) as Value;
  if (Array.isArray(value)) return mapAll(value as readonly unknown[], (item) => mapValue(item, change)) as Value;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const changed = entries.map(([name, member]) => [change(name), mapValue(member as unknown, change)] as const);
  return changed.some(([name, member], index) => name !== entries[index]![0] || member !== entries[index]![1]) ? (Object.fromEntries(changed) as Value) : value;
}

/** Every text of an answer; the same object where none changed. Thinking that changed loses its signature, which would not fit any more. */
export function mapAnswer(answer: ChatAnswer, mapping: TextMapping): ChatAnswer {
  const parts = mapAll(answer.parts, (part) => {
    if (part.type !== "thinking") return mapPart(part, mapping) as AssistantPart;
    const text = mapping.text(part.text);
    return text === part.text ? part : { ...part, text, signature: null };
  });
  return parts === answer.parts ? answer : { ...answer, parts };
}

function mapMessage(message: ChatMessage, mapping: TextMapping): ChatMessage {
  const parts = mapAll<Part>(message.parts, (part) => mapPart(part, mapping));
  const name = "name" in message && message.name !== undefined && mapping.beside !== undefined ? { name: mapping.beside(message.name) } : {};
  return parts === message.parts && (name.name === undefined || name.name === (message as { name?: string }).name) ? message : ({ ...message, parts, ...name } as ChatMessage);
}

function mapPart(part: Part, mapping: TextMapping): Part {
  switch (part.type) {
    case "text":
    case "refusal": {
      const text = mapping.text(part.text);
      return text === part.text ? part : { ...part, text };
    }
    case "tool-call": {
      const changed = mapping.json(part.arguments);
      return changed === part.arguments ? part : { ...part, arguments: changed };
    }
    case "document": {
      const { source, name } = part;
      const named = name === undefined || mapping.beside === undefined ? name : mapping.beside(name);
      const renamed = named === name || named === undefined ? part : { ...part, name: named };
      if (source.kind !== "data" || !textual.test(source.mediaType)) return renamed;
      const before = Buffer.from(source.base64, "base64").toString();
      const after = mapping.text(before);
      return after === before ? renamed : { ...renamed, source: { ...source, base64: Buffer.from(after).toString("base64") } };
    }
    default:
      return part;
  }
}

function mapAll<Item>(items: readonly Item[], change: (item: Item) => Item): readonly Item[] {
  const changed = items.map(change);
  return changed.some((item, index) => item !== items[index]) ? changed : items;
}

const strings = /"(?:[^"\\]|\\.)*"/gs;

/** JSON and, behind it, its strings without their escapes, so that nobody hides a word in \u0061; other text as it is. Strings of a field that stands there twice are among them. */
export function plainOf(json: string): string {
  if (!json.includes("\\")) return json;
  let plain = json;
  for (const { 0: text } of json.matchAll(strings)) {
    if (!text.includes("\\")) continue;
    try {
      plain += `\n${JSON.parse(text) as string}`;
    } catch {
      // No string of JSON: what it is to a model is what stands there.
    }
  }
  return plain;
}
