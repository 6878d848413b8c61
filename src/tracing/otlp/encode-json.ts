import type { Attributes, AttributeValue } from "../span.ts";
import type { StoredSpan } from "../stored-span.ts";

const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
const codes = { unset: 0, ok: 1, error: 2 } as const;

/** ExportTraceServiceRequest as JSON, spans grouped by resource and scope. They are as they were sent: in the words of their own dialect. */
export function encodeJson(spans: readonly StoredSpan[]): string {
  const groups = Map.groupBy(spans, ({ resource, scope }) => JSON.stringify([resource, scope]));
  return JSON.stringify({
    resourceSpans: [...groups.values()].map((own) => ({
      resource: { attributes: keyValues(own[0]!.resource) },
      scopeSpans: [{ scope: own[0]!.scope, spans: own.map(spanJson) }],
    })),
  });
}

/** The attributes of a span as they were sent. */
export function sentAttributes({ attributes, original, translated }: StoredSpan): Attributes {
  if (translated.length === 0) return attributes;
  const made = new Set(translated);
  return { ...Object.fromEntries(Object.entries(attributes).filter(([key]) => !made.has(key))), ...original };
}

function spanJson(span: StoredSpan): object {
  return {
    traceId: span.traceId, spanId: span.spanId, ...(span.parentSpanId === null ? {} : { parentSpanId: span.parentSpanId }), name: span.name, kind: kinds[span.kind],
    startTimeUnixNano: String(span.start), ...(span.end === null ? {} : { endTimeUnixNano: String(span.end) }), attributes: keyValues(sentAttributes(span)),
    events: span.events.map(({ name, time, attributes }) => ({ name, timeUnixNano: String(time), attributes: keyValues(attributes) })),
    links: span.links.map(({ traceId, spanId, attributes }) => ({ traceId, spanId, attributes: keyValues(attributes) })),
    status: { code: codes[span.status.code], ...(span.status.message === "" ? {} : { message: span.status.message }) },
  };
}

function keyValues(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: AttributeValue): object {
  switch (typeof value) {
    case "string": return { stringValue: value };
    case "boolean": return { boolValue: value };
    case "bigint": return { intValue: String(value) };
    case "number": return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    default: return { arrayValue: { values: (value as readonly AttributeValue[]).map(anyValue) } };
  }
}
