import type { UpstreamFailure } from "../provider-mapping.ts";
import { retryAfterMs } from "../retry-after.ts";
import { callerText, parseFields, textOf } from "../wire-value.ts";

const ofStatus: Readonly<Record<number, UpstreamFailure["kind"]>> = {
  401: "unauthorized", 402: "quota", 403: "unauthorized", 404: "not-found", 408: "failed", 413: "context-length", 429: "rate-limited", 498: "unauthorized", 499: "failed", 503: "overloaded", 529: "overloaded",
};

/** `{message}`; there are no codes. 498 is a token that is not valid. */
export function cohereFailure(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): UpstreamFailure {
  const words = textOf(parseFields(Buffer.from(body).toString("utf8"))?.message);
  const kind = kindOf(status, words);
  return { status, kind, message: callerText(words) || `The provider answered with status ${status}.`, code: null, retryAfterMs: kind === "quota" ? null : retryAfterMs(headers) };
}

function kindOf(status: number, words: string): UpstreamFailure["kind"] {
  const kind = ofStatus[status] ?? (status >= 500 ? "failed" : "invalid");
  // Trial keys have so many calls a month.
  if (kind === "rate-limited" && /\bmonth|billing|upgrade to a production key/i.test(words) && !/\bminute/i.test(words)) return "quota";
  if (kind === "invalid" && /too many tokens|too long|context (length|window)|token limit/i.test(words)) return "context-length";
  if (kind === "invalid" && /invalid api (key|token)/i.test(words)) return "unauthorized";
  return kind;
}
