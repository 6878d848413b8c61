import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ledgerCallOf, type LedgerCall } from "./use-ledger-entries.ts";

const start = 1_795_262_400_000;
const entry = (id: string, change: Partial<LedgerCall> = {}): LedgerCall => ({ id, time: start, source: "gateway", provider: "openai", model: "gpt-5", outcome: "ok", estimated: false, cost: 7, priceVersion: "v", totalMs: 10, ...change });
type SpanOf = Parameters<typeof ledgerCallOf>[0];
const span = (id: string | null, change: Partial<SpanOf> = {}): SpanOf => ({ start: start + 0.25, scope: { name: "slipway.gateway", version: "1" }, kind: "server", inputTokens: 1, outputTokens: 1, attributes: id === null ? {} : { "slipway.ledger_entry": id }, ...change });

describe("the ledger's entry of a span", () => {
  it("is the one that the span names, whichever took longest, and none where it cannot be seen", () => {
    const entries = [entry("led_1", { totalMs: 10 }), entry("led_2", { totalMs: 900, outcome: "failed-over" })];
    assert.equal(ledgerCallOf(span("led_1"), entries)?.id, "led_1");
    assert.equal(ledgerCallOf(span("led_2", { kind: "client" }), entries)?.outcome, "failed-over");
    assert.equal(ledgerCallOf(span("led_3"), entries), null);
  });

  it("is none of an attempt or a guardrail without one, which begin with their call", () => {
    for (const kind of ["client", "internal"] as const) assert.equal(ledgerCallOf(span(null, { kind }), [entry("led_1")]), null);
  });

  it("is the only one of its beginning and source, of spans of former releases", () => {
    const told = { scope: { name: "openinference", version: "" }, kind: "internal" } as const;
    const entries = [entry("led_1"), entry("trc_1", { source: "trace" })];
    assert.equal(ledgerCallOf(span(null), entries)?.id, "led_1");
    assert.equal(ledgerCallOf(span(null, told), entries)?.id, "trc_1");
    assert.equal(ledgerCallOf(span(null, { ...told, inputTokens: null, outputTokens: null }), entries), null);
    assert.equal(ledgerCallOf(span(null), [...entries, entry("led_2")]), null);
  });
});
