import { AppError } from "../../core/errors.ts";
import { charactersOf } from "../bounded-span.ts";
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

/** Of one request. Collectors send some thousand spans, of a few kilobytes each with the resource that they share and that is kept with each. */
const requestLimits = { spans: 100_000, characters: 64 << 20 } as const;

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
  const flaw = flawOf(span);
  if (flaw === null) {
    const parent = span.parentSpanId;
    if (parent !== null && !spanIdPattern.test(parent)) span.parentSpanId = null;
    received.spans.push(span);
    return;
  }
  reject(received, span.name, flaw);
}

function flawOf({ traceId, spanId, start, end }: Span): string | null {
  if (!traceIdPattern.test(traceId)) return "has no trace id of 16 bytes that are not all 0";
  if (!spanIdPattern.test(spanId)) return "has no span id of 8 bytes that are not all 0";
  if (start <= 0n || start >= latest) return "has no start time";
  if (end !== null && (end < start || end >= latest)) return "ends before it starts";
  return null;
}

function reject(received: ReceivedSpans, name: string, flaw: string): void {
  received.rejected++;
  if (received.reason === "") received.reason = `${name === "" ? "A span" : `The span ${JSON.stringify(name.slice(0, 100))}`} ${flaw}.`;
}

/** Reads the spans of one request, one after the other: what cannot be read of one takes nothing from the others. */
export class SpanReceiver {
  readonly #received: ReceivedSpans = { spans: [], rejected: 0, reason: "" };
  #unreadable = 0;
  #announced = 0;
  #characters = 0;

  /** Told of each span before it is read. False where there were so many that it is rejected unread. */
  takesMore(): boolean {
    if (++this.#announced <= requestLimits.spans) return true;
    reject(this.#received, "", `is one of more than ${requestLimits.spans} in one request`);
    return false;
  }

  /** `read` throws TRACE_INVALID for a span that is to be rejected; `nameOf` tells what is known of its name then. */
  take(read: () => Span, nameOf: () => string): void {
    try {
      const span = read();
      // The resource was sent once, and is kept with each.
      this.#characters += charactersOf(span.resource) + span.scope.name.length + span.scope.version.length;
      if (this.#characters > requestLimits.characters) reject(this.#received, span.name, `comes with a resource of which the request has too many copies: ${requestLimits.characters} characters at most`);
      else receive(this.#received, span);
    } catch (error) {
      if (!isInvalid(error)) throw error;
      this.#unreadable++;
      reject(this.#received, nameOf(), `cannot be read: ${error.message.replace(/\.$/, "")}`);
    }
  }

  /** Throws TRACE_INVALID where nothing that came could be read: then it was no such request at all. */
  received(): ReceivedSpans {
    if (this.#unreadable > 0 && this.#unreadable === this.#received.rejected && this.#received.spans.length === 0) throw new AppError("TRACE_INVALID", this.#received.reason);
    return this.#received;
  }
}

/** What many spans share, read for the first that asks; where it cannot be read, that is said to each. */
export function shared<Value>(read: () => Value): () => Value {
  let outcome: { value: Value } | { error: unknown } | null = null;
  return () => {
    if (outcome === null) {
      try {
        outcome = { value: read() };
      } catch (error) {
        outcome = { error };
      }
    }
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  };
}

function isInvalid(error: unknown): error is AppError {
  return error instanceof AppError && error.code === "TRACE_INVALID";
}

/** As JSON and databases can hold it. */
export function cleanText(text: string, characters: number = spanLimits.valueCharacters): string {
  const short = text.length > characters ? text.slice(0, characters) : text;
  return short.isWellFormed() ? short : short.toWellFormed();
}

/** A number where it is exact. */
export function cleanInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** A number that JSON has, or its name. */
export function cleanNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
