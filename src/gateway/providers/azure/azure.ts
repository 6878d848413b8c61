import { readHttpFailure } from "../http-failure.ts";
import { openAIDialect } from "../openai/openai.ts";
import { openAIEmbeddings } from "../openai/openai-embeddings.ts";
import { openAIChat } from "../openai/openai-mapping.ts";
import { withoutThinking } from "../openai/without-thinking.ts";
import type { MappingTarget, ProviderMapping } from "../provider-mapping.ts";

/** The last version of the dated API; `v1` has none. */
const usualVersion = "2024-10-21";
/** From here on `max_completion_tokens` is known, which reasoning models want. */
const newMaxTokensVersion = "2024-12-01";

/** Deployments are usually named as their model. Azure serves those of others too, some of which want to get back what they thought before they called a tool. */
const othersModel = /deepseek|grok|kimi|qwen|glm|minimax|mai-|gpt-oss|magistral/i;

function isUndated({ settings }: MappingTarget): boolean {
  return settings.apiVersion === "v1" || /\/openai\/v1\/?$/.test(settings.baseUrl ?? "");
}

/** A deployment is part of the dated API's path; the undated one takes it as the model, like OpenAI. */
function path(operation: string): (target: MappingTarget) => string {
  return (target) => {
    if (isUndated(target)) return /\/openai\/v1\/?$/.test(target.settings.baseUrl ?? "") ? `/${operation}` : `/openai/v1/${operation}`;
    return `/openai/deployments/${encodeURIComponent(target.model)}/${operation}?api-version=${encodeURIComponent(target.settings.apiVersion ?? usualVersion)}`;
  };
}

/** Azure OpenAI: OpenAI's protocol below the address of a deployment. Its own words are the content filter's, in errors (`content_filter`) and as a reason to stop. */
export const azure: ProviderMapping = {
  native: {
    "openai-chat": { path: path("chat/completions"), without: (source, { model }) => (othersModel.test(model) ? null : withoutThinking(source)) },
    "openai-completions": { path: path("completions") },
    "openai-embeddings": { path: path("embeddings") },
  },
  chat: openAIChat({
    ...openAIDialect, name: "Azure OpenAI", path: path("chat/completions"),
    maxTokens: (target) => (isUndated(target) || (target.settings.apiVersion ?? usualVersion) >= newMaxTokensVersion ? "max_completion_tokens" : "max_tokens"),
  }),
  embeddings: openAIEmbeddings({ name: "Azure OpenAI", path: path("embeddings"), dimensions: "dimensions", tokens: true, user: true, extra: "all" }),
  // Keys of a resource have their own header; what begins like a JSON Web Token is one of Microsoft Entra.
  authorize: (_, secret): Readonly<Record<string, string>> => (secret === null ? {} : secret.startsWith("eyJ") ? { authorization: `Bearer ${secret}` } : { "api-key": secret }),
  failure: readHttpFailure,
  // Only base models can be listed with a key, not what was deployed.
  models: null,
};
