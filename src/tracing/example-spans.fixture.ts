import { epochMs } from "../core/clock.ts";
import { translate } from "./dialects/translate.ts";
import type { Feedback } from "./schemas.ts";
import type { Span } from "./span.ts";
import type { SpanRecord } from "./stored-span.ts";
import type { TraceKey, TraceSearch, TraceStore } from "./trace-store.ts";

/** Milliseconds since 1970. */
export const now = epochMs(1_700_000_000_000);
/** In nanoseconds. */
export const second = 1_000_000_000n;
/** `now`, in nanoseconds. */
export const began = BigInt(now) * 1_000_000n;

/** Traces begin a minute after each other, their spans a microsecond; span 1 is the root, and span N takes about N seconds. */
export function exampleSpan(trace: number, span: number, more: Partial<Span> = {}): Span {
  return {
    traceId: trace.toString(16).padStart(32, "0"), spanId: span.toString(16).padStart(16, "0"), parentSpanId: span === 1 ? null : "1".padStart(16, "0"), name: span === 1 ? `root ${trace}` : `step ${span}`, kind: "internal",
    start: began + BigInt(trace) * 60n * second + BigInt(span) * 1000n, end: began + BigInt(trace) * 60n * second + BigInt(span) * second, status: { code: "unset", message: "" }, attributes: {}, events: [], links: [],
    resource: { "service.name": "shop" }, scope: { name: "tests", version: "1" }, ...more,
  };
}

/** As the service would write it. */
export function exampleRecord(trace: number, span: number, more: Partial<Span> = {}, of: { team?: string; experiment?: string; isOwn?: boolean } = {}): SpanRecord {
  const stored = translate(exampleSpan(trace, span, more));
  return { team: of.team ?? "default", experiment: of.experiment ?? null, span: stored, isOwn: of.isOwn ?? true, counts: true };
}

export const keyOf = (trace: number, team = "default"): TraceKey => ({ team, traceId: trace.toString(16).padStart(32, "0") });

export function exampleFeedback(id: string, more: Partial<Feedback> = {}): Omit<Feedback, "revision"> {
  return { id, traceId: keyOf(1).traceId, spanId: null, name: "good", kind: "feedback", value: true, source: "human", sourceId: "ann", comment: "", metadata: {}, createdAt: now, updatedAt: now, actor: "user:usr_1", ...more };
}

/** Numbers of the traces that a search finds, in its order. */
export async function tracesFound(store: TraceStore, search: Partial<TraceSearch> = {}): Promise<number[]> {
  const page = await store.search({ visible: "all", attributes: {}, order: "start", limit: 50, ...search });
  return page.items.map(({ summary }) => Number.parseInt(summary.traceId, 16));
}
