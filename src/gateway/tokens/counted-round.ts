import type { ChatAnswer, TokenUsage } from "../conversation/chat-answer.ts";
import type { AssistantPart, ChatRequest } from "../conversation/chat-request.ts";
import { estimateChat } from "./chat-tokens.ts";
import { estimateTokens } from "./estimate-tokens.ts";

/** What one round used: as its provider told it, and what it did not tell counted here. The usage itself where it told both. */
export function countedRound(request: ChatRequest, { usage, parts }: Pick<ChatAnswer, "usage" | "parts">): TokenUsage {
  const { inputTokens, outputTokens } = usage;
  if (inputTokens !== null && outputTokens !== null) return usage;
  return { ...usage, inputTokens: inputTokens ?? estimateChat(request), outputTokens: outputTokens ?? estimateTokens(textsOf(parts)), tokensEstimated: true };
}

/** What a model wrote of an answer, as one text. */
export function textsOf(parts: readonly AssistantPart[]): string {
  return parts.map((part) => ("text" in part ? part.text : part.type === "tool-call" ? part.name + part.arguments : "")).join("\n");
}
