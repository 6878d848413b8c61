import { readHttpFailure } from "../http-failure.ts";
import type { ProviderMapping } from "../provider-mapping.ts";
import { reasoningEffort, type OpenAIDialect } from "./openai-dialect.ts";
import { openAIEmbeddings } from "./openai-embeddings.ts";
import { bearer, modelIds, openAIChat } from "./openai-mapping.ts";
import { takesItems } from "./takes-items.ts";
import { withoutThinking } from "./without-thinking.ts";

/** OpenAI itself: all other dialects say how they differ. */
export const openAIDialect: OpenAIDialect = {
  name: "OpenAI",
  path: () => "/chat/completions",
  // `max_tokens` is deprecated and refused by reasoning models; every chat model takes the newer name.
  maxTokens: () => "max_completion_tokens",
  seed: "seed", toolRequired: "required", toolSchema: (schema) => schema, parallelToolCalls: true, asksForUsage: true, user: true, topK: false, cacheMarks: false, imageUrls: true, anyImageType: false, documents: "file", audio: "object",
  imagesInToolResults: false, thinking: "dropped", parsesArguments: false, toolCallId: (id) => id, namesAndRefusals: true, prefixMark: false, reasoning: reasoningEffort, extra: "all", lenient: false,
};

export const openai: ProviderMapping = {
  native: {
    "openai-chat": { path: () => "/chat/completions", without: (source) => withoutThinking(source) },
    "openai-completions": { path: () => "/completions" },
    "openai-responses": { path: () => "/responses", takes: takesItems },
    "openai-embeddings": { path: () => "/embeddings" },
  },
  chat: openAIChat(openAIDialect),
  embeddings: openAIEmbeddings({ name: "OpenAI", path: () => "/embeddings", dimensions: "dimensions", tokens: true, user: true, extra: "all" }),
  authorize: bearer,
  failure: readHttpFailure,
  models: { path: "/models", read: modelIds },
};
