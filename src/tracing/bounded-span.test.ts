import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { boundedFacts } from "./bounded-facts.ts";
import { boundedSpan, charactersOf } from "./bounded-span.ts";
import { translate } from "./dialects/translate.ts";
import { exampleSpan } from "./example-spans.fixture.ts";
import { factsOf } from "./span-facts.ts";
import { spanViewOf } from "./span-view.ts";
import type { Attributes, Span } from "./span.ts";

const spanWith = (attributes: Attributes, more: Partial<Span> = {}): Span => exampleSpan(1, 1, { attributes, ...more });

describe("a span that holds too much", () => {
  it("keeps the first of its attributes, texts cut off where the room ends, and nothing behind", () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, "v"]));
    assert.equal(Object.keys(boundedSpan(spanWith(many)).attributes).length, 512);
    const text = "\u{1f600}".repeat(3 << 19);
    const large = boundedSpan(spanWith({ a: text, list: ["x".repeat(5 << 20)], b: text, c: text }, { events: [{ name: "e", time: 1n, attributes: { d: "late" } }] }));
    assert.deepEqual([Object.keys(large.attributes), large.attributes.a === text, large.events[0]!.attributes], [["a", "b"], true, {}]);
    assert.ok(String(large.attributes.b).isWellFormed() && charactersOf(large.attributes) <= 4 << 20);
  });

  it("is the same where it does not", () => {
    const span = spanWith({ a: "x".repeat(1 << 20), b: 1, c: [true, false] });
    assert.equal(boundedSpan(span), span);
  });
});

describe("JSON in attributes", () => {
  const keys = ["gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.prompt", "gen_ai.prompt.0.content", "gen_ai.completion.0.tool_calls.0.arguments", "llm.input_messages.0.message.role", "mlflow.spanInputs", "mlflow.spanOutputs", "ai.prompt.messages", "ai.prompt", "ai.response.toolCalls", "input.value", "output.value", "traceloop.entity.input", "langsmith.span.inputs", "mlflow.spanType"] as const;

  it("is a text where it is nested too deep or has too many parts", () => {
    for (const hostile of [`${"[".repeat(400_000)}1${"]".repeat(400_000)}`, `[${"{},".repeat(300_000)}{}]`, `"${"\\".repeat(9)}`]) {
      for (const key of keys) {
        for (const text of [hostile, `[{"role":"user","content":${hostile},"parts":[{"type":"other","content":${hostile}}]}]`, `{"messages":[{"role":"user","content":[{"x":${hostile}}]}]}`]) {
          const span = translate(spanWith({ [key]: text }));
          const view = spanViewOf(span, span.start);
          assert.ok(JSON.stringify(view).includes(key), key);
          factsOf({ span, isOwn: false, counts: true });
        }
      }
    }
  });

  it("fails nothing, whatever stands in the place of a word", () => {
    const word = fc.oneof(fc.constantFrom<unknown>({ toString: 1 }, { toString: null, valueOf: "x" }, [], [null], null, 1, "user", "__proto__", "constructor", {}), fc.jsonValue({ maxDepth: 2 }));
    const message = fc.dictionary(fc.constantFrom("role", "type", "content", "parts", "kwargs", "id", "message", "tool_calls", "function", "name", "arguments", "function_call", "tool_call_id", "finish_reason", "text", "image_url", "toString", "__proto__"), word);
    const document = fc.oneof(word, fc.array(fc.oneof(message, word)), fc.record({ messages: fc.array(message) }), fc.record({ choices: fc.array(fc.oneof(message, fc.record({ message }))) }), fc.record({ generations: fc.array(fc.array(message)) }), fc.record({ candidates: fc.array(fc.record({ content: message })) }), fc.record({ content: fc.array(message), kwargs: message }));
    fc.assert(fc.property(fc.dictionary(fc.constantFrom(...keys), document), (given) => {
      const span = translate(spanWith(Object.fromEntries(Object.entries(given).map(([key, value]) => [key, JSON.stringify(value)]))));
      JSON.stringify(spanViewOf(span, span.start));
      factsOf({ span, isOwn: false, counts: true });
    }), { numRuns: 1000 });
  });
});

describe("what is said of a trace beside its spans", () => {
  it("has no times that no trace can have, and texts of some length", () => {
    for (const start of [-1, Number.NaN, Infinity, 8.64e15]) assert.deepEqual(boundedFacts({ start }), {});
    for (const durationMs of [-1, Number.NaN, Infinity, 1e13]) assert.deepEqual(boundedFacts({ start: 5, durationMs }), { start: 5 });
    assert.deepEqual(boundedFacts({ start: 1e12, durationMs: null, status: "ok" }), { start: 1e12, durationMs: null, status: "ok" });
    const long = "x".repeat(1 << 20);
    const { name, session, user, inputPreview, outputPreview } = boundedFacts({ name: long, session: long, user: long, inputPreview: long, outputPreview: long });
    assert.deepEqual([name, session, user, inputPreview, outputPreview].map((text) => text?.length), [1024, 250, 250, 10_000, 10_000]);
  });
});
