import { Metadata, status, type ServiceError } from "@grpc/grpc-js";
import type { AppError } from "../core/errors.ts";

/** Clients refuse trailers beyond 8 KB, and the text is percent-encoded in them. */
const maxEncodedText = 6000;

/** The status code that stands for an error's HTTP status; the two that differ are named. */
export function statusCode(error: AppError): status {
  if (error.code === "BODY_TOO_LARGE") return status.RESOURCE_EXHAUSTED;
  if (error.code === "METHOD_NOT_ALLOWED" || error.code === "ROUTE_NOT_FOUND") return status.UNIMPLEMENTED;
  switch (error.status) {
    case 400:
    case 413:
    case 415:
    case 421:
      return status.INVALID_ARGUMENT;
    case 401:
      return status.UNAUTHENTICATED;
    case 403:
      return status.PERMISSION_DENIED;
    case 404:
      return status.NOT_FOUND;
    case 408:
    case 504:
      return status.DEADLINE_EXCEEDED;
    case 409:
      return status.ABORTED;
    case 402:
    case 429:
      return status.RESOURCE_EXHAUSTED;
    case 499:
      return status.CANCELLED;
    case 501:
      return status.UNIMPLEMENTED;
    case 503:
      return status.UNAVAILABLE;
    default:
      return status.INTERNAL;
  }
}

/** A failed call's status: code, text, and when a retry makes sense. */
export function callError(error: AppError, text: string): Partial<ServiceError> {
  const metadata = new Metadata();
  metadata.set("slipway-error-code", error.code);
  if (error.retryAfterSeconds !== undefined) metadata.set("retry-after", String(Math.ceil(error.retryAfterSeconds)));
  return { code: statusCode(error), details: fittingText(text), metadata };
}

/** Whole Unicode characters, which the encoding demands, and not more of them than trailers carry. */
function fittingText(text: string): string {
  let fitting = text.toWellFormed();
  while (encodeURI(fitting).length > maxEncodedText) fitting = `${fitting.slice(0, Math.floor(fitting.length * 0.8)).toWellFormed()}…`;
  return fitting;
}
