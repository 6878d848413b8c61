import { anthropicMessages } from "./anthropic-messages/anthropic-messages.ts";
import type { ChatProtocol } from "./client-protocol.ts";
import { openAiChat } from "./openai-chat/openai-chat.ts";
import { openAiCompletions } from "./openai-completions/openai-completions.ts";
import { openAiResponses } from "./openai-responses/openai-responses.ts";

/** By name of protocol. */
export const chatProtocols: Readonly<Record<"openai-chat" | "openai-completions" | "openai-responses" | "anthropic-messages", ChatProtocol>> = {
  "openai-chat": withSource(openAiChat),
  "openai-completions": withSource(openAiCompletions),
  "openai-responses": withSource(openAiResponses),
  "anthropic-messages": withSource(anthropicMessages),
};

/** The request keeps the body that it was read from. */
function withSource(protocol: ChatProtocol): ChatProtocol {
  return { ...protocol, parse: (body, bytes) => ({ ...protocol.parse(body, bytes), source: body }) };
}

export { cohereError } from "./cohere-error.ts";
export { countTokensDocument } from "./anthropic-messages/anthropic-messages.ts";
export { embeddingsDocument, parseEmbeddings } from "./embeddings.ts";
export { modelDocument, modelsDocument, speaksAnthropic, type ListedModel, type ModelDocument } from "./list-models.ts";
export { editNativeBody } from "./native-body.ts";
export { parseRerank, rerankDocument } from "./rerank.ts";
export { UsageChunkFilter } from "./stream-filter.ts";
