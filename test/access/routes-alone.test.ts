import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { Grant } from "../../src/core/caller.ts";
import type { TraceList, TraceView } from "../../src/tracing/index.ts";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

const word = "zanzibar";
const data = Buffer.from(`a,b\n1,${word}\n`);
const programTrace = "0af7651916cd43dd8448eb2100000001";

/** Keys that may call a route and nothing else, of a team that has more. */
describe("a key of named routes alone", () => {
  let server: SecuredServer;
  const keys: Record<string, string> = {};
  const actors: Record<string, string> = {};
  const traces: Record<string, string> = {};
  let experiment = "";
  const send = (who: string, method: string, path: string, body?: object, more: readonly string[] = []): Promise<RawReply> =>
    server.send(method, path, [`Host: ${server.host}`, `Authorization: Bearer ${keys[who]}`, "Content-Type: application/json", ...more], body === undefined ? "" : JSON.stringify(body));
  const ok = async <Answer>(reply: Promise<RawReply>): Promise<Answer> => {
    const { status, body } = await reply;
    assert.ok(status < 300, body);
    return JSON.parse(body) as Answer;
  };
  const ask = async (who: string, content: string, more: readonly string[] = []): Promise<string> => {
    const reply = await send(who, "POST", "/v1/chat/completions", { model: "chat", messages: [{ role: "user", content }] }, [`X-Slipway-Session: session-of-${who}`, ...more]);
    assert.equal(reply.status, 200, reply.body);
    return reply.headers["x-slipway-trace"]![0]!;
  };

  before(async () => {
    server = await startSecuredServer();
    await ok(server.asAdmin("POST", "/api/teams", { name: "red" }));
    const route = { routes: ["chat"] };
    const grants: Record<string, Grant> = {
      whole: { role: "admin", team: "red" }, viewer: { role: "viewer", team: "red" }, one: { role: "viewer", team: "red", ...route }, other: { role: "admin", team: "red", ...route }, everywhere: { role: "admin", team: "*", ...route },
    };
    for (const [name, grant] of Object.entries(grants)) {
      const { id, key } = await ok<{ id: string; key: string }>(server.asAdmin("POST", "/api/keys", { name, grants: [grant], team: "red" }));
      [keys[name], actors[name]] = [key, `key:${id}`];
    }
    await ok(server.asAdmin("PUT", "/api/budgets/teams/red", { limits: { month: 1000 } }));
    await ok(send("whole", "PUT", "/api/gateway/routes/chat", { revision: 0, team: "red", settings: { targets: [{ provider: "echo", model: "m" }] } }));
    await ok(fetch(`http://${server.host}/api/blobs`, { method: "PUT", headers: { authorization: `Bearer ${keys.whole}` }, body: data }).then(async (answer) => ({ status: answer.status, body: await answer.text(), headers: {} }) as unknown as RawReply));
    await ok(send("whole", "POST", `/api/datasets/${word}-data/versions`, { digest: `sha256:${createHash("sha256").update(data).digest("hex")}`, format: "csv", team: "red" }));
    experiment = (await ok<{ experiment_id: string }>(send("whole", "POST", "/api/2.0/mlflow/experiments/create", { name: `${word}-experiment` }))).experiment_id;
    await ok(send("whole", "POST", "/api/2.0/mlflow/runs/create", { experiment_id: experiment, run_name: `${word}-run` }));
    await ok(send("whole", "POST", "/api/2.0/mlflow/registered-models/create", { name: `${word}-model` }));
    const now = Date.now();
    await ok(send("whole", "POST", "/v1/traces", { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: programTrace, spanId: "b7ad6b7169203331", name: word, startTimeUnixNano: `${now}000000`, endTimeUnixNano: `${now}000000` }] }] }] }));
    for (const who of ["whole", "one", "other", "everywhere"]) traces[who] = await ask(who, `${word} of ${who}`);
    await ok(send("whole", "POST", `/api/traces/${traces.whole}/feedback`, { name: word, value: 1 }));
  });
  after(() => server.stop());

  it("reads no dataset, experiment, run or model of the team in any list or search", async () => {
    const asked = [
      ["GET", "/api/datasets"], ["GET", "/api/models"], ["POST", "/api/2.0/mlflow/experiments/search", { max_results: 100 }], ["GET", "/api/2.0/mlflow/registered-models/search?max_results=100"],
      ["POST", "/api/2.0/mlflow/runs/search", { experiment_ids: ["EXPERIMENT"] }],
    ] as const;
    for (const [method, path, body] of asked) {
      const sent = body === undefined ? undefined : (JSON.parse(JSON.stringify(body).replace("EXPERIMENT", experiment)) as object);
      for (const who of ["one", "other", "everywhere"]) assert.ok(!(await send(who, method, path, sent)).body.includes(word), `${path} by ${who}`);
      if (path !== "/api/models") assert.ok((await send("viewer", method, path, sent)).body.includes(word), `${path} shows it to whom it is for`);
    }
  });

  it("reads no trace of other callers, by any door", async () => {
    for (const who of ["one", "other", "everywhere"]) {
      const others = [programTrace, ...Object.entries(traces).flatMap(([caller, trace]) => (caller === who ? [] : [trace]))];
      const listed = (await ok<TraceList>(send(who, "GET", "/api/traces?limit=100"))).traces.map(({ traceId }) => traceId);
      const found = (await ok<TraceList>(send(who, "GET", `/api/traces?limit=100&text=${word}`))).traces.map(({ traceId }) => traceId);
      for (const trace of others) {
        assert.deepEqual([listed.includes(trace), found.includes(trace)], [false, false]);
        for (const [method, path, body] of [
          ["GET", `/api/traces/${trace}`], ["POST", `/api/traces/${trace}/feedback`, { name: "x", value: 1 }], ["POST", `/api/traces/${trace}/dataset-row`, { dataset: "own" }], ["DELETE", `/api/traces/${trace}`],
          ["GET", `/api/3.0/mlflow/traces/tr-${trace}`], ["GET", `/langsmith/runs/${trace.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")}`],
        ] as const) {
          const reply = await send(who, method, path, body);
          assert.ok(reply.status >= 400 && !reply.body.includes(word), `${method} ${path} by ${who}: ${reply.status} ${reply.body}`);
        }
      }
      assert.ok(!(await send(who, "GET", "/api/sessions")).body.includes("session-of-whole"), who);
      assert.ok(!(await send(who, "POST", "/langsmith/runs/query", { limit: 100 })).body.includes("of whole"), who);
      assert.ok(!(await send(who, "GET", "/langsmith/sessions")).body.includes("program"), who);
    }
    const all = (await ok<TraceList>(send("viewer", "GET", "/api/traces?limit=100"))).traces.map(({ traceId }) => traceId);
    assert.deepEqual(all.toSorted(), [programTrace, ...Object.values(traces)].toSorted(), "a role on the team reads what is the team's");
    assert.ok(JSON.stringify(await ok<TraceView>(send("viewer", "GET", `/api/traces/${traces.one}`))).includes(`${word} of one`));
  });

  it("reads the traces of its own calls, in every list and by their ids", async () => {
    for (const who of ["one", "other", "everywhere"]) {
      const own = traces[who]!;
      for (const query of ["", `&text=${word}`, `&session=session-of-${who}`, "&order=cost"]) {
        assert.deepEqual((await ok<TraceList>(send(who, "GET", `/api/traces?limit=100${query}`))).traces.map(({ traceId }) => traceId), [own], `${who} ${query}`);
      }
      assert.ok(JSON.stringify(await ok<TraceView>(send(who, "GET", `/api/traces/${own}`))).includes(`${word} of ${who}`), who);
      const { sessions } = await ok<{ sessions: { session: string; traces: number }[] }>(send(who, "GET", "/api/sessions"));
      assert.deepEqual(sessions.map(({ session, traces: count }) => [session, count]), [[`session-of-${who}`, 1]]);
      const uuid = own.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
      for (const path of [`/api/3.0/mlflow/traces/tr-${own}`, `/langsmith/runs/${uuid}`]) assert.ok((await ok<object>(send(who, "GET", path))) !== null, path);
      await ok(send(who, "POST", `/api/traces/${own}/feedback`, { name: "own", value: 1 }));
      // It may say what it thinks of them, and not more.
      for (const [method, path, body] of [["DELETE", `/api/traces/${own}`], ["POST", `/api/traces/${own}/dataset-row`, { dataset: `${word}-data` }]] as const) {
        const { status } = await send(who, method, path, body);
        if (who === "one") assert.ok(status === 403 || status === 404, `${method} ${path}: ${status}`);
        else if (method === "DELETE") assert.equal(status, 403, who);
      }
    }
  });

  it("reads its own costs, and neither those of others nor the budget of the team", async () => {
    for (const who of ["one", "other", "everywhere"]) {
      const own = await ok<{ rows: { group: object; calls: number; budget: unknown }[]; total: { calls: number } }>(send(who, "GET", "/api/costs?by=key,team"));
      assert.deepEqual([own.rows.map(({ group, calls }) => [group, calls]), own.total.calls], [[[{ key: actors[who], team: "red" }, 1]], 1], who);
      const byTeam = await ok<{ rows: { budget: unknown }[] }>(send(who, "GET", "/api/costs?by=team"));
      assert.deepEqual(byTeam.rows.map(({ budget }) => budget), [null], who);
      const { entries } = await ok<{ entries: { attribution: { actor: string; traceId: string } }[] }>(send(who, "GET", "/api/costs/entries"));
      assert.deepEqual(entries.map(({ attribution: { actor, traceId } }) => [actor, traceId]), [[actors[who], traces[who]]]);
      for (const filter of [`key=${actors.whole}`, `trace=${traces.whole}`, "session=session-of-whole"]) {
        assert.equal((await ok<{ total: { calls: number } }>(send(who, "GET", `/api/costs?by=trace&${filter}`))).total.calls, 0, filter);
        assert.deepEqual((await ok<{ entries: unknown[] }>(send(who, "GET", `/api/costs/entries?${filter}`))).entries, [], filter);
      }
    }
    const team = await ok<{ rows: { calls: number; budget: unknown }[] }>(send("viewer", "GET", "/api/costs?by=team"));
    assert.deepEqual(team.rows.map(({ calls, budget }) => [calls, budget !== null]), [[4, true]], "a role on the team reads what is the team's");
  });

  it("reads nothing of a trace that others are in too, whoever came first", async () => {
    const shared = await ask("one", `${word} shared`);
    assert.equal((await send("one", "GET", `/api/traces/${shared}`)).status, 200);
    for (const [who, trace] of [["one", programTrace], ["one", traces.whole!], ["other", traces.everywhere!], ["other", shared]] as const) {
      await ask(who, "with them", [`traceparent: 00-${trace}-b7ad6b7169203339-01`]);
      for (const caller of ["one", "other", "everywhere"]) {
        const reply = await send(caller, "GET", `/api/traces/${trace}`);
        assert.equal(reply.status, 404, `${trace} by ${caller}: ${reply.body}`);
        assert.ok(!(await ok<TraceList>(send(caller, "GET", "/api/traces?limit=100"))).traces.some(({ traceId }) => traceId === trace));
      }
      assert.equal((await send("viewer", "GET", `/api/traces/${trace}`)).status, 200);
    }
  });
});
