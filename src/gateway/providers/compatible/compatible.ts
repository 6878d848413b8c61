import { readHttpFailure } from "../http-failure.ts";
import { openAIDialect } from "../openai/openai.ts";
import type { OpenAIDialect } from "../openai/openai-dialect.ts";
import { openAIEmbeddings } from "../openai/openai-embeddings.ts";
import { bearer, modelIds, openAIChat } from "../openai/openai-mapping.ts";
import { writeOpenAIRequest } from "../openai/openai-request.ts";
import { withoutThinking } from "../openai/without-thinking.ts";
import type { MappingTarget, ProviderMapping } from "../provider-mapping.ts";
import { compatibleRerank } from "./rerank.ts";

/**
 * Of those that refuse what the model thought in `reasoning_content`, how they call it, and what else of others they know: what is not known, they answer with 400. All other servers take it or pass over it, and some
 * models want it back (DeepSeek's, where it called a tool).
 */
const strictHosts: readonly (readonly [host: string, kept: ReadonlySet<string>])[] = [
  ["api.groq.com", new Set(["reasoning"])], ["api.cerebras.ai", new Set(["reasoning"])], ["api.openai.com", new Set()], ["openai.azure.com", new Set()],
  ["generativelanguage.googleapis.com", new Set(["extra_content"])], ["aiplatform.googleapis.com", new Set(["extra_content"])],
];

function keptThinking({ settings: { baseUrl } }: MappingTarget): ReadonlySet<string> | null {
  const host = baseUrl === undefined ? undefined : URL.parse(baseUrl)?.hostname;
  // Of Vertex the region stands before, with a dash.
  return host === undefined ? null : (strictHosts.find(([end]) => host === end || host.endsWith(`.${end}`) || (end.startsWith("aiplatform.") && host.endsWith(`-${end}`)))?.[1] ?? null);
}

/** Servers that speak OpenAI's protocol more or less: everything that they may know is passed, and answers are taken with gaps. */
const compatibleDialect: OpenAIDialect = {
  ...openAIDialect, name: "The provider", maxTokens: () => "max_tokens", topK: true, cacheMarks: true, anyImageType: true, thinking: "reasoning_content", parsesArguments: true, lenient: true,
};

const strictDialect: OpenAIDialect = { ...compatibleDialect, thinking: "dropped" };

export const compatible: ProviderMapping = {
  native: {
    "openai-chat": {
      path: () => "/chat/completions",
      without(source, target) {
        const kept = keptThinking(target);
        return kept === null ? null : withoutThinking(source, kept);
      },
    },
    "openai-completions": { path: () => "/completions" },
    "openai-responses": { path: () => "/responses" },
    "openai-embeddings": { path: () => "/embeddings" },
    rerank: { path: () => "/rerank" },
  },
  chat: { ...openAIChat(compatibleDialect), request: (request, target) => writeOpenAIRequest(request, target, keptThinking(target) === null ? compatibleDialect : strictDialect) },
  embeddings: openAIEmbeddings({ name: "The provider", path: () => "/embeddings", dimensions: "dimensions", tokens: true, user: true, extra: "all" }),
  rerank: compatibleRerank,
  authorize: bearer,
  failure: readHttpFailure,
  models: { path: "/models", read: modelIds },
};
