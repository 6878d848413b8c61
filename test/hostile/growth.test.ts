import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { DenialCounts } from "../../src/access/denial-counts.ts";
import type { AuditEntry } from "../../src/access/audit-log.ts";
import { epochMs, ManualClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { CallMetrics } from "../../src/gateway/calls/call-metrics.ts";
import type { CallEnding } from "../../src/gateway/calls/call-ending.ts";
import type { CallRecord } from "../../src/gateway/calls/call-record.ts";
import { MemoryAnswerCache } from "../../src/gateway/cache/memory-answer-cache.ts";
import { SemanticCache } from "../../src/gateway/cache/semantic-cache.ts";
import { MemoryLimitStore } from "../../src/gateway/limits/memory-limit-store.ts";
import { ProviderHealth } from "../../src/gateway/routing/provider-health.ts";
import type { Attribution } from "../../src/ledger/ledger-entry.ts";
import { MemoryBudgetStore } from "../../src/ledger/memory-budget-store.ts";
import { PriceBook } from "../../src/ledger/prices/price-book.ts";
import { SpendSums } from "../../src/ledger/spend-sums.ts";
import { OpenRuns } from "../../src/tracing/langsmith/open-runs.ts";
import { ServedCalls } from "../../src/tracing/served-calls.ts";
import type { StoredSpan } from "../../src/tracing/stored-span.ts";
import { ToldCalls } from "../../src/tracing/told-calls.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const heapBytes = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

const usualValues = 30_000;
/** What holds more of the last ones is full only after so many. */
const valuesOf: Readonly<Record<string, number>> = { "calls by what their callers know of them": 100_000 };
/** For each value, less than an entry of a Map takes: what keeps all of them holds several times as much. */
const mostGrowth = 42;
const now = epochMs(1_790_000_000_000);

/** What a permitted caller chooses: another one for each call, of some length. */
const chosen = (index: number): string => `${index}-${"chosen".repeat(4)}`;

/** Each takes one call with this text in the place of what callers choose; made anew for the test. */
const parts: Readonly<Record<string, () => (text: string) => unknown>> = {
  "metrics of the gateway": () => {
    const metrics = new CallMetrics();
    return (text) => {
      const target = { provider: "first", model: text };
      const ending = { outcome: "ok", error: null, totalMs: 1, cost: 1, uses: [{ ...target, usage: {}, cost: 1 }, { provider: "second", model: text, usage: {}, cost: 1 }] } as unknown as CallEnding;
      metrics.ended({ attribution: { team: "default", route: `first/${text}`, user: text, session: text, tags: { [text]: text } }, operation: "chat", attempts: [target], target, usage: {}, firstByteMs: 1 } as unknown as CallRecord, ending);
    };
  },
  "health of targets": () => {
    const health = new ProviderHealth(new ManualClock());
    return (text) => health.of("first", text, { failures: 5, openSeconds: 1 });
  },
  "spent sums": () => {
    const sums = new SpendSums();
    return (text) => sums.add({ actor: "key:one", team: "default", project: null, route: `first/${text}`, user: text, session: text, tags: { [text]: text } } as unknown as Attribution, now, 1, now);
  },
  "budgets": () => {
    const store = new MemoryBudgetStore({ clock: new ManualClock() });
    const scopes = [{ id: "key:one/day/2026-11-22", limit: 1e15, endsAt: epochMs(now + 1e6) }] as unknown as Parameters<MemoryBudgetStore["reserve"]>[1];
    return (text) => {
      store.reserve(text, scopes, 1, 1000);
      store.settle(text, scopes, 1);
    };
  },
  "rates": () => {
    const clock = new ManualClock();
    const store = new MemoryLimitStore({ clock });
    return (text) => {
      clock.advance(10);
      store.take([{ bucket: { id: text, capacity: 100, perMinute: 6000 }, amount: 1 }]);
    };
  },
  "prices": () => {
    const book = new PriceBook();
    return (text) => book.priceOf("compatible", "first", text, now);
  },
  "answers by their questions": () => {
    const cache = new MemoryAnswerCache({ clock: new ManualClock(), maxBytes: 1 << 20 });
    return (text) => cache.set(text, "x".repeat(64), 60_000);
  },
  "answers by their meaning": () => {
    const cache = new SemanticCache({ clock: new ManualClock(), maxBytes: 1 << 20 });
    return async (text) => (await cache.find({ question: { scope: text, text }, threshold: 0.9, embed: () => Promise.resolve([new Float32Array(8).fill(1)]) as never })).remember(text, 60_000);
  },
  "runs of LangSmith that never end": () => {
    const runs = new OpenRuns(1 << 20);
    return (text) => runs.merge("default", { id: text, name: text } as never, "post" as never);
  },
  "calls by what their callers know of them": () => {
    const calls = new ServedCalls();
    const call = { traceId: "0".repeat(32), team: "default", actor: "key:one", cost: null };
    return (text) => calls.note(call, { parentSpanId: text, answerId: text }, { route: text, target: null, inputTokens: Number.parseInt(text, 10), outputTokens: 1, start: now, end: now });
  },
  "calls that spans told of": () => {
    const calls = new ToldCalls();
    const span = { spanId: "0".repeat(16), start: 1n, end: 2n, scope: { name: "", version: "" } } as StoredSpan;
    return (text) => {
      calls.covered("default", text, span.spanId);
      calls.twinOf("default", { ...span, traceId: text }, { provider: "", models: [text], usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: null, cacheWriteTokens: null } }, text);
    };
  },
  "denials by who was denied": () => {
    const counts = new DenialCounts({ write: () => undefined, logger: silentLogger });
    return (text) => counts.take({ actor: text, action: text, time: now } as unknown as AuditEntry);
  },
};

describe("memory of what callers choose", () => {
  for (const [name, make] of Object.entries(parts)) {
    const values = valuesOf[name] ?? usualValues;
    it(`does not grow with another ${values} values: ${name}`, async () => {
      const take = make();
      const fill = async (from: number): Promise<void> => {
        for (let index = from; index < from + values; index++) {
          const taken = take(chosen(index));
          if (taken instanceof Promise) await taken;
        }
      };
      await fill(0);
      const before = heapBytes();
      await fill(values);
      const grown = heapBytes() - before;
      assert.ok(grown < mostGrowth * values, `${(grown / (1 << 20)).toFixed(1)} MiB more are held`);
      // Still there when it was measured.
      await take(chosen(-1));
    });
  }
});
