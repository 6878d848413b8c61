import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import protobuf from "protobufjs";
import type { TraceList, TraceSession, TraceView } from "../../src/tracing/index.ts";
import { startSecuredServer } from "../kit/secured-server.ts";

/** ExportTraceServiceResponse, and the logs that a program sends to the address of traces by mistake. */
const { root } = protobuf.parse(`syntax = "proto3";
  message Answer { PartialSuccess partial_success = 1; } message PartialSuccess { int64 rejected_spans = 1; string error_message = 2; }
  message Traces { repeated ResourceSpans resource_spans = 1; } message ResourceSpans { repeated ScopeSpans scope_spans = 2; } message ScopeSpans { repeated Span spans = 2; }
  message Span { bytes trace_id = 1; bytes span_id = 2; string name = 5; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; }
  message Logs { repeated ResourceLogs resource_logs = 1; } message ResourceLogs { repeated ScopeLogs scope_logs = 2; } message ScopeLogs { repeated LogRecord log_records = 2; }
  message LogRecord { fixed64 time_unix_nano = 1; int32 severity_number = 2; string severity_text = 3; Value body = 5; fixed64 observed_time_unix_nano = 11; bytes trace_id = 9; bytes span_id = 10; } message Value { string string_value = 1; }`);
const encoded = (type: string, message: object): Buffer => Buffer.from(root.lookupType(type).encode(root.lookupType(type).fromObject(message)).finish());

const traceOf = (number: number): string => `0af7651916cd43dd8448eb2100000${String(number).padStart(3, "0")}`;
const spanId = "b7ad6b7169203331";
const began = Date.now() - 60_000;

interface OtlpSpan {
  trace: number;
  name?: string;
  spanId?: string;
  parentSpanId?: string;
  ms?: number;
  failed?: boolean;
  attributes?: Record<string, string | number>;
}

const otlp = (...spans: readonly OtlpSpan[]): string => JSON.stringify({ resourceSpans: [{ resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] }, scopeSpans: [{ scope: { name: "test" }, spans: spans.map(({ trace, name = `trace ${trace}`, ms = 5, failed, attributes = {}, ...ids }) => ({
  traceId: traceOf(trace), spanId, ...ids, name, startTimeUnixNano: `${began + trace * 1000}000000`, endTimeUnixNano: `${began + trace * 1000 + ms}000000`, ...(failed === true ? { status: { code: 2, message: "no way" } } : {}),
  attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: typeof value === "number" ? { doubleValue: value } : { stringValue: value } })),
})) }] }] });

/** A server that asks for keys, with what its programs and its people do. */
async function startDoors(settings: Record<string, unknown> = {}) {
  const server = await startSecuredServer(settings);
  const url = `http://${server.host}`;
  const keyOf = async (team: string, role: string): Promise<string> => {
    const { status, body } = await server.asAdmin("POST", "/api/keys", { name: `${role} of ${team}`, grants: [{ role, team }], team });
    assert.equal(status, 200, body);
    return (JSON.parse(body) as { key: string }).key;
  };
  const ask = async (method: string, path: string, body?: object | string, headers: Record<string, string> = { authorization: `Bearer ${server.adminKey}` }): Promise<{ status: number; text: string }> => {
    const answer = await fetch(url + path, { method, headers: { "content-type": "application/json", ...headers }, ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }) });
    return { status: answer.status, text: await answer.text() };
  };
  const done = async <Answer>(...asked: Parameters<typeof ask>): Promise<Answer> => {
    const { status, text } = await ask(...asked);
    assert.ok(status === 200 || status === 202, `${asked[0]} ${asked[1]}: ${status} ${text}`);
    return JSON.parse(text) as Answer;
  };
  return { server, url, keyOf, ask, done, view: (trace: string) => done<TraceView>("GET", `/api/traces/${trace}`) };
}
type Doors = Awaited<ReturnType<typeof startDoors>>;

describe("the doors of traces", () => {
  let doors: Doors;
  let collector: Server;
  const collected: { headers: Record<string, unknown>; body: string }[] = [];
  before(async () => {
    const statuses = [503];
    collector = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part)).on("end", () => {
        const status = statuses.shift() ?? 200;
        if (status === 200) collected.push({ headers: request.headers, body: gunzipSync(Buffer.concat(parts)).toString("utf8") });
        response.writeHead(status, { "retry-after": "0.01", "content-type": "application/json" }).end("{}");
      });
    }).listen(0, "127.0.0.1");
    await once(collector, "listening");
    doors = await startDoors({ traceExportUrl: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`, traceExportAuthorization: "Bearer collect" });
    assert.equal((await doors.server.asAdmin("POST", "/api/teams", { name: "blue" })).status, 200);
  });
  after(async () => {
    await doors.server.stop();
    collector.closeAllConnections();
    collector.close();
  });
  const sendBytes = (type: string, body: Buffer, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${doors.url}/v1/traces`, { method: "POST", headers: { "content-type": type, authorization: `Bearer ${doors.server.adminKey}`, ...headers }, body: new Uint8Array(body) });
  const search = async (query: string): Promise<number[]> => (await doors.done<TraceList>("GET", `/api/traces?name=${query}`)).traces.map(({ traceId }) => Number(traceId.slice(-3)));

  it("answer in the encoding of the request what was taken of it and what was not, by each name of protobuf, plain and with gzip", async () => {
    const span = (id: string, name: string): object => ({ traceId: Buffer.from(id, "hex").toString("base64"), spanId: Buffer.from(spanId, "hex").toString("base64"), name, startTimeUnixNano: `${began}000000`, endTimeUnixNano: `${began + 5}000000` });
    const body = encoded("Traces", { resourceSpans: [{ scopeSpans: [{ spans: [span(traceOf(1), "binary"), span("", "flawed")] }] }] });
    for (const [type, headers] of [["application/x-protobuf", {}], ["application/x-protobuf", { "content-encoding": "gzip" }], ["application/protobuf", {}], ["application/x-google-protobuf", {}]] as const) {
      const answer = await sendBytes(type, "content-encoding" in headers ? gzipSync(body) : body, headers);
      assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "application/x-protobuf"], type);
      assert.deepEqual(root.lookupType("Answer").toObject(root.lookupType("Answer").decode(Buffer.from(await answer.arrayBuffer())), { longs: Number }), { partialSuccess: { rejectedSpans: 1, errorMessage: 'The span "flawed" has no trace id of 16 bytes that are not all 0.' } });
    }
    assert.deepEqual(await doors.view(traceOf(1)).then(({ spans }) => spans.map(({ name }) => name)), ["binary"]);
  });

  it("make no trace of logs, whichever way they are told", async () => {
    const record = { timeUnixNano: `${began}000000`, severityNumber: 9, severityText: "INFO", body: { stringValue: "a log" }, observedTimeUnixNano: `${began}000000` };
    const ids = { traceId: Buffer.from(traceOf(2), "hex").toString("base64"), spanId: Buffer.from(spanId, "hex").toString("base64") };
    for (const logRecord of [record, { ...record, ...ids }]) {
      const answer = await sendBytes("application/x-protobuf", encoded("Logs", { resourceLogs: [{ scopeLogs: [{ logRecords: [logRecord] }] }] }));
      const told = Buffer.from(await answer.arrayBuffer());
      // Ids of a log stand where a span has its attributes: that is no message, or no span.
      if (answer.status === 200) assert.deepEqual(root.lookupType("Answer").toObject(root.lookupType("Answer").decode(told), { longs: Number }).partialSuccess.rejectedSpans, 1);
      else assert.equal(answer.status, 400);
    }
    assert.equal((await doors.ask("POST", "/v1/traces", { resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] })).status, 400);
    assert.equal((await doors.ask("GET", `/api/traces/${traceOf(2)}`)).status, 404);
    assert.deepEqual((await doors.done<TraceList>("GET", "/api/traces?text=a%20log")).traces, []);
  });

  it("find traces by attribute, text, cost, latency, errors, tokens, model, session, user, service, feedback and time", async () => {
    await doors.done("POST", "/v1/traces", otlp(
      { trace: 10, name: "found", attributes: { "session.id": "s1", "user.id": "ann", "app.tier": "gold", "input.value": "a refund, please" } }, { trace: 11, name: "found", failed: true, attributes: { "session.id": "s1", "gen_ai.request.model": "small", "gen_ai.usage.input_tokens": 50, "gen_ai.usage.cost": 0.25 } },
      { trace: 12, name: "found", ms: 3000, attributes: { "session.id": "s2", "user.id": "bob" } },
    ));
    await doors.done("POST", `/api/traces/${traceOf(10)}/feedback`, { name: "correct", value: true });
    for (const [query, numbers] of [
      ["found", [12, 11, 10]], ["found&order=duration", [12, 11, 10]], ["found&order=cost", [11, 12, 10]], ["found&text=REFUND", [10]], ["found&attributes=%7B%22app.tier%22%3A%22gold%22%7D", [10]], ["found&minCost=250000000", [11]], ["found&minCost=250000001", []], ["found&slowerThanMs=2999", [12]],
      ["found&slowerThanMs=3000", []], ["found&errors=true", [11]], ["found&errors=false", [12, 10]], ["found&minTokens=50", [11]], ["found&model=small", [11]], ["found&session=s1", [11, 10]], ["found&user=bob", [12]], ["found&service=shop", [12, 11, 10]], ["found&service=bank", []],
      ["found&feedback=correct", [10]], ["found&team=blue", []], [`found&from=${began + 11_000}`, [12, 11]], [`found&to=${began + 11_000}`, [10]], ["found&limit=1", [12]],
    ] as const) assert.deepEqual(await search(query), numbers, query);
    const { sessions, next } = await doors.done<{ sessions: TraceSession[]; next: string | null }>("GET", "/api/sessions?limit=1");
    assert.deepEqual(sessions.map(({ session, traces, user }) => [session, traces, user]), [["s2", 1, "bob"]]);
    const rest = await doors.done<{ sessions: TraceSession[]; next: string | null }>("GET", `/api/sessions?after=${next}`);
    assert.deepEqual(rest.sessions.map(({ session, traces, errors, inputTokens, cost, start, end }) => [session, traces, errors, inputTokens, cost, start, end]), [["s1", 2, 1, 50, 250_000_000, began + 10_000, began + 11_005]]);
    assert.deepEqual((await doors.done<{ sessions: TraceSession[] }>("GET", "/api/sessions?user=ann")).sessions.map(({ session }) => session), ["s1"]);
  });

  it("keep feedback and scores on a trace and on a span of it, and show each in its last revision", async () => {
    await doors.done("POST", "/v1/traces", otlp({ trace: 20 }, { trace: 20, spanId: "00000000000000a2", parentSpanId: spanId, name: "call" }));
    const give = (feedback: object): Promise<{ id: string; revision: number }> => doors.done("POST", `/api/traces/${traceOf(20)}/feedback`, feedback);
    const { id } = await give({ name: "correct", value: true });
    assert.equal((await give({ id, name: "correct", value: false, comment: "It is not." })).revision, 2);
    await give({ name: "score", value: 0.5, source: "llm", sourceId: "judge", spanId: "00000000000000a2" });
    const { feedback, trace } = await doors.view(traceOf(20));
    assert.deepEqual(feedback.map(({ name, value, source, spanId: on, comment }) => [name, value, source, on, comment]), [["correct", false, "human", null, "It is not."], ["score", 0.5, "llm", "00000000000000a2", ""]]);
    assert.equal(trace.feedback, 2);
  });

  it("make a trace a row of a dataset with one call, each its next version", async () => {
    const add = (number: number, dataset = "golden", headers?: Record<string, string>, more: object = {}): Promise<{ status: number; text: string }> => doors.ask("POST", `/api/traces/${traceOf(number)}/dataset-row`, { dataset, ...more }, headers);
    const chat = JSON.stringify([{ role: "user", parts: [{ type: "text", content: "first" }] }, { role: "user", parts: [{ type: "text", content: "say \"so\",\nplease" }] }]);
    await doors.done("POST", "/v1/traces", otlp(
      { trace: 30, attributes: { "input.value": "in", "output.value": "out" } }, { trace: 31 },
      { trace: 31, spanId: "00000000000000a3", parentSpanId: spanId, attributes: { "gen_ai.input.messages": chat, "gen_ai.output.messages": JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: "so" }] }]) } },
    ));
    for (const value of ["good", "better"]) await doors.done("POST", `/api/traces/${traceOf(30)}/feedback`, { name: "answer", kind: "expectation", value });
    await doors.done("POST", `/api/traces/${traceOf(31)}/feedback`, { name: "answer", kind: "expectation", value: 5 });
    const [first, second] = [await add(30), await add(31)];
    assert.deepEqual([first, second].map(({ status, text }) => [status, JSON.parse(text)]), [[200, { dataset: "golden", version: 1, rows: 1, added: true }], [200, { dataset: "golden", version: 2, rows: 2, added: true }]]);
    const { text } = await doors.ask("GET", "/api/datasets/golden/versions/2/content");
    assert.equal(text, `"trace_id","input","output","expected"\n"${traceOf(30)}","in","out","better"\n"${traceOf(31)}","say ""so"",\nplease","so","5"\n`);
    assert.deepEqual((await doors.ask("GET", "/api/datasets/golden/versions/1/content")).text.split("\n").length, 3);
    // The same trace once, but where it is asked for again.
    assert.deepEqual(JSON.parse((await add(30)).text), { dataset: "golden", version: 2, rows: 2, added: false });
    assert.deepEqual(JSON.parse((await add(30, "golden", undefined, { again: true })).text), { dataset: "golden", version: 3, rows: 3, added: true });
    // Who only reads adds nothing, and what is hidden is missing.
    const viewer = { authorization: `Bearer ${await doors.keyOf("blue", "contributor")}` };
    assert.equal((await add(30, "mine", viewer)).status, 404);
    assert.equal((await add(99)).status, 404);
  });

  it("of LangSmith take the key that its clients show, and the team that a header names", async () => {
    const key = await doors.keyOf("blue", "contributor");
    const id = "018f0000-0000-7000-8000-00000000000a";
    const run = { id, trace_id: id, name: "app", run_type: "chain", start_time: "2026-11-22T00:00:00Z", session_name: "blue app" };
    for (const [method, path, body] of [["POST", "/langsmith/runs", run], ["PATCH", `/langsmith/runs/${id}`, {}], ["POST", "/langsmith/runs/batch", { post: [run] }], ["POST", "/langsmith/feedback", { id, run_id: id, key: "k", score: 1 }]] as const) {
      assert.equal((await doors.ask(method, path, body, { "x-api-key": "none" })).status, 401, path);
    }
    await doors.done("POST", "/langsmith/runs", run, { "x-api-key": key });
    await doors.done("PATCH", `/langsmith/runs/${id}`, { end_time: "2026-11-22T00:00:01Z", outputs: { answer: 4 } }, { "x-api-key": key });
    await doors.done("POST", "/langsmith/feedback", { id: "018f0000-0000-7000-8000-00000000000b", run_id: id, key: "correct", score: 1 }, { "x-api-key": key });
    const { trace, spans, feedback } = await doors.view(id.replaceAll("-", ""));
    assert.deepEqual([trace.team, trace.status, trace.durationMs, spans[0]!.output, feedback.map(({ name, value }) => [name, value])], ["blue", "ok", 1000, '{"answer":4}', [["correct", 1]]]);
    assert.equal((await doors.ask("POST", "/langsmith/runs", run, { "x-api-key": key, "x-slipway-team": "default" })).status, 403);
    // Its clients send spans by OTLP behind the same address.
    await doors.done("POST", "/langsmith/otel/v1/traces", otlp({ trace: 41, name: "by OTLP" }), { "x-api-key": key });
    assert.deepEqual([(await doors.view(traceOf(41))).trace.name, (await doors.view(traceOf(41))).trace.team], ["by OTLP", "blue"]);
    // Who reads another team alone finds no feedback there, and changes none.
    const feedbackPath = "/langsmith/feedback/018f0000-0000-7000-8000-00000000000b";
    assert.equal((await doors.server.asAdmin("POST", "/api/teams", { name: "green" })).status, 200);
    const green = await doors.keyOf("green", "contributor");
    for (const [method, path] of [["GET", feedbackPath], ["PATCH", feedbackPath], ["DELETE", feedbackPath]] as const) assert.equal((await doors.ask(method, path, method === "PATCH" ? { score: 0 } : undefined, { "x-api-key": green })).status, 404, method);
    assert.deepEqual(JSON.parse((await doors.ask("GET", `/langsmith/feedback?run=${id}`, undefined, { "x-api-key": green })).text), []);
    assert.equal((await doors.ask("GET", "/langsmith/feedback", undefined, { "x-api-key": key })).status, 400);
    await doors.done("PATCH", feedbackPath, { score: 0, comment: "no" }, { "x-api-key": key });
    assert.deepEqual((await doors.view(id.replaceAll("-", ""))).feedback.map(({ value, comment, revision }) => [value, comment, revision]), [[0, "no", 2]]);
    const listed = await doors.ask("GET", `/langsmith/feedback?run=${id}&run=018f0000-0000-7000-8000-0000000000aa&limit=1&offset=0`, undefined, { "x-api-key": key });
    assert.deepEqual((JSON.parse(listed.text) as { score: number }[]).map(({ score }) => score), [0]);
    await doors.done("DELETE", feedbackPath, undefined, { "x-api-key": key });
    assert.deepEqual((await doors.view(id.replaceAll("-", ""))).feedback, []);
    // Runs and projects are shown to those who see their traces.
    const [ofBlue, ofGreen] = [{ "x-api-key": key }, { "x-api-key": green }];
    assert.equal((await doors.done<{ name: string }>("GET", `/langsmith/runs/${id}`, undefined, ofBlue)).name, "app");
    assert.equal((await doors.ask("GET", `/langsmith/runs/${id}`, undefined, ofGreen)).status, 404);
    const [project] = await doors.done<{ id: string; name: string }[]>("GET", "/langsmith/sessions?name=blue%20app", undefined, ofBlue);
    assert.equal(project?.name, "blue app");
    assert.deepEqual([(await doors.ask("GET", "/langsmith/sessions", undefined, ofGreen)).text, (await doors.ask("GET", `/langsmith/sessions/${project.id}`, undefined, ofGreen)).status], ["[]", 404]);
    const runsOf = async (headers: Record<string, string>, asked: object): Promise<string[]> => (await doors.done<{ runs: { name: string }[] }>("POST", "/langsmith/runs/query", asked, headers)).runs.map(({ name }) => name);
    for (const asked of [{}, { trace: id }, { id: [id] }, { session: [project.id] }]) assert.deepEqual([(await runsOf(ofBlue, asked)).includes("app"), await runsOf(ofGreen, asked)], [true, []], JSON.stringify(asked));
    // A cursor that somebody else made up, or was given, shows nothing more.
    const cursor = Buffer.from(JSON.stringify({ open: [[id.replaceAll("-", ""), "blue"]], last: null, next: null })).toString("base64url");
    assert.deepEqual([await runsOf(ofBlue, { cursor }), await runsOf(ofGreen, { cursor })], [["app"], []]);
    for (const [asked, status] of [[{ query: "text" }, 501], [{ filter: "eq(feedback_key, \"k\")" }, 501], [{ filter: "eq(name" }, 400], [{ cursor: "x" }, 400], [{ trace: "x" }, 400], [{ start_time: "today" }, 400]] as const) assert.equal((await doors.ask("POST", "/langsmith/runs/query", asked, ofBlue)).status, status, JSON.stringify(asked));
    // So it is with the newer calls.
    type Items = { items: { id?: string; name?: string; thread_id?: string; root_run?: { name: string } }[]; next_cursor: string | null };
    const itemsOf = async (headers: Record<string, string>, method: string, path: string, asked?: object): Promise<Items["items"]> => (await doors.done<Items>(method, `/langsmith/api/v2${path}`, asked, headers)).items;
    const all = { min_start_time: "2020-01-01T00:00:00Z", selects: ["NAME"] };
    for (const asked of [{ ...all, project_ids: [project.id] }, { ids: [id], selects: ["NAME"] }, { trace_id: id, selects: ["NAME"] }, all]) {
      assert.deepEqual([(await itemsOf(ofBlue, "POST", "/runs/query", asked)).some(({ name }) => name === "app"), await itemsOf(ofGreen, "POST", "/runs/query", asked)], [true, []], JSON.stringify(asked));
    }
    assert.deepEqual([await itemsOf(ofBlue, "POST", "/runs/query", { ids: [id] }), await itemsOf(ofGreen, "POST", "/runs/query", { ids: [id] })], [[{ id }], []]);
    for (const asked of [{ project_id: project.id, ...all }, { trace_ids: [id], selects: ["NAME"] }]) {
      assert.deepEqual([(await itemsOf(ofBlue, "POST", "/traces/query", asked)).map(({ root_run: root }) => root), await itemsOf(ofGreen, "POST", "/traces/query", asked)], [[{ id, name: "app" }], []]);
    }
    assert.deepEqual([await itemsOf(ofBlue, "GET", `/traces/${id}/runs?selects=NAME&selects=IS_ROOT`), await itemsOf(ofGreen, "GET", `/traces/${id}/runs`)], [[{ id, name: "app", is_root: true }], []]);
    assert.deepEqual([(await doors.done<{ name: string }>("GET", `/langsmith/api/v2/runs/${id}?selects=NAME`, undefined, ofBlue)).name, (await doors.ask("GET", `/langsmith/api/v2/runs/${id}`, undefined, ofGreen)).status], ["app", 404]);
    // Threads: the newest first, page by page.
    for (const [number, thread] of ["one", "two", "one"].entries()) {
      const turn = `018f0000-0000-7000-8000-0000000001${number}0`;
      await doors.done("POST", "/langsmith/runs", { id: turn, trace_id: turn, name: `turn ${number}`, run_type: "chain", session_name: "talks", start_time: `2026-01-02T00:00:0${number}Z`, end_time: `2026-01-02T00:00:1${number}Z`, inputs: { number }, outputs: {}, extra: { metadata: { thread_id: thread } }, ...(number === 0 ? { error: "no" } : {}) }, ofBlue);
    }
    const [talks] = await doors.done<{ id: string }[]>("GET", "/langsmith/api/v1/sessions?name=talks", undefined, ofBlue);
    const threads = async (asked: object, headers = ofBlue): Promise<unknown[]> => {
      const { items, next_cursor: cursor } = await doors.done<{ items: { thread_id: string; count: number; num_errored_turns: number; latency_p99: number; first_trace_id: string }[]; next_cursor: string | null }>("POST", "/langsmith/api/v2/threads/query", { project_id: talks!.id, min_start_time: all.min_start_time, ...asked }, headers);
      return [items.map(({ thread_id: thread, count, num_errored_turns: errors, latency_p99: latency, first_trace_id: first }) => [thread, count, errors, latency, first.slice(-2)]), cursor];
    };
    const [one, two] = [["one", 2, 1, 10, "00"], ["two", 1, 0, 10, "10"]];
    assert.deepEqual([await threads({}), await threads({}, ofGreen), await threads({ min_start_time: "2026-01-02T00:00:02Z" })], [[[one, two], null], [[], null], [[["one", 1, 0, 10, "20"]], null]]);
    const [first, after] = await threads({ page_size: 1 });
    assert.deepEqual([first, await threads({ page_size: 1, cursor: after })], [[one], [[two], null]]);
    const turns = async (query: string): Promise<unknown[]> => (await itemsOf(ofBlue, "GET", `/threads/one/traces?project_id=${talks!.id}&selects=NAME&${query}`)).map(({ name }) => name);
    assert.deepEqual([await turns(""), await turns("filter=eq(status,%22error%22)"), await turns("page_size=1"), await itemsOf(ofGreen, "GET", `/threads/one/traces?project_id=${talks!.id}`)], [["turn 2", "turn 0"], ["turn 0"], ["turn 2"], []]);
    for (const [path, asked, status] of [
      ["/runs/query", { ai_search: "what failed" }, 501], ["/runs/query", { include_subtree_usage: true }, 501], ["/runs/query", { selects: ["NOTHING"] }, 400], ["/runs/query", { page_size: 0 }, 400], ["/runs/query", { project_ids: ["x"] }, 400], ["/runs/query", { min_start_time: "today" }, 400],
      ["/traces/query", { filter: "eq(name, 1)" }, 501], ["/threads/query", { filter: "eq(name, 1)" }, 501],
    ] as const) assert.equal((await doors.ask("POST", `/langsmith/api/v2${path}`, asked, ofBlue)).status, status, JSON.stringify(asked));
    assert.equal((await doors.ask("POST", "/langsmith/api/v2/runs/query", {}, { ...ofBlue, accept: "text/event-stream" })).status, 501);
    // What is not served is refused with what to do instead, after the key was looked at.
    assert.equal((await doors.ask("POST", "/langsmith/runs/query", {}, { "x-api-key": "none" })).status, 401);
    for (const [method, path, advice] of [["POST", "/langsmith/runs/stats", "slipway traces"], ["DELETE", "/langsmith/api/v1/sessions/x", "service=PROJECT"], ["POST", "/langsmith/api/v2/threads/stats", "GET /api/sessions"], ["GET", "/langsmith/api/v2/runs/x/url", "slipway traces show"], ["POST", "/langsmith/v1/platform/datasets/x/examples", "slipway datasets add"], ["PUT", "/langsmith/constructor", "docs/tracing.md"]] as const) {
      const { status, text } = await doors.ask(method, path, method === "GET" ? undefined : {}, { "x-api-key": key });
      const { error } = JSON.parse(text) as { error: { code: string; message: string } };
      assert.deepEqual([status, error.code, error.message.includes(advice)], [501, "NOT_SUPPORTED", true], `${path}: ${text}`);
    }
    await doors.done("POST", "/v1/traces", otlp({ trace: 40 }), { authorization: `Bearer ${doors.server.adminKey}`, "x-slipway-team": "blue" });
    assert.equal((await doors.view(traceOf(40))).trace.team, "blue");
  });

  it("send what they keep on to a collector: as it came, once, and again after it was away", async () => {
    await doors.done("POST", "/v1/traces", otlp({ trace: 50, name: "sent on", attributes: { "llm.model_name": "m", "openinference.span.kind": "LLM" } }));
    await doors.server.slipway.stop();
    const bodies = collected.map(({ body }) => body).filter((body) => body.includes("sent on"));
    assert.equal(bodies.length, 1);
    assert.ok(bodies[0]!.includes('"llm.model_name"') && !bodies[0]!.includes("gen_ai.request.model"), bodies[0]);
    assert.ok(collected.every(({ headers }) => headers.authorization === "Bearer collect" && headers["content-encoding"] === "gzip"));
    const names = collected.flatMap(({ body }) => (JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: { name: string }[] }[] }[] }).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name))));
    assert.equal(names[0], "binary", "what the collector was away for comes first");
  });
});

describe("what traces may not keep", () => {
  const secret = "the-patients-name";
  let doors: Doors;
  before(async () => {
    doors = await startDoors({ traceContent: false, traceRedact: ["user.id", "app.*"] });
  });
  after(() => doors.server.stop());

  it("is kept by no door, and stands nowhere in the data", async () => {
    const messages = JSON.stringify([{ role: "user", content: secret }]);
    await doors.done("POST", "/v1/traces", otlp({ trace: 1, failed: true, attributes: { "llm.input_messages.0.message.content": secret, "gen_ai.input.message": messages, "ai.telemetry.metadata.userId": secret, "app.token": secret, "embedding.embeddings.0.embedding.text": secret, other: "kept" } }));
    const id = "018f0000-0000-7000-8000-00000000000a";
    await doors.done("POST", "/langsmith/runs", { id, trace_id: id, name: "app", run_type: "llm", start_time: "2026-11-22T00:00:00Z", end_time: "2026-11-22T00:00:01Z", inputs: { messages: [[{ role: "user", content: secret }]] }, outputs: { role: "assistant", content: secret }, error: secret, extra: { metadata: { user_id: secret } } });
    const { experiment_id: experiment } = await doors.done<{ experiment_id: string }>("POST", "/api/2.0/mlflow/experiments/create", { name: "traced" });
    await doors.done("POST", "/api/3.0/mlflow/traces", { trace: { trace_info: {
      trace_id: `tr-${traceOf(3)}`, trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: experiment } }, request_preview: secret, response_preview: secret, request_time: "2026-11-22T00:00:00Z", execution_duration: "1s", state: "OK",
      trace_metadata: { "mlflow.trace.user": secret, "mlflow.traceInputs": secret, "mlflow.traceOutputs": secret, round: "1" }, tags: { "app.case": secret, "mlflow.traceName": "n" },
    } } });
    await doors.done("PUT", "/api/gateway/routes/chat", { revision: 0, settings: { targets: [{ provider: "echo", model: "m" }] } });
    await doors.done("POST", "/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: secret }] }, { authorization: `Bearer ${doors.server.adminKey}`, traceparent: `00-${traceOf(4)}-${spanId}-01` });

    const views = await Promise.all([traceOf(1), id.replaceAll("-", ""), traceOf(3), traceOf(4)].map((trace) => doors.view(trace)));
    assert.ok(!JSON.stringify(views).includes(secret), JSON.stringify(views));
    assert.deepEqual([views[0]!.spans[0]!.attributes.other, views[0]!.trace.user, views[0]!.trace.status, views[2]!.trace.user, views[2]!.trace.tags["app.case"], views[2]!.trace.inputPreview], ["kept", "[redacted]", "error", "[redacted]", "[redacted]", null]);
    assert.deepEqual((await doors.done<TraceList>("GET", `/api/traces?text=${secret}`)).traces, []);
    const files = readdirSync(doors.server.directory, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    for (const file of files) assert.ok(!readFileSync(join(file.parentPath, file.name)).includes(secret), file.name);
  });
});
