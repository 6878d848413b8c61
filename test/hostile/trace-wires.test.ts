import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const hex = (uuid: string): string => uuid.replaceAll("-", "");
const uuidOf = (id: string): string => id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
const zeros = "00000000-0000-0000-0000-000000000000";
/** Names that every object has, and texts that no database takes. */
const oddWords = ["constructor", "toString", "__proto__", "hasOwnProperty", "\ud800", "a\0b", "\u001b[2J\u009b31m"];

describe("a hostile sender on the wires of LangSmith and MLflow", { timeout: 300_000 }, () => {
  let server: RunningServer;
  let experiment: string;
  before(async () => {
    server = await startServer();
    experiment = String((await send("POST", "/api/2.0/mlflow/experiments/create", { name: "wires" })).json.experiment_id);
  });
  after(() => server.stop());

  async function send(method: string, path: string, body?: unknown): Promise<{ status: number; text: string; json: Record<string, unknown> }> {
    const answer = await fetch(`${server.url}${path}`, { method, ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }) });
    const text = await answer.text();
    return { status: answer.status, text, json: (text.startsWith("{") ? JSON.parse(text) : {}) as Record<string, unknown> };
  }
  async function assertStatus(status: number, method: string, path: string, body?: unknown): Promise<string> {
    const answer = await send(method, path, body);
    assert.equal(answer.status, status, `${path} ${JSON.stringify(body ?? null).slice(0, 300)}: ${answer.text.slice(0, 300)}`);
    return answer.text;
  }
  const runOf = (more: object = {}): { id: string; trace_id: string } => {
    const id = randomUUID();
    return { id, trace_id: id, name: "r", run_type: "chain", start_time: "2026-01-01T00:00:00Z", end_time: "2026-01-01T00:00:01Z", ...more } as { id: string; trace_id: string };
  };
  /** Every list: one trace that cannot be shown would hide all others. */
  async function assertListed(): Promise<void> {
    for (const path of ["/api/traces?limit=500", "/api/sessions", "/langsmith/sessions", "/api/costs?by=source"]) await assertStatus(200, "GET", path);
    await assertStatus(200, "POST", "/langsmith/runs/query", { limit: 100 });
    await assertStatus(200, "POST", "/api/3.0/mlflow/traces/search", { locations: [{ mlflow_experiment: { experiment_id: experiment } }] });
  }
  async function assertReadable(traceId: string): Promise<void> {
    for (const path of [`/api/traces/${traceId}`, `/api/3.0/mlflow/traces/get?trace_id=tr-${traceId}`, `/langsmith/runs/${uuidOf(traceId)}`]) await assertStatus(200, "GET", path);
  }

  it("is refused for runs of ids and times that no trace can have, which would hide all others from lists", async () => {
    const half = `${randomUUID().slice(0, 18)}-0000-000000000000`;
    const far = "9999-12-31T23:59:59Z";
    const refused = [
      { id: zeros, trace_id: zeros }, { trace_id: zeros }, { id: half, trace_id: half }, { trace_id: randomUUID(), parent_run_id: half }, ...[far, "0000-01-01T00:00:00Z", "1900-01-01T00:00:00Z", 1e308, 1e300, 1e13, -5, "2026-01-01T00:00:00+99:99"].map((time) => ({ start_time: time })),
      ...[far, 1e308, 1e15].map((time) => ({ end_time: time })), { start_time: undefined, dotted_order: "99991231T235959999999Z" }, { start_time: undefined, dotted_order: `20260102T030405678901Z${randomUUID()}.`.repeat(100_000) },
    ];
    for (const more of refused) {
      const run = runOf(more);
      await assertStatus(400, "POST", "/langsmith/runs", run);
      await assertStatus(400, "POST", "/langsmith/runs/batch", { post: [run] });
    }
    await assertStatus(202, "POST", "/langsmith/runs", runOf({ parent_run_id: zeros }));
    await assertListed();
  });

  it("makes no run of odd names, kinds, tags and parts into one that cannot be shown", async () => {
    const runs = [
      ...oddWords.flatMap((word) => [{ run_type: word }, { name: word, error: word, session_name: word, tags: [word], extra: { metadata: { [word]: word, session_id: word, user_id: word, ls_provider: word } }, inputs: { [word]: word } }]),
      { run_type: { toString: 1 }, name: { valueOf: 2 }, session_name: ["a"] }, { tags: [null, {}, [[]], 1e308] }, { tags: Array.from({ length: 100_000 }, (_, index) => `t${index}`) }, { extra: { metadata: Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`m${index}`, index])) } },
      ...[{ usage_metadata: { input_tokens: 1e308, output_tokens: -1e308, total_cost: 1e308 } }, { usage_metadata: { input_tokens: "9".repeat(400), total_cost: "NaN", input_token_details: { cache_read: 1e308, cache_creation: -1 } } }, { generations: [[null]] }, { generations: { length: 5 } }].map((outputs) => ({ run_type: "llm", outputs })),
      { run_type: "llm", inputs: { prompts: [{ toString: 1 }, null], messages: [[null, 1, "x", { lc: 1 }]] }, extra: "x" }, { run_type: "tool", name: [1] },
    ].map(runOf);
    for (const run of runs) {
      await assertStatus(202, "POST", "/langsmith/runs", run);
      await assertReadable(hex(run.trace_id));
    }
    // Parents in a circle, and the children first.
    const [one, other, third] = [runOf(), runOf(), runOf()];
    const trace = { trace_id: one.trace_id };
    await assertStatus(202, "POST", "/langsmith/runs/batch", { patch: [third], post: [{ ...other, ...trace, parent_run_id: third.id }, { ...third, ...trace, parent_run_id: other.id }, { ...one, parent_run_id: other.id }] });
    await assertReadable(hex(one.trace_id));
    await assertListed();
  });

  it("gives feedback that can be read, or is refused", async () => {
    const run = runOf();
    await assertStatus(202, "POST", "/langsmith/runs", run);
    const given = (more: object): object => ({ id: randomUUID(), run_id: run.id, trace_id: run.id, key: "k", ...more });
    for (const word of oddWords) await assertStatus(202, "POST", "/langsmith/feedback", given({ key: word, value: word, comment: word, correction: { [word]: word }, feedback_source: { type: word, metadata: { [word]: { a: null } } } }));
    for (const more of [{ run_id: `${randomUUID().slice(0, 18)}-0000-000000000000` }, { run_id: "../../x" }, { run_id: zeros, trace_id: zeros }]) await assertStatus(400, "POST", "/langsmith/feedback", given(more));
    await assertReadable(hex(run.id));
    await assertStatus(200, "GET", `/langsmith/feedback?run=${run.id}`);
  });

  it("is told what is wrong with an assessment, a state or a time of MLflow's, before anything of it is kept", async () => {
    const infoOf = (id: string, more: object): object => ({ trace: { trace_info: { trace_id: `tr-${id}`, trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: experiment } }, request_time: "2026-01-01T00:00:00Z", ...more } } });
    const serialized = (value: string): object => ({ assessment_name: "a", expectation: { serialized_value: { value } } });
    for (const assessment of [serialized("{"), serialized(`${"[".repeat(100_000)}${"]".repeat(100_000)}`), { assessment_name: "a", feedback: "x" }, "x", { assessment_name: { a: 1 }, feedback: { value: 1 } }, { assessment_name: "a", span_id: "zz\u001b", feedback: { value: 1 } }]) {
      const id = randomBytes(16).toString("hex");
      await assertStatus(200, "POST", "/api/3.0/mlflow/traces", infoOf(id, { state: "OK" }));
      await assertStatus(400, "POST", `/api/3.0/mlflow/traces/tr-${id}/assessments`, { assessment });
      await assertStatus(400, "POST", "/api/3.0/mlflow/traces", infoOf(randomBytes(16).toString("hex"), { assessments: [assessment] }));
      await assertReadable(id).catch((error: unknown) => assert.ok(String(error).includes("/langsmith/runs/"), String(error)));
    }
    for (const word of oddWords) {
      const id = randomBytes(16).toString("hex");
      await assertStatus(200, "POST", "/api/3.0/mlflow/traces", infoOf(id, { state: word, tags: { [word]: word, "mlflow.traceName": word }, trace_metadata: { [word]: word }, request_preview: word, client_request_id: word, assessments: [{ assessment_name: word, feedback: { value: word }, rationale: word, metadata: { [word]: word }, source: { source_type: word } }] }));
      await assertStatus(200, "GET", `/api/3.0/mlflow/traces/get?trace_id=tr-${id}`);
      const begun = await send("POST", "/api/2.0/mlflow/traces", { experiment_id: experiment, timestamp_ms: Number.MAX_SAFE_INTEGER, request_metadata: [{ key: word, value: word }], tags: [{ key: word, value: word }] });
      const { request_id: old } = begun.json.trace_info as { request_id: string };
      await assertStatus(200, "PATCH", `/api/2.0/mlflow/traces/${old}`, { timestamp_ms: Number.MAX_SAFE_INTEGER, status: word });
      await assertStatus(200, "POST", "/api/3.0/mlflow/traces/search", { locations: [{ mlflow_experiment: { experiment_id: experiment } }], filter: `status = '${word.replaceAll(/[^a-zA-Z_]/g, "")}'` });
    }
    await assertListed();
  });

  it("asks for no page and no time that the database cannot compare", async () => {
    const beyond = Buffer.from(JSON.stringify(["9".repeat(30), "a", "b"])).toString("base64url");
    for (const path of [`/api/traces?after=${beyond}`, `/api/sessions?after=${beyond}`]) await assertStatus(400, "GET", path);
    await assertStatus(400, "POST", "/langsmith/runs/query", { cursor: Buffer.from(JSON.stringify({ open: [], last: null, next: beyond })).toString("base64url") });
    for (const query of ["from=-9007199254740991", "to=-9007199254740991", "from=9007199254740991", "slowerThanMs=1e308", "minCost=1e308"]) await assertStatus(200, "GET", `/api/traces?${query}`);
    for (const time of ["0000-01-01T00:00:00Z", "9999-12-31T00:00:00Z"]) for (const query of [{ start_time: time }, { end_time: time }, { filter: `gt(start_time, "${time}")` }]) await assertStatus(200, "POST", "/langsmith/runs/query", query);
  });

  it("is refused for forms that are compressed a thousand times", async () => {
    for (const [encoding, body] of [["zstd", zstdCompressSync(Buffer.alloc(64 << 20))], ["gzip", gzipSync(Buffer.alloc(64 << 20))]] as const) {
      const answer = await fetch(`${server.url}/langsmith/runs/multipart`, { method: "POST", headers: { "content-type": "multipart/form-data; boundary=b", "content-encoding": encoding }, body });
      assert.equal(answer.status, 413, await answer.text());
    }
  });
});
