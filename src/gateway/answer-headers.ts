import type { CallRecord } from "./call-record.ts";
import type { ResolvedRoute } from "./gateway-catalog.ts";

/** What an answer says of its way, beside the protocol. */
export function answerHeaders({ name }: ResolvedRoute, { attribution, target, attempts, headers: more }: CallRecord): Record<string, string> {
  const headers: Record<string, string> = { "X-Slipway-Route": safeHeader(name), "X-Slipway-Trace": attribution.traceId };
  if (target !== null) headers["X-Slipway-Target"] = safeHeader(`${target.provider}/${target.model}`);
  if (attempts.length > 1) headers["X-Slipway-Attempts"] = String(attempts.length);
  return more === null ? headers : Object.assign(headers, more);
}

/** Names of models come from callers: nothing in them may end a header or begin another. */
export function safeHeader(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text.toWellFormed());
}
