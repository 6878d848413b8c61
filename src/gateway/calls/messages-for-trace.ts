import type { ChatAnswer } from "../conversation/chat-answer.ts";
import type { AnswerFacts } from "./call-spans.ts";
import type { AssistantPart, ChatMessage, ChatRequest, ContentPart } from "../conversation/chat-request.ts";

/** Texts of one message beyond this are cut in traces; images and files are named and left out. */
const longestText = 20_000;

/** `gen_ai.input.messages` of the GenAI conventions, as JSON. What is returned here is asked when the call is long over, and holds nothing of the call but the messages: a closure of the call itself would hold all that it worked with. */
export function inputMessages({ messages }: ChatRequest): () => string {
  return () => JSON.stringify(messages.map((message) => ({ role: message.role, parts: partsOf(message) })));
}

/** The same of the first texts of a call that is no chat. */
export function inputTexts(texts: readonly string[]): () => string {
  return () => JSON.stringify([{ role: "user", parts: texts.slice(0, 20).map((content) => ({ type: "text", content: content.slice(0, 2000) })) }]);
}

/** `gen_ai.output.messages`. `cut`: the answer broke off, or its caller left, before the model was done; the conventions have a word for the first alone. */
export function outputMessages({ parts, finish }: Pick<ChatAnswer, "parts" | "finish">, cut: "failed" | "cancelled" | null = null): () => string {
  const reason = cut === null ? finish : cut === "failed" ? "error" : undefined;
  return () => JSON.stringify([{ role: "assistant", parts: parts.map(partOf), finish_reason: reason }]);
}

/** What the provider said of it; of a stream that was cut, not why it ended. */
export function answerFacts({ id, finish, finishWord, others = [] }: Pick<ChatAnswer, "id" | "finish" | "finishWord" | "others">, isFinished = true): AnswerFacts {
  return { id, finishReasons: isFinished ? [finishWord ?? finish, ...others.map((other) => other.finish)] : [] };
}

function partsOf(message: ChatMessage): unknown[] {
  if (message.role !== "tool") return message.parts.map(partOf);
  return [{ type: "tool_call_response", id: message.callId, result: message.parts.map((part) => (part.type === "text" ? cut(part.text) : `[${part.type}]`)).join("\n") }];
}

function partOf(part: ContentPart | AssistantPart): unknown {
  switch (part.type) {
    case "text":
    case "refusal":
      return { type: "text", content: cut(part.text) };
    case "thinking":
      return { type: "reasoning", content: cut(part.text) };
    case "tool-call":
      return { type: "tool_call", id: part.id, name: part.name, arguments: cut(part.arguments) };
    case "image":
    case "document":
      return { type: "blob", modality: part.type, mime_type: part.source.kind === "data" ? part.source.mediaType : undefined };
    case "audio":
      return { type: "blob", modality: "audio", mime_type: part.mediaType };
    case "redacted-thinking":
      return { type: "reasoning", content: "[redacted]" };
  }
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}
