import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const exporters = { JSON: JsonExporter, protobuf: ProtobufExporter } as const;

describe("OpenTelemetry's exporters", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });
  after(() => server.stop());

  /** Set as a program's environment sets it. */
  function providerOf(encoding: keyof typeof exporters, compression: string): TracerProvider {
    const environment = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${server.url}/v1/traces`, OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: compression };
    Object.assign(process.env, environment);
    try {
      return new TracerProvider({ resource: resourceFromAttributes({ "service.name": `shop ${encoding} ${compression}` }), spanProcessors: [new BatchSpanProcessor({ exporter: new exporters[encoding]() })] });
    } finally {
      for (const name of Object.keys(environment)) delete process.env[name];
    }
  }

  for (const encoding of ["JSON", "protobuf"] as const) {
    for (const compression of ["none", "gzip"]) {
      it(`sends spans as ${encoding} with the compression ${compression}`, async () => {
        const provider = providerOf(encoding, compression);
        const tracer = provider.getTracer("agents", "1.2.3");
        const message = (role: string, content: string): object => ({ role, parts: [{ type: "text", content }] });
        const root = tracer.startSpan("invoke_agent helper", { attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper", "gen_ai.conversation.id": "s-1", "user.id": "ann", "gen_ai.usage.input_tokens": 1000 } }, ROOT_CONTEXT);
        context.with(trace.setSpan(ROOT_CONTEXT, root), () => {
          tracer.startActiveSpan("chat gpt-4o", {
            kind: SpanKind.CLIENT, links: [{ context: { traceId: "f".repeat(32), spanId: "e".repeat(16), traceFlags: 1 }, attributes: { why: "before" } }],
            attributes: {
              "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o", "gen_ai.request.temperature": 0.25, "gen_ai.response.finish_reasons": ["stop"],
              "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100, "gen_ai.input.messages": JSON.stringify([message("user", "Grüße, 雪?")]), "gen_ai.output.messages": JSON.stringify([{ ...message("assistant", "Schnee 🌨"), finish_reason: "stop" }]),
            },
          }, (chat) => {
            chat.addEvent("first token", { at: 12, cached: false });
            chat.end();
          });
          tracer.startActiveSpan("execute_tool weather", { attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather" } }, (called) => {
            called.recordException(new TypeError("no sky"));
            called.setStatus({ code: SpanStatusCode.ERROR, message: "no sky" });
            called.end();
          });
        });
        root.end();
        await provider.shutdown();

        const { traceId, spanId } = root.spanContext();
        const { trace: summary, spans } = await server.client.traces.find(traceId);
        const cost = 1000 * 2500 + 100 * 10_000;
        assert.deepEqual([summary.name, summary.service, summary.status, summary.errors, summary.session, summary.user, summary.models], ["invoke_agent helper", `shop ${encoding} ${compression}`, "ok", 1, "s-1", "ann", ["gpt-4o"]]);
        assert.deepEqual([summary.inputTokens, summary.outputTokens, summary.cost], [1000, 100, cost], "an agent sums up what its calls tell");
        const [chat, called] = ["chat gpt-4o", "execute_tool weather"].map((name) => spans.find((span) => span.name === name)!);
        assert.deepEqual([chat!.parentSpanId, chat!.kind, chat!.model, chat!.cost, chat!.scope], [spanId, "client", "gpt-4o", cost, { name: "agents", version: "1.2.3" }]);
        assert.deepEqual([chat!.attributes["gen_ai.request.temperature"], chat!.attributes["gen_ai.response.finish_reasons"], chat!.inputMessages?.[0]?.parts, chat!.outputMessages?.[0]], [0.25, ["stop"], [{ type: "text", content: "Grüße, 雪?" }], { ...message("assistant", "Schnee 🌨"), finishReason: "stop" }]);
        assert.deepEqual([chat!.events.map(({ name, attributes }) => [name, attributes]), chat!.links], [[["first token", { at: 12, cached: false }]], [{ traceId: "f".repeat(32), spanId: "e".repeat(16), attributes: { why: "before" } }]]);
        assert.deepEqual([called!.status, called!.events[0]?.name, called!.events[0]?.attributes["exception.message"]], [{ code: "error", message: "no sky" }, "exception", "no sky"]);
        const found = await server.client.traces.search({ attributes: { "gen_ai.tool.name": "weather" }, service: summary.service! });
        assert.deepEqual(found.traces.map((each) => each.traceId), [traceId]);
      });
    }
  }

  it("is told of what is refused, and exports on", async () => {
    const failures: string[] = [];
    const exporter = new JsonExporter({ url: `${server.url}/v1/traces`, headers: { "x-slipway-team": "nobody" } });
    const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({
      exporter: { export: (spans, done) => exporter.export(spans, (result) => { failures.push(result.error?.message ?? ""); done(result); }), shutdown: () => exporter.shutdown() },
    })] });
    provider.getTracer("t").startSpan("lost", {}, ROOT_CONTEXT).end();
    await provider.forceFlush().catch(() => undefined);
    assert.equal(failures.length, 1);
    assert.notEqual(failures[0], "");
    await provider.shutdown();
  });
});
