import { randomFillSync } from "node:crypto";
import type { EpochMs } from "./clock.ts";

/** What a caller says of its trace in the header `traceparent`. */
export interface TraceParent {
  /** 32 small hex digits, not all 0. */
  traceId: string;
  /** Of the caller's span: 16 small hex digits, not all 0. */
  spanId: string;
  /** Whether the caller keeps its own spans of it. */
  sampled: boolean;
}

const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads W3C Trace Context, later versions by what they must have in common with the first; null for anything else, which is then no trace of the caller's. */
export function readTraceParent(header: string | readonly string[] | undefined): TraceParent | null {
  // Two of them are none.
  if (typeof header !== "string" || header.length > 256) return null;
  const [, version, traceId, spanId, flags, more] = shape.exec(header) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined) || /^0+$/.test(traceId!) || /^0+$/.test(spanId!)) return null;
  return { traceId: traceId!, spanId: spanId!, sampled: (Number.parseInt(flags!, 16) & 1) === 1 };
}

const pool = Buffer.alloc(16 * 256);
let place = pool.length;

/**
 * A new trace's id. It begins with the time: traces of one moment lie side by side in the database, whose pages would each be written for one trace otherwise. Its last 10 bytes are random, three more than W3C
 * Trace Context asks for.
 */
export function newTraceId(now: EpochMs): string {
  return now.toString(16).padStart(12, "0") + randomHex(10);
}

/** A new span's id. */
export function newSpanId(): string {
  return randomHex(8);
}

/** Random small hex digits, two for a byte; never all 0. */
function randomHex(bytes: number): string {
  for (;;) {
    if (place + bytes > pool.length) {
      randomFillSync(pool);
      place = 0;
    }
    const made = pool.toString("hex", place, (place += bytes));
    if (!/^0+$/.test(made)) return made;
  }
}
