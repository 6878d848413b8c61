import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../../../test/kit/fast-check.ts";
import { exampleSpan } from "../../../tracing/example-spans.fixture.ts";
import { factsOf } from "../../../tracing/span-facts.ts";
import type { StoredSpan } from "../../../tracing/stored-span.ts";
import { packSpan, unpackSpan } from "./packed-span.ts";
import { contentOf } from "./sql-span-content.ts";

const text = fc.string({ unit: codePoint, maxLength: 12 });
const orNull = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(value, { nil: null });
const nanoseconds = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });

describe("packSpan", () => {
  it("keeps all that the rows of a span are made of, whatever its texts have in them", () => {
    const keys = fc.constantFrom("gen_ai.conversation.id", "user.id", "input.value", "output.value", "gen_ai.input.messages", "gen_ai.response.model", "gen_ai.usage.input_tokens", "slipway.cost_nano_dollars", "slipway.route", "slipway.rollout", "gen_ai.response.id", "other");
    const attributes = fc.dictionary(fc.oneof(keys, text), fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(), fc.boolean()));
    const failed = fc.constantFrom("ok", "error", "unset");
    fc.assert(fc.property(attributes, failed, orNull(text), text, nanoseconds, orNull(nanoseconds), fc.boolean(), fc.boolean(), fc.boolean(), fc.option(text, { nil: undefined }), (attributes, code, experiment, name, start, end, isRoot, isOwn, counts, caller) => {
      const span: StoredSpan = { ...exampleSpan(1, 2), name, start, end, attributes, status: { code, message: "" }, parentSpanId: isRoot ? null : "00000000000000aa", original: {}, translated: [] };
      assert.deepEqual(unpackSpan(packSpan({ team: "a", experiment, span, isOwn, counts, caller })), {
        team: "a", experiment, traceId: span.traceId, spanId: span.spanId, isRoot, name: name.replaceAll("\0", "").toWellFormed(), start, end, facts: factsOf({ span, isOwn, counts }), caller: caller ?? null, content: contentOf(span),
      });
    }));
  });

  it("keeps whole numbers that are no numbers of JavaScript", () => {
    const span = { ...exampleSpan(1, 2), attributes: { "slipway.model": 2n ** 60n }, original: {}, translated: [] };
    assert.deepEqual(unpackSpan(packSpan({ team: "a", experiment: null, span, isOwn: true, counts: true })).facts, factsOf({ span, isOwn: true, counts: true }));
  });

  it("takes out of a name what no database keeps", () => {
    const span = { ...exampleSpan(1, 2), name: "a\0b\ud800\nc", original: {}, translated: [] };
    assert.equal(unpackSpan(packSpan({ team: "a", experiment: null, span, isOwn: true, counts: true })).name, "ab\ufffd\nc");
  });
});
