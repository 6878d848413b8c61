import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import type { SpanView } from "../../src/tracing/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { freePort } from "../kit/free-port.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const collector = process.env.SLIPWAY_TEST_OTELCOL ?? "";

/** OTLP in JSON, as the collector writes it: whole numbers of 64 bits are texts. */
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
interface OtlpSpan { [key: string]: Json; traceId: string; spanId: string; name: string }
interface OtlpBatch { resourceSpans?: { resource: { attributes?: Json }; schemaUrl?: string; scopeSpans: { scope: Json; spans: OtlpSpan[] }[] }[] }

const attribute = (key: string, value: Json): Json => ({ key, value });
const traceId = (digit: string): string => digit.repeat(32);

/** Everything that a span may have and that is kept, with numbers that no double holds; not so trace state, flags, and the types of maps, of lists of several types and of bytes. */
function sent(digit: string): OtlpBatch {
  const trace = traceId(digit);
  const span = (id: string, name: string, more: { [key: string]: Json } = {}): OtlpSpan => ({ traceId: trace, spanId: id.repeat(16), name, kind: 1, startTimeUnixNano: "1795449600000000001", endTimeUnixNano: "1795449600123456789", ...more });
  return {
    resourceSpans: [{
      resource: { attributes: [attribute("service.name", { stringValue: `shop ${digit}` }), attribute("replicas", { intValue: "3" }), attribute("instance", { intValue: "9007199254740995" })] }, schemaUrl: "https://opentelemetry.io/schemas/1.41.0",
      scopeSpans: [{
        scope: { name: "agents", version: "1.2.3" },
        spans: [
          span("a", "invoke_agent helper", { kind: 2 }),
          span("b", "everything", {
            parentSpanId: "a".repeat(16),
            attributes: [
              attribute("text", { stringValue: "Grüße, 雪 🌨" }), attribute("yes", { boolValue: true }), attribute("large", { intValue: "9007199254740993" }), attribute("least", { intValue: "-9223372036854775808" }),
              attribute("half", { doubleValue: 0.5 }), attribute("many", { arrayValue: { values: [{ intValue: "1" }, { intValue: "2" }] } }), attribute("texts", { arrayValue: { values: [{ stringValue: "x" }] } }),
            ],
            events: [{ timeUnixNano: "1795449600000000007", name: "first token", attributes: [attribute("at", { intValue: "12" })] }, { timeUnixNano: "1795449600000000009", name: "bare" }],
            links: [{ traceId: traceId("9"), spanId: "8".repeat(16), attributes: [attribute("why", { stringValue: "before" })] }],
            status: { code: 2, message: "no sky" },
          }),
        ],
      }],
    }],
  };
}

const spansOf = (batch: OtlpBatch): OtlpSpan[] => (batch.resourceSpans ?? []).flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
/** In one order, without what is empty: protobuf has no word for it. */
function plain(value: Json): Json {
  if (Array.isArray(value)) return value.map(plain).toSorted((left, right) => ((left as { key?: string } | null)?.key ?? "").localeCompare((right as { key?: string } | null)?.key ?? ""));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)] as const).filter(([, each]) => each !== "" && each !== 0 && !(Array.isArray(each) && each.length === 0) && !(typeof each === "object" && each !== null && Object.keys(each).length === 0)).toSorted());
}

/** Run by hand: see docs/testing.md. */
describe("OpenTelemetry's collector", { skip: collector === "" ? "SLIPWAY_TEST_OTELCOL names no collector" : false }, () => {
  const received: OtlpBatch[] = [];
  let sink: Server;
  let server: RunningServer;
  let running: ChildProcess;
  let said = "";
  /** Of the collector: where Slipway sends to, and where programs send to what it gives to Slipway. */
  let [behind, ahead] = [0, 0];

  before(async () => {
    sink = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part)).on("end", () => {
        received.push(JSON.parse(Buffer.concat(parts).toString()) as OtlpBatch);
        response.writeHead(200, { "content-type": "application/json" }).end("{}");
      });
    }).listen(0, "127.0.0.1");
    await once(sink, "listening");
    [behind, ahead] = [await freePort(), await freePort()];
    server = await startServer({ environment: { SLIPWAY_TRACE_EXPORT_URL: `http://127.0.0.1:${behind}/v1/traces` } });
    const settings = (port: number): object => ({ protocols: { http: { endpoint: `127.0.0.1:${port}` } } });
    const config = await server.file("collector.json", JSON.stringify({
      receivers: { "otlp/behind": settings(behind), "otlp/before": settings(ahead) },
      exporters: { "otlphttp/sink": { endpoint: `http://127.0.0.1:${(sink.address() as AddressInfo).port}`, encoding: "json", compression: "none" }, "otlphttp/slipway": { traces_endpoint: `${server.url}/v1/traces`, encoding: "proto", compression: "gzip" } },
      service: { telemetry: { metrics: { level: "none" } }, pipelines: { "traces/behind": { receivers: ["otlp/behind"], exporters: ["otlphttp/sink"] }, "traces/before": { receivers: ["otlp/before"], exporters: ["otlphttp/slipway"] } } },
    }));
    running = spawn(collector, ["--config", config], { stdio: ["ignore", "ignore", "pipe"] });
    const ready = Promise.withResolvers<void>();
    running.once("exit", (code) => ready.reject(new Error(`The collector ended with ${code}:\n${said}`)));
    running.stderr!.on("data", (part: Buffer) => {
      said += part.toString();
      if (said.includes("Everything is ready")) ready.resolve();
    });
    await ready.promise;
  });
  after(async () => {
    running?.kill();
    await server?.stop();
    sink?.close();
  });

  async function arrived(trace: string, count: number): Promise<OtlpSpan[]> {
    for (;;) {
      const spans = received.flatMap(spansOf).filter((span) => span.traceId === trace);
      if (spans.length >= count) return spans;
      await betweenLooks();
    }
  }

  for (const [digit, way] of [["1", "given to Slipway as JSON"], ["2", "given to the collector, which gives them to Slipway as protobuf with gzip"]] as const) {
    it(`gets spans from Slipway as they were, ${way}`, async () => {
      const url = digit === "1" ? `${server.url}/v1/traces` : `http://127.0.0.1:${ahead}/v1/traces`;
      const batch = sent(digit);
      const reply = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(batch) });
      assert.equal(reply.status, 200, await reply.text());
      const spans = await arrived(traceId(digit), 2);
      assert.deepEqual(spans.map(plain).toSorted((left, right) => JSON.stringify(left).localeCompare(JSON.stringify(right))), spansOf(batch).map(plain).toSorted((left, right) => JSON.stringify(left).localeCompare(JSON.stringify(right))));
      const [resource] = received.flatMap(({ resourceSpans = [] }) => resourceSpans).filter(({ scopeSpans }) => scopeSpans.some((scope) => scope.spans.some((span) => span.traceId === traceId(digit))));
      assert.deepEqual(plain(resource!.resource.attributes!), plain(batch.resourceSpans![0]!.resource.attributes!));
      assert.deepEqual(resource!.scopeSpans[0]!.scope, { name: "agents", version: "1.2.3" });
    });
  }

  it("gets the gateway's own spans of answers, streams and failures with what Slipway keeps of them", async () => {
    const put = (path: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${path}`, { revision: 0, settings });
    await put("providers/down", { kind: "scripted", script: [{ status: 500 }] });
    await put("routes/fails", { targets: [{ provider: "down", model: "m" }], attempts: 1 });
    const ask = async (model: string, stream: boolean): Promise<string> => {
      const reply = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model, stream, messages: [{ role: "user", content: "hello there" }] }) });
      await reply.text();
      return reply.headers.get("x-slipway-trace")!;
    };
    for (const trace of [await ask("echo", false), await ask("echo", true), await ask("fails", false)]) {
      const { spans } = await server.client.traces.find(trace);
      const got = new Map((await arrived(trace, spans.length)).map((span) => [span.spanId, span]));
      assert.equal(got.size, spans.length);
      for (const kept of spans) assertSame(got.get(kept.spanId)!, kept);
    }
    assert.doesNotMatch(said, /\terror\t/);
  });
});

function assertSame(got: OtlpSpan, kept: SpanView): void {
  assert.deepEqual([got.name, got.parentSpanId || null, (got.status as { code?: number } | undefined)?.code === 2], [kept.name, kept.parentSpanId, kept.status.code === "error"]);
  const attributes = Object.fromEntries((got.attributes as { key: string; value: { [kind: string]: Json } }[]).map(({ key, value }) => [key, value]));
  for (const [key, value] of Object.entries(kept.attributes)) {
    const [told] = Object.values(attributes[key] ?? {});
    if (typeof value !== "object") assert.equal(String(told), String(value), key);
    else assert.ok(told !== undefined, key);
  }
}
