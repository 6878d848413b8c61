import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { slipwayVersion } from "../../core/version.ts";
import type { Span } from "../../tracing/index.ts";
import { unknownUsage } from "../conversation/chat-answer.ts";
import type { AttemptRecord } from "../routing/call-plan.ts";
import { spansOfCall, type TracedCall } from "./call-spans.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const overloaded: AttemptRecord = { provider: "first", model: "small", since: 5099.75, ms: 50.125, outcome: "overloaded", status: 529, requestId: "req_1", message: "Too many.", hedge: false, sent: true };
const answered: AttemptRecord = { provider: "second", model: "large", since: 5199.75, ms: 600, outcome: "ok", status: 200, requestId: null, message: null, hedge: true, sent: true };
const usage = { inputTokens: 11, outputTokens: 12, cacheReadTokens: 13, cacheWriteTokens: 14, reasoningTokens: 15 };
const call: TracedCall = {
  team: "blue", traceId, spanId: "b7ad6b7169203331", parentSpanId: "00f067aa0ba902b7", operation: "chat", model: "support", startedAt: 1_700_000_000_000.25, endedAt: 1_700_000_000_900.5, startedTick: 5000, streamed: false,
  attempts: [overloaded, answered],
  usage, cost: 21, error: null, uses: new Map([[overloaded, { id: "led_2", usage: { ...unknownUsage, inputTokens: 3, outputTokens: 4 }, cost: 5 }], [answered, { id: null, usage, cost: 16 }]]),
  sampling: { maxOutputTokens: 50, temperature: 0.5, topP: 0.75, topK: 7, stop: ["END", "x".repeat(300)], seed: 9, frequencyPenalty: 0.25, presencePenalty: 0 },
  answered, answeredModel: "large-2", answer: { id: "chatcmpl-9", finishReasons: ["stop", "length"] }, providerName: (entered) => (entered === "second" ? "anthropic" : entered),
  attributes: { "slipway.route": "support", "gen_ai.response.id": null, "slipway.cache": undefined, "slipway.actor": "key:key_1" }, hooks: [{ name: "polite", kind: "classifier", on: "output", since: 5850, ms: 7.5, findings: 2, action: "redact" }],
};

/** Without the ids that are drawn. */
const told = (given: Partial<TracedCall> = {}): Omit<Span, "spanId">[] => spansOfCall({ ...call, ...given }).map(({ spanId: _, ...span }) => span);
const common = { traceId, events: [], links: [], resource: { "service.name": "slipway", "service.version": slipwayVersion }, scope: { name: "slipway.gateway", version: slipwayVersion } };

const asked = {
  "gen_ai.request.max_tokens": 50, "gen_ai.request.temperature": 0.5, "gen_ai.request.top_p": 0.75, "gen_ai.request.top_k": 7, "gen_ai.request.seed": 9, "gen_ai.request.frequency_penalty": 0.25, "gen_ai.request.presence_penalty": 0,
  "gen_ai.request.stop_sequences": ["END", "x".repeat(200)],
};
const used = {
  "gen_ai.usage.input_tokens": 11, "gen_ai.usage.output_tokens": 12, "gen_ai.usage.cache_read.input_tokens": 13, "gen_ai.usage.cache_creation.input_tokens": 14, "gen_ai.usage.reasoning.output_tokens": 15,
};

describe("spans of a call of the gateway", () => {
  it("are the call, each attempt and each guardrail, by the GenAI conventions", () => {
    assert.deepEqual(told(), [
      {
        ...common, parentSpanId: "00f067aa0ba902b7", name: "chat support", kind: "server", start: 1_700_000_000_000_250_000n, end: 1_700_000_000_900_500_000n, status: { code: "ok", message: "" },
        attributes: {
          "gen_ai.operation.name": "chat", "slipway.call_cost_nano_dollars": 21, "slipway.route": "support", "slipway.actor": "key:key_1",
        },
      },
      {
        ...common, parentSpanId: call.spanId, name: "chat small", kind: "client", start: 1_700_000_000_100_000_000n, end: 1_700_000_000_150_125_000n, status: { code: "error", message: "Too many." },
        attributes: {
          "slipway.attempt": true, "slipway.ledger_entry": "led_2", "gen_ai.operation.name": "chat", "gen_ai.provider.name": "first", "gen_ai.request.model": "small", ...asked, "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4,
          "slipway.cost_nano_dollars": 5, "http.response.status_code": 529, "slipway.provider.request_id": "req_1", "error.type": "overloaded",
        },
      },
      {
        ...common, parentSpanId: call.spanId, name: "chat large", kind: "client", start: 1_700_000_000_200_000_000n, end: 1_700_000_000_800_000_000n, status: { code: "ok", message: "" },
        attributes: {
          "slipway.attempt": true, "slipway.hedge": true, "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "slipway.provider": "second", "gen_ai.request.model": "large", ...asked,
          "gen_ai.response.model": "large-2", "gen_ai.response.id": "chatcmpl-9", "gen_ai.response.finish_reasons": ["stop", "length"], ...used, "slipway.cost_nano_dollars": 16, "http.response.status_code": 200,
        },
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

  const cases: [name: string, given: Partial<TracedCall>, span: number, expected: object][] = [
    ["the error of a call that failed", { error: { code: "PROVIDER_UNAVAILABLE", message: "Nobody answered." } }, 0, { status: { code: "error", message: "Nobody answered." }, "error.type": "PROVIDER_UNAVAILABLE" }],
    ["its usage and cost itself where no attempt has them", { attempts: [], uses: new Map(), cost: 0 }, 0, { ...used, "slipway.cost_nano_dollars": 0, "slipway.call_cost_nano_dollars": undefined }],
    ["no cost where none is known", { cost: null }, 0, { "slipway.call_cost_nano_dollars": undefined }],
    ["no cost of an attempt where none is known", { uses: new Map([[answered, { id: null, usage, cost: null }]]) }, 2, { ...used, "slipway.cost_nano_dollars": undefined }],
    ["what is said beside, in place of what is known", { attributes: { "gen_ai.operation.name": "cache" } }, 0, { "gen_ai.operation.name": "cache" }],
    ["nothing of how it was asked where it is no chat", { sampling: null }, 1, Object.fromEntries(Object.keys(asked).map((key) => [key, undefined]))],
    ["only what the caller said of how it is to be answered", { sampling: { ...call.sampling!, temperature: null, stop: [], maxOutputTokens: 0 } }, 1, { "gen_ai.request.temperature": undefined, "gen_ai.request.stop_sequences": undefined, "gen_ai.request.max_tokens": 0, "gen_ai.request.top_p": 0.75 }],
    ["nothing of an answer that tells no id and was cut", { answer: { id: "", finishReasons: [] } }, 2, { "gen_ai.response.id": undefined, "gen_ai.response.finish_reasons": undefined, "gen_ai.response.model": "large-2" }],
    ["nothing of an answer on an attempt that had none", {}, 1, { "gen_ai.response.id": undefined, "gen_ai.response.model": undefined, "gen_ai.response.finish_reasons": undefined }],
    ["an attempt that was given up as no failure", { attempts: [{ ...overloaded, outcome: "cancelled", message: "Another was quicker." }] }, 1, { status: { code: "unset", message: "" }, "slipway.cancelled": "Another was quicker.", "error.type": undefined }],
    ["a call without a parent as a root", { parentSpanId: null }, 0, { parentSpanId: null }],
    ["other operations by their names", { operation: "embeddings" }, 0, { name: "embeddings support", "gen_ai.operation.name": "embeddings" }],
    ["attempts of other operations by their names", { operation: "rerank" }, 1, { name: "rerank small" }],
    ["no attempt before its call", { attempts: [{ ...overloaded, since: call.startedTick - 400 }] }, 1, { start: 1_700_000_000_000_250_000n, end: 1_700_000_000_050_375_000n }],
    ["the attempt that gave a stream until its end", { streamed: true }, 2, { start: 1_700_000_000_200_000_000n, end: 1_700_000_000_900_500_000n }],
    ["an attempt before a stream until it failed", { streamed: true }, 1, { end: 1_700_000_000_150_125_000n }],
    ["what came of an attempt that said nothing", { attempts: [{ ...overloaded, message: null }] }, 1, { status: { code: "error", message: "overloaded" } }],
    ["an attempt without status and id", { attempts: [{ ...overloaded, status: null, requestId: null }] }, 1, { "http.response.status_code": undefined, "slipway.provider.request_id": undefined, "error.type": "overloaded" }],
    ["an attempt that was no hedge", {}, 1, { "slipway.hedge": undefined }],
    ["how often the request of an attempt went out again", { attempts: [{ ...overloaded, resends: 2 }] }, 1, { "http.request.resend_count": 2 }],
  ];
  for (const [name, given, index, expected] of cases) {
    it(`tell ${name}`, () => {
      const { attributes, ...span } = told(given)[index]!;
      const seen: Record<string, unknown> = { ...attributes, ...span };
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, seen[key]])), expected);
      assert.ok(Object.values(attributes).every((value) => value !== undefined && value !== null));
    });
  }

  it("have a failed attempt where its stream broke off, and none where something else ended the call", () => {
    const ended = (code: string, streamed = true): unknown[] => told({ streamed, error: { code, message: "It broke." } }).slice(1, 3).map(({ status, attributes }) => [status.code, status.message, attributes["error.type"]]);
    const before = ["error", "Too many.", "overloaded"];
    assert.deepEqual(ended("PROVIDER_STREAM_FAILED"), [before, ["error", "It broke.", "broken-answer"]]);
    assert.deepEqual(ended("PROVIDER_TIMEOUT"), [before, ["error", "It broke.", "timeout"]]);
    for (const others of [ended("CONTENT_BLOCKED"), ended("PROVIDER_TIMEOUT", false)]) assert.deepEqual(others, [before, ["ok", "", undefined]]);
  });

  it("have each token and each cent once", () => {
    const sum = (key: string, spans = told()): number => spans.reduce((total, { attributes }) => total + Number(attributes[key] ?? 0), 0);
    assert.deepEqual([sum("gen_ai.usage.input_tokens"), sum("gen_ai.usage.output_tokens"), sum("slipway.cost_nano_dollars")], [14, 16, 21]);
    assert.equal(sum("gen_ai.usage.input_tokens", told({ attempts: [], uses: new Map() })), 11);
  });
});
