import { readHttpFailure } from "../http-failure.ts";
import { modelIds } from "../openai/openai-mapping.ts";
import type { ProviderMapping } from "../provider-mapping.ts";
import { readAnthropicAnswer } from "./anthropic-answer.ts";
import { anthropicCount } from "./anthropic-count.ts";
import { versionHeader, writeAnthropicRequest } from "./anthropic-request.ts";
import { takesTurns } from "./anthropic-messages.ts";
import { AnthropicStream } from "./anthropic-stream.ts";

export const anthropic: ProviderMapping = {
  native: {
    "anthropic-messages": { path: () => "/v1/messages", headers: versionHeader, takes: takesTurns },
    "anthropic-count": { path: () => "/v1/messages/count_tokens", headers: versionHeader },
  },
  chat: { request: writeAnthropicRequest, answer: readAnthropicAnswer, stream: () => new AnthropicStream() },
  countTokens: anthropicCount,
  // Tokens of an OAuth login are bearers, keys have their own header.
  authorize: (_, secret): Readonly<Record<string, string>> => (secret === null ? {} : secret.startsWith("sk-ant-oat") ? { authorization: `Bearer ${secret}` } : { "x-api-key": secret }),
  failure: readHttpFailure,
  models: { path: "/v1/models?limit=1000", read: modelIds },
};
