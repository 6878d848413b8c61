import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { field } from "./protobuf-fields.ts";

/** Characters of an answer about one trace, whatever was sent: what is kept of its spans, a few times over. */
const mostCharacters = 128 << 20;
const began = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;
const newId = (bytes: number): string => randomBytes(bytes).toString("hex");

interface Document { status: number; text: string; json: Record<string, never> }

describe("a hostile sender of traces", { timeout: 300_000 }, () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  async function send(path: string, body?: string | Uint8Array, headers: Record<string, string> = {}): Promise<Document> {
    const answer = await fetch(`${server.url}${path}`, body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json", ...headers }, body: Buffer.from(body as string) });
    const text = await answer.text();
    return { status: answer.status, text, json: (text.startsWith("{") ? JSON.parse(text) : {}) as Record<string, never> };
  }
  const sendProtobuf = (body: Uint8Array, headers: Record<string, string> = {}): Promise<Document> => send("/v1/traces", body, { "content-type": "application/x-protobuf", ...headers });
  const sendSpans = (spans: readonly object[], resource: object = {}): Promise<Document> => send("/v1/traces", JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }));
  const spanOf = (traceId: string, more: object = {}): object => ({ traceId, spanId: newId(8), name: "hostile", startTimeUnixNano: String(began), endTimeUnixNano: String(began + 1000n), ...more });
  const attribute = (key: string, text: string): object => ({ key, value: { stringValue: text } });

  /** In every way that there is. */
  async function assertReadable(traceId: string): Promise<Document> {
    const [view] = await Promise.all([`/api/traces/${traceId}`, `/api/3.0/mlflow/traces/get?trace_id=tr-${traceId}`, "/api/traces?limit=500", "/api/sessions"].map(async (path) => {
      const { status, text, json } = await send(path);
      assert.equal(status, 200, `${path}: ${text.slice(0, 300)}`);
      assert.ok(text.length < mostCharacters, `${path}: ${text.length}`);
      return { status, text, json };
    }));
    const row = await send(`/api/traces/${traceId}/dataset-row`, JSON.stringify({ dataset: "hostile" }));
    assert.equal(row.status, 200, row.text);
    return view!;
  }

  it("is refused where a small body holds millions of messages, and told in time", async () => {
    const empty = (tag: number): Buffer => Buffer.alloc(16 << 20, Buffer.of(tag, 0));
    const span = Buffer.concat([field(1, randomBytes(16)), field(2, randomBytes(8)), Buffer.of(0x39, 1, 0, 0, 0, 0, 0, 0, 0)]);
    const withValue = (value: Buffer): Buffer => field(1, field(2, field(2, Buffer.concat([span, field(9, Buffer.concat([field(1, Buffer.from("k")), field(2, value)]))]))));
    for (const body of [empty(0x0a), field(1, empty(0x12)), withValue(field(5, empty(0x0a))), withValue(field(6, empty(0x0a)))]) {
      const { status, text } = await sendProtobuf(body);
      assert.deepEqual([status, text.includes("protobuf messages within each other")], [400, true], text.slice(0, 200));
    }
    const answer = await sendProtobuf(field(1, field(2, empty(0x12))));
    assert.deepEqual([answer.status, answer.text.includes("no trace id") || answer.text.includes("100000 in one request")], [200, true], answer.text);
  });

  it("gets no copies of a large resource for each of thousands of spans", async () => {
    const traceId = newId(16);
    const { status, json } = await sendSpans(Array.from({ length: 2000 }, () => spanOf(traceId)), { attributes: [attribute("k", "x".repeat(1_000_000))] });
    const { partialSuccess } = json as unknown as { partialSuccess: { rejectedSpans: string; errorMessage: string } };
    assert.equal(status, 200);
    assert.ok(Number(partialSuccess.rejectedSpans) > 1900 && partialSuccess.errorMessage.includes("copies"), JSON.stringify(partialSuccess));
    const view = (await assertReadable(traceId)).json as unknown as { spans: unknown[]; moreSpans: boolean };
    assert.ok(view.spans.length > 20 && view.spans.length < 40 && view.moreSpans, String(view.spans.length));
  });

  it("leaves every trace readable: JSON in attributes that is nested deep or of very many parts", async () => {
    const deep = `${"[".repeat(50_000)}1${"]".repeat(50_000)}`;
    for (const text of [`[{"role":"user","parts":[{"type":"text","content":${deep}}]}]`, `[{"role":{"toString":1},"content":[{"type":{"valueOf":1,"toString":2}}]}]`, `[${"{},".repeat(100_000)}{}]`]) {
      for (const key of ["gen_ai.input.messages", "gen_ai.prompt", "mlflow.spanInputs", "ai.prompt.messages", "input.value"]) {
        const traceId = newId(16);
        const sent = await sendSpans([spanOf(traceId, { attributes: [attribute(key, text)] })]);
        assert.deepEqual([sent.status, sent.text], [200, "{}"], key);
        const view = (await assertReadable(traceId)).json as unknown as { spans: { attributes: Record<string, unknown>; original: Record<string, unknown> }[] };
        assert.ok([view.spans[0]!.attributes[key], view.spans[0]!.original[key]].includes(text), key);
      }
    }
  });

  it("gets a bounded answer for a trace of very large spans, and of very many models", async () => {
    const traceId = newId(16);
    const text = "\u0001".repeat(1 << 19);
    for (let part = 0; part < 4; part++) assert.equal((await sendSpans(Array.from({ length: 5 }, () => spanOf(traceId, { attributes: [attribute("a", text), attribute("b", text)] })))).status, 200);
    for (let part = 0; part < 4; part++) assert.equal((await sendSpans(Array.from({ length: 1000 }, (_, index) => spanOf(traceId, { attributes: [attribute("gen_ai.request.model", `${part} ${index} ${"m".repeat(200)}`)] })))).status, 200);
    const { json } = await assertReadable(traceId);
    const { trace, spans, moreSpans } = json as unknown as { trace: { spans: number; models: string[] }; spans: unknown[]; moreSpans: boolean };
    assert.deepEqual([trace.spans, moreSpans, trace.models.length], [4020, true, 100]);
    assert.ok(spans.length > 0);
  });

  it("makes no circle of parents, no time and no span of another trace into something that cannot be shown", async () => {
    const traceId = newId(16);
    const [a, b, c, d] = [newId(8), newId(8), newId(8), newId(8)];
    const chain = Array.from({ length: 3000 }, () => newId(8));
    const circle = [[a, a], [b, c], [c, b], [d, newId(8)], ...chain.map((id, index) => [id, chain[(index + 1) % chain.length]!])] as const;
    const times = ["0", "-1", "9223372036854775808", "99999999999999999999", 1e300, -1e300, "0x10", null];
    const sent = await sendSpans([
      ...circle.map(([spanId, parentSpanId]) => spanOf(traceId, { spanId, parentSpanId })), ...times.map((startTimeUnixNano) => spanOf(traceId, { startTimeUnixNano })),
      spanOf(traceId, { endTimeUnixNano: String(began - 1n) }), spanOf(traceId, { events: [{ timeUnixNano: 1e300, name: "e" }], links: [{ traceId: "../..", spanId: "" }], name: "n".repeat(1 << 20), endTimeUnixNano: "9223372036854775807" }),
    ]);
    assert.equal((sent.json as unknown as { partialSuccess: { rejectedSpans: string } }).partialSuccess.rejectedSpans, String(times.length + 1), sent.text);
    const { spans } = (await assertReadable(traceId)).json as unknown as { spans: { spanId: string }[] };
    assert.equal(spans.length, circle.length + 1);
    const shown = await server.client.traces.find(traceId);
    assert.equal(shown.spans.length, circle.length + 1);
  });

  it("is refused for what is compressed a thousand times", async () => {
    const { status } = await sendProtobuf(gzipSync(Buffer.alloc(24 << 20)), { "content-encoding": "gzip" });
    assert.equal(status, 413);
  });

  it("says nothing of a trace over MLflow's wire that a list could not show", async () => {
    const made = await send("/api/2.0/mlflow/experiments/create", JSON.stringify({ name: "hostile" }));
    const { experiment_id: experiment } = made.json as unknown as { experiment_id: string };
    const begin = async (more: object): Promise<[Document, string]> => {
      const traceId = newId(16);
      return [await send("/api/3.0/mlflow/traces", JSON.stringify({ trace: { trace_info: { trace_id: `tr-${traceId}`, trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: experiment } }, request_time: "2026-01-01T00:00:00Z", state: "OK", ...more } } })), traceId];
    };
    const long = "x".repeat(4 << 20);
    for (const more of [
      ...["+275760-01-01T00:00:00Z", "-271821-04-20T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "no time"].map((time) => ({ request_time: time })), ...["1e308s", "-5s", "Infinitys", "1e12s", "NaNs", "9223372036s"].map((duration) => ({ execution_duration: duration })),
      { request_preview: long, response_preview: long }, { tags: { "mlflow.traceName": long.slice(0, 60_000) }, trace_metadata: { "mlflow.trace.session": long.slice(0, 30_000), "mlflow.trace.user": long.slice(0, 30_000) } },
    ]) {
      const [{ status, text }, traceId] = await begin(more);
      assert.equal(status, 200, `${JSON.stringify(more).slice(0, 100)}: ${text.slice(0, 300)}`);
      assert.ok((await assertReadable(traceId)).text.length < 200_000);
    }
    for (const more of [{ tags: { a: long } }, { trace_metadata: { a: long } }, { tags: Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`k${index}`, "v"])) }]) {
      const [{ status, text }] = await begin(more);
      assert.deepEqual([status, text.includes("at most 65536 characters")], [400, true], text.slice(0, 300));
    }
    const listed = await send("/api/3.0/mlflow/traces/search", JSON.stringify({ locations: [{ mlflow_experiment: { experiment_id: experiment } }] }));
    assert.deepEqual([listed.status, listed.text.length < 2 << 20], [200, true]);
  });
});
