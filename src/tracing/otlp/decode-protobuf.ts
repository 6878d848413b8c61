import type { Attributes, AttributeValue, Span, SpanEvent, SpanLink } from "../span.ts";
import { attributeOf, type LooseValue } from "./any-value.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { cleanInteger, cleanNumber, cleanText, kindOf, shared, spanLimits, SpanReceiver, statusCodeOf, type ReceivedSpans } from "./received-spans.ts";

/** Numbers of fields with their wire type, as opentelemetry-proto 1.x has them in trace.proto, common.proto and resource.proto. */
const tag = (field: number, wireType: 0 | 1 | 2): number => (field << 3) | wireType;

/** ExportTraceServiceRequest. Throws TRACE_INVALID. */
export function decodeProtobuf(body: Buffer): ReceivedSpans {
  const receiver = new SpanReceiver();
  const reader = new ProtobufReader(body);
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1, 2)) readResourceSpans(reader.message(), receiver);
    else reader.skip(at);
  }
  return receiver.received();
}

function readResourceSpans(reader: ProtobufReader, receiver: SpanReceiver): void {
  let resource = (): Attributes => ({});
  const scopes: ProtobufReader[] = [];
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1, 2)) resource = sharedOf(reader.message(), readResource);
    // The resource may stand behind its spans.
    else if (at === tag(2, 2)) scopes.push(reader.message());
    else reader.skip(at);
  }
  for (const scope of scopes) readScopeSpans(scope, resource, receiver);
}

function readResource(reader: ProtobufReader): Attributes {
  const attributes: Record<string, AttributeValue> = {};
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1, 2)) readAttribute(reader.message(), attributes);
    else reader.skip(at);
  }
  return attributes;
}

function readScopeSpans(reader: ProtobufReader, resource: () => Attributes, receiver: SpanReceiver): void {
  let scope = (): Span["scope"] => ({ name: "", version: "" });
  const spans: ProtobufReader[] = [];
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1, 2)) scope = sharedOf(reader.message(), readScope);
    else if (at === tag(2, 2) && receiver.takesMore()) spans.push(reader.message());
    else reader.skip(at);
  }
  for (const message of spans) {
    // What was read of it before it broke tells its name.
    const span: Draft = { traceId: "", spanId: "", parentSpanId: null, name: "", kind: "internal", start: 0n, end: null, status: { code: "unset", message: "" }, attributes: {}, events: [], links: [], resource: {}, scope: { name: "", version: "" } };
    receiver.take(() => readSpan(message, Object.assign(span, { resource: resource(), scope: scope() })), () => span.name);
  }
}

type Draft = Span & { attributes: Record<string, AttributeValue>; events: SpanEvent[]; links: SpanLink[] };

function sharedOf<Value>(message: ProtobufReader, read: (reader: ProtobufReader) => Value): () => Value {
  return shared(() => read(message));
}

function readScope(reader: ProtobufReader): Span["scope"] {
  const scope = { name: "", version: "" };
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1, 2)) scope.name = cleanText(reader.text(), spanLimits.nameCharacters);
    else if (at === tag(2, 2)) scope.version = cleanText(reader.text(), spanLimits.nameCharacters);
    else reader.skip(at);
  }
  return scope;
}

function readSpan(reader: ProtobufReader, span: Draft): Span {
  const { attributes, events, links } = span;
  let count = 0;
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    switch (at) {
      case tag(1, 2): span.traceId = reader.bytes().toString("hex"); break;
      case tag(2, 2): span.spanId = reader.bytes().toString("hex"); break;
      case tag(4, 2): span.parentSpanId = reader.bytes().toString("hex"); break;
      case tag(5, 2): span.name = cleanText(reader.text(), spanLimits.nameCharacters); break;
      case tag(6, 0): span.kind = kindOf(reader.uint32()); break;
      case tag(7, 1): span.start = reader.fixed64(); break;
      case tag(8, 1): span.end = endOf(reader.fixed64()); break;
      case tag(9, 2): {
        const attribute = reader.message();
        if (count++ < spanLimits.attributes) readAttribute(attribute, attributes);
        break;
      }
      case tag(11, 2): {
        const event = reader.message();
        if (events.length < spanLimits.events) events.push(readEvent(event));
        break;
      }
      case tag(13, 2): {
        const link = reader.message();
        if (links.length < spanLimits.links) links.push(readLink(link));
        break;
      }
      case tag(15, 2): span.status = readStatus(reader.message()); break;
      default: reader.skip(at);
    }
  }
  return span;
}

/** 0 is how protobuf writes what is not there. */
function endOf(time: bigint): bigint | null {
  return time === 0n ? null : time;
}

function readStatus(reader: ProtobufReader): Span["status"] {
  const status: Span["status"] = { code: "unset", message: "" };
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(2, 2)) status.message = cleanText(reader.text());
    else if (at === tag(3, 0)) status.code = statusCodeOf(reader.uint32());
    else reader.skip(at);
  }
  return status;
}

function readEvent(reader: ProtobufReader): SpanEvent {
  const attributes: Record<string, AttributeValue> = {};
  const event: SpanEvent = { name: "", time: 0n, attributes };
  let count = 0;
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1, 1)) event.time = reader.fixed64();
    else if (at === tag(2, 2)) event.name = cleanText(reader.text(), spanLimits.nameCharacters);
    else if (at === tag(3, 2) && count++ < spanLimits.attributes) readAttribute(reader.message(), attributes);
    else reader.skip(at);
  }
  return event;
}

function readLink(reader: ProtobufReader): SpanLink {
  const attributes: Record<string, AttributeValue> = {};
  const link: SpanLink = { traceId: "", spanId: "", attributes };
  let count = 0;
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1, 2)) link.traceId = reader.bytes().toString("hex");
    else if (at === tag(2, 2)) link.spanId = reader.bytes().toString("hex");
    else if (at === tag(4, 2) && count++ < spanLimits.attributes) readAttribute(reader.message(), attributes);
    else reader.skip(at);
  }
  return link;
}

function readAttribute(reader: ProtobufReader, into: Record<string, AttributeValue>): void {
  const { key, value } = readKeyValue(reader, 0);
  const attribute = attributeOf(value);
  if (key !== "" && key !== "__proto__" && attribute !== null) into[key] = attribute;
}

function readKeyValue(reader: ProtobufReader, depth: number): { key: string; value: LooseValue } {
  let key = "";
  let value: LooseValue = null;
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1, 2)) key = cleanText(reader.text(), spanLimits.nameCharacters);
    else if (at === tag(2, 2)) value = readAnyValue(reader.message(), depth);
    else reader.skip(at);
  }
  return { key, value };
}

function readAnyValue(reader: ProtobufReader, depth: number): LooseValue {
  let value: LooseValue = null;
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    switch (at) {
      case tag(1, 2): value = cleanText(reader.text()); break;
      case tag(2, 0): value = reader.uint32() !== 0; break;
      case tag(3, 0): value = cleanInteger(reader.int64()); break;
      case tag(4, 1): value = cleanNumber(reader.double()); break;
      case tag(5, 2): value = depth < spanLimits.depth ? readArray(reader.message(), depth + 1) : skipped(reader, at); break;
      case tag(6, 2): value = depth < spanLimits.depth ? readMap(reader.message(), depth + 1) : skipped(reader, at); break;
      case tag(7, 2): value = reader.bytes().toString("base64"); break;
      default: reader.skip(at);
    }
  }
  return value;
}

function skipped(reader: ProtobufReader, at: number): null {
  reader.skip(at);
  return null;
}

function readArray(reader: ProtobufReader, depth: number): LooseValue[] {
  const values: LooseValue[] = [];
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1, 2)) values.push(readAnyValue(reader.message(), depth));
    else reader.skip(at);
  }
  return values;
}

function readMap(reader: ProtobufReader, depth: number): { [key: string]: LooseValue } {
  const entries: [string, LooseValue][] = [];
  for (let at = reader.tag(); at !== 0; at = reader.tag()) {
    if (at === tag(1, 2)) {
      const { key, value } = readKeyValue(reader.message(), depth);
      entries.push([key, value]);
    } else reader.skip(at);
  }
  return Object.fromEntries(entries);
}
