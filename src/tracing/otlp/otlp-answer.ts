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
