import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";

interface Info {
  trace_id: string;
  request_time: string;
  execution_duration: string;
  state: string;
  request_preview: string;
  response_preview: string;
  client_request_id: string;
  trace_metadata: Record<string, string>;
  tags: Record<string, string>;
}

interface Assessment {
  assessment_id: string;
  span_id?: string;
  source: { source_type: string; source_id: string };
  create_time: string;
  last_update_time: string;
  rationale?: string;
  feedback?: { value: unknown };
  valid: boolean;
}

/** Every call of it with its own numbers, so that none passes for another. The clients of PyPI do not show all of this: where there are spans, these say the same. */
describe("MLflow's wire of traces", () => {
  let server: RunningServer;
  before(async () => { server = await startServer(); });
  after(() => server.stop());

  const began = Date.parse("2026-01-02T03:04:05.678Z");
  const idOf = (number: number): string => `tr-0af7651916cd43dd8448eb21000000${String(number).padStart(2, "0")}`;
  const ask = async <Answer>(method: string, path: string, body?: object): Promise<Answer> => {
    const answer = await fetch(`${server.url}/api${path}`, { method, ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }) });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return JSON.parse(text) as Answer;
  };
  const start = async (number: number, more: object = {}): Promise<Info> => {
    const info = { trace_id: idOf(number), trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "0" } }, request_time: new Date(began + number).toISOString(), execution_duration: "1.25s", state: "OK", ...more };
    return (await ask<{ trace: { trace_info: Info } }>("POST", "/3.0/mlflow/traces", { trace: { trace_info: info } })).trace.trace_info;
  };
  const infoOf = async (number: number): Promise<Info> => (await ask<{ trace: { trace_info: Info } }>("GET", `/3.0/mlflow/traces/${idOf(number)}`)).trace.trace_info;

  it("keeps what a client says of a trace beside its spans", async () => {
    const metadata = { "mlflow.trace.session": "s-1", "mlflow.trace.user": "ann", round: "3" };
    await start(1, { state: "ERROR", request_preview: "asked", response_preview: "said", client_request_id: "r-1", trace_metadata: metadata, tags: { "mlflow.traceName": "told", colour: "blue" } });
    const info = await infoOf(1);
    assert.deepEqual([info.trace_id, info.request_time, info.execution_duration, info.state, info.request_preview, info.response_preview, info.client_request_id], [idOf(1), "2026-01-02T03:04:05.679000Z", "1.250000s", "ERROR", "asked", "said", "r-1"]);
    assert.deepEqual([info.trace_metadata["mlflow.trace.session"], info.trace_metadata["mlflow.trace.user"], info.trace_metadata.round, info.tags.colour, info.tags["mlflow.traceName"]], ["s-1", "ann", "3", "blue", "told"]);
    const { trace } = await server.client.traces.find(idOf(1).slice(3));
    assert.deepEqual([trace.name, trace.session, trace.user, trace.status, trace.durationMs, trace.start, trace.inputPreview, trace.outputPreview, trace.experiment], ["told", "s-1", "ann", "error", 1250, began + 1, "asked", "said", "0"]);
    await ask("POST", "/2.0/mlflow/traces/link-to-run", { trace_ids: [idOf(1)], run_id: "0af7651916cd43dd8448eb211c80319c" });
    const linked = await infoOf(1);
    assert.deepEqual([linked.trace_metadata["mlflow.sourceRun"], linked.tags["mlflow.sourceRun"]], ["0af7651916cd43dd8448eb211c80319c", undefined]);
  });

  it("tells the tokens of the spans, in and out and together", async () => {
    const count = (key: string, intValue: string): object => ({ key, value: { intValue } });
    const span = { traceId: idOf(2).slice(3), spanId: "b7ad6b7169203331", name: "chat", startTimeUnixNano: `${began}000000`, endTimeUnixNano: `${began + 5}000000`, attributes: [{ key: "gen_ai.operation.name", value: { stringValue: "chat" } }, count("gen_ai.usage.input_tokens", "7"), count("gen_ai.usage.output_tokens", "3")] };
    assert.equal((await fetch(`${server.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }) })).status, 200);
    assert.deepEqual(JSON.parse((await infoOf(2)).trace_metadata["mlflow.trace.tokenUsage"]!), { input_tokens: 7, output_tokens: 3, total_tokens: 10 });
  });

  it("keeps assessments with their span, source, reason and times, and says which of them another one overrides", async () => {
    await start(3);
    const path = `/3.0/mlflow/traces/${idOf(3)}/assessments`;
    const create = async (assessment: object): Promise<Assessment> => (await ask<{ assessment: Assessment }>("POST", path, { assessment: { assessment_name: "correct", source: { source_type: "LLM_JUDGE", source_id: "judge-1" }, feedback: { value: 0.5 }, ...assessment } })).assessment;
    const read = async (id: string): Promise<Assessment> => (await ask<{ assessment: Assessment }>("GET", `${path}/${id}`)).assessment;
    const first = await create({ span_id: "b7ad6b7169203331", rationale: "It is half." });
    assert.deepEqual([first.span_id, first.source, first.rationale, first.feedback?.value, first.create_time, first.valid], ["b7ad6b7169203331", { source_type: "LLM_JUDGE", source_id: "judge-1" }, "It is half.", 0.5, first.last_update_time, true]);
    let changed = first;
    // Until the clock has gone on.
    while (changed.last_update_time === first.create_time) changed = (await ask<{ assessment: Assessment }>("PATCH", `${path}/${first.assessment_id}`, { assessment: { feedback: { value: 1 } } })).assessment;
    assert.deepEqual([changed.feedback?.value, changed.rationale, changed.span_id, changed.source, changed.create_time], [1, "It is half.", "b7ad6b7169203331", first.source, first.create_time]);
    assert.ok(changed.last_update_time > first.create_time);
    const second = await create({ overrides: first.assessment_id });
    assert.deepEqual([(await read(first.assessment_id)).valid, (await read(second.assessment_id)).valid, second.span_id], [false, true, undefined]);
  });

  it("removes by age up to that moment, the oldest first, and by id what is of the experiment", async () => {
    const { experiment_id: own } = await ask<{ experiment_id: string }>("POST", "/2.0/mlflow/experiments/create", { name: "aged" });
    const location = { trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: own } } };
    for (const number of [23, 21, 22, 24]) await start(number, location);
    await start(25);
    const remove = async (asked: object): Promise<number> => (await ask<{ traces_deleted: number }>("POST", "/2.0/mlflow/traces/delete-traces", { experiment_id: own, ...asked })).traces_deleted;
    const left = async (): Promise<number[]> => (await server.client.traces.search({ from: began + 20, to: began + 30, limit: 50 })).traces.map(({ traceId }) => Number(traceId.slice(-2))).toSorted((one, other) => one - other);
    assert.deepEqual([await remove({ max_timestamp_millis: began + 23, max_traces: 1 }), await left()], [1, [22, 23, 24, 25]]);
    assert.deepEqual([await remove({ max_timestamp_millis: began + 23 }), await left()], [2, [24, 25]]);
    assert.deepEqual([await remove({ request_ids: [idOf(24), idOf(25), idOf(26)] }), await left()], [1, [25]]);
  });

  it("begins and ends a trace as clients before 3.0 do", async () => {
    type Old = { trace_info: { request_id: string; timestamp_ms: number; execution_time_ms?: number; status: string; request_metadata: { key: string; value: string }[] } };
    const { trace_info: open } = await ask<Old>("POST", "/2.0/mlflow/traces", { experiment_id: "0", timestamp_ms: began + 40, request_metadata: [{ key: "a", value: "1" }], tags: [{ key: "mlflow.traceName", value: "older" }] });
    assert.deepEqual([open.timestamp_ms, open.status, open.execution_time_ms], [began + 40, "IN_PROGRESS", undefined]);
    const { trace_info: ended } = await ask<Old>("PATCH", `/2.0/mlflow/traces/${open.request_id}`, { request_id: open.request_id, timestamp_ms: began + 75, status: "ERROR", request_metadata: [{ key: "mlflow.traceInputs", value: "asked" }, { key: "mlflow.traceOutputs", value: "said" }] });
    assert.deepEqual([ended.timestamp_ms, ended.execution_time_ms, ended.status, ended.request_metadata.find(({ key }) => key === "a")?.value], [began + 40, 35, "ERROR", "1"]);
    const { trace } = await server.client.traces.find(open.request_id.replace(/^tr-/, ""));
    assert.deepEqual([trace.name, trace.status, trace.durationMs, trace.inputPreview, trace.outputPreview], ["older", "error", 35, "asked", "said"]);
  });
});
