import type { ProviderMapping } from "../provider-mapping.ts";
import { fieldsOf, listOf, textOf } from "../wire-value.ts";
import { cohereChatAnswer } from "./cohere-answer.ts";
import { cohereEmbeddings } from "./cohere-embeddings.ts";
import { cohereFailure } from "./cohere-failure.ts";
import { cohereRerank } from "./cohere-rerank.ts";
import { cohereChatRequest } from "./cohere-request.ts";
import { CohereStreamReader } from "./cohere-stream.ts";

/** Cohere's API of version 2. Its base URL is https://api.cohere.com. */
export const cohere: ProviderMapping = {
  native: {},
  chat: { request: cohereChatRequest, answer: cohereChatAnswer, stream: () => new CohereStreamReader() },
  embeddings: cohereEmbeddings,
  rerank: cohereRerank,
  authorize: (_request, secret): Readonly<Record<string, string>> => (secret === null ? {} : { authorization: `Bearer ${secret.trim()}` }),
  failure: cohereFailure,
  models: { path: "/v1/models?page_size=1000", read: (body) => listOf(fieldsOf(body).models).map((model) => textOf(fieldsOf(model).name)).filter((name) => name !== "") },
};
