import type { Attributes, AttributeValue } from "../span.ts";
import type { StoredSpan } from "../stored-span.ts";

const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
const codes = { unset: 0, ok: 1, error: 2 } as const;

/** ExportTraceServiceRequest as JSON, spans grouped by resource and scope. They are as they were sent: in the words of their own dialect. */
export function encodeJson(spans: readonly StoredSpan[]): string {
  const groups = Map.groupBy(spans, ({ resource, scope }) => JSON.stringify([resource, scope], (_key, value: unknown) => (typeof value === "bigint" ? `${value}n` : value)));
  return JSON.stringify({
    resourceSpans: [...groups.values()].map((own) => ({
      resource: { attributes: keyValuesOf(own[0]!.resource, anyValue) },
      scopeSpans: [{ scope: own[0]!.scope, spans: own.map((span) => spanJson(span)) }],
    })),
  });
}

/** The attributes of a span as they were sent. */
function sentAttributes({ attributes, original, translated }: StoredSpan): Attributes {
  if (translated.length === 0) return attributes;
  const made = new Set(translated);
  return { ...Object.fromEntries(Object.entries(attributes).filter(([key]) => !made.has(key))), ...original };
}

/** One span, its ids as hex, or as `idOf` writes them, and the values of its attributes as AnyValue, or as `valueOf` reads them. */
export function spanJson(span: StoredSpan, idOf: (id: string) => string = (id) => id, valueOf: (value: AttributeValue) => object = anyValue): object {
  const keyValues = (attributes: Attributes): object[] => keyValuesOf(attributes, valueOf);
  return {
    traceId: idOf(span.traceId), spanId: idOf(span.spanId), ...(span.parentSpanId === null ? {} : { parentSpanId: idOf(span.parentSpanId) }), name: span.name, kind: kinds[span.kind],
    startTimeUnixNano: String(span.start), ...(span.end === null ? {} : { endTimeUnixNano: String(span.end) }), attributes: keyValues(sentAttributes(span)),
    events: span.events.map(({ name, time, attributes }) => ({ name, timeUnixNano: String(time), attributes: keyValues(attributes) })),
    links: span.links.map(({ traceId, spanId, attributes }) => ({ traceId: idOf(traceId), spanId: idOf(spanId), attributes: keyValues(attributes) })),
    status: { code: codes[span.status.code], ...(span.status.message === "" ? {} : { message: span.status.message }) },
  };
}

function keyValuesOf(attributes: Attributes, valueOf: (value: AttributeValue) => object): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));
}

export function anyValue(value: AttributeValue): object {
  switch (typeof value) {
    case "string": return { stringValue: value };
    case "boolean": return { boolValue: value };
    case "bigint": return { intValue: String(value) };
    case "number": return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    default: return { arrayValue: { values: (value as readonly AttributeValue[]).map(anyValue) } };
  }
}
