import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { SpanView, TraceView } from "../../src/tracing/index.ts";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

describe("the span of a gateway's call", () => {
  let server: BorrowedServer;
  const upstream = new GatewayUpstream(({ body }, response) =>
    answerJson(response, "input" in body ? { object: "list", model: body.model, data: [{ object: "embedding", index: 0, embedding: [0.5, 0.25] }], usage: { prompt_tokens: 4, total_tokens: 4 } } : { id: "chatcmpl-7", object: "chat.completion", created: 1, model: body.model, choices: [{ index: 0, message: { role: "assistant", content: "the answer" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }));
  before(async () => {
    const url = await upstream.start();
    server = await borrowServer();
    const put = (name: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${name}`, { revision: 0, settings });
    await put("providers/upstream", { kind: "openai", baseUrl: `${url}/v1` });
    await put("routes/support", { targets: [{ provider: "upstream", model: "gpt-4o" }], cache: { exact: true } });
    await put("routes/repairing", { targets: [{ provider: "upstream", model: "gpt-4o" }], repair: 1 });
    await put("routes/vectors", { targets: [{ provider: "upstream", model: "text-embedding-3-small" }] });
    await put("routes/remembering", { targets: [{ provider: "upstream", model: "gpt-4o" }], cache: { exact: true, semantic: { route: "vectors" } } });
  });
  after(async () => {
    upstream.stop();
    await server.giveBack();
  });

  const callOf = async (trace: string, more: Record<string, string> = {}, asked: object = {}): Promise<{ span: SpanView; attempt: SpanView | undefined; view: TraceView; requestId: string | null }> => {
    const answer = await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST", headers: { "content-type": "application/json", "x-slipway-session": "talk-1", traceparent: `00-${trace}-b7ad6b7169203331-01`, ...more }, body: JSON.stringify({ model: "support", user: "ann", messages: [{ role: "user", content: "the question" }], ...asked }),
    });
    assert.equal(answer.status, 200, await answer.text());
    const view = await server.client.api.get<TraceView>(`/api/traces/${trace}`);
    return { span: view.spans.find(({ kind }) => kind === "server")!, attempt: view.spans.find(({ kind }) => kind === "client"), view, requestId: answer.headers.get("x-request-id") };
  };

  it("names its route, request, caller, user, session and answer, what went in and what came out, and that a cache answered", async () => {
    const { span, requestId } = await callOf("0af7651916cd43dd8448eb211c803191");
    assert.deepEqual(
      ["slipway.route", "slipway.request_id", "user.id", "gen_ai.conversation.id", "slipway.actor", "gen_ai.response.id", "slipway.cache"].map((key) => span.attributes[key]),
      ["support", requestId, "ann", "talk-1", "local", "chatcmpl-7", undefined],
    );
    assert.deepEqual([span.inputMessages, span.outputMessages].map((messages) => messages?.map(({ role, parts }) => [role, parts[0]?.content])), [[["user", "the question"]], [["assistant", "the answer"]]]);
    const again = (await callOf("0af7651916cd43dd8448eb211c803192")).span;
    assert.deepEqual([again.attributes["slipway.cache"], again.attributes["slipway.route"], again.outputMessages?.[0]?.parts[0]?.content, upstream.calls.length], ["hit", "support", "the answer", 1]);
  });

  it("has below it the span of the conventions for the provider that was asked, with its model, parameters, answer, tokens and cost, each of which the trace counts once", async () => {
    const parameters = { temperature: 0.25, top_p: 0.5, max_tokens: 40, stop: ["END", "STOP"] };
    const { span, attempt, view } = await callOf("0af7651916cd43dd8448eb211c803196", {}, parameters);
    const cost = 3 * 2500 + 2 * 10_000;
    const told = {
      "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "slipway.provider": "upstream", "gen_ai.request.model": "gpt-4o", "gen_ai.request.temperature": 0.25, "gen_ai.request.top_p": 0.5, "gen_ai.request.max_tokens": 40,
      "gen_ai.request.stop_sequences": ["END", "STOP"], "gen_ai.response.model": "gpt-4o", "gen_ai.response.id": "chatcmpl-7", "gen_ai.response.finish_reasons": ["stop"], "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 2, "slipway.cost_nano_dollars": cost,
    };
    assert.deepEqual([attempt?.name, attempt?.kind, attempt?.cost], ["chat gpt-4o", "client", cost]);
    assert.deepEqual(Object.fromEntries(Object.keys(told).map((key) => [key, attempt?.attributes[key]])), told);
    assert.deepEqual([span.cost, span.inputTokens, span.attributes["slipway.call_cost_nano_dollars"]], [null, null, cost]);
    assert.deepEqual([view.trace.cost, view.trace.inputTokens, view.trace.outputTokens, view.trace.models], [cost, 3, 2, ["gpt-4o"]]);
    const found = await server.client.api.get<{ traces: { traceId: string }[] }>(`/api/traces?session=talk-1&model=support`);
    assert.deepEqual(found.traces, []);
  });

  it("has below it each round of repair with its own tokens and cost, which together are the call's", async () => {
    const [before, rounds] = [upstream.answer, [["no JSON", 30, 7], ["{\"n\": 1}", 80, 5]] as const];
    let asked = 0;
    upstream.answer = ({ body }, response) => {
      const [content, input, output] = rounds[asked++]!;
      answerJson(response, { id: `chatcmpl-r${asked}`, object: "chat.completion", created: 1, model: body.model, choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }], usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output } });
    };
    const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"], additionalProperties: false };
    const { span, view } = await callOf("0af7651916cd43dd8448eb211c803197", {}, { model: "repairing", response_format: { type: "json_schema", json_schema: { name: "a", schema } } });
    upstream.answer = before;
    const costs = rounds.map(([, input, output]) => input * 2500 + output * 10_000);
    assert.deepEqual(view.spans.filter(({ kind }) => kind === "client").map(({ inputTokens, outputTokens, cost }) => [inputTokens, outputTokens, cost]), rounds.map(([, input, output], index) => [input, output, costs[index]]));
    assert.deepEqual([view.trace.inputTokens, view.trace.outputTokens, view.trace.cost, span.attributes["slipway.call_cost_nano_dollars"]], [110, 12, costs[0]! + costs[1]!, costs[0]! + costs[1]!]);
  });

  it("has below it what its semantic cache asked for, which is in the ledger for the same user, session and trace", async () => {
    const question = { model: "remembering", user: "eve", messages: [{ role: "user", content: "How are vectors compared?" }] };
    const answer = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json", "x-slipway-session": "talk-2" }, body: JSON.stringify(question) });
    const trace = answer.headers.get("x-slipway-trace")!;
    assert.equal(answer.status, 200, await answer.text());
    const { spans, trace: { name } } = await server.client.api.get<TraceView>(`/api/traces/${trace}`);
    const of = (wanted: string): SpanView => spans.find((span) => span.name === wanted)!;
    assert.deepEqual([name, of("chat remembering").parentSpanId, of("embeddings vectors").parentSpanId, of("embeddings text-embedding-3-small").inputTokens], ["chat remembering", null, of("chat remembering").spanId, 4]);
    const { entries } = await server.client.api.get<{ entries: { model: string; attribution: { user: string | null; session: string | null } }[] }>(`/api/costs/entries?trace=${trace}`);
    assert.deepEqual(entries.map(({ model, attribution: { user, session } }) => [model, user, session]).sort(), [["gpt-4o", "eve", "talk-2"], ["text-embedding-3-small", "eve", "talk-2"]]);
    const { traces } = await server.client.api.get<{ traces: { traceId: string }[] }>("/api/traces?user=eve");
    assert.deepEqual(traces.map(({ traceId }) => traceId), [trace]);
    // In other words, from the cache: it saved what that call cost, and its own question to the cache is an entry beside it.
    const again = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ ...question, user: "kim", messages: [{ role: "user", content: "Please, how are vectors compared?" }] }) });
    assert.equal(again.headers.get("x-slipway-cache"), "semantic", await again.text());
    const { rows } = await server.client.api.get<{ rows: object[] }>("/api/costs?user=kim&by=route,outcome");
    assert.deepEqual(rows.map((row) => pick(row, "group", "calls", "savedCost", "savedUnpriced", "savedUntold")), [
      { group: { route: "vectors", outcome: "ok" }, calls: 1, savedCost: 0, savedUnpriced: 0, savedUntold: 0 }, { group: { route: "remembering", outcome: "cached" }, calls: 1, savedCost: 3 * 2500 + 2 * 10_000, savedUnpriced: 0, savedUntold: 0 },
    ]);
  });

  it("names the key and the project that it belongs to, and no project without one", async () => {
    const { id, key } = await server.client.api.send<{ id: string; key: string }>("POST", "/api/keys", { name: "shop", grants: [{ role: "viewer" }] });
    await server.client.api.send("PUT", `/api/gateway/keys/${id}`, { revision: 0, settings: { project: "checkout" } });
    const ofKey = (await callOf("0af7651916cd43dd8448eb211c803194", { authorization: `Bearer ${key}` })).span;
    assert.deepEqual([ofKey.attributes["slipway.project"], ofKey.attributes["slipway.actor"]], ["checkout", `key:${id}`]);
    assert.equal((await callOf("0af7651916cd43dd8448eb211c803195")).span.attributes["slipway.project"], undefined);
  });

  it("lasts from before its attempt until after it; an attempt that gives a stream lasts as long as the stream", async () => {
    const rest = Promise.withResolvers<void>();
    const frame = (delta: object, finish: string | null): string => `data: ${JSON.stringify({ id: "chatcmpl-8", object: "chat.completion.chunk", created: 1, model: "gpt-4o", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    upstream.answer = (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(frame({ role: "assistant", content: "first" }, null));
      void rest.promise.then(() => response.end(`${frame({ content: " last" }, "stop")}data: [DONE]\n\n`));
    };
    const trace = "0af7651916cd43dd8448eb211c803193";
    const answer = await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST", headers: { "content-type": "application/json", traceparent: `00-${trace}-b7ad6b7169203331-01` }, body: JSON.stringify({ model: "support", stream: true, messages: [{ role: "user", content: "a stream" }] }),
    });
    const firstAt = performance.now();
    const reader = answer.body!.getReader();
    await reader.read();
    while (performance.now() - firstAt < 5) await new Promise((resolve) => setImmediate(resolve));
    rest.resolve();
    while (!(await reader.read()).done);
    const { spans } = await server.client.api.get<TraceView>(`/api/traces/${trace}`);
    const [call, attempt] = (["server", "client"] as const).map((kind) => spans.find((span) => span.kind === kind)!);
    // The rest of the stream came five milliseconds later.
    const firstByteMs = Number(call!.attributes["slipway.first_byte_ms"]);
    assert.ok(firstByteMs > 0 && firstByteMs + 5 <= call!.durationMs!, `${firstByteMs} of ${call!.durationMs} ms`);
    assert.ok(attempt!.start >= call!.start, `${attempt!.start} of ${call!.start}`);
    assert.ok(attempt!.durationMs! >= 5 && Math.abs(attempt!.start + attempt!.durationMs! - call!.start - call!.durationMs!) < 0.01, `${attempt!.durationMs} of ${call!.durationMs} ms`);
  });
});

function pick(from: object, ...names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
}
