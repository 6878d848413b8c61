import type { ChatRequest } from "../../conversation/chat-request.ts";
import type { Operation } from "../provider-mapping.ts";
import { countedTokens } from "../wire-value.ts";
import { geminiPath, geminiResource } from "./gemini-model.ts";
import { geminiChatRequest } from "./gemini-request.ts";

/** `countTokens` of the whole request, system instruction and tools included; the model stands in the request too. */
export const geminiCount: Operation<ChatRequest, number> = {
  request: (request, target) => {
    const { body, ...whole } = geminiChatRequest(request, target);
    return { ...whole, path: geminiPath(target, "countTokens"), body: `{"generateContentRequest":{"model":${JSON.stringify(geminiResource(target.model))},${(body as string).slice(1)}}` };
  },
  answer: (body) => countedTokens(body, "totalTokens"),
};
