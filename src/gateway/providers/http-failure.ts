import { retryAfterMs } from "./retry-after.ts";
import type { UpstreamFailure } from "./provider-mapping.ts";
import { callerText, fieldsOf, listOf, parseFields, textOf, type Fields } from "./wire-value.ts";

const ofStatus: Readonly<Record<number, UpstreamFailure["kind"]>> = {
  401: "unauthorized", 402: "quota", 403: "unauthorized", 404: "not-found", 408: "failed", 409: "failed", 413: "context-length", 425: "failed", 429: "rate-limited", 503: "overloaded", 529: "overloaded",
};

/** Words of the providers' errors, in their codes, types or, where these say nothing, their messages. The first that fits counts. */
const ofWords: readonly [UpstreamFailure["kind"], RegExp][] = [
  ["quota", /insufficient_quota|billing|credit balance|quota_exceeded|exceeded your current quota|insufficient balance|insufficient_balance/],
  ["context-length", /context_length_exceeded|context length|context_size|context size|context window|prompt is too long|too many tokens|request_too_large|maximum context|string_above_max_length|too large for model/],
  ["content-filter", /content_filter|content_policy|responsibleaipolicyviolation|content management policy|safety_violation|moderation_blocked/],
  ["overloaded", /overloaded|capacity_exceeded|server is busy|no healthy upstream/],
];

/**
 * Why a provider of OpenAI's or Anthropic's kind refused: `{error: {message, type, code}}`, `{error: "..."}`, `{message}`, FastAPI's `{detail}`. A body that is not JSON (a proxy's page) is never shown.
 */
export function readHttpFailure(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): UpstreamFailure {
  const document = parseFields(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8")) ?? {};
  const error = fieldsOf(document.error);
  const code = wordOf(fieldsOf(error.innererror).code) ?? wordOf(error.code) ?? wordOf(error.type) ?? wordOf(document.code) ?? wordOf(document.type);
  const words = messageOf(document, error);
  return { status, message: words === "" ? `It answered with status ${status} and no message of its own.` : callerText(words), code, kind: kindOf(status, [error.code, error.type, code, document.type, words]), retryAfterMs: retryAfterMs(headers) };
}

function kindOf(status: number, words: readonly unknown[]): UpstreamFailure["kind"] {
  const text = words.map(textOf).join(" ").slice(0, 4000).toLowerCase();
  const told = ofWords.find(([, pattern]) => pattern.test(text))?.[0];
  const byStatus = ofStatus[status] ?? (status >= 500 ? "failed" : "invalid");
  // A message counts where the status leaves it open: a rate limit that talks of tokens stays one.
  if (told === "quota") return status === 404 ? byStatus : "quota";
  if (told === "overloaded") return status === 429 || status >= 500 ? "overloaded" : byStatus;
  if (told !== undefined && (byStatus === "invalid" || byStatus === "failed")) return told;
  return byStatus;
}

function messageOf(document: Fields, error: Fields): string {
  if (typeof document.error === "string") return document.error;
  const message = error.message ?? document.message ?? document.detail;
  if (typeof message === "string") return message;
  const details = Array.isArray(message) ? message : listOf(fieldsOf(message).detail);
  return details.map(fieldsOf).map((detail) => `${listOf(detail.loc).filter((part) => typeof part !== "object").join(".")}: ${textOf(detail.msg)}`).slice(0, 5).join("; ");
}

function wordOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value.slice(0, 100) : null;
}
