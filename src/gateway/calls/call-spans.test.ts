import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { slipwayVersion } from "../../core/version.ts";
import type { Span } from "../../tracing/index.ts";
import { spansOfCall, type TracedCall } from "./call-spans.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const call: TracedCall = {
  team: "blue", traceId, spanId: "b7ad6b7169203331", parentSpanId: "00f067aa0ba902b7", operation: "chat", model: "support", startedAt: 1_700_000_000_000.25, endedAt: 1_700_000_000_900.5, startedTick: 5000, streamed: false,
  attempts: [
    { provider: "first", model: "small", since: 5099.75, ms: 50.125, outcome: "overloaded", status: 529, requestId: "req_1", message: "Too many.", hedge: false, sent: true },
    { provider: "second", model: "large", since: 5199.75, ms: 600, outcome: "ok", status: 200, requestId: null, message: null, hedge: true, sent: true },
  ],
  usage: { inputTokens: 11, outputTokens: 12, cacheReadTokens: 13, cacheWriteTokens: 14, reasoningTokens: 15 }, cost: 16, error: null,
  attributes: { "slipway.route": "support", "gen_ai.response.id": null, "slipway.cache": undefined, "gen_ai.response.finish_reasons": ["stop"] }, beside: new Map(), hooks: [{ name: "polite", kind: "classifier", on: "output", since: 5850, ms: 7.5, findings: 2, action: "redact" }],
};

/** Without the ids that are drawn. */
const told = (given: Partial<TracedCall> = {}): Omit<Span, "spanId">[] => spansOfCall({ ...call, ...given }).map(({ spanId: _, ...span }) => span);
const common = { traceId, events: [], links: [], resource: { "service.name": "slipway", "service.version": slipwayVersion }, scope: { name: "slipway.gateway", version: slipwayVersion } };

describe("spans of a call of the gateway", () => {
  it("are the call, each attempt and each guardrail, by the GenAI conventions", () => {
    assert.deepEqual(told(), [
      {
        ...common, parentSpanId: "00f067aa0ba902b7", name: "chat support", kind: "server", start: 1_700_000_000_000_250_000n, end: 1_700_000_000_900_500_000n, status: { code: "ok", message: "" },
        attributes: {
          "gen_ai.operation.name": "chat", "gen_ai.request.model": "support", "gen_ai.provider.name": "second", "gen_ai.usage.input_tokens": 11, "gen_ai.usage.output_tokens": 12, "gen_ai.usage.cache_read.input_tokens": 13,
          "gen_ai.usage.cache_creation.input_tokens": 14, "gen_ai.usage.reasoning.output_tokens": 15, "slipway.cost_nano_dollars": 16, "slipway.route": "support", "gen_ai.response.finish_reasons": ["stop"],
        },
      },
      {
        ...common, parentSpanId: call.spanId, name: "chat small", kind: "client", start: 1_700_000_000_100_000_000n, end: 1_700_000_000_150_125_000n, status: { code: "error", message: "Too many." },
        attributes: { "slipway.attempt": true, "gen_ai.provider.name": "first", "gen_ai.request.model": "small", "http.response.status_code": 529, "slipway.provider.request_id": "req_1", "error.type": "overloaded" },
      },
      {
        ...common, parentSpanId: call.spanId, name: "chat large", kind: "client", start: 1_700_000_000_200_000_000n, end: 1_700_000_000_800_000_000n, status: { code: "ok", message: "" },
        attributes: { "slipway.attempt": true, "slipway.hedge": true, "gen_ai.provider.name": "second", "gen_ai.request.model": "large", "http.response.status_code": 200 },
      },
      {
        ...common, parentSpanId: call.spanId, name: "guardrail polite", kind: "internal", start: 1_700_000_000_850_250_000n, end: 1_700_000_000_857_750_000n, status: { code: "ok", message: "" },
        attributes: { "slipway.guardrail.kind": "classifier", "slipway.guardrail.on": "output", "slipway.guardrail.action": "redact", "slipway.guardrail.findings": 2 },
      },
    ]);
    const ids = spansOfCall(call).map(({ spanId }) => spanId);
    assert.equal(ids[0], call.spanId);
    assert.deepEqual([new Set(ids).size, ids.every((id) => /^(?!0{16})[0-9a-f]{16}$/.test(id))], [4, true]);
  });

  const [failed, answered] = call.attempts as [TracedCall["attempts"][number], TracedCall["attempts"][number]];
  const cases: [name: string, given: Partial<TracedCall>, span: number, expected: object][] = [
    ["the error of a call that failed", { error: { code: "PROVIDER_UNAVAILABLE", message: "Nobody answered." } }, 0, { status: { code: "error", message: "Nobody answered." }, "error.type": "PROVIDER_UNAVAILABLE" }],
    ["no provider where none was asked", { attempts: [] }, 0, { "gen_ai.provider.name": undefined }],
    ["the provider that was asked last", { attempts: [answered, failed] }, 0, { "gen_ai.provider.name": "first" }],
    ["no cost where none is known", { cost: null }, 0, { "slipway.cost_nano_dollars": undefined }],
    ["a cost of nothing", { cost: 0 }, 0, { "slipway.cost_nano_dollars": 0 }],
    ["what is said beside, in place of what is known", { attributes: { "gen_ai.provider.name": "cache" } }, 0, { "gen_ai.provider.name": "cache" }],
    ["a call without a parent as a root", { parentSpanId: null }, 0, { parentSpanId: null }],
    ["other operations by their names", { operation: "embeddings" }, 0, { name: "embeddings support", "gen_ai.operation.name": "embeddings" }],
    ["attempts of other operations by their names", { operation: "rerank" }, 1, { name: "rerank small" }],
    ["no attempt before its call", { attempts: [{ ...failed, since: call.startedTick - 400 }] }, 1, { start: 1_700_000_000_000_250_000n, end: 1_700_000_000_050_375_000n }],
    ["the attempt that gave a stream until its end", { streamed: true }, 2, { start: 1_700_000_000_200_000_000n, end: 1_700_000_000_900_500_000n }],
    ["an attempt before a stream until it failed", { streamed: true }, 1, { end: 1_700_000_000_150_125_000n }],
    ["what came of an attempt that said nothing", { attempts: [{ ...failed, message: null }] }, 1, { status: { code: "error", message: "overloaded" } }],
    ["an attempt without status and id", { attempts: [{ ...failed, status: null, requestId: null }] }, 1, { "http.response.status_code": undefined, "slipway.provider.request_id": undefined, "error.type": "overloaded" }],
    ["an attempt that was no hedge", {}, 1, { "slipway.hedge": undefined }],
  ];
  for (const [name, given, index, expected] of cases) {
    it(`tell ${name}`, () => {
      const { attributes, ...span } = told(given)[index]!;
      const seen: Record<string, unknown> = { ...attributes, ...span };
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, seen[key]])), expected);
      assert.ok(Object.values(attributes).every((value) => value !== undefined && value !== null));
    });
  }

  it("tell of an attempt that has an entry of the ledger beside the call's which it is", () => {
    assert.deepEqual(told({ beside: new Map([[call.attempts[0]!, "led_2"]]) }).map(({ attributes }) => attributes["slipway.ledger_entry"]), [undefined, "led_2", undefined, undefined]);
  });
});
