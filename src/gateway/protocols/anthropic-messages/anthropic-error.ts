import type { AppError } from "../../../core/errors.ts";
import { errorMessage } from "../error-message.ts";

const types: Readonly<Record<number, string>> = {
  401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 503: "overloaded_error", 504: "timeout_error", 529: "overloaded_error",
};

export interface AnthropicError {
  type: "error";
  error: { type: string; message: string };
  request_id: string;
}

/** Clients decide by the type what to try again. */
export function anthropicError(error: AppError, requestId: string): AnthropicError {
  const type = types[error.status] ?? (error.status >= 500 ? "api_error" : "invalid_request_error");
  return { type: "error", error: { type, message: errorMessage(error, requestId) }, request_id: requestId };
}
