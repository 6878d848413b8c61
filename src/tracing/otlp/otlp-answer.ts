import type { AppError } from "../../core/errors.ts";
import { HttpAnswer } from "../../core/route.ts";
import type { ReceivedSpans } from "./received-spans.ts";

const protobuf = "application/x-protobuf";

export function isProtobuf(contentType: string | string[] | undefined): boolean {
  return typeof contentType === "string" && /^application\/(?:x-protobuf|x-google-protobuf|protobuf)\b/i.test(contentType.trim());
}

export function isJson(contentType: string | string[] | undefined): boolean {
  return typeof contentType === "string" && /^application\/json\b/i.test(contentType.trim());
}

/** ExportTraceServiceResponse in the encoding of the request; without anything where all was taken. */
export function otlpAnswer(inProtobuf: boolean, { rejected, reason }: Pick<ReceivedSpans, "rejected" | "reason">): HttpAnswer {
  if (inProtobuf) return new HttpAnswer(200, { "content-type": protobuf }, rejected === 0 ? Buffer.alloc(0) : partialSuccess(rejected, reason));
  return new HttpAnswer(200, { "content-type": "application/json" }, JSON.stringify(rejected === 0 ? {} : { partialSuccess: { rejectedSpans: String(rejected), errorMessage: reason } }));
}

/** Codes of google.rpc for the statuses that a sender of spans may see; others are INTERNAL. */
const statusCodes: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 409: 10, 413: 8, 415: 3, 421: 3, 429: 8, 501: 12, 502: 14, 503: 14, 504: 4 };

/** Exporters give up at once where they are told to wait longer than their own timeout, 10 seconds. */
const retryAfterSeconds = "3";

/**
 * google.rpc.Status in the encoding of the request, and JSON where it had none of OTLP's. Exporters send the same spans again for 429, 502, 503 and 504 alone, after what Retry-After says or by a backoff of their
 * own: what passes by itself has one of these, also where it is another status elsewhere.
 */
export function otlpError(error: AppError, _requestId: string, headers: Readonly<Record<string, string | string[] | undefined>>): HttpAnswer {
  const passes = error.code === "STORAGE_FULL" || error.code === "BODY_TIMEOUT";
  const status = passes ? 503 : error.status;
  const code = statusCodes[status] ?? 13;
  const message = `${error.message} ${error.hint}`;
  const retryAfter: Record<string, string> = passes ? { "Retry-After": retryAfterSeconds } : {};
  if (isProtobuf(headers["content-type"])) {
    const text = Buffer.from(message);
    return new HttpAnswer(status, { ...retryAfter, "Content-Type": protobuf }, Buffer.concat([Buffer.from([8, ...varint(code), 18, ...varint(text.length)]), text]));
  }
  return new HttpAnswer(status, { ...retryAfter, "Content-Type": "application/json" }, JSON.stringify({ code, message, details: [] }));
}

/** Field 1 of the answer: rejected_spans = 1 (varint), error_message = 2. */
function partialSuccess(rejected: number, reason: string): Buffer {
  const text = Buffer.from(reason);
  const inner = Buffer.concat([Buffer.from([8, ...varint(rejected), 18, ...varint(text.length)]), text]);
  return Buffer.concat([Buffer.from([10, ...varint(inner.length)]), inner]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}
