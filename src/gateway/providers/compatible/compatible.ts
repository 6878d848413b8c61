import { readHttpFailure } from "../http-failure.ts";
import { openAIDialect } from "../openai/openai.ts";
import type { OpenAIDialect } from "../openai/openai-dialect.ts";
import { openAIEmbeddings } from "../openai/openai-embeddings.ts";
import { bearer, modelIds, openAIChat } from "../openai/openai-mapping.ts";
import type { ProviderMapping } from "../provider-mapping.ts";
import { compatibleRerank } from "./rerank.ts";

/** Servers that speak OpenAI's protocol more or less: everything that they may know is passed, and answers are taken with gaps. */
const compatibleDialect: OpenAIDialect = {
  ...openAIDialect, name: "The provider", maxTokens: () => "max_tokens", topK: true, cacheMarks: true, anyImageType: true, thinking: "reasoning_content", parsesArguments: true, lenient: true,
};

export const compatible: ProviderMapping = {
  native: {
    "openai-chat": { path: () => "/chat/completions" },
    "openai-completions": { path: () => "/completions" },
    "openai-responses": { path: () => "/responses" },
    "openai-embeddings": { path: () => "/embeddings" },
    rerank: { path: () => "/rerank" },
  },
  chat: openAIChat(compatibleDialect),
  embeddings: openAIEmbeddings({ name: "The provider", path: () => "/embeddings", dimensions: "dimensions", tokens: true, user: true, extra: "all" }),
  rerank: compatibleRerank,
  authorize: bearer,
  failure: readHttpFailure,
  models: { path: "/models", read: modelIds },
};
