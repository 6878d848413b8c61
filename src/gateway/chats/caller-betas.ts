import { AppError } from "../../core/errors.ts";
import type { CallContext } from "../calls/call-context.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";

export const betaHeaderName = "anthropic-beta";
const mostNames = 50;

/**
 * What a caller of Anthropic's protocol switches on beside the body, as the list of names that the header is; null for none. Fields of the body that belong to such a name are refused by the provider without it.
 * Throws INVALID_REQUEST for what is no such list.
 */
export function betasOf({ headers }: Pick<CallContext, "headers">): string | null {
  const said = headers[betaHeaderName];
  const names = (Array.isArray(said) ? said.join(",") : (said ?? "")).split(",").map((name) => name.trim()).filter((name) => name !== "");
  if (names.length > mostNames || !names.every((name) => /^[\w.-]{1,100}$/.test(name))) throw new AppError("INVALID_REQUEST", `The header ${betaHeaderName} must be at most ${mostNames} names with commas between them.`, { problems: [{ path: betaHeaderName, message: "is no list of names" }] });
  return names.length === 0 ? null : names.join(",");
}

/** The request with its betas among what another protocol has no place for: named as dropped there, and no answer to it is kept for calls without them. */
export function withBetas(request: ChatRequest, betas: string | null): ChatRequest {
  return betas === null ? request : { ...request, uncarried: [...(request.uncarried ?? []), betaHeaderName] };
}

/** The header for the provider: the caller's names beside those of the provider's own settings. */
export function betaHeader(betas: string | null, settings: Readonly<Record<string, string>>): Record<string, string> {
  if (betas === null) return {};
  const own = Object.keys(settings).find((name) => name.toLowerCase() === betaHeaderName);
  return { [betaHeaderName]: own === undefined ? betas : `${settings[own]!},${betas}` };
}
