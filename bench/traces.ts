import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import protobuf from "protobufjs";
import { benchPython } from "./serving/peer.ts";
import { startSlipway } from "./serving/processes.ts";
import { startMlflow } from "./tracking/mlflow-peer.ts";

/** The part of opentelemetry-proto that the load has. */
const { root } = protobuf.parse(`syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span { bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; uint32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; int64 int_value = 3; } }`);
const Request = root.lookupType("Request");

const spansOfTrace = 10;
const tracesOfRequest = 5;
const callers = 8;

/** Agents of ten spans each: a root, and calls of a model with their messages. */
function requestBody(): Buffer {
  const start = BigInt(Math.round(performance.timeOrigin + performance.now())) * 1_000_000n;
  const text = (key: string, value: string): object => ({ key, value: { stringValue: value } });
  const number = (key: string, value: number): object => ({ key, value: { intValue: value } });
  const spans = Array.from({ length: tracesOfRequest }, () => {
    const traceId = randomBytes(16);
    const rootId = randomBytes(8);
    return Array.from({ length: spansOfTrace }, (_, index) => ({
      traceId, spanId: index === 0 ? rootId : randomBytes(8), ...(index === 0 ? {} : { parentSpanId: rootId }), name: index === 0 ? "invoke_agent helper" : "chat small", kind: 3,
      startTimeUnixNano: String(start + BigInt(index) * 1_000_000n), endTimeUnixNano: String(start + BigInt(index + 5) * 1_000_000n),
      attributes: [
        text("gen_ai.operation.name", index === 0 ? "invoke_agent" : "chat"), text("gen_ai.provider.name", "openai"), text("gen_ai.request.model", "small"), number("gen_ai.usage.input_tokens", 120), number("gen_ai.usage.output_tokens", 40),
        text("gen_ai.input.messages", JSON.stringify([{ role: "user", parts: [{ type: "text", content: "Where is my order? ".repeat(10) }] }])),
        text("gen_ai.output.messages", JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: "It is on its way. ".repeat(10) }] }])),
      ],
    }));
  }).flat();
  return Buffer.from(Request.encode(Request.fromObject({ resourceSpans: [{ resource: { attributes: [text("service.name", "bench")] }, scopeSpans: [{ spans }] }] })).finish());
}

/** Spans per second that a server answered for. */
async function ingest(url: string, requests: number): Promise<number> {
  const bodies = Array.from({ length: requests }, requestBody);
  const began = performance.now();
  await Promise.all(Array.from({ length: callers }, async () => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
      const request = { method: "POST", body: new Uint8Array(body), headers: { "content-type": "application/x-protobuf", "x-mlflow-experiment-id": "0" } };
      // The peer closes connections that it has just kept; spans are the same when they come twice.
      const answer = await fetch(`${url}/v1/traces`, request).catch(() => fetch(`${url}/v1/traces`, request));
      if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
      await answer.arrayBuffer();
    }
  }));
  return (requests * tracesOfRequest * spansOfTrace * 1000) / (performance.now() - began);
}

/** Ingest of spans by OTLP in protobuf beside MLflow's server (one worker, on SQLite), in one run on one machine; every answer waits for the disk. */
export async function run({ quick }: { quick: boolean }): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "slipway-bench-traces-"));
  const slipway = await startSlipway(join(directory, "data"));
  let mlflow: Awaited<ReturnType<typeof startMlflow>> | undefined;
  try {
    const python = benchPython();
    const ownRate = await measured("Slipway", `http://127.0.0.1:${slipway.facts.httpPort}`, quick ? 200 : 2000);
    if (python === undefined) return;
    mlflow = await startMlflow(python, directory, 1);
    console.log(`Slipway takes ${(ownRate / (await measured("MLflow", mlflow.url, quick ? 20 : 100))).toFixed(1)} times as many.`);
  } finally {
    await mlflow?.stop();
    await slipway.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measured(name: string, url: string, requests: number): Promise<number> {
  await ingest(url, callers * 2);
  const rate = await ingest(url, requests);
  console.log(`${name.padEnd(8)} ${Math.round(rate).toLocaleString("en").padStart(8)} spans/s`);
  return rate;
}
