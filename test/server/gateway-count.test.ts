import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerJson, GatewayUpstream, type UpstreamAnswer } from "./gateway-upstream.ts";

const counts = (field: string, tokens: unknown): UpstreamAnswer => (_call, response) => answerJson(response, { [field]: tokens });

describe("counts of tokens", () => {
  let server: BorrowedServer;
  const claude = new GatewayUpstream(counts("input_tokens", 41));
  const gemini = new GatewayUpstream(counts("totalTokens", 42));

  before(async () => {
    const [claudeUrl, geminiUrl] = await Promise.all([claude.start(), gemini.start()]);
    server = await borrowServer();
    await put("providers/claude", { kind: "anthropic", baseUrl: claudeUrl });
    await put("providers/gem", { kind: "gemini", baseUrl: geminiUrl });
    await put("providers/open", { kind: "openai", baseUrl: `${claudeUrl}/v1` });
    const target = { provider: "claude", model: "claude-sonnet-4-5" };
    await put("routes/second", { targets: [{ provider: "open", model: "gpt-4o", priority: 1 }, { ...target, weight: 1 }, { provider: "gem", model: "gemini-2.5-flash", weight: 9 }] });
    await put("routes/prompted", { targets: [target], systemPrompt: "Be brief." });
    await put("routes/guarded", { targets: [target], guardrails: [{ kind: "pii", on: "input" }] });
  });
  after(async () => {
    await server.giveBack();
    claude.stop();
    gemini.stop();
  });

  const put = (name: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${name}`, { revision: 0, settings });
  async function count(model: string, more: object = {}, headers: Record<string, string> = {}): Promise<[number, string | null, string | null]> {
    const answer = await fetch(`${server.url}/v1/messages/count_tokens`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify({ model, messages: [{ role: "user", content: "hello world" }], ...more }) });
    assert.equal(answer.status, 200);
    return [((await answer.json()) as { input_tokens: number }).input_tokens, answer.headers.get("x-slipway-count"), answer.headers.get("x-slipway-count-by")];
  }
  const tools = [{ name: "f", description: "Does it.", input_schema: { type: "object", properties: { a: { type: "string" } } } }];

  it("are Anthropic's own where the call would go there, of the caller's bytes", async () => {
    assert.deepEqual(await count("claude/claude-sonnet-4-5", { tools, thinking: { type: "enabled", budget_tokens: 2048 } }, { "anthropic-beta": "some-beta-2025-01-01" }), [41, "exact", "claude"]);
    const { path, body, headers } = claude.calls.at(-1)!;
    assert.deepEqual([path, headers["anthropic-version"], headers["anthropic-beta"]], ["/v1/messages/count_tokens", "2023-06-01", "some-beta-2025-01-01"]);
    assert.deepEqual(body, { model: "claude-sonnet-4-5", messages: [{ role: "user", content: "hello world" }], tools, thinking: { type: "enabled", budget_tokens: 2048 } });
  });

  it("are of what would be sent, with the route's own prompt and without what is no input", async () => {
    assert.deepEqual(await count("prompted", { tools }), [41, "exact", "claude"]);
    const { body } = claude.calls.at(-1)!;
    assert.deepEqual([Object.keys(body).sort(), JSON.stringify(body.system).includes("Be brief.")], [["messages", "model", "system", "tools"], true]);
  });

  it("are Gemini's own, of the whole request, where most calls of the route go there", async () => {
    assert.deepEqual(await count("second", { system: "Be brief.", tools }), [42, "exact", "gem"]);
    const { path, body } = gemini.calls.at(-1)!;
    assert.equal(path, "/v1beta/models/gemini-2.5-flash:countTokens");
    const { model, contents, systemInstruction, tools: declared } = body.generateContentRequest as Record<string, unknown>;
    assert.deepEqual([model, contents, systemInstruction], ["models/gemini-2.5-flash", [{ role: "user", parts: [{ text: "hello world" }] }], { parts: [{ text: "Be brief." }] }]);
    assert.ok(Array.isArray(declared));
  });

  it("are made here where no provider counts, and exact only with the model's own vocabulary", async () => {
    assert.deepEqual(await count("open/gpt-4o"), [8, "exact", "o200k"]);
    assert.deepEqual(await count("open/gpt-4"), [8, "exact", "cl100k"]);
    assert.deepEqual((await count("open/gpt-4o", { tools })).slice(1), ["estimated", "o200k"]);
    for (const model of ["open/gpt-oss-120b", "open/mistral-large", "echo"]) assert.deepEqual(await count(model), [8, "estimated", "o200k"], model);
  });

  it("are made here where the provider does not answer, says no count, or guardrails would have to judge the text first", async () => {
    const asked = claude.calls.length;
    assert.deepEqual(await count("guarded"), [8, "estimated", "o200k"]);
    assert.equal(claude.calls.length, asked);
    for (const answer of [counts("input_tokens", "many"), counts("input_tokens", -1), ((_call, response) => answerJson(response, { error: "No." }, 404)) satisfies UpstreamAnswer, ((_call, response) => answerJson(response, { error: "No." }, 500)) satisfies UpstreamAnswer]) {
      claude.answer = answer;
      assert.deepEqual(await count("claude/claude-sonnet-4-5"), [8, "estimated", "o200k"]);
    }
    // One request for each: who counts does not wait for retries.
    assert.equal(claude.calls.length, asked + 4);
  });
});
