import { parsedValue, wordOf } from "./parsed-value.ts";
import type { SpanView, TraceMessage } from "./schemas.ts";
import type { AttributeValue, Attributes } from "./span.ts";
import { costOf, wholeOf } from "./span-facts.ts";
import type { StoredSpan } from "./stored-span.ts";

/** Milliseconds with microseconds as their fraction. */
function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n) / 1000;
}

/** A span for people, `from` being the start of its trace in nanoseconds. */
export function spanViewOf(span: StoredSpan, from: bigint): SpanView {
  const { attributes } = span;
  const text = (key: string): string | null => textOf(attributes[key]);
  return {
    spanId: span.spanId, parentSpanId: span.parentSpanId, name: span.name, kind: span.kind, operation: text("gen_ai.operation.name"), start: milliseconds(span.start), offsetMs: milliseconds(span.start - from),
    durationMs: span.end === null ? null : milliseconds(span.end - span.start), status: span.status, provider: text("gen_ai.provider.name"), model: text("gen_ai.response.model") ?? text("gen_ai.request.model"),
    inputTokens: wholeOf(attributes["gen_ai.usage.input_tokens"]), outputTokens: wholeOf(attributes["gen_ai.usage.output_tokens"]), cost: costOf(attributes),
    inputMessages: messagesOf(attributes["gen_ai.input.messages"]), outputMessages: messagesOf(attributes["gen_ai.output.messages"]),
    input: text("input.value") ?? text("gen_ai.tool.call.arguments"), output: text("output.value") ?? text("gen_ai.tool.call.result"),
    attributes: valuesOf(attributes), original: valuesOf(span.original), resource: valuesOf(span.resource), scope: span.scope,
    events: span.events.map(({ name, time, attributes: own }) => ({ name, time: milliseconds(time), attributes: valuesOf(own) })),
    links: span.links.map(({ traceId, spanId, attributes: own }) => ({ traceId, spanId, attributes: valuesOf(own) })),
  };
}

/** The messages of an attribute; null where it has none, or something else. */
function messagesOf(value: AttributeValue | undefined): TraceMessage[] | null {
  const messages = typeof value === "string" ? parsedValue(value) : null;
  if (!Array.isArray(messages) || messages.includes(null)) return null;
  return (messages as { role?: unknown; parts?: unknown; finish_reason?: unknown }[]).map(({ role, parts, finish_reason: finish }) => ({
    role: wordOf(role), parts: (Array.isArray(parts) ? (parts as unknown[]) : []).map(partOf), finishReason: typeof finish === "string" ? finish : null,
  }));
}

function partOf(part: unknown): TraceMessage["parts"][number] {
  if (typeof part !== "object" || part === null) return { type: "text", content: wordOf(part) };
  return { ...part, type: wordOf((part as { type?: unknown }).type ?? "other") };
}

function textOf(value: AttributeValue | undefined): string | null {
  if (value === undefined) return null;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function valuesOf(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, typeof value === "bigint" ? String(value) : value]));
}
