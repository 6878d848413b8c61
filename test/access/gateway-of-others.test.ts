import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { declaredRoutes } from "../../scripts/declared-routes.ts";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

/** Each pair of one length, so that answers compare to the byte. */
const routes = ["secret-route", "absent-route"] as const;
const sessions = ["secret-session", "absent-session"] as const;
const words = ["zanzibar-secret", "zanzibar-absent"] as const;
const [runId, absentRun] = ["0af76519-16cd-43dd-8448-eb211c80319c", "0af76519-16cd-43dd-8448-eb211c80319d"];
/** In each protocol. */
const callPaths = [
  ["/v1/chat/completions", { messages: [{ role: "user", content: "x" }] }], ["/v1/completions", { prompt: "x" }], ["/v1/responses", { input: "x" }], ["/v1/messages", { max_tokens: 5, messages: [{ role: "user", content: "x" }] }],
  ["/v1/messages/count_tokens", { messages: [{ role: "user", content: "x" }] }], ["/v1/embeddings", { input: "x" }], ["/v1/rerank", { query: "x", documents: ["y"] }], ["/v2/rerank", { query: "x", documents: ["y"] }],
] as const;
const absentTrace = "00000000000000000000000000000abc";

describe("what another team has of the gateway, traces and costs", () => {
  let server: SecuredServer;
  const keys: Record<string, string> = {};
  const keyIds: Record<string, string> = {};
  let trace = "";
  let experiment = "";
  let mlflowTrace = "";

  const send = (who: string, method: string, path: string, body?: object, more: readonly string[] = []): Promise<RawReply> =>
    server.send(method, path, [`Host: ${server.host}`, `Authorization: Bearer ${keys[who]}`, "Content-Type: application/json", ...more], body === undefined ? "" : JSON.stringify(body));
  const ask = (who: string, model: string, more: readonly string[] = []): Promise<RawReply> => send(who, "POST", "/v1/chat/completions", { model, messages: [{ role: "user", content: who === "red" ? words[0] : "well" }] }, more);
  const ok = async (reply: Promise<RawReply>): Promise<RawReply> => {
    const { status, body } = await reply;
    assert.ok(status < 300, body);
    return reply;
  };
  /** The answer without what differs from one request to the next, and without the name. */
  const masked = ({ status, body }: RawReply, ...names: string[]): [number, string] => [status, names.reduce((text, name) => text.replaceAll(name, "NAME"), body.replace(/req_[0-9a-z]{26}/g, "req"))];

  before(async () => {
    server = await startSecuredServer();
    for (const name of ["red", "blue"]) {
      await ok(server.asAdmin("POST", "/api/teams", { name }));
      const made = JSON.parse((await ok(server.asAdmin("POST", "/api/keys", { name: `key-of-${name}`, grants: [{ role: "admin", team: name }], team: name }))).body) as { key: string; id: string };
      [keys[name], keyIds[name]] = [made.key, made.id];
      await ok(server.asAdmin("PUT", `/api/budgets/teams/${name}`, { limits: { day: 5 } }));
    }
    for (const [who, name] of [["red", routes[0]], ["blue", "own-route"]] as const) await ok(send(who, "PUT", `/api/gateway/routes/${name}`, { revision: 0, team: who, settings: { targets: [{ provider: "echo", model: `model-of-${who}` }] } }));
    await ok(send("red", "PUT", `/api/gateway/keys/${keyIds.red}`, { revision: 0, settings: { limits: { requestsPerMinute: 100 }, project: "secret-project" } }));
    await ok(ask("blue", "own-route", ["X-Slipway-Session: own-session"]));
    trace = (await ok(ask("red", routes[0], [`X-Slipway-Session: ${sessions[0]}`, `X-Slipway-Tags: topic=${words[0]}`]))).headers["x-slipway-trace"]![0]!;
    await ok(send("red", "POST", `/api/traces/${trace}/feedback`, { name: words[0], value: 1 }));
    await ok(send("red", "POST", "/langsmith/runs", { id: runId, trace_id: runId, name: words[0], run_type: "chain", start_time: "2026-01-01T00:00:00Z", inputs: { a: words[0] } }));
    experiment = (JSON.parse((await ok(send("red", "POST", "/api/2.0/mlflow/experiments/create", { name: "secret-experiment" }))).body) as { experiment_id: string }).experiment_id;
    mlflowTrace = `tr-${trace}`;
  });
  after(() => server.stop());

  it("answers on every route that names it as what is not there", async () => {
    const named: Record<string, readonly [string, string]> = { route: routes, trace: [trace, absentTrace], run: [runId, absentRun], key: [keyIds.red!, keyIds.red!.replace(/.{4}$/, "0000")] };
    // What makes a thing, or a first part of it, is looked at below; runs of MLflow have walks of their own.
    const walked = declaredRoutes().filter(({ path, method, operationId }) => /gateway|traces|sessions|langsmith/.test(path) && /:(route|trace|key)\b/.test(path) && operationId !== "putGatewayRoute" && !(method === "PUT" && path.includes(":key")));
    assert.ok(walked.length >= 18, `${walked.length} routes`);
    const bodies: Record<string, object> = {
      addTraceFeedback: { name: "x", value: 1 }, addTraceToDataset: { dataset: "own" },
    };
    for (const { method, path, operationId } of walked) {
      const prefix = path.includes("mlflow") ? "tr-" : "";
      const at = (which: 0 | 1): string => path.replace(/:(\w+)/g, (_whole, name: string) => (name === "trace" ? prefix : "") + (named[name]?.[which] ?? "1"));
      for (const body of [bodies[operationId], { name: "x", value: 1 }, { dataset: "own" }, { key: "a", value: "b" }, { assessment: { assessment_name: "x", feedback: { value: 1 } } }, { settings: { targets: [{ provider: "echo", model: "m" }] } }, {}]) {
        const sent = method === "GET" ? undefined : body;
        const seen = masked(await send("blue", method, at(0), sent), named.route![0], trace, keyIds.red!);
        assert.deepEqual(seen, masked(await send("blue", method, at(1), sent), named.route![1], absentTrace, named.key![1]), `${method} ${path}`);
        assert.ok(seen[0] >= 400, `${method} ${path}: ${seen.join(" ")}`);
      }
    }
    for (const [path, body] of callPaths) {
      const [theirs, missing] = [await send("blue", "POST", path, { model: routes[0], ...body }), await send("blue", "POST", path, { model: routes[1], ...body })];
      assert.deepEqual(masked(theirs, routes[0]), masked(missing, routes[1]), path);
      assert.ok(theirs.status >= 400, theirs.body);
    }
    assert.deepEqual(masked(await send("blue", "GET", `/v1/models/${routes[0]}`), routes[0]), masked(await send("blue", "GET", `/v1/models/${routes[1]}`), routes[1]));
  });

  it("is not named to who mistypes it, as an own route is, in any protocol", async () => {
    const told = async (who: string, path: string, model: string, body: object): Promise<string> => {
      const { status, body: text } = await send(who, "POST", path, { model, ...body });
      assert.equal(status, 404, text);
      const { error, message } = JSON.parse(text) as { error?: { message: string }; message?: string };
      return error?.message ?? message!;
    };
    for (const [path, body] of callPaths) {
      assert.match(await told("blue", path, "onw-route", body), /^There is no model or route named "onw-route"; the nearest that you may call is own-route\. /, path);
      assert.match(await told("red", path, "secret-ruote", body), /; the nearest that you may call is secret-route\. /, path);
      const [near, far] = [await told("blue", path, "secret-ruote", body), await told("blue", path, "absent-ruote", body)];
      assert.deepEqual([near.replace("secret-ruote", "NAME"), near.includes("nearest")], [far.replace("absent-ruote", "NAME"), false], path);
    }
  });

  it("is in no list, search, sum or state, whatever is asked for", async () => {
    const filters = [
      "", `?route=${routes[0]}`, `?session=${sessions[0]}`, "?team=red", `?trace=${trace}`, `?key=key:${keyIds.red}`, `?key=${keyIds.red}`, "?project=secret-project", `?tag=topic=${words[0]}`, `?text=${words[0]}`, "?model=model-of-red", "?model=echo/model-of-red",
      `?feedback=${words[0]}`, `?experiment=${experiment}`, `?attributes=slipway.route=${routes[0]}`, "?by=route", "?by=key", "?by=team", "?by=session", "?by=tag:topic", "?by=model", "?user=secret",
    ];
    const lists = declaredRoutes().filter(({ method, path, access }) => method === "GET" && access !== "public" && !/[:*]/.test(path) && /gateway|costs|budgets|traces|sessions|events|v1\/models|metrics$|teams|keys|audit|datasets/.test(path));
    assert.ok(lists.length >= 12, `${lists.length} lists`);
    const secrets = [routes[0], sessions[0], words[0], trace, keyIds.red!, "secret-project", "key-of-red", "model-of-red", "secret-experiment", '"red"'];
    for (const { path } of lists) {
      for (const filter of path.startsWith("/api/") ? filters : [""]) {
        const { status, body } = await send("blue", "GET", path + filter);
        assert.ok(status < 500, `${path}${filter}: ${body}`);
        // What was asked for may stand in a refusal.
        if (status >= 400) continue;
        for (const secret of secrets) assert.ok(!body.includes(secret), `${path}${filter} tells of ${secret}: ${body.slice(0, 600)}`);
      }
    }
    for (const body of [{ locations: [{ type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: experiment } }] }, { locations: [{ type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "0" } }], filter: `name = '${words[0]}'` }]) {
      assert.ok(!(await send("blue", "POST", "/api/3.0/mlflow/traces/search", body)).body.includes(trace));
    }
    for (const path of [`/api/3.0/mlflow/traces/get?trace_id=${mlflowTrace}`, `/api/3.0/mlflow/traces/batchGet?trace_ids=${mlflowTrace}`, `/api/2.0/mlflow/traces?experiment_ids=${experiment}`]) assert.ok(!(await send("blue", "GET", path)).body.includes(words[0]), path);
    // The twins: its own are there, and the other team sees them.
    assert.ok((await send("blue", "GET", "/api/gateway/routes")).body.includes("own-route"));
    assert.ok((await send("red", "GET", `/api/costs/entries?session=${sessions[0]}`)).body.includes(routes[0]));
    assert.ok((await send("red", "GET", `/api/traces?session=${sessions[0]}`)).body.includes(trace));
    assert.ok((await send("blue", "GET", "/api/gateway/health")).body.includes("model-of-blue"));
  });

  it("is not changed by what claims to be it: spans, runs and feedback under its ids, its name, its team", async () => {
    const view = async (): Promise<string> => (await ok(send("red", "GET", `/api/traces/${trace}`))).body;
    const before = await view();
    const spanId = (JSON.parse(before) as { spans: { spanId: string }[] }).spans[0]!.spanId;
    const span = { traceId: trace, spanId, name: "forged", startTimeUnixNano: "1767225600000000000", endTimeUnixNano: "1767225601000000000", attributes: [{ key: "gen_ai.request.model", value: { stringValue: "forged" } }] };
    const spans = { resourceSpans: [{ scopeSpans: [{ spans: [span, { ...span, spanId: "00f067aa0ba902b7" }] }] }] };
    await ok(send("blue", "POST", "/v1/traces", spans));
    assert.equal((await send("blue", "POST", "/v1/traces", spans, ["X-Slipway-Team: red"])).status, (await send("blue", "POST", "/v1/traces", spans, ["X-Slipway-Team: absent"])).status);
    await send("blue", "PATCH", `/langsmith/runs/${runId}`, { end_time: "2026-01-01T00:00:01Z", outputs: { forged: true } });
    await send("blue", "POST", "/langsmith/feedback", { id: absentRun, run_id: runId, trace_id: runId, key: "forged", score: 1 });
    await send("blue", "POST", "/langsmith/feedback", { id: absentRun, run_id: trace, trace_id: trace.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"), key: "forged", score: 1 });
    // A call that continues their trace is the caller's own.
    await ok(ask("blue", "own-route", [`traceparent: 00-${trace}-${spanId}-01`, `X-Slipway-Session: ${sessions[0]}`]));
    assert.equal(await view(), before);
    for (const path of [`/api/traces/${runId.replaceAll("-", "")}`, `/api/traces?session=${sessions[0]}`, `/api/costs/entries?session=${sessions[0]}`, `/api/costs/entries?trace=${trace}`]) {
      const { body } = await send("red", "GET", path);
      assert.ok(!body.includes("forged") && !body.includes("own-route"), `${path}: ${body}`);
    }
    for (const body of [{ revision: 0, team: "blue", settings: { targets: [{ provider: "echo", model: "m" }] } }, { revision: 1, team: "red", settings: { targets: [{ provider: "echo", model: "m" }] } }]) {
      const taken = await send("blue", "PUT", `/api/gateway/routes/${routes[0]}`, body);
      assert.ok(taken.status >= 400 && !taken.body.includes("model-of-red"), taken.body);
    }
    assert.ok((await send("red", "GET", "/api/gateway/routes")).body.includes("model-of-red"));
    for (const path of ["/api/budgets/teams/red", "/api/budgets/teams/red/projects/secret-project"]) {
      assert.ok((await send("blue", "PUT", path, { limits: { day: 0.01 } })).status >= 400, path);
      assert.ok((await send("blue", "DELETE", path)).status >= 400, path);
    }
    for (const key of [keyIds.red!, keyIds.red!.replace(/.{4}$/, "0000")]) assert.equal((await send("blue", "PUT", `/api/gateway/keys/${key}`, { revision: 1, settings: {} })).status, 404);
    await ok(ask("red", routes[0]));
  });
});
