import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import type { AssistantPart, MadeImagePart, RedactedThinkingPart, ThinkingPart } from "../../conversation/chat-request.ts";
import type { AnswerFrame } from "../client-protocol.ts";
import { openAiFinishReasons, openAiUsage } from "../openai-usage.ts";

/** A `chat.completion`. */
export function chatDocument(answer: ChatAnswer, frame: AnswerFrame): Record<string, unknown> {
  const usage = openAiUsage(answer.usage);
  return {
    id: frame.id,
    object: "chat.completion",
    created: frame.created,
    model: frame.model,
    choices: [{ index: 0, message: assistantMessage(answer.parts), logprobs: null, finish_reason: openAiFinishReasons[answer.finish] }],
    ...(usage && { usage }),
  };
}

function assistantMessage(parts: readonly AssistantPart[]): Record<string, unknown> {
  let [text, refusal, reasoning] = ["", "", ""];
  const thinking: Record<string, unknown>[] = [];
  const calls: Record<string, unknown>[] = [];
  const images: Record<string, unknown>[] = [];
  for (const part of parts) {
    if (part.type === "text") text += part.text;
    else if (part.type === "image") images.push(...imageDocument(part, images.length));
    else if (part.type === "refusal") refusal += part.text;
    else if (part.type === "tool-call") calls.push(functionCall(part));
    else {
      if (part.type === "thinking") reasoning += part.text;
      thinking.push(thinkingDocument(part));
    }
  }
  return {
    role: "assistant",
    // Null says that there is something else in its place.
    content: text === "" && (calls.length > 0 || refusal !== "") ? null : text,
    refusal: refusal === "" ? null : refusal,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    // Only what cannot be given back as bare text: a provider wants its signatures again, unchanged.
    ...(thinking.some((block) => "signature" in block || "data" in block) && { thinking_blocks: thinking }),
    ...(images.length > 0 && { images }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

/** As OpenRouter and LiteLLM give it. */
export function imageDocument({ source, signature }: MadeImagePart, index: number): Record<string, unknown>[] {
  return source.kind === "data" ? [{ type: "image_url", image_url: { url: `data:${source.mediaType};base64,${source.base64}` }, index, ...signatureContent(signature) }] : [];
}

/** As LiteLLM's clients know it and `readThinking` takes it back. */
export function thinkingDocument(part: ThinkingPart | RedactedThinkingPart): Record<string, unknown> {
  if (part.type === "redacted-thinking") return { type: "redacted_thinking", data: part.data };
  return { type: "thinking", thinking: part.text, ...(part.signature !== null && { signature: part.signature }) };
}

function functionCall(part: Extract<AssistantPart, { type: "tool-call" }>): Record<string, unknown> {
  return { id: part.id, type: "function", function: { name: part.name, arguments: part.arguments }, ...signatureContent(part.signature) };
}

export function signatureContent(signature: string | undefined): { extra_content?: unknown } {
  return signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } };
}
