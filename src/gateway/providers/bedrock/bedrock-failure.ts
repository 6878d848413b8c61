import type { UpstreamFailure } from "../provider-mapping.ts";
import { retryAfterMs } from "../retry-after.ts";
import { callerText, parseFields, rowOf, textOf } from "../wire-value.ts";

const kinds: Readonly<Record<string, UpstreamFailure["kind"]>> = {
  ThrottlingException: "rate-limited", TooManyRequestsException: "rate-limited", ServiceQuotaExceededException: "quota", ServiceUnavailableException: "overloaded", ServiceUnavailable: "overloaded", ModelNotReadyException: "overloaded",
  AccessDeniedException: "unauthorized", UnrecognizedClientException: "unauthorized", ExpiredTokenException: "unauthorized", InvalidSignatureException: "unauthorized", IncompleteSignatureException: "unauthorized",
  MissingAuthenticationTokenException: "unauthorized", InvalidClientTokenId: "unauthorized", OptInRequired: "unauthorized", ResourceNotFoundException: "not-found", ModelTimeoutException: "failed", ModelErrorException: "failed",
  ModelStreamErrorException: "failed", InternalServerException: "failed", InternalFailure: "failed",
};
const ofStatus: Readonly<Record<number, UpstreamFailure["kind"]>> = {
  401: "unauthorized", 402: "quota", 403: "unauthorized", 404: "not-found", 408: "failed", 413: "context-length", 424: "failed", 429: "rate-limited", 503: "overloaded", 529: "overloaded",
};

/** The exception's name stands in `x-amzn-errortype` (before a colon) or in `__type` (behind a hash), the words in `message` or `Message`. */
export function bedrockFailure(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): UpstreamFailure {
  const document = parseFields(Buffer.from(body).toString("utf8")) ?? {};
  const name = (headers["x-amzn-errortype"] ?? textOf(document.__type)).split(":")[0]!.split("#").at(-1)!.slice(0, 100);
  const words = textOf(document.message) || textOf(document.Message);
  const kind = kindOf(status, name, words);
  return { status, kind, message: callerText(words) || `The provider answered with status ${status}.`, code: name === "" ? null : name, retryAfterMs: kind === "quota" ? null : retryAfterMs(headers) };
}

function kindOf(status: number, name: string, words: string): UpstreamFailure["kind"] {
  const kind = rowOf(kinds, name) ?? ofStatus[status] ?? (status >= 500 ? "failed" : "invalid");
  // What a day allows is not there again in a minute.
  if (kind === "rate-limited" && /per day|daily/i.test(words)) return "quota";
  if (kind !== "invalid") return kind;
  if (/too long|too many (input )?tokens|context (window|length)|maximum (number of )?(input )?tokens|exceeds? .{0,40}token/i.test(words)) return "context-length";
  // The operator chose a model that this account or region does not have.
  return /model identifier is invalid|on-demand throughput|isn.t supported in this region/i.test(words) ? "not-found" : "invalid";
}
