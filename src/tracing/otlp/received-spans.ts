import type { Span } from "../span.ts";

/** What one OTLP request held: spans that can be kept, and how many cannot, with why. */
export interface ReceivedSpans {
  spans: Span[];
  rejected: number;
  /** Of the first that was rejected; empty where none was. */
  reason: string;
}

/** Most that one span may hold; what is more is left out or cut off, and the span is kept. */
export const spanLimits = {
  attributes: 512,
  events: 512,
  links: 128,
  /** Characters of one value. */
  valueCharacters: 1 << 20,
  nameCharacters: 1024,
  /** Lists within lists. */
  depth: 16,
} as const;

const kinds = ["internal", "internal", "server", "client", "producer", "consumer"] as const;
const codes = ["unset", "ok", "error"] as const;

export function kindOf(number: number): Span["kind"] {
  return kinds[number] ?? "internal";
}

export function statusCodeOf(number: number): Span["status"]["code"] {
  return codes[number] ?? "unset";
}

const traceIdPattern = /^(?!0{32})[0-9a-f]{32}$/;
const spanIdPattern = /^(?!0{16})[0-9a-f]{16}$/;
const latest = 2n ** 63n;

/**
 * Keeps the span where it is one. Exports of logs and metrics decode as spans without ids: these must not become traces. A parent
 * of zeros is none; times that a signed 64-bit integer cannot hold, or an end before the start, are wrong too.
 */
export function receive(received: ReceivedSpans, span: Span): void {
  const reason = flawOf(span);
  if (reason === null) {
    const parent = span.parentSpanId;
    if (parent !== null && !spanIdPattern.test(parent)) span.parentSpanId = null;
    received.spans.push(span);
    return;
  }
  received.rejected++;
  if (received.reason === "") received.reason = reason;
}

function flawOf({ traceId, spanId, start, end }: Span): string | null {
  if (!traceIdPattern.test(traceId)) return "A span has no trace id of 16 bytes that are not all 0.";
  if (!spanIdPattern.test(spanId)) return "A span has no span id of 8 bytes that are not all 0.";
  if (start <= 0n || start >= latest) return "A span has no start time.";
  if (end !== null && (end < start || end >= latest)) return "A span ends before it starts.";
  return null;
}

/** As JSON and databases can hold it. */
export function cleanText(text: string, characters: number = spanLimits.valueCharacters): string {
  const short = text.length > characters ? text.slice(0, characters) : text;
  return short.isWellFormed() ? short : short.toWellFormed();
}

/** A number that JSON has, or its name; integers beyond 2^53 as their digits. */
export function cleanInteger(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

export function cleanNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
