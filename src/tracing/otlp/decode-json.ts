import { AppError } from "../../core/errors.ts";
import { assertJsonBounds, largeBodyBounds } from "../../core/json-bounds.ts";
import type { Attributes, AttributeValue, Span, SpanEvent, SpanLink } from "../span.ts";
import { attributeOf, type LooseValue } from "./any-value.ts";
import { cleanInteger, cleanNumber, cleanText, kindOf, shared, spanLimits, SpanReceiver, statusCodeOf, type ReceivedSpans } from "./received-spans.ts";

type Json = Record<string, unknown>;

/** Where spans stood before OTLP 0.19, and where those who write it by hand put them. */
const spansElsewhere = ["spans", "instrumentationLibrarySpans", "instrumentation_library_spans"];

/** ExportTraceServiceRequest as JSON: ids are hex, 64-bit integers texts or numbers, enumerations numbers or names; fields in either spelling. Throws TRACE_INVALID, INVALID_JSON. */
export function decodeJson(body: Buffer): ReceivedSpans {
  const receiver = new SpanReceiver();
  const document = parse(body);
  // Fields that are not known are passed over, but a body without any that is known would be lost without a word.
  if (document.resourceSpans === undefined && document.resource_spans === undefined && Object.keys(document).length > 0) throw invalid(`it has ${namesOf(document)} and no resourceSpans`);
  for (const resourceSpans of list(document, "resourceSpans", "resource_spans")) {
    if (resourceSpans.scopeSpans === undefined && resourceSpans.scope_spans === undefined && spansElsewhere.some((name) => name in resourceSpans)) throw invalid("its spans do not stand in resourceSpans[].scopeSpans[].spans");
    const resource = shared(() => attributesOf(object(resourceSpans.resource)));
    for (const scopeSpans of list(resourceSpans, "scopeSpans", "scope_spans")) {
      const scope = shared(() => scopeOf(object(scopeSpans.scope)));
      for (const span of anyList(scopeSpans, "spans", "spans")) if (receiver.takesMore()) receiver.take(() => spanOf(object(span), resource(), scope()), () => nameOf(span));
    }
  }
  return receiver.received();
}

function scopeOf({ name, version }: Json): Span["scope"] {
  return { name: textOf(name, spanLimits.nameCharacters), version: textOf(version, spanLimits.nameCharacters) };
}

/** Of a span that cannot be read. */
function nameOf(span: unknown): string {
  const name: unknown = typeof span === "object" && span !== null ? (span as Json).name : null;
  return typeof name === "string" ? cleanText(name, spanLimits.nameCharacters) : "";
}

function parse(body: Buffer): Json {
  assertJsonBounds(body, largeBodyBounds);
  try {
    return object(JSON.parse(body.toString("utf8")));
  } catch (cause) {
    throw cause instanceof AppError ? cause : new AppError("TRACE_INVALID", "The body is no JSON document.", { cause });
  }
}

function spanOf(json: Json, resource: Attributes, scope: Span["scope"]): Span {
  const status = object(json.status ?? {});
  const end = timeOf(json.endTimeUnixNano ?? json.end_time_unix_nano);
  const parent = textOf(json.parentSpanId ?? json.parent_span_id, 64).toLowerCase();
  return {
    traceId: textOf(json.traceId ?? json.trace_id, 64).toLowerCase(),
    spanId: textOf(json.spanId ?? json.span_id, 64).toLowerCase(),
    parentSpanId: parent === "" ? null : parent,
    name: textOf(json.name, spanLimits.nameCharacters),
    kind: kindOf(enumerated(json.kind, ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"])),
    start: timeOf(json.startTimeUnixNano ?? json.start_time_unix_nano),
    end: end === 0n ? null : end,
    status: { code: statusCodeOf(enumerated(status.code, ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"])), message: textOf(status.message) },
    attributes: attributesOf(json),
    events: list(json, "events", "events").slice(0, spanLimits.events).map((event): SpanEvent => ({
      name: textOf(event.name, spanLimits.nameCharacters), time: timeOf(event.timeUnixNano ?? event.time_unix_nano), attributes: attributesOf(event),
    })),
    links: list(json, "links", "links").slice(0, spanLimits.links).map((link): SpanLink => ({
      traceId: textOf(link.traceId ?? link.trace_id, 64).toLowerCase(), spanId: textOf(link.spanId ?? link.span_id, 64).toLowerCase(), attributes: attributesOf(link),
    })),
    resource,
    scope,
  };
}

function attributesOf(json: Json): Attributes {
  const attributes: Record<string, AttributeValue> = {};
  for (const entry of list(json, "attributes", "attributes").slice(0, spanLimits.attributes)) {
    const key = textOf(entry.key, spanLimits.nameCharacters);
    const value = attributeOf(looseOf(entry.value, 0));
    if (key !== "" && key !== "__proto__" && value !== null) attributes[key] = value;
  }
  return attributes;
}

function looseOf(value: unknown, depth: number): LooseValue {
  if (typeof value !== "object" || value === null || depth > spanLimits.depth) return null;
  const json = value as Json;
  const text = json.stringValue ?? json.string_value;
  if (text !== undefined) return textOf(text);
  const boolean = json.boolValue ?? json.bool_value;
  if (boolean !== undefined) return boolean === true || boolean === "true";
  const integer = json.intValue ?? json.int_value;
  if (integer !== undefined) return cleanInteger(integerOf(integer));
  const double = json.doubleValue ?? json.double_value;
  if (double !== undefined) return cleanNumber(Number(double));
  const bytes = json.bytesValue ?? json.bytes_value;
  if (bytes !== undefined) return textOf(bytes);
  const array = json.arrayValue ?? json.array_value;
  if (array !== undefined) return list(object(array), "values", "values").map((item) => looseOf(item, depth + 1));
  const map = json.kvlistValue ?? json.kvlist_value;
  if (map !== undefined) return Object.fromEntries(list(object(map), "values", "values").map((entry) => [textOf(entry.key, spanLimits.nameCharacters), looseOf(entry.value, depth + 1)]));
  return null;
}

function object(value: unknown): Json {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw unlike(value, "object");
  return value as Json;
}

function list(json: Json, name: string, otherName: string): Json[] {
  return anyList(json, name, otherName).map(object);
}

function anyList(json: Json, name: string, otherName: string): unknown[] {
  const value = json[name] ?? json[otherName] ?? [];
  if (!Array.isArray(value)) throw unlike(value, "list");
  return value;
}

function textOf(value: unknown, characters?: number): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw unlike(value, "text");
  return cleanText(value, characters);
}

function timeOf(value: unknown): bigint {
  return value === undefined || value === null ? 0n : integerOf(value);
}

function integerOf(value: unknown): bigint {
  if (typeof value === "number" && Number.isFinite(value)) return BigInt(Math.trunc(value));
  if (typeof value === "string" && /^-?\d{1,19}$/.test(value)) return BigInt(value);
  throw unlike(value, "integer");
}

function enumerated(value: unknown, names: readonly string[]): number {
  return typeof value === "number" ? value : Math.max(0, names.indexOf(String(value)));
}

function namesOf(json: Json): string {
  return Object.keys(json).slice(0, 3).map((name) => JSON.stringify(name.slice(0, 40))).join(", ");
}

function invalid(reason: string): AppError {
  return new AppError("TRACE_INVALID", `The body is no ExportTraceServiceRequest: ${reason}.`);
}

/** Of what stands in the place of another thing. */
function unlike(value: unknown, kind: string): AppError {
  return new AppError("TRACE_INVALID", `${JSON.stringify(value).slice(0, 60)} stands where an OTLP trace has ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}.`);
}
