import type { ProviderMapping } from "../provider-mapping.ts";
import { bedrockChatAnswer } from "./bedrock-answer.ts";
import { bedrockEmbeddings } from "./bedrock-embeddings.ts";
import { bedrockFailure } from "./bedrock-failure.ts";
import { bedrockChatRequest } from "./bedrock-request.ts";
import { authorizeBedrock } from "./bedrock-signature.ts";
import { BedrockStreamReader } from "./bedrock-stream.ts";

/** Amazon Bedrock's Converse. Its base URL is https://bedrock-runtime.REGION.amazonaws.com, which lists no models: that is another service. */
export const bedrock: ProviderMapping = {
  native: {},
  chat: { request: bedrockChatRequest, answer: bedrockChatAnswer, stream: () => new BedrockStreamReader() },
  embeddings: bedrockEmbeddings,
  authorize: authorizeBedrock,
  failure: bedrockFailure,
  models: null,
};
