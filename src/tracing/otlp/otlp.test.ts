import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import protobuf from "protobufjs";
import { AppError } from "../../core/errors.ts";
import type { Span } from "../span.ts";
import { decodeJson } from "./decode-json.ts";
import { decodeProtobuf } from "./decode-protobuf.ts";
import { encodeJson } from "./encode-json.ts";
import { otlpAnswer } from "./otlp-answer.ts";
import { spanLimits } from "./received-spans.ts";

/** The messages of opentelemetry-proto 1.x, as far as a span needs them. */
const { root } = protobuf.parse(`syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
  message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  message Scope { string name = 1; string version = 2; }
  message Span { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; uint32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10; repeated Event events = 11; uint32 dropped_events_count = 12; repeated Link links = 13; uint32 dropped_links_count = 14; Status status = 15; fixed32 flags = 16; }
  message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
  message Link { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4; fixed32 flags = 6; }
  message Status { string message = 2; uint32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
  message Answer { PartialSuccess partial_success = 1; }
  message PartialSuccess { int64 rejected_spans = 1; string error_message = 2; }`, { keepCase: false });
const Request = root.lookupType("Request");

const encode = (request: object): Buffer => Buffer.from(Request.encode(Request.fromObject(request)).finish());
const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const base64 = (hex: string): string => Buffer.from(hex, "hex").toString("base64");
const failsWith = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

function request(ids: (hex: string) => string, more: object = {}): object {
  return {
    resourceSpans: [{
      resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
      scopeSpans: [{
        scope: { name: "lib", version: "2" },
        spans: [{
          traceId: ids(traceId), spanId: ids(spanId), parentSpanId: ids("00f067aa0ba902b7"), name: "chat é", kind: 3, startTimeUnixNano: "1700000000123456789", endTimeUnixNano: "1700000001000000001", status: { code: 2, message: "bad" },
          attributes: [
            { key: "text", value: { stringValue: "a" } }, { key: "flag", value: { boolValue: true } }, { key: "count", value: { intValue: "-5" } }, { key: "big", value: { intValue: "9007199254740993" } }, { key: "share", value: { doubleValue: 0.25 } },
            { key: "list", value: { arrayValue: { values: [{ stringValue: "x" }, { stringValue: "y" }] } } }, { key: "mixed", value: { arrayValue: { values: [{ intValue: "1" }, { stringValue: "y" }] } } },
            { key: "map", value: { kvlistValue: { values: [{ key: "k", value: { arrayValue: { values: [{ boolValue: false }] } } }] } } }, { key: "__proto__", value: { stringValue: "p" } },
          ],
          events: [{ timeUnixNano: "1700000000200000000", name: "exception", attributes: [{ key: "exception.type", value: { stringValue: "E" } }] }],
          links: [{ traceId: ids("f".repeat(32)), spanId: ids("e".repeat(16)), attributes: [{ key: "n", value: { intValue: "1" } }] }], ...more,
        }],
      }],
    }],
  };
}

const expected: Span = {
  traceId, spanId, parentSpanId: "00f067aa0ba902b7", name: "chat é", kind: "client", start: 1700000000123456789n, end: 1700000001000000001n, status: { code: "error", message: "bad" },
  attributes: { text: "a", flag: true, count: -5, big: 9007199254740993n, share: 0.25, list: ["x", "y"], mixed: "[1,\"y\"]", map: "{\"k\":[false]}" },
  events: [{ name: "exception", time: 1700000000200000000n, attributes: { "exception.type": "E" } }], links: [{ traceId: "f".repeat(32), spanId: "e".repeat(16), attributes: { n: 1 } }], resource: { "service.name": "shop" }, scope: { name: "lib", version: "2" },
};

describe("OTLP", () => {
  it("reads the same span out of protobuf, as another library writes it, and out of JSON in both spellings", () => {
    const snake = (text: string): string => text.replaceAll(/"([a-z]+(?:[A-Z][a-z]+)+)":/g, (_, name: string) => `"${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}":`);
    const json = JSON.stringify(request((hex) => hex));
    for (const received of [decodeProtobuf(encode(request(base64))), decodeJson(Buffer.from(json)), decodeJson(Buffer.from(snake(json)))]) assert.deepEqual(received, { spans: [expected], rejected: 0, reason: "" });
    const named = request((hex) => hex.toUpperCase(), { kind: "SPAN_KIND_CLIENT", status: { code: "STATUS_CODE_ERROR", message: "bad" }, startTimeUnixNano: 1700000000123456800, parentSpanId: "0".repeat(16) });
    assert.deepEqual(decodeJson(Buffer.from(JSON.stringify(named))).spans, [{ ...expected, start: 1700000000123456768n, parentSpanId: null }]);
  });

  it("writes what it reads", () => {
    const stored = { ...expected, original: {}, translated: [] };
    assert.deepEqual(decodeJson(Buffer.from(encodeJson([stored]))).spans, [expected]);
    const translated = { ...stored, attributes: { kept: 1, "gen_ai.provider.name": "openai" }, original: { "gen_ai.system": "openai" }, translated: ["gen_ai.provider.name"] };
    assert.deepEqual(decodeJson(Buffer.from(encodeJson([translated]))).spans[0]?.attributes, { kept: 1, "gen_ai.system": "openai" });
  });

  it("reads and writes every kind and status, bytes and booleans alike in both encodings", () => {
    const kinds = ["internal", "internal", "server", "client", "producer", "consumer", "internal"] as const;
    for (const [kind, name] of kinds.entries()) {
      const [binary] = decodeProtobuf(encode(request(base64, { kind }))).spans;
      const [text] = decodeJson(Buffer.from(JSON.stringify(request((hex) => hex, { kind })))).spans;
      assert.deepEqual([binary?.kind, text?.kind], [name, name], String(kind));
      assert.equal(decodeJson(Buffer.from(encodeJson([{ ...binary!, original: {}, translated: [] }]))).spans[0]?.kind, name);
    }
    for (const [code, name] of (["unset", "ok", "error", "unset"] as const).entries()) {
      const status = { status: { code, message: "m" } };
      const [binary] = decodeProtobuf(encode(request(base64, status))).spans;
      assert.deepEqual([binary?.status.code, decodeJson(Buffer.from(JSON.stringify(request((hex) => hex, status)))).spans[0]?.status.code], [name, name], String(code));
      assert.equal(decodeJson(Buffer.from(encodeJson([{ ...binary!, original: {}, translated: [] }]))).spans[0]?.status.code, name);
    }
    const bytes = Buffer.from("any bytes").toString("base64");
    const more = { attributes: [{ key: "bytes", value: { bytesValue: bytes } }, { key: "nothing" }] };
    for (const { spans: [span] } of [decodeProtobuf(encode(request(base64, more))), decodeJson(Buffer.from(JSON.stringify(request((hex) => hex, more))))]) assert.deepEqual(span?.attributes, { bytes });
    // Those who write it by hand have texts where there are booleans.
    assert.deepEqual(decodeJson(Buffer.from(JSON.stringify(request((hex) => hex, { attributes: [{ key: "yes", value: { boolValue: "true" } }, { key: "no", value: { boolValue: "false" } }] })))).spans[0]?.attributes, { yes: true, no: false });
  });

  it("takes no time that a signed 64-bit integer cannot hold", () => {
    const late = String(2n ** 63n);
    for (const times of [{ startTimeUnixNano: late, endTimeUnixNano: late }, { startTimeUnixNano: late, endTimeUnixNano: "0" }, { endTimeUnixNano: late }]) assert.deepEqual(decodeProtobuf(encode(request(base64, times))).rejected, 1);
    assert.equal(decodeProtobuf(encode(request(base64, { endTimeUnixNano: String(2n ** 63n - 1n) }))).spans[0]?.end, 2n ** 63n - 1n);
  });

  it("counts what is no span, and keeps the others", () => {
    const flawed: object[] = [{ traceId: "" }, { traceId: base64("0".repeat(32)) }, { traceId: base64("f".repeat(30)) }, { spanId: "" }, { spanId: base64("0".repeat(16)) }, { startTimeUnixNano: "0" }, { endTimeUnixNano: "1" }];
    for (const flaw of flawed) {
      const { resourceSpans: [first] } = request(base64, flaw) as { resourceSpans: object[] };
      const received = decodeProtobuf(encode({ resourceSpans: [first, ...(request(base64) as { resourceSpans: object[] }).resourceSpans] }));
      assert.deepEqual([received.spans.length, received.rejected, received.reason !== ""], [1, 1, true], JSON.stringify(flaw));
    }
    // A span that has not ended.
    assert.equal(decodeProtobuf(encode(request(base64, { endTimeUnixNano: "0" }))).spans[0]?.end, null);
  });

  it("rejects the span that cannot be read, names it, and keeps those beside it", () => {
    const good = request((hex) => hex) as { resourceSpans: { resource: object; scopeSpans: { spans: object[] }[] }[] };
    const goodSpan = good.resourceSpans[0]!.scopeSpans[0]!.spans[0]!;
    const flaws: [object | string, string][] = [
      [{ startTimeUnixNano: "soon" }, 'The span "bad" cannot be read: "soon" stands where an OTLP trace has an integer.'], [{ endTimeUnixNano: "1.5e18" }, 'The span "bad" cannot be read: "1.5e18" stands where an OTLP trace has an integer.'],
      [{ attributes: [{ key: "n", value: { intValue: "one" } }] }, 'The span "bad" cannot be read: "one" stands where an OTLP trace has an integer.'], [{ events: [{ name: 5 }] }, 'The span "bad" cannot be read: 5 stands where an OTLP trace has a text.'],
      [{ events: [{ timeUnixNano: {} }] }, 'The span "bad" cannot be read: {} stands where an OTLP trace has an integer.'], [{ links: {} }, 'The span "bad" cannot be read: {} stands where an OTLP trace has a list.'], [{ status: "bad" }, 'The span "bad" cannot be read: "bad" stands where an OTLP trace has an object.'],
      [{ name: 7 }, "A span cannot be read: 7 stands where an OTLP trace has a text."], ["no span", 'A span cannot be read: "no span" stands where an OTLP trace has an object.'],
    ];
    for (const [flaw, reason] of flaws) {
      const spans = [goodSpan, typeof flaw === "string" ? flaw : { ...goodSpan, name: "bad", ...flaw }, goodSpan];
      const body = { resourceSpans: [{ ...good.resourceSpans[0], scopeSpans: [{ ...good.resourceSpans[0]!.scopeSpans[0], spans }] }] };
      assert.deepEqual(decodeJson(Buffer.from(JSON.stringify(body))), { spans: [expected, expected], rejected: 1, reason }, reason);
      // Alone it is no such request.
      const alone = { resourceSpans: [{ scopeSpans: [{ spans: [spans[1]] }] }] };
      assert.throws(() => decodeJson(Buffer.from(JSON.stringify(alone))), (error) => failsWith("TRACE_INVALID")(error) && (error as AppError).message === reason);
    }
    // What belongs to all of a resource takes all of its spans, and no others.
    for (const [part, reason] of [[{ resource: { attributes: [{ key: "n", value: { intValue: "x" } }] } }, '"x" stands where an OTLP trace has an integer'], [{ scopeSpans: [{ scope: { name: 1 }, spans: [goodSpan, goodSpan] }] }, "1 stands where an OTLP trace has a text"]] as const) {
      const body = { resourceSpans: [{ ...good.resourceSpans[0], scopeSpans: [{ spans: [goodSpan, goodSpan] }], ...part }, ...good.resourceSpans] };
      assert.deepEqual(decodeJson(Buffer.from(JSON.stringify(body))), { spans: [expected], rejected: 2, reason: `The span "chat é" cannot be read: ${reason}.` });
    }
  });

  it("does so with a message of protobuf whose inside is broken", () => {
    const field = (number: number, content: Uint8Array): Buffer => Buffer.concat([Buffer.from([(number << 3) | 2, ...lengthOf(content.length)]), content]);
    const lengthOf = (length: number): number[] => (length < 128 ? [length] : [(length & 127) | 128, length >> 7]);
    const name = field(5, Buffer.from("bad"));
    // A time of seven bytes, a length beyond the end, a group.
    for (const tail of [[0x39, 1, 2, 3, 4, 5, 6, 7], [0x4a, 0x20, 1], [0x0b, 0x0c]]) {
      const bad = field(1, field(2, field(2, Buffer.concat([name, Buffer.from(tail)]))));
      const beside = encode(request(base64));
      assert.deepEqual(decodeProtobuf(Buffer.concat([beside, bad, beside])), { spans: [expected, expected], rejected: 1, reason: 'The span "bad" cannot be read: The body is no protobuf message of OTLP traces.' });
      assert.throws(() => decodeProtobuf(bad), failsWith("TRACE_INVALID"));
    }
    const brokenResource = field(1, Buffer.concat([field(1, Buffer.from([0x0a, 0x20])), field(2, field(2, name))]));
    assert.deepEqual(decodeProtobuf(Buffer.concat([brokenResource, encode(request(base64))])).rejected, 1);
  });

  it("takes no JSON for empty whose spans stand where nobody looks for them", () => {
    assert.deepEqual([decodeJson(Buffer.from("{}")).spans, decodeJson(Buffer.from('{"resourceSpans":[{"resource":{}}],"more":1}')).spans], [[], []]);
    for (const [body, message] of [
      ['{"resourceLogs":[]}', /it has "resourceLogs" and no resourceSpans/], ['{"spans":[{"name":"x"}]}', /no resourceSpans/], ['{"resourceSpans":[{"spans":[{"name":"x"}]}]}', /scopeSpans\[\]\.spans/],
      ['{"resourceSpans":[{"instrumentationLibrarySpans":[]}]}', /scopeSpans/],
    ] as const) assert.throws(() => decodeJson(Buffer.from(body)), (error) => failsWith("TRACE_INVALID")(error) && message.test((error as AppError).message), body);
  });

  it("tells what was left out in the encoding of the request", () => {
    const answer = otlpAnswer(true, { rejected: 300, reason: "no é id" });
    const decoded = root.lookupType("Answer").toObject(root.lookupType("Answer").decode(answer.body as Buffer), { longs: String });
    assert.deepEqual(decoded, { partialSuccess: { rejectedSpans: "300", errorMessage: "no é id" } });
    assert.deepEqual([otlpAnswer(true, { rejected: 0, reason: "" }).body, otlpAnswer(false, { rejected: 0, reason: "" }).body, otlpAnswer(false, { rejected: 1, reason: "r" }).body], [Buffer.alloc(0), "{}", "{\"partialSuccess\":{\"rejectedSpans\":\"1\",\"errorMessage\":\"r\"}}"]);
  });

  it("bounds depth, numbers and lengths", () => {
    let deep: object = { stringValue: "end" };
    for (let level = 0; level < 30; level++) deep = { arrayValue: { values: [deep] } };
    const attributes = [{ key: "deep", value: deep }, ...Array.from({ length: 2 * spanLimits.attributes }, (_, index) => ({ key: `k${index}`, value: { intValue: "1" } }))];
    const more = { attributes, name: "n".repeat(5000) };
    for (const { spans: [span] } of [decodeProtobuf(encode(request(base64, more))), decodeJson(Buffer.from(JSON.stringify(request((hex) => hex, more))))]) {
      assert.ok(span !== undefined && !String(span.attributes.deep).includes("end"));
      assert.deepEqual([Object.keys(span.attributes).length, span.name.length], [spanLimits.attributes, spanLimits.nameCharacters]);
    }
  });

  it("answers any bytes with spans or with TRACE_INVALID", () => {
    const whole = encode(request(base64));
    const attempt = (decode: (body: Buffer) => unknown, body: Buffer): void => {
      try {
        decode(body);
      } catch (error) {
        assert.ok(failsWith("TRACE_INVALID")(error), String(error));
      }
    };
    for (let end = 0; end < whole.length; end++) attempt(decodeProtobuf, whole.subarray(0, end));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (bytes, at) => {
      attempt(decodeProtobuf, Buffer.from(bytes));
      const broken = Buffer.from(whole);
      broken.set(bytes, at % Math.max(1, whole.length - bytes.length));
      attempt(decodeProtobuf, broken);
    }));
    fc.assert(fc.property(fc.json(), (json) => attempt(decodeJson, Buffer.from(json))));
    for (const body of ["", "[]", "{\"resourceSpans\":{}}", "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":1}]}]}]}"]) assert.throws(() => decodeJson(Buffer.from(body)), failsWith("TRACE_INVALID"), body);
  });
});
