import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import type { MetricFamily } from "../../core/metric-family.ts";
import { CallMetrics } from "./call-metrics.ts";
import type { CallEnding } from "./call-ending.ts";
import type { CallRecord } from "./call-record.ts";

type Call = Partial<Omit<CallRecord, "attribution">> & { team?: string; route?: string };
const target = { provider: "openai", model: "gpt-4o" };
const usage = { inputTokens: 100, outputTokens: 10, cacheReadTokens: 30, cacheWriteTokens: null, reasoningTokens: null };
const record = ({ team = "blue", route = "chat", ...more }: Call = {}): CallRecord => ({ attribution: { team, route }, operation: "chat", attempts: [target], target, usage, firstByteMs: null, ...more }) as unknown as CallRecord;
const ending = (more: Partial<CallEnding> = {}): CallEnding => ({ outcome: "ok", error: null, totalMs: 50, cost: 2e9, uses: [], ...more });
const everything = (): boolean => true;

function valuesOf(metrics: CallMetrics, name: string, sees: (team: string) => boolean = everything): MetricFamily["samples"] {
  return metrics.families(sees).find((family) => family.name === name)!.samples;
}

describe("CallMetrics", () => {
  it("counts calls by outcome, tokens by kind, and costs", () => {
    const metrics = new CallMetrics();
    metrics.ended(record(), ending({ uses: [{ ...target, usage, cost: 2e9 }] }));
    metrics.ended(record(), ending({ cost: null, uses: [{ ...target, usage, cost: null }] }));
    metrics.ended(record(), ending({ outcome: "cached", cost: 0 }));
    metrics.ended(record({ target: null, attempts: [] }), ending({ outcome: "failed", error: new AppError("RATE_LIMITED", "Too many."), cost: null }));
    const labels = { team: "blue", route: "chat", ...target };
    assert.deepEqual(valuesOf(metrics, "slipway_gateway_requests_total"), [
      { labels: { ...labels, outcome: "ok" }, value: 2 }, { labels: { ...labels, outcome: "cached" }, value: 1 }, { labels: { ...labels, provider: "", model: "", outcome: "RATE_LIMITED" }, value: 1 },
    ]);
    const own = (name: string): number[] => valuesOf(metrics, name).filter(({ labels: { model } }) => model === "gpt-4o").map(({ value }) => value);
    assert.deepEqual([own("slipway_gateway_tokens_total"), own("slipway_gateway_cost_dollars_total"), own("slipway_gateway_unpriced_total"), own("slipway_gateway_cache_hits_total")], [[140, 60, 0, 20], [2], [1], [1]]);
  });

  it("counts tokens and costs of attempts that were outrun or failed at the targets that were asked", () => {
    const metrics = new CallMetrics();
    const beside = { provider: "azure", model: "gpt-4o" };
    metrics.ended(record({ attempts: [beside, target] as never }), ending({ cost: 3e9, uses: [{ ...beside, usage: { ...usage, outputTokens: 40 }, cost: 1e9 }, { ...target, usage, cost: 2e9 }] }));
    // None answered: the last refused, and the one before it may have worked.
    metrics.ended(record({ target: null, attempts: [beside, target] as never }), ending({ outcome: "failed", cost: 1e9, uses: [{ ...beside, usage: { ...usage, outputTokens: 40 }, cost: 1e9 }] }));
    const by = (name: string, type?: string): unknown => valuesOf(metrics, name).filter(({ labels }) => labels.type === type).map(({ labels, value }) => [labels.provider, value]);
    assert.deepEqual([by("slipway_gateway_cost_dollars_total"), by("slipway_gateway_tokens_total", "output")], [[["openai", 2], ["azure", 2]], [["openai", 10], ["azure", 80]]]);
  });

  it("shows times in buckets that grow, of answers alone", () => {
    const metrics = new CallMetrics();
    for (const totalMs of [10, 11, 100_000]) metrics.ended(record({ firstByteMs: 5 }), ending({ totalMs }));
    metrics.ended(record(), ending({ outcome: "cancelled", totalMs: 7 }));
    const samples = valuesOf(metrics, "gen_ai_client_operation_duration_seconds");
    const bucket = (le: string): number => samples.find(({ suffix, labels }) => suffix === "_bucket" && labels.le === le)!.value;
    assert.deepEqual([bucket("0.01"), bucket("0.02"), bucket("81.92"), bucket("+Inf")], [1, 2, 2, 3]);
    assert.deepEqual(samples.slice(-2).map(({ suffix, value }) => [suffix, Math.round(value * 1000)]), [["_sum", 100_021], ["_count", 3000]]);
    assert.equal(valuesOf(metrics, "gen_ai_client_operation_time_to_first_chunk_seconds").at(-1)!.value, 3);
  });

  it("shows tokens of answers by their type", () => {
    const metrics = new CallMetrics();
    metrics.ended(record(), ending());
    metrics.ended(record({ usage: { ...usage, inputTokens: 5000, outputTokens: null } }), ending());
    metrics.ended(record(), ending({ outcome: "cached" }));
    const samples = valuesOf(metrics, "gen_ai_client_token_usage");
    const of = (type: string, suffix: string, le?: string): number | undefined => samples.find(({ labels, ...sample }) => labels.gen_ai_token_type === type && sample.suffix === suffix && labels.le === le)?.value;
    assert.deepEqual([of("input", "_bucket", "64"), of("input", "_bucket", "256"), of("input", "_sum"), of("input", "_count"), of("output", "_bucket", "16"), of("output", "_sum"), of("output", "_count")], [0, 1, 5100, 2, 1, 10, 1]);
  });

  it("names a provider as the conventions do in their histograms, beside the name that it was entered by, and tells two of one kind apart", () => {
    const metrics = new CallMetrics((provider) => (provider === "groq" ? "groq" : "azure.ai.openai"));
    for (const provider of ["east", "west", "groq"]) metrics.ended(record({ target: { ...target, provider } }), ending());
    const named = valuesOf(metrics, "gen_ai_client_operation_duration_seconds").filter(({ suffix }) => suffix === "_count");
    assert.deepEqual(named.map(({ labels, value }) => [labels.provider, labels.gen_ai_provider_name, value]), [["east", "azure.ai.openai", 1], ["west", "azure.ai.openai", 1], ["groq", "groq", 1]]);
    assert.deepEqual(valuesOf(metrics, "slipway_gateway_requests_total").map(({ labels }) => labels.provider), ["east", "west", "groq"]);
  });

  it("counts a fallback where another target answered than the first", () => {
    const metrics = new CallMetrics();
    const attempt = (model: string): CallRecord["attempts"][number] => ({ ...target, model }) as unknown as CallRecord["attempts"][number];
    metrics.ended(record({ attempts: [attempt("gpt-4o"), attempt("gpt-4o")] }), ending());
    metrics.ended(record({ attempts: [attempt("other"), attempt("gpt-4o")] }), ending());
    assert.deepEqual(valuesOf(metrics, "slipway_gateway_fallbacks_total").map(({ value }) => value), [1]);
  });

  it("keeps its series few, whatever names callers choose", () => {
    const metrics = new CallMetrics();
    for (let index = 0; index < 3000; index++) metrics.ended(record({ route: `openai/m${index}`, target: { ...target, model: `m${index}` } }), ending());
    assert.equal(valuesOf(metrics, "slipway_gateway_requests_total").length, 101);
    assert.equal(valuesOf(metrics, "slipway_gateway_requests_total").reduce((sum, { value }) => sum + value, 0), 3000);
    const failing = new CallMetrics();
    for (let index = 0; index < 50; index++) failing.ended(record({ route: `openai/m${index}`, target: { ...target, model: `m${index}` } }), ending({ outcome: "failed", error: new AppError("PROVIDER_REFUSED", "No.") }));
    assert.deepEqual(valuesOf(failing, "slipway_gateway_requests_total").map(({ labels: { model }, value }) => [model, value]), [["other", 50]]);
  });

  it("keeps the series of routes, however many names of models its providers answer to", () => {
    const metrics = new CallMetrics();
    for (let index = 0; index < 20_000; index++) metrics.ended(record({ route: `p${index % 20}/m${index}`, target: { provider: `p${index % 20}`, model: `m${index}` } }), ending());
    for (let index = 0; index < 690; index++) metrics.ended(record({ route: `route-${index}` }), ending());
    const counted = valuesOf(metrics, "slipway_gateway_requests_total");
    assert.deepEqual([counted.filter(({ labels }) => labels.route!.startsWith("route-")).length, counted.length], [690, 991]);
    // One provider leaves room for the direct models of others.
    const one = new CallMetrics();
    for (let index = 0; index < 2000; index++) one.ended(record({ route: `many/m${index}`, target: { provider: "many", model: `m${index}` } }), ending());
    one.ended(record({ route: "few/m", target: { provider: "few", model: "m" } }), ending());
    assert.ok(valuesOf(one, "slipway_gateway_requests_total").some(({ labels }) => labels.route === "few/m"));
    assert.equal(valuesOf(one, "slipway_gateway_requests_total").length, 102);
  });

  it("shows calls to those who see their team", () => {
    const metrics = new CallMetrics();
    metrics.ended(record(), ending());
    metrics.ended(record({ team: "red" }), ending());
    assert.deepEqual(valuesOf(metrics, "slipway_gateway_requests_total", (team) => team === "red").map(({ labels }) => labels.team), ["red"]);
  });
});
