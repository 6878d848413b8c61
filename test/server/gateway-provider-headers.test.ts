import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerJson, GatewayUpstream, speakAnthropic, speakOpenAi, type UpstreamAnswer } from "./gateway-upstream.ts";

/** What real providers send, and what one might to speak in the gateway's name. */
const sent = {
  "x-request-id": "req_openai_1", "openai-processing-ms": "412", "openai-organization": "acme", "x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-tokens": "29000", "x-ratelimit-reset-tokens": "6m0s",
  "x-slipway-cost": "0", "x-slipway-target": "other/model", "set-cookie": "a=b", "access-control-allow-origin": "*", "www-authenticate": "Basic", "retry-after": "9",
};
const sentByAnthropic = { "request-id": "req_anthropic_1", "anthropic-ratelimit-tokens-remaining": "70000", "anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:00Z", "anthropic-organization-id": "acme" };

const withHeaders = (speak: UpstreamAnswer, headers: Record<string, string>): UpstreamAnswer => (call, response) => {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  speak(call, response);
};

describe("what a provider says in its headers, and what of it reaches callers and traces", () => {
  let server: BorrowedServer;
  const open = new GatewayUpstream(speakOpenAi);
  const claude = new GatewayUpstream(speakAnthropic);

  before(async () => {
    const [openUrl, claudeUrl] = await Promise.all([open.start(), claude.start()]);
    server = await borrowServer();
    await put("providers/open", { kind: "openai", baseUrl: `${openUrl}/v1` });
    await put("providers/claude", { kind: "anthropic", baseUrl: claudeUrl });
    const target = { provider: "open", model: "m" };
    await put("routes/single", { targets: [target], attempts: 1 });
    await put("routes/limited", { targets: [target], limits: { requestsPerMinute: 1000 } });
    await put("routes/several", { targets: [target, { provider: "claude", model: "claude-sonnet-4-5", priority: 1 }], attempts: 1 });
    await put("routes/kept", { targets: [target], cache: { exact: true } });
  });
  after(async () => {
    await server.giveBack();
    open.stop();
    claude.stop();
  });
  beforeEach(() => {
    open.answer = withHeaders(speakOpenAi, sent);
    claude.answer = withHeaders(speakAnthropic, sentByAnthropic);
  });

  const put = (name: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${name}`, { revision: 0, settings });
  const post = (path: string, body: object): Promise<Response> => fetch(`${server.url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const ask = (model: string, more: object = {}): object => ({ model, max_tokens: 20, messages: [{ role: "user", content: "hello" }], ...more });
  const chat = (model: string, more?: object): Promise<Response> => post("/v1/chat/completions", ask(model, more));
  const attributesOf = async (traceId: string): Promise<Record<string, unknown>> => {
    const { spans } = await server.client.api.get<{ spans: { attributes: Record<string, unknown> }[] }>(`/api/traces/${traceId}`);
    return Object.assign({}, ...spans.map(({ attributes }) => attributes)) as Record<string, unknown>;
  };

  it("passes limits and time by a list of names, keeps its own ids and names the provider's beside them", async () => {
    for (const stream of [false, true]) {
      const answer = await chat("single", { stream });
      await answer.text();
      const { headers } = answer;
      assert.deepEqual(
        ["x-ratelimit-limit-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", "openai-processing-ms", "x-slipway-provider-request", "x-slipway-target"].map((name) => headers.get(name)),
        ["500", "29000", "6m0s", "412", "req_openai_1", "open/m"],
      );
      for (const name of ["openai-organization", "set-cookie", "access-control-allow-origin", "www-authenticate", "retry-after", "request-id"]) assert.equal(headers.get(name), null, name);
      assert.notEqual(headers.get("x-slipway-cost"), "0");
      const ownId = headers.get("x-request-id")!;
      assert.match(ownId, /^req_/);
      assert.notEqual(ownId, "req_openai_1");
      const attributes = await attributesOf(headers.get("x-slipway-trace")!);
      assert.deepEqual([attributes["slipway.request_id"], attributes["slipway.provider.request_id"]], [ownId, "req_openai_1"]);
    }
  });

  it("says limits in the caller's protocol alone, and not where others decide over the next call", async () => {
    const native = await post("/v1/messages", ask("claude/claude-sonnet-4-5"));
    assert.deepEqual(["anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset", "anthropic-organization-id", "x-slipway-provider-request"].map((name) => native.headers.get(name)), ["70000", "2026-01-01T00:00:00Z", null, "req_anthropic_1"]);
    assert.equal(native.headers.get("request-id"), native.headers.get("x-request-id"));
    const translated = await chat("claude/claude-sonnet-4-5");
    assert.deepEqual([translated.headers.get("anthropic-ratelimit-tokens-remaining"), translated.headers.get("x-slipway-provider-request")], [null, "req_anthropic_1"]);
    for (const route of ["limited", "several"]) {
      const { headers } = await chat(route);
      assert.deepEqual([headers.get("x-ratelimit-remaining-tokens"), headers.get("openai-processing-ms"), headers.get("x-slipway-provider-request")], [null, "412", "req_openai_1"], route);
      // The route's own in the place of the provider's.
      assert.deepEqual(["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"].map((name) => headers.get(name)), route === "limited" ? ["1000", "999"] : [null, null], route);
    }
    await chat("kept");
    const { headers } = await chat("kept");
    assert.deepEqual(["x-slipway-cache", "x-ratelimit-remaining-tokens", "openai-processing-ms", "x-slipway-provider-request"].map((name) => headers.get(name)), ["hit", null, null, null]);
  });

  it("takes nothing for an id or a limit that is none", async () => {
    open.answer = withHeaders(speakOpenAi, { "x-request-id": "two words; X-Slipway-Cost: 0", "x-ratelimit-remaining-tokens": "<b>9</b>", "openai-processing-ms": "soon" });
    const { headers } = await chat("single");
    for (const name of ["x-slipway-provider-request", "x-ratelimit-remaining-tokens", "openai-processing-ms"]) assert.equal(headers.get(name), null, name);
  });

  it("names the provider's id in errors, and says where asking again is of no use", async () => {
    const refuse = (status: number, code: string): UpstreamAnswer => withHeaders((_call, response) => answerJson(response, { error: { message: "No more.", type: "t", code } }, status), { "x-request-id": "req_failed" });
    for (const [status, code, retry, told] of [[429, "insufficient_quota", "false", "insufficient_quota"], [402, "billing", "false", "insufficient_quota"], [429, "rate_limit_exceeded", null, "rate_limit_exceeded"], [500, "server_error", null, "provider_unavailable"], [400, "bad", null, "provider_refused"]] as const) {
      open.answer = refuse(status, code);
      const answer = await chat("single");
      const { error } = (await answer.json()) as { error: { message: string; code: string } };
      assert.deepEqual([answer.headers.get("x-should-retry"), answer.headers.get("x-slipway-provider-request"), error.code], [retry, "req_failed", told], code);
      assert.match(error.message, /No more\. \(its request req_failed\)/);
      assert.match(answer.headers.get("x-request-id")!, /^req_/);
    }
  });

  it("tells of a call that failed its trace and its ids, in every protocol, as whole answers and as streams that have not begun", async () => {
    const failing: UpstreamAnswer = (_call, response) => answerJson(response, { error: { message: "Out of order." } }, 500);
    open.answer = claude.answer = failing;
    const bodies = [
      ["/v1/chat/completions", ask("several")], ["/v1/chat/completions", ask("several", { stream: true })], ["/v1/messages", ask("several")], ["/v1/messages", ask("several", { stream: true })],
      ["/v1/completions", { model: "several", prompt: "hello" }], ["/v1/responses", { model: "several", input: "hello", stream: true }], ["/v1/embeddings", { model: "several", input: "hello" }],
      ["/v1/rerank", { model: "several", query: "a", documents: ["b", "c"] }],
    ] as const;
    for (const [path, body] of bodies) {
      const answer = await post(path, body);
      await answer.text();
      const { headers } = answer;
      assert.equal(answer.ok, false, path);
      assert.equal(headers.get("x-slipway-route"), "several", path);
      const attributes = await attributesOf(headers.get("x-slipway-trace")!);
      assert.deepEqual([attributes["slipway.route"], attributes["slipway.request_id"]], ["several", headers.get("x-request-id")], path);
      if (path === "/v1/chat/completions") assert.equal(headers.get("x-slipway-attempts"), "2");
    }
    // What was refused at the door has no trace, and says none.
    const unknown = await chat("nobody");
    assert.deepEqual([unknown.status, unknown.headers.get("x-slipway-trace")], [404, null]);
    assert.match(unknown.headers.get("x-request-id")!, /^req_/);
  });

  it("tells of a call that its own limits refused its trace too", async () => {
    await put("routes/narrow", { targets: [{ provider: "open", model: "m" }], limits: { requestsPerMinute: 1 } });
    await chat("narrow");
    const refused = await chat("narrow");
    assert.equal(refused.status, 429);
    assert.equal((await attributesOf(refused.headers.get("x-slipway-trace")!))["slipway.request_id"], refused.headers.get("x-request-id"));
  });

  // A model of its own for each: a target that fails is left alone for a while.
  it("says that asking again soon is of no use where that needs another key or schema, or more than two minutes", async () => {
    await put("routes/document", { targets: [{ provider: "open", model: "documents" }], attempts: 1, repair: 0 });
    const schema = { type: "json_schema", json_schema: { name: "person", schema: { type: "object", properties: { age: { type: "integer" } }, required: ["age"], additionalProperties: false } } };
    const asked = async (model: string, more: object = {}): Promise<unknown[]> => {
      const answer = await chat(model, more);
      await answer.text();
      return [answer.status, answer.headers.get("x-error-code"), answer.headers.get("x-should-retry"), answer.headers.get("retry-after")];
    };
    assert.deepEqual(await asked("document", { response_format: schema }), [502, "STRUCTURED_OUTPUT_INVALID", "false", null]);
    for (const [wait, retry] of [["120", null], ["121", "false"], ["3600", "false"]] as const) {
      open.answer = (_call, response) => answerJson(response, { error: { message: "Slower.", code: "rate_limit_exceeded" } }, 429, { "retry-after": wait });
      assert.deepEqual(await asked(`open/waits-${wait}`), [429, "PROVIDER_LIMITED", retry, wait]);
    }
    open.answer = (_call, response) => answerJson(response, { error: { message: "Wrong key.", code: "invalid_api_key" } }, 401);
    assert.deepEqual(await asked("open/locked"), [502, "PROVIDER_UNAUTHORIZED", "false", null]);
    const unserved = await fetch(`${server.url}/langsmith/api/v1/datasets`);
    await unserved.text();
    assert.deepEqual([unserved.status, unserved.headers.get("x-should-retry")], [501, "false"]);
  });

  it("says that asking again is of use where one of the targets only limits the rate", async () => {
    open.answer = (_call, response) => answerJson(response, { error: { message: "No more.", code: "insufficient_quota" } }, 429);
    claude.answer = (_call, response) => answerJson(response, { error: { type: "rate_limit_error", message: "Slower." } }, 429, { "retry-after": "60" });
    const answer = await post("/v1/messages", ask("several"));
    assert.deepEqual([answer.status, answer.headers.get("x-should-retry"), answer.headers.get("retry-after")], [429, null, "60"]);
    assert.match(answer.headers.get("request-id")!, /^req_/);
  });
});
