import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { CostRow, CostSums } from "../../src/ledger/index.ts";
import type { TraceView } from "../../src/tracing/index.ts";
import { identityModel, linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

const callerSpan = "b7ad6b7169203331";
const traceOf = (number: number): string => `0af7651916cd43dd8448eb2100000${String(number).padStart(3, "0")}`;
const traceparent = (trace: string, flags = "01"): Record<string, string> => ({ traceparent: `00-${trace}-${callerSpan}-${flags}` });
/** 1000 tokens in and 100 out of gpt-4o, in billionths of a dollar. */
const chatCost = 1000 * 2500 + 100 * 10_000;

describe("traces and costs across a gateway, served models and other people's spans", () => {
  let server: RunningServer;
  const upstream = new GatewayUpstream(({ body }, response) =>
    answerJson(response, {
      id: `chatcmpl-${upstream.calls.length}`, object: "chat.completion", created: 1, model: body.model, choices: [{ index: 0, message: { role: "assistant", content: "fine" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 },
    }));

  before(async () => {
    const url = await upstream.start();
    server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" }, modelsInProcess: true });
    await server.client.deploy({ file: await server.file("guard.onnx", identityModel("BYTES", [-1])), name: "guard" });
    await server.client.deploy({ file: await server.file("m.onnx", linearModel({ weights: [1, 10] })), name: "m" });
    const put = (name: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${name}`, { revision: 0, settings });
    await put("providers/upstream", { kind: "openai", baseUrl: `${url}/v1` });
    await put("routes/guarded", { targets: [{ provider: "upstream", model: "gpt-4o" }], guardrails: [{ kind: "classifier", name: "polite", on: "input", model: "guard", blockLabels: ["bad"] }] });
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  const chat = async (headers: Record<string, string> = {}, content = "good"): Promise<{ status: number; id: string }> => {
    const answer = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify({ model: "guarded", messages: [{ role: "user", content }] }) });
    return { status: answer.status, id: ((await answer.json()) as { id?: string }).id ?? "" };
  };
  const view = (trace: string): Promise<TraceView> => server.client.api.get<TraceView>(`/api/traces/${trace}`);
  const costs = (query: string): Promise<{ rows: CostRow[]; total: CostSums }> => server.client.api.get(`/api/costs?${query}`);
  const value = (text: string): object => ({ stringValue: text });
  /** What an exporter of another program sends. */
  const send = (trace: string, spanId: string, attributes: Record<string, string | number>, more: object = {}): Promise<Response> =>
    fetch(`${server.url}/v1/traces`, {
      method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify({
        resourceSpans: [{ resource: { attributes: [{ key: "service.name", value: value("shop") }] }, scopeSpans: [{ scope: { name: "test" }, spans: [{
          traceId: trace, spanId, name: "chat gpt-4o", kind: 3, startTimeUnixNano: `${Date.now()}000000`, endTimeUnixNano: `${Date.now() + 5}000000`,
          attributes: Object.entries({ "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100, ...attributes })
            .map(([key, given]) => ({ key, value: typeof given === "number" ? { intValue: given } : value(given) })),
          ...more,
        }] }] }],
      }),
    });

  it("shows the span of a served model that a guardrail asked, within the call's trace", async () => {
    const trace = traceOf(1);
    assert.equal((await chat(traceparent(trace))).status, 200);
    const { spans } = await view(trace);
    const call = spans.find(({ name }) => name === "chat guarded")!;
    const asked = spans.find(({ name }) => name === "slipway.predict guard")!;
    assert.deepEqual([call.parentSpanId, asked.parentSpanId, asked.attributes["slipway.outcome"], asked.attributes["slipway.version"], asked.status.code], [callerSpan, call.spanId, "ok", "1", "ok"]);
    assert.ok(asked.offsetMs >= call.offsetMs && asked.offsetMs + asked.durationMs! <= call.offsetMs + call.durationMs! + 1);
    const { prediction } = await server.client.why(asked.attributes["slipway.prediction_id"] as string);
    assert.equal(prediction.traceId, trace);
    assert.notEqual((await chat(traceparent(traceOf(2)), "bad")).status, 200);
    assert.ok((await view(traceOf(2))).spans.some(({ name }) => name === "slipway.predict guard"));
  });

  it("continues the trace of whoever asks a served model, by each door of HTTP, and of nobody else", async () => {
    const trace = traceOf(3);
    const doors: [path: string, body: object, headers?: Record<string, string>][] = [
      ["/v2/models/m/infer", { inputs: [{ name: "features", datatype: "FP32", shape: [1, 2], data: [1, 2] }] }], ["/v1/models/m:predict", { instances: [[1, 2]] }], ["/invocations", { inputs: [[1, 2]] }, { "x-slipway-model": "m" }],
    ];
    const post = async (path: string, body: object, headers: Record<string, string>): Promise<void> => {
      const answer = await fetch(server.url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
      assert.equal(answer.status, 200, await answer.text());
    };
    for (const [path, body, headers] of doors) {
      await post(path, body, { ...headers, ...traceparent(trace) });
      await post(path, body, { ...headers, ...traceparent(traceOf(4), "00") });
    }
    const { spans } = await view(trace);
    // Spans of one millisecond stand in no certain order.
    assert.deepEqual(spans.map(({ name, parentSpanId, attributes }) => [attributes["slipway.door"], name, parentSpanId]).sort(), ["invocations", "rest", "v1"].map((door) => [door, "slipway.predict m", callerSpan]));
    await assert.rejects(view(traceOf(4)), { code: "TRACE_NOT_FOUND" });
    const why = await server.client.why(spans[0]!.attributes["slipway.prediction_id"] as string);
    assert.equal(why.prediction.traceId, trace);
  });

  it("prices what other programs tell of and shows it apart, and counts once what went through the gateway", async () => {
    const own = traceOf(10);
    const around = traceOf(11);
    const before = (await costs("by=source")).total;
    await send(own, "00000000000000a1", {});
    await send(own, "00000000000000a1", {});
    await chat(traceparent(around));
    const { id } = await chat();
    // The client's span around the gateway's, and one in a trace of its own.
    await send(around, callerSpan, {});
    await send(traceOf(12), "00000000000000a3", { "gen_ai.response.id": id });
    const direct = await view(own);
    assert.deepEqual([direct.spans[0]!.cost, direct.trace.cost], [chatCost, chatCost]);
    const nested = await view(around);
    assert.deepEqual([nested.trace.cost, nested.trace.inputTokens, nested.spans.find(({ spanId }) => spanId === callerSpan)!.cost], [chatCost, 1000, chatCost]);
    assert.deepEqual((await view(traceOf(12))).trace.cost, chatCost);
    const { rows, total } = await costs("by=source,project");
    assert.deepEqual(rows.find(({ group }) => group.source === "trace"), { ...rows.find(({ group }) => group.source === "trace")!, group: { source: "trace", project: "shop" }, calls: 1, cost: chatCost });
    assert.equal(total.cost - before.cost, 3 * chatCost);
    assert.deepEqual((await costs(`trace=${around}&by=source`)).rows.map(({ group, calls }) => [group.source, calls]), [["gateway", 1]]);
    const { entries } = await server.client.api.get<{ entries: { source: string; priceVersion: string }[] }>(`/api/costs/entries?trace=${own}`);
    assert.deepEqual(entries.map(({ source }) => source), ["trace"]);
  });

  it("gives a call that another program tells of the session and the agent's run of the span above it, which comes later", async () => {
    const trace = traceOf(20);
    const [agent, call] = ["00000000000000b1", "00000000000000b2"];
    const groups = async (): Promise<object[]> => (await costs(`trace=${trace}&by=agentRun,session`)).rows.map(({ group, calls, cost }) => ({ ...group, calls, cost }));
    await send(trace, call, {}, { parentSpanId: agent });
    assert.deepEqual(await groups(), [{ agentRun: null, session: null, calls: 1, cost: chatCost }]);
    await send(trace, agent, { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "researcher", "gen_ai.agent.id": "a-1", "gen_ai.conversation.id": "talk" });
    assert.deepEqual(await groups(), [{ agentRun: `researcher/${agent}`, session: "talk", calls: 1, cost: chatCost }]);
  });

  it("tells Prometheus of calls, tokens, costs and times of the gateway", async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const labels = "team=\"default\",route=\"guarded\",provider=\"upstream\",model=\"gpt-4o\"";
    const of = (line: string): number => Number(new RegExp(`^${line.replaceAll(/[{}|]/g, "\\$&")} (\\S+)$`, "m").exec(text)?.[1]);
    const calls = of(`slipway_gateway_requests_total{${labels},outcome="ok"}`);
    assert.ok(calls >= 2, text);
    assert.equal(of(`slipway_gateway_tokens_total{${labels},type="input"}`), 1000 * calls);
    assert.ok(Math.abs(of(`slipway_gateway_cost_dollars_total{${labels}}`) - (calls * chatCost) / 1e9) < 1e-9);
    assert.match(text, /^slipway_gateway_requests_total\{team="default",route="guarded",provider="",model="",outcome="\w+"\} 1$/m);
    assert.match(text, /^gen_ai_client_operation_duration_seconds_bucket\{team="default",route="guarded",provider="upstream",gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="gpt-4o",le="\+Inf"\} \d+$/m);
    assert.match(text, /^slipway_gateway_breaker_open\{provider="upstream",model="gpt-4o"\} 0$/m);
    assert.match(text, /^slipway_gateway_waiting 0$/m);
  });
});
