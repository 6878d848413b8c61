import type { ChatAnswer } from "../conversation/chat-answer.ts";
import type { AssistantPart, ChatMessage, ChatRequest, ContentPart } from "../conversation/chat-request.ts";

/** What is done with texts and with what should be JSON. Returns the same string where nothing changes. */
export interface TextMapping {
  text(text: string): string;
  json(text: string): string;
}

type Part = ContentPart | AssistantPart;

/** Every text of a request that a person or a tool may have written; the same object where none changed. Thinking goes back to its provider as it was, for it is signed. */
export function mapRequest(request: ChatRequest, mapping: TextMapping): ChatRequest {
  const messages = mapAll(request.messages, (message) => mapMessage(message, mapping));
  const user = request.user === null ? null : mapping.text(request.user);
  return messages === request.messages && user === request.user ? request : { ...request, messages, user };
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
  return parts === message.parts ? message : ({ ...message, parts } as ChatMessage);
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
      const { source } = part;
      if (source.kind !== "data" || !source.mediaType.startsWith("text/")) return part;
      const before = Buffer.from(source.base64, "base64").toString();
      const after = mapping.text(before);
      return after === before ? part : { ...part, source: { ...source, base64: Buffer.from(after).toString("base64") } };
    }
    default:
      return part;
  }
}

function mapAll<Item>(items: readonly Item[], change: (item: Item) => Item): readonly Item[] {
  const changed = items.map(change);
  return changed.some((item, index) => item !== items[index]) ? changed : items;
}

/** JSON without its escapes, so that nobody hides a word in \u0061; other text as it is. */
export function plainOf(json: string): string {
  if (!json.includes("\\")) return json;
  try {
    const strings: string[] = [];
    JSON.parse(json, (key, value: unknown) => {
      strings.push(key, typeof value === "object" ? "" : String(value));
      return value;
    });
    return `${json}\n${strings.join("\n")}`;
  } catch {
    return json;
  }
}
