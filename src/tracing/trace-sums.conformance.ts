import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { began, exampleRecord, keyOf, now } from "./example-spans.fixture.ts";
import type { Attributes } from "./span.ts";
import type { SpanRecord } from "./stored-span.ts";
import type { TraceStore } from "./trace-store.ts";

/** A span of a trace without a root, with small numbers, so that spans come again and share their first start and last end. */
interface Told {
  trace: number;
  span: number;
  /** Milliseconds after `began`. */
  start: number;
  end: number | null;
  failed: boolean;
  input: number | null;
  cost: number | null;
}

type Step = { write: Told[] } | { atOnce: Told[][] } | { remove: number } | { describe: number };

const optional = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(value, { nil: null });
const told: fc.Arbitrary<Told> = fc.record({
  trace: fc.integer({ min: 1, max: 2 }), span: fc.integer({ min: 2, max: 6 }), start: fc.integer({ min: 0, max: 4 }), end: optional(fc.integer({ min: 5, max: 9 })), failed: fc.boolean(),
  input: optional(fc.constantFrom(0, 3, 10)), cost: optional(fc.constantFrom(0, 7, 123_456_789_012_345)),
});
const batch = fc.array(told, { minLength: 1, maxLength: 8 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof({ weight: 6, arbitrary: fc.record({ write: batch }) }, { weight: 2, arbitrary: fc.record({ atOnce: fc.array(batch, { minLength: 2, maxLength: 4 }) }) },
    { weight: 1, arbitrary: fc.record({ remove: fc.constantFrom(1, 2) }) }, { weight: 1, arbitrary: fc.record({ describe: fc.constantFrom(1, 2) }) }),
  { maxLength: 12 },
);

function recordOf({ trace, span, start, end, failed, input, cost }: Told): SpanRecord {
  const at = (milliseconds: number): bigint => began + BigInt(milliseconds) * 1_000_000n;
  const attributes: Attributes = { ...(input === null ? {} : { "gen_ai.usage.input_tokens": input }), ...(cost === null ? {} : { "slipway.cost_nano_dollars": cost }) };
  return exampleRecord(trace, span, { start: at(start), end: end === null ? null : at(end), status: { code: failed ? "error" : "ok", message: "" }, attributes });
}

/** From nothing, over all spans that are kept. */
function sumsOf(kept: readonly Told[]): object {
  const sum = (values: readonly (number | null)[]): number | null => {
    const some = values.filter((value) => value !== null);
    return some.length === 0 ? null : some.reduce((all, value) => all + value, 0);
  };
  const start = Math.min(...kept.map((span) => span.start));
  const ends = kept.flatMap(({ end }) => (end === null ? [] : [end]));
  return {
    spans: kept.length, errors: kept.filter(({ failed }) => failed).length, start: now + start, durationMs: ends.length === 0 ? null : Math.max(...ends) - start, inputTokens: sum(kept.map(({ input }) => input)), outputTokens: null,
    cost: sum(kept.map(({ cost }) => cost)),
  };
}

async function sumsIn(store: TraceStore, trace: number): Promise<object | null> {
  const found = await store.find(keyOf(trace).traceId, "all");
  if (found === null) return null;
  const { spans, errors, start, durationMs, inputTokens, outputTokens, cost } = found.summary;
  return { spans, errors, start, durationMs, inputTokens, outputTokens, cost };
}

/** That the sums of a trace are those of its spans, however they came: a part of `traceStoreConformance`. */
export function traceSumsConformance(adapter: string, open: () => Promise<TraceStore>): void {
  describe(`sums of TraceStore: ${adapter}`, () => {
    it("are those of all spans, whatever came again, late, changed, at once or after the trace was removed", async () => {
      const store = await open();
      await fc.assert(fc.asyncProperty(steps, async (sequence) => {
        const kept = new Map<number, Map<number, Told>>();
        const take = (spans: readonly Told[]): void => {
          for (const span of spans) {
            const of = kept.get(span.trace) ?? new Map<number, Told>();
            kept.set(span.trace, of);
            // What has ended is not taken back by what has not.
            if (span.end !== null || (of.get(span.span)?.end ?? null) === null) of.set(span.span, span);
          }
        };
        for (const step of sequence) {
          if ("write" in step) {
            take(step.write);
            await store.write(step.write.map(recordOf), now);
          } else if ("atOnce" in step) {
            for (const spans of step.atOnce) take(spans);
            await Promise.all(step.atOnce.map((spans) => store.write(spans.map(recordOf), now)));
          } else if ("remove" in step) {
            kept.delete(step.remove);
            await store.remove([keyOf(step.remove)], now);
          } else if (kept.has(step.describe)) await store.describe(keyOf(step.describe), { start: now - 1000, durationMs: 90_000 }, now);
          for (const [trace, spans] of kept) assert.deepEqual(await sumsIn(store, trace), sumsOf([...spans.values()]));
        }
        await store.remove([keyOf(1), keyOf(2)], now);
      }), { numRuns: 40 });
    });

    it("begin with the first span where a trace was only told of", async () => {
      const store = await open();
      await store.describe(keyOf(1), { start: now - 1000, durationMs: 90_000 }, now);
      const span: Told = { trace: 1, span: 2, start: 3, end: 5, failed: false, input: 3, cost: null };
      await store.write([recordOf(span)], now);
      assert.deepEqual(await sumsIn(store, 1), sumsOf([span]));
    });

    it("stay those of all spans in a long trace, whose start and end only move apart", async () => {
      const store = await open();
      const span = (number: number, more: Partial<Told> = {}): Told => ({ trace: 1, span: number, start: 1, end: 8, failed: false, input: 3, cost: 7, ...more });
      const spans = Array.from({ length: 1500 }, (_, index) => span(index + 2, index === 0 ? { start: 0, end: 9, failed: true } : {}));
      await store.write(spans.map(recordOf), now);
      await store.write([...spans.slice(0, 600), span(2000, { cost: null })].map(recordOf), now);
      const whole = sumsOf([...spans, span(2000, { cost: null })]);
      assert.deepEqual(await sumsIn(store, 1), whole);
      // The first to start and the last to end, and neither now: the whole trace is not read again for it.
      await store.write([recordOf(span(2, { start: 2, end: 7, cost: 8 }))], now);
      assert.deepEqual(await sumsIn(store, 1), { ...whole, errors: 0, cost: 1500 * 7 + 1 });
    });

    it("go no further than is exact, whatever is told of tokens, and are shown in lists and sessions", async () => {
      const store = await open();
      const huge = { "session.id": "s", "gen_ai.usage.input_tokens": Number.MAX_SAFE_INTEGER, "slipway.cost_nano_dollars": Number.MAX_SAFE_INTEGER };
      for (const trace of [1, 2]) {
        await store.write([1, 2, 3].map((span) => exampleRecord(trace, span, { attributes: huge })), now);
        await store.write([3, 4].map((span) => exampleRecord(trace, span, { attributes: huge })), now);
      }
      const page = await store.search({ visible: "all", attributes: {}, order: "start", limit: 5 });
      const { items: [session] } = await store.sessions({ visible: "all", after: null, limit: 5 });
      assert.deepEqual([...page.items.map(({ summary }) => summary), session!].map(({ inputTokens, cost }) => [inputTokens, cost]), Array(3).fill([Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]));
      assert.equal((await store.search({ visible: "all", attributes: {}, order: "start", limit: 5, minTokens: 10 })).items.length, 2);
      await store.write([1, 2, 3, 4].map((span) => exampleRecord(1, span, { attributes: { "gen_ai.usage.input_tokens": 3 } })), now);
      const trace = await store.find(keyOf(1).traceId, "all");
      assert.deepEqual([trace?.summary.inputTokens, trace?.summary.cost], [12, null]);
    });
  });
}
