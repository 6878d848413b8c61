import type { ProviderMapping } from "../provider-mapping.ts";
import { fieldsOf, listOf, textOf } from "../wire-value.ts";
import { geminiChatAnswer } from "./gemini-answer.ts";
import { geminiCount } from "./gemini-count.ts";
import { geminiEmbeddings } from "./gemini-embeddings.ts";
import { geminiFailure } from "./gemini-failure.ts";
import { geminiChatRequest } from "./gemini-request.ts";
import { GeminiStreamReader } from "./gemini-stream.ts";

/** Google's Gemini API with an API key. Its base URL is https://generativelanguage.googleapis.com; the version (`apiVersion`, v1beta where it is not said) stands in the paths. */
export const gemini: ProviderMapping = {
  native: {},
  chat: { request: geminiChatRequest, answer: geminiChatAnswer, stream: () => new GeminiStreamReader() },
  embeddings: geminiEmbeddings,
  countTokens: geminiCount,
  authorize: (_request, secret): Readonly<Record<string, string>> => (secret === null ? {} : { "x-goog-api-key": secret.trim() }),
  failure: geminiFailure,
  models: {
    path: "/v1beta/models?pageSize=1000",
    read: (body) => listOf(fieldsOf(body).models).map((model) => textOf(fieldsOf(model).name).replace(/^models\//, "")).filter((name) => name !== ""),
  },
};
