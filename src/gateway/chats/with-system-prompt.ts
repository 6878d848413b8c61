import type { ChatRequest } from "../conversation/chat-request.ts";
import type { RouteSettings } from "../schemas.ts";

/** The route's own prompt stands before the caller's messages. */
export function withSystemPrompt(request: ChatRequest, { systemPrompt }: Pick<RouteSettings, "systemPrompt">): ChatRequest {
  if (systemPrompt === undefined) return request;
  return { ...request, messages: [{ role: "system", parts: [{ type: "text", text: systemPrompt }] }, ...request.messages] };
}
