import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { CostRow } from "../../src/ledger/index.ts";
import type { TraceList, TraceView } from "../../src/tracing/index.ts";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

const [redSpan, blueSpan] = ["00000000000000a1", "00000000000000b1"];
const traceOf = (number: number): string => `0af7651916cd43dd8448eb2100000${String(number).padStart(3, "0")}`;
/** 1000 tokens in and 100 out of gpt-4o, in billionths of a dollar. */
const chatCost = 1000 * 2500 + 100 * 10_000;

describe("traces of two teams", () => {
  let server: SecuredServer;
  const keys: Record<string, string> = {};
  const send = (who: string, method: string, path: string, body?: object, more: readonly string[] = []): Promise<RawReply> =>
    server.send(method, path, [`Host: ${server.host}`, `Authorization: Bearer ${keys[who]}`, "Content-Type: application/json", ...more], body === undefined ? "" : JSON.stringify(body));
  const got = async <Answer>(who: string, path: string): Promise<Answer> => {
    const { status, body } = await send(who, "GET", path);
    assert.equal(status, 200, body);
    return JSON.parse(body) as Answer;
  };
  const view = (who: string, trace: string): Promise<TraceView> => got(who, `/api/traces/${trace}`);
  const costs = async (who: string, trace: string): Promise<unknown[][]> => (await got<{ rows: CostRow[] }>(who, `/api/costs?by=source&trace=${trace}`)).rows.map(({ group, calls, cost }) => [group.source, calls, cost]);
  const exportSpan = async (who: string, span: { traceId: string; spanId: string; parentSpanId?: string; name?: string; attributes?: Record<string, string | number> }): Promise<void> => {
    const { attributes = {}, ...named } = span;
    const now = Date.now();
    const { status, body } = await send(who, "POST", "/v1/traces", { resourceSpans: [{ scopeSpans: [{ spans: [{
      name: `span of ${who}`, startTimeUnixNano: `${now}000000`, endTimeUnixNano: `${now + 5}000000`, ...named,
      attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: typeof value === "number" ? { intValue: value } : { stringValue: value } })),
    }] }] }] });
    assert.equal(status, 200, body);
  };
  const call = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100 };

  before(async () => {
    server = await startSecuredServer();
    for (const name of ["red", "blue"]) {
      assert.equal((await server.asAdmin("POST", "/api/teams", { name })).status, 200);
      keys[name] = (JSON.parse((await server.asAdmin("POST", "/api/keys", { name: `key-of-${name}`, grants: [{ role: "admin", team: name }], team: name })).body) as { key: string }).key;
    }
    assert.equal((await server.asAdmin("POST", "/api/prices", { provider: "echo", model: "red-model", rates: { input: 7000, output: 7000 } })).status, 200);
    assert.equal((await send("red", "PUT", "/api/gateway/routes/red-route", { revision: 0, team: "red", settings: { targets: [{ provider: "echo", model: "red-model" }] } })).status, 200);
  });
  after(() => server.stop());

  it("of one id know nothing of each other, whichever span is the parent of which", async () => {
    const traceId = traceOf(1);
    await exportSpan("red", { traceId, spanId: redSpan, attributes: { ...call, "session.id": "s", secret: "crimson" } });
    await exportSpan("blue", { traceId, spanId: blueSpan, parentSpanId: redSpan });
    // The very same span, told by another team.
    await exportSpan("blue", { traceId, spanId: redSpan, name: "taken over" });
    const [red, blue] = [await view("red", traceId), await view("blue", traceId)];
    assert.deepEqual([red.trace.name, red.trace.team, red.spans.map(({ name }) => name), red.trace.cost], ["span of red", "red", ["span of red"], chatCost]);
    assert.deepEqual([blue.trace.name, blue.trace.team, blue.spans.map(({ name }) => name).sort(), blue.trace.cost, blue.trace.session], ["taken over", "blue", ["span of blue", "taken over"], null, null]);
    assert.deepEqual([await costs("red", traceId), await costs("blue", traceId)], [[["trace", 1, chatCost]], []]);
    assert.deepEqual([(await got<TraceList>("red", "/api/traces?text=crimson")).traces.length, (await got<TraceList>("blue", "/api/traces?text=crimson")).traces], [1, []]);
    assert.equal((await send("blue", "POST", `/api/traces/${traceId}/feedback`, { name: "good", value: false })).status, 200);
    assert.deepEqual((await view("red", traceId)).feedback, []);
    assert.equal((await send("blue", "DELETE", `/api/traces/${traceId}`)).status, 200);
    assert.equal((await send("blue", "GET", `/api/traces/${traceId}`)).status, 404);
    assert.equal((await view("red", traceId)).spans.length, 1);
  });

  it("are told apart by their team for whoever sees both: none hides the other's, and what is said or removed is of the one that was named", async () => {
    const traceId = traceOf(9);
    for (const who of ["red", "blue"]) await exportSpan(who, { traceId, spanId: redSpan });
    const asAdmin = async <Answer>(method: string, path: string, body?: object): Promise<Answer> => {
      const reply = await server.asAdmin(method, path, body);
      assert.equal(reply.status, 200, reply.body);
      return JSON.parse(reply.body) as Answer;
    };
    for (const team of ["red", "blue"]) {
      await asAdmin("POST", `/api/traces/${traceId}/feedback?team=${team}`, { name: "good", value: team });
      const { trace, spans, feedback } = await asAdmin<TraceView>("GET", `/api/traces/${traceId}?team=${team}`);
      assert.deepEqual([trace.team, spans.map(({ name }) => name), feedback.map(({ value }) => value)], [team, [`span of ${team}`], [team]]);
    }
    assert.equal((await asAdmin<TraceView>("GET", `/api/traces/${traceId}`)).trace.team, "blue");
    assert.equal((await send("blue", "GET", `/api/traces/${traceId}?team=red`)).status, 404);
    assert.equal((await send("blue", "DELETE", `/api/traces/${traceId}?team=red`)).status, 404);
    assert.equal((await asAdmin<{ team: string }>("DELETE", `/api/traces/${traceId}?team=red`)).team, "red");
    assert.equal((await view("blue", traceId)).spans.length, 1);
    assert.equal((await send("red", "GET", `/api/traces/${traceId}`)).status, 404);
  });

  it("tell of a gateway's call only as its own team or its caller: another team is not shown its cost, and pays for its own", async () => {
    const asked = await send("red", "POST", "/v1/chat/completions", { model: "red-route", messages: [{ role: "user", content: "hello" }] }, [`traceparent: 00-${traceOf(2)}-${redSpan}-01`]);
    assert.equal(asked.status, 200, asked.body);
    const { id } = JSON.parse(asked.body) as { id: string };
    const [[, , paid]] = await costs("red", traceOf(2)) as [[string, number, number]];
    assert.ok(paid > 0);
    await exportSpan("blue", { traceId: traceOf(3), spanId: blueSpan, attributes: { ...call, "gen_ai.response.id": id } });
    await exportSpan("blue", { traceId: traceOf(2), spanId: redSpan, attributes: call });
    for (const trace of [traceOf(2), traceOf(3)]) {
      assert.equal((await view("blue", trace)).trace.cost, chatCost, trace);
      assert.deepEqual(await costs("blue", trace), [["trace", 1, chatCost]], trace);
    }
    await exportSpan("red", { traceId: traceOf(4), spanId: redSpan, attributes: { ...call, "gen_ai.response.id": id } });
    assert.equal((await view("red", traceOf(4))).trace.cost, paid);
    assert.deepEqual([await costs("red", traceOf(4)), await costs("red", traceOf(2))], [[], [["gateway", 1, paid]]]);
  });

  it("are charged for a call once, also where another team calls with the very trace and span that they named", async () => {
    assert.equal((await send("blue", "PUT", "/api/gateway/routes/blue-route", { revision: 0, team: "blue", settings: { targets: [{ provider: "echo", model: "red-model" }] } })).status, 200);
    const parent = (trace: number): string[] => [`traceparent: 00-${traceOf(trace)}-${redSpan}-01`];
    const asked = async (who: string, trace: number): Promise<void> => {
      const { status, body } = await send(who, "POST", "/v1/chat/completions", { model: `${who}-route`, messages: [{ role: "user", content: `hello of ${who}` }] }, parent(trace));
      assert.equal(status, 200, body);
    };
    // Whoever comes first.
    for (const [trace, order] of [[7, ["red", "blue"]], [8, ["blue", "red"]]] as const) {
      for (const who of order) await asked(who, trace);
      await exportSpan("red", { traceId: traceOf(trace), spanId: redSpan, attributes: call });
      assert.deepEqual((await costs("red", traceOf(trace))).map(([source, calls]) => [source, calls]), [["gateway", 1]], `trace ${trace}`);
      const [mine, theirs] = [await view("red", traceOf(trace)), await view("blue", traceOf(trace))];
      const said = (seen: TraceView): string => JSON.stringify(seen.spans);
      assert.deepEqual([mine.trace.team, said(mine).includes("blue"), theirs.trace.team, said(theirs).includes("red-route")], ["red", false, "blue", false]);
    }
  });

  it("cannot say that the gateway answered: a span that looks like the gateway's own takes no other out of the ledger", async () => {
    const own = { "slipway.route": "red-route", "gen_ai.response.id": "chatcmpl-direct", "slipway.cost_nano_dollars": 1 };
    await exportSpan("blue", { traceId: traceOf(5), spanId: blueSpan, attributes: own });
    await exportSpan("red", { traceId: traceOf(5), spanId: redSpan, attributes: own });
    await exportSpan("red", { traceId: traceOf(6), spanId: redSpan, attributes: { ...call, "gen_ai.response.id": "chatcmpl-direct" } });
    assert.deepEqual([(await view("red", traceOf(6))).trace.cost, await costs("red", traceOf(6))], [chatCost, [["trace", 1, chatCost]]]);
  });
});
