import type { ChatRequest } from "../conversation/chat-request.ts";
import type { RouteSettings, RouteTarget } from "../schemas.ts";
import { truncateChat } from "../tokens/index.ts";

/** Kept for the answer where a conversation is cut to size and nobody said how long the answer may be. */
const keptForAnswer = 1024;

/** The chat as this target gets it. The same object where it fits, or may not be cut. Throws CONTEXT_TOO_LONG. */
export function sentTo(request: ChatRequest, { maxContextTokens }: Pick<RouteTarget, "maxContextTokens">, { truncate }: Pick<RouteSettings, "truncate">): ChatRequest {
  if (maxContextTokens === undefined || truncate === "error") return request;
  return truncateChat(request, truncate, Math.max(1, maxContextTokens - (request.sampling.maxOutputTokens ?? Math.min(keptForAnswer, maxContextTokens / 2)))).request;
}

/**
 * The most that any target of the route gets of it, which bounds what the call costs: a target with more room gets all that one with less does, and more. The whole where it fits nowhere, where a guardrail may
 * make texts shorter, so that more of them fit, and where a round of repair moves the middle, so that others are left out.
 */
export function mostSent(request: ChatRequest, { targets, truncate, guardrails, repair }: Pick<RouteSettings, "targets" | "truncate" | "guardrails" | "repair">): ChatRequest {
  const movesMiddle = truncate === "middle-out" && repair > 0 && request.output.type !== "text" && !request.stream;
  if (truncate === "error" || movesMiddle || guardrails.some(({ kind }) => kind === "pii")) return request;
  const maxContextTokens = Math.max(...targets.map((target) => target.maxContextTokens ?? Infinity));
  if (maxContextTokens === Infinity) return request;
  try {
    return sentTo(request, { maxContextTokens }, { truncate });
  } catch {
    return request;
  }
}
