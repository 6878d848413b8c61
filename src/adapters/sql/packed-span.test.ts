import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { exampleSpan } from "../../tracing/example-spans.fixture.ts";
import { packSpan, unpackSpan } from "./packed-span.ts";
import { contentOf } from "./sql-span-content.ts";

const text = fc.string({ unit: "binary", maxLength: 12 });
const orNull = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(value, { nil: null });
const nanoseconds = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });

describe("packSpan", () => {
  it("keeps all that the rows of a span are made of, whatever its texts have in them", () => {
    const facts = fc.record({
      failed: fc.boolean(), inputTokens: orNull(fc.maxSafeNat()), outputTokens: orNull(fc.maxSafeNat()), cost: orNull(fc.maxSafeNat()), session: orNull(text), user: orNull(text), service: orNull(text),
      inputPreview: orNull(text), outputPreview: orNull(text), indexed: fc.array(fc.tuple(text, text)),
    }, { noNullPrototype: true });
    const attributes = fc.dictionary(text, fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), nanoseconds));
    fc.assert(fc.property(facts, attributes, orNull(text), text, nanoseconds, orNull(nanoseconds), fc.boolean(), (facts, attributes, experiment, name, start, end, isRoot) => {
      const span = { ...exampleSpan(1, 2), name, start, end, attributes, parentSpanId: isRoot ? null : "00000000000000aa", original: {}, translated: [] };
      assert.deepEqual(unpackSpan(packSpan({ team: "a", experiment, span, facts })), {
        team: "a", experiment, traceId: span.traceId, spanId: span.spanId, isRoot, name: name.replaceAll("\0", "").toWellFormed(), start, end, facts, content: contentOf(span),
      });
    }));
  });

  it("takes out of a name what no database keeps", () => {
    const span = { ...exampleSpan(1, 2), name: "a\0b\ud800\nc", original: {}, translated: [] };
    const facts = { failed: false, inputTokens: null, outputTokens: null, cost: null, session: null, user: null, service: null, inputPreview: null, outputPreview: null, indexed: [] };
    assert.equal(unpackSpan(packSpan({ team: "a", experiment: null, span, facts })).name, "ab\ufffd\nc");
  });
});
