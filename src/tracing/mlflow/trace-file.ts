import { assertJsonBounds, largeBodyBounds } from "../../core/json-bounds.ts";
import { cleanText, receive, spanLimits, type ReceivedSpans } from "../otlp/received-spans.ts";
import type { Attributes, AttributeValue, Span, SpanEvent } from "../span.ts";

type Json = Record<string, unknown>;

/**
 * The spans of a `traces.json`, as MLflow's clients before 3.4 upload them among the artifacts of an experiment: of 2.x with `context`, `parent_id` and `start_time`, of 3.x with `span_id`, `parent_span_id`
 * and `start_time_unix_nano`. They belong to the trace under whose id the file was uploaded. Spans without ids or times are left out; null for what is no such file.
 */
export function spansOfTraceFile(text: string, traceId: string): Span[] | null {
  let document: unknown;
  try {
    assertJsonBounds(Buffer.from(text), largeBodyBounds);
    // Nanoseconds are larger than numbers can tell apart.
    document = JSON.parse(text, (key, value: unknown, context?: { source?: string }) =>
      typeof value === "number" && timeKeys.has(key) && /^\d{1,19}$/.test(context?.source ?? "") ? BigInt(context!.source!) : value);
  } catch {
    return null;
  }
  const { spans } = objectOf(document);
  if (!Array.isArray(spans)) return null;
  const received: ReceivedSpans = { spans: [], rejected: 0, reason: "" };
  for (const span of spans as unknown[]) receive(received, spanOf(objectOf(span), traceId));
  return received.spans;
}

const timeKeys = new Set(["start_time", "end_time", "timestamp", "start_time_unix_nano", "end_time_unix_nano", "time_unix_nano"]);

function spanOf(span: Json, traceId: string): Span {
  const context = objectOf(span.context);
  const status = objectOf(span.status);
  const code = String(span.status_code ?? status.code ?? "").replace(/^STATUS_CODE_/, "").toLowerCase();
  const end = timeOf(span.end_time ?? span.end_time_unix_nano);
  return {
    traceId, spanId: idOf(context.span_id ?? span.span_id) ?? "", parentSpanId: idOf(span.parent_id ?? span.parent_span_id), name: cleanText(textOf(span.name), spanLimits.nameCharacters), kind: "internal",
    start: timeOf(span.start_time ?? span.start_time_unix_nano) ?? 0n, end, status: { code: code === "ok" || code === "error" ? code : "unset", message: cleanText(textOf(span.status_message ?? status.message)) },
    attributes: attributesOf(span.attributes), events: listOf(span.events).slice(0, spanLimits.events).map(eventOf), links: [], resource: {}, scope: { name: "mlflow", version: "" },
  };
}

function eventOf(event: unknown): SpanEvent {
  const { name, timestamp, time_unix_nano: time, attributes } = objectOf(event);
  return { name: cleanText(textOf(name), spanLimits.nameCharacters), time: timeOf(timestamp ?? time) ?? 0n, attributes: attributesOf(attributes) };
}

/** MLflow writes values as JSON already; others are written so here. */
function attributesOf(given: unknown): Attributes {
  const attributes: Record<string, AttributeValue> = {};
  for (const [key, value] of Object.entries(objectOf(given)).slice(0, spanLimits.attributes)) {
    if (value === null || key === "__proto__") continue;
    attributes[cleanText(key, spanLimits.nameCharacters)] = typeof value === "number" || typeof value === "boolean" ? value : cleanText(typeof value === "string" ? value : jsonOf(value));
  }
  return attributes;
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? String(item) : item));
}

/** 16 hex digits, of `0x…` or of base64; null for nothing. */
function idOf(id: unknown): string | null {
  if (typeof id !== "string" || id === "") return null;
  if (/^0x[0-9a-f]{1,16}$/.test(id)) return id.slice(2).padStart(16, "0");
  if (/^[0-9a-f]{16}$/.test(id)) return id;
  const bytes = Buffer.from(id, "base64");
  return bytes.length === 8 ? bytes.toString("hex") : null;
}

function timeOf(time: unknown): bigint | null {
  if (typeof time === "bigint") return time;
  return typeof time === "string" && /^\d{1,19}$/.test(time) ? BigInt(time) : null;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
