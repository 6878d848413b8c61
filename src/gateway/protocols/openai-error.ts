import type { ErrorCode } from "../../core/error-catalogue.ts";
import type { AppError } from "../../core/errors.ts";
import { isUsedUp } from "../calls/is-used-up.ts";
import { errorMessage } from "./error-message.ts";

/** The codes that OpenAI's clients and what is built on them (retries, context handling) look for; others keep this server's own, in small letters. */
const codes: Readonly<Partial<Record<ErrorCode, string>>> = {
  UNAUTHENTICATED: "invalid_api_key",
  GATEWAY_MODEL_NOT_FOUND: "model_not_found",
  MODEL_NOT_FOUND: "model_not_found",
  CONTEXT_TOO_LONG: "context_length_exceeded",
  RATE_LIMITED: "rate_limit_exceeded",
  PROVIDER_LIMITED: "rate_limit_exceeded",
  CONTENT_BLOCKED: "content_filter",
  GATEWAY_FIELD_UNSUPPORTED: "unsupported_parameter",
};

/** As OpenAI itself says it: LangChain does not ask again after this code, also where it asks again after every other 429. */
const insufficientQuota = "insufficient_quota";

function typeOf(error: AppError): string {
  if (isUsedUp(error)) return insufficientQuota;
  if (error.status === 401) return "authentication_error";
  if (error.status === 403) return "permission_error";
  if (error.status === 429) return "rate_limit_error";
  return error.status >= 500 ? "server_error" : "invalid_request_error";
}

export interface OpenAiError {
  error: { message: string; type: string; param: string | null; code: string };
}

/** `param` is the path of the first problem. */
export function openAiError(error: AppError, requestId: string): OpenAiError {
  const code = isUsedUp(error) ? insufficientQuota : (codes[error.code] ?? error.code.toLowerCase());
  const param = error.problems[0]?.path ?? (code === "model_not_found" ? "model" : null);
  return { error: { message: errorMessage(error, requestId), type: typeOf(error), param, code } };
}
