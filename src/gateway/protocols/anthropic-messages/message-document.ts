import type { ChatAnswer, FinishReason, TokenUsage } from "../../conversation/chat-answer.ts";
import type { AssistantPart, ChatRequest } from "../../conversation/chat-request.ts";
import { countedRound } from "../../tokens/index.ts";
import type { AnswerFrame } from "../client-protocol.ts";
import { signatureContent } from "../openai-chat/chat-document.ts";
import { imageNote } from "../image-note.ts";
import { inputOf } from "./read-blocks.ts";

/** A `message`. */
export function messageDocument(answer: ChatAnswer, frame: AnswerFrame, request: ChatRequest): Record<string, unknown> {
  return {
    id: frame.id,
    type: "message",
    role: "assistant",
    model: frame.model,
    content: answer.parts.map(block),
    ...stopFields(answer.finish, answer.finishWord, answer.stopSequence),
    usage: messageUsage(countedRound(request, answer)),
  };
}

function block(part: AssistantPart): Record<string, unknown> {
  switch (part.type) {
    case "text":
    case "refusal":
      return { type: "text", text: part.text };
    case "image":
      return { type: "text", text: imageNote };
    case "thinking":
      return { type: "thinking", thinking: part.text, signature: part.signature ?? "" };
    case "redacted-thinking":
      return { type: "redacted_thinking", data: part.data };
    case "tool-call":
      return { type: "tool_use", id: part.id, name: part.name, input: inputOf(part.arguments), ...signatureContent(part.signature) };
  }
}

const stopReasons: Readonly<Record<FinishReason, string>> = { stop: "end_turn", length: "max_tokens", "tool-calls": "tool_use", "content-filter": "refusal" };

export function stopFields(finish: FinishReason, word: string | null, stopSequence: string | null): { stop_reason: string; stop_sequence: string | null } {
  // A paused turn goes on when it is sent back: its callers must know it from one that is over.
  const reason = finish !== "stop" ? stopReasons[finish] : stopSequence !== null ? "stop_sequence" : word === "pause_turn" ? word : stopReasons.stop;
  return { stop_reason: reason, stop_sequence: finish === "stop" ? stopSequence : null };
}

/**
 * Anthropic's `input_tokens` are those that no cache had part in. Its clients need both figures, and add them up: the usage has what nobody told by estimate, as the ledger has it, and says so. What is null all the same
 * is 0, as at the beginning of a stream the output is.
 */
export function messageUsage(usage: TokenUsage): Record<string, unknown> {
  return {
    input_tokens: Math.max(0, (usage.inputTokens ?? 0) - (usage.cacheReadTokens ?? 0) - (usage.cacheWriteTokens ?? 0)),
    output_tokens: usage.outputTokens ?? 0,
    ...(usage.cacheWriteTokens !== null && { cache_creation_input_tokens: usage.cacheWriteTokens }),
    ...(usage.cacheReadTokens !== null && { cache_read_input_tokens: usage.cacheReadTokens }),
    ...(usage.reasoningTokens !== null && { output_tokens_details: { thinking_tokens: usage.reasoningTokens } }),
    ...(usage.tokensEstimated === true && { estimated: true }),
  };
}
