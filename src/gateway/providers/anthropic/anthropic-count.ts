import type { ChatRequest } from "../../conversation/chat-request.ts";
import type { Operation } from "../provider-mapping.ts";
import { countedTokens, parseFields } from "../wire-value.ts";
import { writeAnthropicRequest } from "./anthropic-request.ts";

/** What the endpoint takes of a message's fields: all others are refused there. */
const counted: ReadonlySet<string> = new Set(["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control", "speed"]);

/** POST /v1/messages/count_tokens: the chat as it would be sent, without what is no input. */
export const anthropicCount: Operation<ChatRequest, number> = {
  request: (request, target) => {
    const { body, ...whole } = writeAnthropicRequest(request, target);
    const fields = Object.entries(parseFields(body as string)!).filter(([name]) => counted.has(name));
    return { ...whole, path: "/v1/messages/count_tokens", body: JSON.stringify(Object.fromEntries(fields)) };
  },
  answer: (body) => countedTokens(body, "input_tokens"),
};
