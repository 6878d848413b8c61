import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerJson, GatewayUpstream, speakAnthropic, speakOpenAi } from "./gateway-upstream.ts";

describe("what passes the gateway beside the body, and what passes only with the provider's own bytes", () => {
  let server: BorrowedServer;
  const claude = new GatewayUpstream(speakAnthropic);
  const open = new GatewayUpstream(speakOpenAi);

  before(async () => {
    const [claudeUrl, openUrl] = await Promise.all([claude.start(), open.start()]);
    server = await borrowServer();
    await put("providers/claude", { kind: "anthropic", baseUrl: claudeUrl });
    await put("providers/claude-files", { kind: "anthropic", baseUrl: claudeUrl, headers: { "Anthropic-Beta": "files-api-2025-04-14" } });
    await put("providers/open", { kind: "openai", baseUrl: `${openUrl}/v1` });
    await put("providers/absent-soon", { kind: "openai", baseUrl: "http://127.0.0.1:9/v1" });
    await put("routes/guarded", { targets: [{ provider: "open", model: "m" }], guardrails: [{ kind: "pii", on: "output" }] });
    await put("routes/prompted", { targets: [{ provider: "open", model: "m" }], systemPrompt: "Be brief." });
    await put("routes/briefly", { targets: [{ provider: "claude", model: "claude-sonnet-4-5" }], systemPrompt: "Be brief." });
    for (const [name, more] of [["strict", {}], ["lenient", { unsupported: "drop" }]] as const) await put(`routes/${name}`, { targets: [{ provider: "absent-soon", model: "m" }, { provider: "claude", model: "claude-sonnet-4-5", priority: 1 }], attempts: 1, ...more });
    await put("routes/kept", { targets: [{ provider: "claude", model: "claude-sonnet-4-5" }], cache: { exact: true } });
  });
  after(async () => {
    await server.giveBack();
    claude.stop();
    open.stop();
  });

  const put = (name: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${name}`, { revision: 0, settings });
  const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${server.url}${path}`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const hello = (model: string, more: object = {}): object => ({ model, max_tokens: 20, messages: [{ role: "user", content: "hello" }], ...more });
  const betas = { "anthropic-beta": "context-1m-2025-08-07, interleaved-thinking-2025-05-14" };

  it("carries a caller's anthropic-beta to Anthropic, beside the provider's own", async () => {
    assert.equal((await post("/v1/messages?beta=true", hello("claude/claude-sonnet-4-5"), betas)).status, 200);
    assert.equal(claude.calls.at(-1)!.headers["anthropic-beta"], "context-1m-2025-08-07,interleaved-thinking-2025-05-14");
    await post("/v1/messages", hello("claude-files/claude-sonnet-4-5"), betas);
    assert.equal(claude.calls.at(-1)!.headers["anthropic-beta"], "files-api-2025-04-14,context-1m-2025-08-07,interleaved-thinking-2025-05-14");
    await post("/v1/messages", hello("claude-files/claude-sonnet-4-5"));
    assert.equal(claude.calls.at(-1)!.headers["anthropic-beta"], "files-api-2025-04-14");
    const written = await post("/v1/messages", hello("briefly"), betas);
    assert.equal(claude.calls.at(-1)!.headers["anthropic-beta"], "context-1m-2025-08-07,interleaved-thinking-2025-05-14");
    assert.equal(written.headers.get("x-slipway-dropped"), null);
  });

  it("names anthropic-beta as dropped elsewhere, and refuses what is no list of names", async () => {
    const answer = await post("/v1/messages", hello("open/m"), betas);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("x-slipway-dropped") ?? "", /anthropic-beta/);
    assert.equal(open.calls.at(-1)!.headers["anthropic-beta"], undefined);
    assert.equal((await post("/v1/messages", hello("claude/claude-sonnet-4-5"), { "anthropic-beta": "a b" })).status, 400);
  });

  it("falls back on a provider without the caller's penalties and logprobs where the route says so, and names them", async () => {
    const more = { frequency_penalty: 0.5, logprobs: true, seed: 7 };
    const refused = await post("/v1/chat/completions", hello("strict", more));
    assert.deepEqual([refused.status, /cannot be asked for|is written anew here/.test(await refused.text())], [503, true]);
    const answer = await post("/v1/chat/completions", hello("lenient", more));
    assert.deepEqual([answer.status, answer.headers.get("x-slipway-target"), answer.headers.get("x-slipway-dropped")], [200, "claude/claude-sonnet-4-5", "seed, logprobs, frequency_penalty"]);
    assert.deepEqual(["frequency_penalty", "logprobs", "seed"].filter((name) => name in claude.calls.at(-1)!.body), []);
    const several = await post("/v1/chat/completions", hello("lenient", { ...more, n: 2 }));
    assert.equal(several.status, 503);
  });

  it("answers clients of Azure at the path of a deployment, which goes before the model of the body, and Cohere's at theirs", async () => {
    const told = (answer: Response): unknown[] => [answer.status, answer.headers.get("x-slipway-target"), answer.headers.get("x-error-code")];
    const { model: _model, ...unnamed } = hello("") as { model: string };
    for (const body of [unnamed, hello("guarded")]) assert.deepEqual(told(await post("/openai/deployments/briefly/chat/completions?api-version=2024-10-21", body)), [200, "claude/claude-sonnet-4-5", null]);
    for (const path of ["open%2Fm", "open/m"]) assert.deepEqual(told(await post(`/openai/deployments/${path}/embeddings`, { input: "a" })), [200, "open/m", null], path);
    for (const path of ["open%2Fvendor%2Fm", "open/vendor/m", "open/vendor%2Fm"]) assert.deepEqual(told(await post(`/openai/deployments/${path}/chat/completions`, hello("guarded"))), [200, "open/vendor/m", null], path);
    assert.deepEqual(told(await post("/openai/deployments/open/m/nothing", unnamed)), [404, null, "ROUTE_NOT_FOUND"]);
    assert.deepEqual(told(await post("/openai/deployments/nothing/chat/completions", unnamed)), [404, null, "GATEWAY_MODEL_NOT_FOUND"]);
    const broken = await fetch(`${server.url}/openai/deployments/briefly/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":"\\x"' });
    assert.deepEqual([broken.status, broken.headers.get("x-error-code")], [400, "INVALID_JSON"]);
    assert.deepEqual(told(await post("/v2/rerank", { model: "echo/echo", query: "a", documents: ["b", "a"] })), [200, "echo/echo", null]);
  });

  it("tells clients of Cohere and Jina what failed in the forms that they read, at both paths", async () => {
    for (const path of ["/v1/rerank", "/v2/rerank"]) {
      const failed: [number, string, object][] = [[404, "GATEWAY_MODEL_NOT_FOUND", { model: "echo-no", query: "a", documents: ["b"] }], [400, "INVALID_REQUEST", { model: "echo/echo", query: "a", documents: [4] }]];
      for (const [status, code, body] of failed) {
        const answer = await post(path, body);
        const said = (await answer.json()) as { id: string; message: string; detail: string };
        assert.deepEqual([answer.status, answer.headers.get("x-error-code"), Object.keys(said), said.id], [status, code, ["id", "message", "detail"], answer.headers.get("x-request-id")], path);
        assert.equal(said.detail, said.message);
        assert.match(said.message, status === 404 ? /There is no model or route named "echo-no"/ : /documents\[0\]/);
      }
    }
  });

  it("answers no call with betas from the cache of calls without them", async () => {
    const asked = claude.calls.length;
    await post("/v1/messages", hello("kept"));
    await post("/v1/messages", hello("kept"));
    assert.equal(claude.calls.length, asked + 1);
    await post("/v1/messages", hello("kept"), betas);
    assert.equal(claude.calls.length, asked + 2);
  });

  it("gives several answers only where the provider's bytes pass, so that none is lost and none goes by a guardrail", async () => {
    const choice = (index: number, content: string): object => ({ index, message: { role: "assistant", content, refusal: null }, logprobs: null, finish_reason: "stop" });
    open.answer = (_call, response) => answerJson(response, { id: "x", object: "chat.completion", created: 1, model: "m", choices: [choice(0, "nothing here"), choice(1, "write to ann.lee@example.org")], usage: { prompt_tokens: 1, completion_tokens: 9, total_tokens: 10 } });
    const passed = (await (await post("/v1/chat/completions", hello("open/m", { n: 2 }))).json()) as { choices: unknown[] };
    assert.equal(passed.choices.length, 2);
    const asked = open.calls.length;
    for (const model of ["guarded", "prompted"]) {
      for (const field of [{ n: 2 }, { logprobs: true }, { n: 2, stream: true }]) {
        const refused = await post("/v1/chat/completions", hello(model, field));
        const { error } = (await refused.json()) as { error: { code: string; param: string } };
        assert.deepEqual([refused.status, error.code, error.param], [400, "unsupported_parameter", Object.keys(field)[0]]);
      }
      assert.equal((await post("/v1/chat/completions", hello(model, { n: 1, logprobs: false }))).status, 200);
    }
    assert.equal(open.calls.length, asked + 2);
    // Each of them keeps to a schema, or none is given; in a stream nobody could tell.
    const schema = { response_format: { type: "json_schema", json_schema: { name: "n", schema: { type: "object", properties: { a: { type: "integer" } }, required: ["a"] } } } };
    const several = async (...texts: string[]): Promise<[number, string | undefined]> => {
      open.answer = (_call, response) => answerJson(response, { id: "x", object: "chat.completion", created: 1, model: "m", choices: texts.map((text, index) => choice(index, text)), usage: { prompt_tokens: 1, completion_tokens: 9, total_tokens: 10 } });
      const answer = await post("/v1/chat/completions", hello("open/m", { n: 2, ...schema }));
      return [answer.status, ((await answer.json()) as { error?: { param: string } }).error?.param];
    };
    const before = open.calls.length;
    assert.deepEqual(await several('{"a":1}', '{"a":2}'), [200, undefined]);
    assert.deepEqual(await several('{"a":1}', '{"a":"2"}'), [502, "choices[1].a"]);
    assert.equal((await post("/v1/chat/completions", hello("open/m", { n: 2, stream: true, ...schema }))).status, 400);
    assert.equal(open.calls.length, before + 2);
    open.answer = (_call, response) => answerJson(response, { id: "x", object: "chat.completion", created: 1, model: "m", choices: [choice(0, "nothing here"), choice(1, "write to ann.lee@example.org")], usage: { prompt_tokens: 1, completion_tokens: 9, total_tokens: 10 } });
    // Also where the provider gives what nobody asked for.
    const guarded = await (await post("/v1/chat/completions", hello("guarded"))).text();
    assert.ok(guarded.includes("nothing here") && !guarded.includes("ann.lee"), guarded);
  });
});
