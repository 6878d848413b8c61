import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, it } from "node:test";
import { SqlRunDirectory } from "../adapters/sql/tracking/sql-run-directory.ts";
import { SqlTraceStore } from "../adapters/sql/tracing/sql-trace-store.ts";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { localCaller, type Caller } from "../core/caller.ts";
import { epochMs, ManualClock } from "../core/clock.ts";
import type { EgressRequest } from "../core/egress.ts";
import { AppError } from "../core/errors.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { translate } from "./dialects/translate.ts";
import { multipartParts } from "./langsmith/multipart.ts";
import { OpenRuns } from "./langsmith/open-runs.ts";
import { spanOfRun } from "./langsmith/runs.ts";
import { NewFeedback, TraceQuery } from "./schemas.ts";
import type { Span } from "./span.ts";
import { SpanForwarder } from "./span-forwarder.ts";
import { SpanRedaction } from "./span-redaction.ts";
import type { SpanRecord } from "./stored-span.ts";
import { samplingRates, TailSampling } from "./tail-sampling.ts";
import { teamOfSender } from "./trace-access.ts";
import { TraceService, type DatasetRowAdder } from "./trace-service.ts";
import { exampleSpan } from "./example-spans.fixture.ts";

const now = epochMs(1_700_000_000_000);
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined } as unknown as Logger;
const failsWith = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const member = (team: string, role: "viewer" | "contributor" = "contributor"): Caller => ({ actor: `key:${team}`, name: team, grants: [{ role, team }] });
const record = (trace: number, span: number, more: Partial<Span> = {}, team = "default"): SpanRecord => {
  const stored = translate(exampleSpan(trace, span, more));
  return { team, experiment: null, span: stored, isOwn: true, counts: true };
};

describe("TraceService", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());

  async function open(more: Partial<ConstructorParameters<typeof TraceService>[0]> = {}): Promise<{ service: TraceService; rows: unknown[] }> {
    const rows: unknown[] = [];
    const datasets: DatasetRowAdder = { addRow: async (_caller, dataset, row, unlessIn) => ({ dataset, version: rows.push([row, unlessIn]), rows: rows.length, added: true }) };
    const database = await databases.open();
    const service = new TraceService({
      store: new SqlTraceStore(database), runs: new SqlRunDirectory(database), ids: new TimeOrderedIds(new ManualClock()), redaction: new SpanRedaction({ keys: [], content: true }), sampling: new TailSampling({ rates: new Map(), slowMs: 1000, maxWaiting: 10 }), datasets,
      visible: (caller) => (caller.grants.some(({ team }) => team === "*") ? "all" : { teams: caller.grants.map(({ team }) => team), experiments: [] }), ...more,
    });
    return { service, rows };
  }

  it("shows traces to their team alone; to others they are missing", async () => {
    const { service } = await open();
    const { traceId } = exampleSpan(1, 1);
    await service.write(service.pack("blue", [exampleSpan(1, 1), exampleSpan(1, 2)]), now);
    const view = await service.view(member("blue"), traceId);
    assert.deepEqual([view.spans.map(({ name, offsetMs }) => [name, offsetMs]), view.trace.team, view.moreSpans], [[["root 1", 0], ["step 2", 0.001]], "blue", false]);
    const red = member("red");
    await assert.rejects(service.view(red, traceId), failsWith("TRACE_NOT_FOUND"));
    await assert.rejects(service.remove(red, { traceId }, epochMs(1)), failsWith("TRACE_NOT_FOUND"));
    await assert.rejects(service.remove(member("blue", "viewer"), { traceId }, epochMs(1)), failsWith("FORBIDDEN"));
    await assert.rejects(service.addFeedback(red, { traceId }, NewFeedback.parse({ name: "n", value: 1 }), now), failsWith("TRACE_NOT_FOUND"));
    assert.deepEqual((await service.search(red, TraceQuery.parse({}))).items, []);
    await assert.rejects(service.search(red, TraceQuery.parse({ attributes: "[1]" })), failsWith("INVALID_REQUEST"));
    assert.equal((await service.search(member("blue"), TraceQuery.parse({ attributes: "{\"service.name\":\"shop\"}" }))).items.length, 1);
    assert.deepEqual([(await service.remove(member("blue"), { traceId }, epochMs(1))).traceId, (await service.search(localCaller, TraceQuery.parse({}))).items], [traceId, []]);
  });

  it("takes nothing for a team that is not there, and asks for none of what this server emits", async () => {
    const { service } = await open({ hasTeam: (team) => Promise.resolve(team === "blue") });
    await assert.rejects(service.ingest({ team: "nosuch", sender: "local" }, [exampleSpan(1, 1)], now), failsWith("TEAM_NOT_FOUND"));
    for (const team of ["blue", "default"]) await service.ingest({ team, sender: "local" }, [exampleSpan(2, 1)], now);
    await service.write(service.pack("removed", [exampleSpan(2, 1)]), now);
    assert.deepEqual((await service.search(localCaller, TraceQuery.parse({}))).items.map(({ team }) => team).sort(), ["blue", "default", "removed"]);
  });

  it("keeps revisions of feedback, and makes rows of datasets with what should have come out", async () => {
    const { service, rows } = await open();
    const { traceId } = exampleSpan(1, 1);
    await service.ingest({ team: "default", sender: "key:other" }, [exampleSpan(1, 1, { attributes: { "input.value": "in", "gen_ai.output.messages": JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: "out" }] }]) } })], now);
    const first = await service.addFeedback(localCaller, { traceId }, NewFeedback.parse({ name: "answer", kind: "expectation", value: "good" }), now);
    const second = await service.addFeedback(localCaller, { traceId }, NewFeedback.parse({ id: first.id, name: "answer", kind: "expectation", value: "better" }), epochMs(now + 5));
    assert.deepEqual([second.revision, second.createdAt, second.updatedAt, (await service.view(localCaller, traceId)).feedback], [2, now, now + 5, [second]]);
    assert.deepEqual(await service.addDatasetRow(localCaller, { traceId }, { dataset: "golden", again: false }, now), { dataset: "golden", version: 1, rows: 1, added: true });
    await service.addDatasetRow(localCaller, { traceId }, { dataset: "golden", again: true }, now);
    const row = { trace_id: traceId, input: "in", output: "out", expected: "better" };
    assert.deepEqual(rows, [[row, "trace_id"], [row, null]]);
  });

  it("keeps the texts of one question apart in a dataset's row", async () => {
    const { service, rows } = await open();
    const texts = ["Where is snow?", "In Oslo.", "In Rome."];
    for (const [index, operation] of ["rerank", "embeddings", "chat"].entries()) {
      const messages = JSON.stringify([{ role: "user", parts: texts.map((content) => ({ type: "text", content })) }]);
      await service.ingest({ team: "default", sender: "key:other" }, [exampleSpan(index + 1, 1, { attributes: { "gen_ai.operation.name": operation, "gen_ai.input.messages": messages } })], now);
      await service.addDatasetRow(localCaller, { traceId: exampleSpan(index + 1, 1).traceId }, { dataset: "golden", again: false }, now);
    }
    assert.deepEqual((rows as [{ input: string }][]).map(([{ input }]) => input), [JSON.stringify({ query: texts[0], documents: texts.slice(1) }), JSON.stringify(texts), texts.join("\n")]);
  });

  it("reads the spans of several traces within what they may take together, and leaves to each what is its own", async () => {
    const { service } = await open();
    const long = { attributes: { "input.value": "x".repeat(10_000) } };
    await service.write(service.pack("blue", [1, 2, 3].flatMap((trace) => Array.from({ length: trace === 3 ? 1 : 20 }, (_, index) => exampleSpan(trace, index + 1, trace === 3 ? {} : long)))), now);
    const keys = [1, 2, 3].map((trace) => ({ team: "blue", traceId: exampleSpan(trace, 1).traceId }));
    const counts = async (mostBytes?: number): Promise<number[]> => (await service.spansOfEach(keys, mostBytes)).map(({ length }) => length);
    assert.deepEqual([await counts(), await counts(300_000), await counts(150_000), await counts(1000)], [[20, 20, 1], [20, 7, 1], [13, 1, 1], [1, 0, 0]]);
  });

  it("takes out what must not be kept, in every dialect, before it is translated", async () => {
    const { service } = await open({ redaction: new SpanRedaction({ keys: ["*.secret", "http.*.authorization"], content: false }) });
    const attributes = { "app.secret": "s", "http.request.header.authorization": "s", "llm.input_messages.0.message.content": "s", "mlflow.spanInputs": "{\"messages\":\"s\"}", "gen_ai.input.messages": "s", kept: "k", "llm.model_name": "m" };
    await service.ingest({ team: "default", sender: "key:other" }, [exampleSpan(1, 1, { attributes, status: { code: "error", message: "s" }, events: [{ name: "gen_ai.user.message", time: 1n, attributes: { content: "s" } }] })], now);
    const { spans: [span] } = await service.view(localCaller, exampleSpan(1, 1).traceId);
    assert.ok(!JSON.stringify(span).includes("\"s\""), JSON.stringify(span));
    assert.deepEqual([span?.attributes.kept, span?.model, span?.status.code], ["k", "m", "error"]);
  });
});

describe("TailSampling", () => {
  const rules = { rates: samplingRates(["0", "blue=1", "route:kept=1"]), slowMs: 60_000, maxWaiting: 4 };
  const ids = (records: readonly SpanRecord[]): string[] => records.map(({ span }) => `${Number.parseInt(span.traceId, 16)}.${Number.parseInt(span.spanId, 16)}`);

  it("keeps what failed, was slow, or is of a team or a route that keeps all, with what came before", () => {
    const sampling = new TailSampling(rules);
    assert.deepEqual(ids(sampling.take([record(1, 2), record(2, 2)])), []);
    assert.deepEqual(ids(sampling.take([record(1, 3, { status: { code: "error", message: "" } })])), ["1.2", "1.3"]);
    assert.deepEqual(ids(sampling.take([record(1, 1), record(2, 1), record(2, 3)])), ["1.1"]);
    assert.deepEqual(ids(sampling.take([record(3, 1, { end: exampleSpan(3, 1).start + 61_000_000_000n }), record(4, 1, {}, "blue"), record(5, 2, { attributes: { "slipway.route": "kept" } })])), ["3.1", "4.1", "5.2"]);
    assert.equal(sampling.dropped, 3);
  });

  it("lets the oldest go when too many wait", () => {
    const sampling = new TailSampling(rules);
    sampling.take([1, 2, 3, 4, 5].map((trace) => record(trace, 2)));
    assert.deepEqual([sampling.dropped, ids(sampling.take([record(2, 3, { status: { code: "error", message: "" } })]))], [1, ["2.2", "2.3"]]);
  });

  it("chooses by the trace's id, about the part that was asked for", () => {
    const share = (rate: string): number => {
      const sampling = new TailSampling({ rates: samplingRates([rate]), slowMs: 1e9, maxWaiting: 10 });
      const kept = Array.from({ length: 400 }, (_, index) => record(1, 1, { traceId: `${"1".repeat(20)}${(index * 703_687_441_776).toString(16).padStart(12, "0")}` })).filter((one) => sampling.take([one]).length > 0);
      return kept.length / 400;
    };
    assert.ok(Math.abs(share("0.25") - 0.25) < 0.01);
    assert.deepEqual([share("0"), share("1")], [0, 1]);
    assert.throws(() => samplingRates(["1.5"]), RangeError);
  });
});

describe("the export of spans", () => {
  it("sends spans on in batches, tries again what may pass, and lets go what is refused", async () => {
    const sent: EgressRequest[] = [];
    const statuses = [503, 200];
    const pauses: number[] = [];
    const forwarder = new SpanForwarder({
      url: "https://collector.example/v1/traces", authorization: "Bearer x", logger: silent, pause: async (milliseconds) => void pauses.push(milliseconds),
      egress: { send: async (request) => { sent.push(request); return { status: statuses.shift() ?? 200, headers: { "retry-after": "2" }, body: new Uint8Array() }; } },
    });
    forwarder.forward(Array.from({ length: 600 }, (_, index) => record(index + 1, 1)));
    await forwarder.stop();
    assert.deepEqual([forwarder.counts, pauses.length], [{ sent: 88, lost: 512, waiting: 0 }, 0]);
    const again = new SpanForwarder({ ...({ url: "https://c.example", logger: silent, pause: async (milliseconds: number) => void pauses.push(milliseconds) }), egress: { send: async (request) => { sent.push(request); return { status: sent.length === 3 ? 429 : 200, headers: { "retry-after": "2" }, body: new Uint8Array() }; } } });
    again.forward([record(1, 1)]);
    while (again.counts.sent === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([again.counts, pauses], [{ sent: 1, lost: 0, waiting: 0 }, [2000]]);
    const { resourceSpans } = JSON.parse(gunzipSync(sent.at(-1)!.body as Uint8Array).toString()) as { resourceSpans: { scopeSpans: { spans: unknown[] }[] }[] };
    assert.equal(resourceSpans[0]?.scopeSpans[0]?.spans.length, 1);
  });

  it("writes to the team that a header names, where the sender may", () => {
    assert.deepEqual([teamOfSender(localCaller, undefined), teamOfSender(member("blue"), undefined), teamOfSender(member("blue"), "blue")], ["default", "blue", "blue"]);
    assert.throws(() => teamOfSender(member("blue"), "red"), failsWith("FORBIDDEN"));
    assert.throws(() => teamOfSender(member("blue", "viewer"), undefined), failsWith("FORBIDDEN"));
  });
});

describe("runs of LangSmith's clients", () => {
  const id = "01a2003525f97a1fa847ff6e989775d8".replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");

  it("become spans when both halves are there", () => {
    const open = new OpenRuns();
    open.merge("t", { id, trace_id: id, run_type: "llm", name: "call", start_time: "2026-01-02T03:04:05.678901+00:00", inputs: { messages: [{ role: "user", content: "Q" }] }, extra: { metadata: { ls_model_name: "m", session_id: "s" } } }, "post");
    const span = spanOfRun(open.merge("t", { id, end_time: "2026-01-02T03:04:06.678902", outputs: { role: "assistant", content: "A", usage_metadata: { input_tokens: 2, output_tokens: 1 } }, error: null }, "patch")!);
    assert.deepEqual([span.traceId, span.spanId, span.end! - span.start, span.status.code, span.attributes["gen_ai.request.model"], span.attributes["gen_ai.usage.input_tokens"]], [id.replaceAll("-", ""), "a847ff6e989775d8", 1_000_001_000n, "ok", "m", 2]);
    assert.equal(span.attributes["gen_ai.output.messages"], "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"A\"}]}]");
    assert.equal(spanOfRun({ id, trace_id: id, dotted_order: `20260102T030405678901Z${id}` }).start, span.start);
    assert.throws(() => spanOfRun({ id: "no", trace_id: id, start_time: "2026-01-02T03:04:05Z" }), failsWith("INVALID_REQUEST"));
  });

  it("wait for their beginning where a change says too little for a span, and lose nothing to one that comes late", () => {
    const open = new OpenRuns();
    assert.equal(open.merge("t", { id, end_time: "2026-01-02T03:04:06Z", outputs: { a: 1 } }, "patch"), null);
    const whole = open.merge("t", { id, name: "n", start_time: "2026-01-02T03:04:05Z", outputs: null, inputs: { q: 1 }, end_time: null }, "post")!;
    assert.deepEqual([whole.name, whole.inputs, whole.outputs, spanOfRun(whole).end! - spanOfRun(whole).start], ["n", { q: 1 }, { a: 1 }, 1_000_000_000n]);
    // It is forgotten, and another team's is another.
    assert.equal(open.merge("t", { id, tags: ["late"] }, "patch"), null);
    assert.equal(open.merge("u", { id, name: "m", start_time: "2026-01-02T03:04:05Z" }, "post")!.outputs, undefined);
  });

  it("come as the parts of a form", () => {
    const body = Buffer.from("--b\r\nContent-Disposition: form-data; name=\"post.1\"\r\n\r\n{}\r\n--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"y\"\r\nContent-Type: text/plain\r\n\r\na\r\nb\r\n--b--\r\n");
    assert.deepEqual([...multipartParts(body, "multipart/form-data; boundary=b")].map(([name, content]) => [name, content.toString()]), [["post.1", "{}"], ["x", "a\r\nb"]]);
    for (let end = 0; end < body.length - 4; end++) assert.throws(() => multipartParts(body.subarray(0, end), "multipart/form-data; boundary=b"), failsWith("INVALID_REQUEST"));
  });
});
