import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { startSlipway } from "../../src/compose.ts";
import { Config } from "../../src/config/index.ts";
import { systemClock } from "../../src/core/clock.ts";
import { AppError, SlipwayClient } from "../../src/index.ts";
import type { CostRow } from "../../src/ledger/index.ts";
import { betweenLooks } from "./between-looks.ts";

const traceOf = (number: number): string => `0af7651916cd43dd8448eb21000000${String(number).padStart(2, "0")}`;
const numberOf = (traceId: string): number => Number(traceId.slice(-2));
const secret = "hush-7";

interface SentSpan {
  trace: number;
  span: number;
  failed?: boolean;
  ms?: number;
}

/** A whole server that keeps no trace but those that failed, were slow or are of one team: what of each client's traces is there, what a collector was sent, and what stays in the ledger. */
export async function traceSettingsScenario(settings: Record<string, unknown> = {}): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "slipway-trace-settings-"));
  const collected: string[] = [];
  const collector = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part)).on("end", () => {
      collected.push(gunzipSync(Buffer.concat(parts)).toString("utf8"));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  const traceExportUrl = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  const slipway = await startSlipway(Config.parse({
    port: 0, grpcPort: 0, data: join(directory, "data"), logLevel: "silent", traceSample: "0, blue=1", traceSlowMs: 1000, traceRedact: "user.id,private.*", traceExportUrl, egressAllowed: ["127.0.0.1"], ...settings,
  }));
  try {
    const client = new SlipwayClient({ url: slipway.url });
    await client.api.send("POST", "/api/teams", { name: "blue" });
    const began = systemClock.now() - 60_000;
    const text = (key: string, stringValue: string): object => ({ key, value: { stringValue } });
    const called = [text("gen_ai.operation.name", "chat"), text("gen_ai.provider.name", "openai"), text("gen_ai.request.model", "gpt-4o"), { key: "gen_ai.usage.input_tokens", value: { intValue: "1000" } }, text("user.id", secret), text("ai.telemetry.metadata.userId", secret), text("private.note", secret), text("open", "shown")];
    const otlp = async (spans: readonly SentSpan[], headers: Record<string, string> = {}): Promise<void> => {
      const sent = spans.map(({ trace, span, failed, ms = 5 }) => ({
        traceId: traceOf(trace), spanId: `b7ad6b716920333${span}`, ...(span === 1 ? {} : { parentSpanId: "b7ad6b7169203331" }), name: `span ${span}`, startTimeUnixNano: `${began}000000`, endTimeUnixNano: `${began + ms}000000`, ...(failed === true ? { status: { code: 2, message: "no" } } : {}),
        attributes: span === 1 ? called : [],
      }));
      const { status } = await fetch(`${slipway.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: sent }] }] }) });
      assert.equal(status, 200);
    };
    await otlp([{ trace: 1, span: 1 }, { trace: 1, span: 2 }]);
    await otlp([{ trace: 2, span: 1 }, { trace: 2, span: 2, failed: true }]);
    await otlp([{ trace: 3, span: 1, ms: 1001 }]);
    await otlp([{ trace: 4, span: 1 }], { "x-slipway-team": "blue" });
    await otlp([{ trace: 5, span: 2 }]);
    await otlp([{ trace: 5, span: 1, failed: true }]);
    await otlp([{ trace: 6, span: 2 }]);
    await otlp([{ trace: 6, span: 1, ms: 1000 }]);

    // What MLflow's clients say of a trace beside its spans goes with it.
    const wire = (method: string, path: string, body: object): Promise<{ trace: { trace_info: { state: string; tags: Record<string, string> } }; trace_info: { request_id: string; status: string } }> => client.api.send(method as "POST", `/api${path}`, body);
    const info = (trace: number, state: string, seconds = "0.005s"): object => ({ trace: { trace_info: { trace_id: `tr-${traceOf(trace)}`, trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "0" } }, request_time: new Date(began).toISOString(), execution_duration: seconds, state, tags: { "mlflow.traceName": "told" } } } });
    const { trace: { trace_info: passed } } = await wire("POST", "/3.0/mlflow/traces", info(7, "OK"));
    assert.deepEqual([passed.state, passed.tags["mlflow.trace.spansLocation"]], ["OK", "TRACKING_STORE"], "the client is answered as ever");
    await otlp([{ trace: 7, span: 1 }]);
    await wire("POST", "/3.0/mlflow/traces", info(8, "ERROR"));
    await wire("POST", "/3.0/mlflow/traces", info(9, "OK", "1.5s"));
    await wire("POST", "/3.0/mlflow/traces", info(10, "IN_PROGRESS"));
    // Of this one a span had failed before.
    await wire("POST", "/3.0/mlflow/traces", info(2, "OK"));
    const older = async (status: string): Promise<{ id: string; answered: string }> => {
      const { trace_info: { request_id: id } } = await wire("POST", "/2.0/mlflow/traces", { experiment_id: "0", timestamp_ms: began, tags: [{ key: "mlflow.traceName", value: "older" }] });
      const { trace_info: { status: answered } } = await wire("PATCH", `/2.0/mlflow/traces/${id}`, { request_id: id, timestamp_ms: began + 5, status });
      return { id, answered };
    };
    const [well, ill] = [await older("OK"), await older("ERROR")];
    assert.deepEqual([well.answered, ill.answered], ["OK", "ERROR"]);

    const { traces } = await client.traces.search({ limit: 500 });
    const told = traces.filter(({ name }) => name !== "older");
    assert.deepEqual(told.map(({ traceId, spans, team, tags }) => [numberOf(traceId), spans, team, tags["mlflow.traceName"] ?? ""]).toSorted(([one], [other]) => Number(one) - Number(other)), [
      [2, 2, "default", "told"], [3, 1, "default", ""], [4, 1, "blue", ""], [5, 2, "default", ""], [8, 0, "default", "told"], [9, 0, "default", "told"], [10, 0, "default", "told"],
    ]);
    assert.deepEqual(traces.filter(({ name }) => name === "older").map(({ traceId, status }) => [traceId, status]), [[ill.id.replace(/^tr-/, ""), "error"]]);
    for (const gone of [traceOf(1), traceOf(7), well.id.replace(/^tr-/, "")]) await assert.rejects(client.traces.find(gone), (error) => error instanceof AppError && error.code === "TRACE_NOT_FOUND");
    const [root] = (await client.traces.find(traceOf(3))).spans;
    assert.deepEqual([root!.attributes["user.id"], root!.attributes["private.note"], root!.attributes.open, root!.original["ai.telemetry.metadata.userId"] ?? "[redacted]"], ["[redacted]", "[redacted]", "shown", "[redacted]"]);

    // What is sampled away was paid for all the same: one call for each root of the six, and that of the seventh.
    const { rows } = await client.api.get<{ rows: CostRow[] }>("/api/costs", { by: "source", since: began - 1000 });
    assert.deepEqual(rows.map(({ group, calls }) => [group.source, calls]), [["trace", 7]]);

    const kept = ["2 span 1", "2 span 2", "3 span 1", "4 span 1", "5 span 1", "5 span 2"];
    const sentOn = (): string[] => collected.flatMap((body) => (JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: { traceId: string; name: string }[] }[] }[] }).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ traceId, name }) => `${numberOf(traceId)} ${name}`))));
    while (sentOn().length < kept.length) await betweenLooks();
    assert.deepEqual(sentOn().toSorted(), kept);
    assert.ok(!collected.some((body) => body.includes(secret)) && collected.some((body) => body.includes("shown")), "the collector is sent what is kept, and no more");
  } finally {
    await slipway.stop();
    collector.closeAllConnections();
    collector.close();
    await rm(directory, { recursive: true, force: true });
  }
}
