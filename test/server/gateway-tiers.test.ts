import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

interface Entry {
  outcome: string;
  cost: number;
  tokens: { input: number; output: number };
}

/** Of gpt-4o, in billionths of a dollar for a token: as usual, and with priority. */
const usual = { input: 2500, output: 10_000 };
const priority = { input: 4250, output: 17_000 };

describe("a call that a provider serves otherwise than its request says", () => {
  let server: BorrowedServer;
  let url = "";
  let tier = "priority";
  const usage = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };
  const chunk = (more: object): string => `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4o", service_tier: tier, choices: [], ...more })}\n\n`;
  const text = (): string => chunk({ choices: [{ index: 0, delta: { role: "assistant", content: "the answer" }, finish_reason: null }] });
  let isCut = false;
  const upstream = new GatewayUpstream(({ path, body }, response) => {
    if (path.startsWith("/gemini/")) return answerJson(response, { responseId: "r", candidates: [{ content: { role: "model", parts: [{ text: "the answer" }] }, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 1000, candidatesTokenCount: 100, totalTokenCount: 1100 } });
    if (path.endsWith("/responses")) return answerJson(response, { id: "resp_1", object: "response", created_at: 1, status: "completed", model: "gpt-4o", service_tier: tier, output: [{ type: "message", id: "msg_1", role: "assistant", status: "completed", content: [{ type: "output_text", text: "the answer", annotations: [] }] }], usage: { input_tokens: 1000, output_tokens: 100, total_tokens: 1100 } });
    if (body.stream !== true) return answerJson(response, { id: "chatcmpl-1", object: "chat.completion", created: 1, model: "gpt-4o", service_tier: tier, choices: [{ index: 0, message: { role: "assistant", content: "the answer" }, finish_reason: "stop" }], usage });
    response.writeHead(200, { "content-type": "text/event-stream" }).write(text());
    if (!isCut) response.end(`${chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}${chunk({ usage })}data: [DONE]\n\n`);
  });
  before(async () => {
    url = await upstream.start();
    server = await borrowServer();
    await server.client.api.send("PUT", "/api/gateway/providers/upstream", { revision: 0, settings: { kind: "openai", baseUrl: `${url}/v1` } });
  });
  after(async () => {
    upstream.stop();
    await server.giveBack();
  });

  const ask = (asked: object, path = "/v1/chat/completions", signal?: AbortSignal): Promise<Response> =>
    fetch(`${server.url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model: "upstream/gpt-4o", ...(path.endsWith("responses") ? { input: "the question" } : { messages: [{ role: "user", content: "the question" }] }), ...asked }), ...(signal === undefined ? {} : { signal }) });
  async function entryOf(trace: string | null): Promise<Entry> {
    for (;; await betweenLooks()) {
      const [entry] = (await server.client.api.get<{ entries: Entry[] }>(`/api/costs/entries?trace=${trace}`)).entries;
      if (entry !== undefined) return entry;
    }
  }
  const costOf = ({ tokens }: Entry, rates: typeof usual): number => tokens.input * rates.input + tokens.output * rates.output;

  it("costs what the answer says, whether the request names another way or none, whole and streamed", async () => {
    for (const [told, rates] of [["priority", priority], ["default", usual]] as const) {
      tier = told;
      for (const [asked, path] of [[{}], [{ service_tier: "default" }], [{ service_tier: "auto" }], [{ service_tier: "priority" }], [{ stream: true }], [{ stream: true, service_tier: "priority" }], [{}, "/v1/responses"], [{ service_tier: "priority" }, "/v1/responses"]] as [object, string?][]) {
        const answer = await ask(asked, path);
        assert.equal(answer.status, 200, await answer.text());
        assert.equal((await entryOf(answer.headers.get("x-slipway-trace"))).cost, 1000 * rates.input + 100 * rates.output, `${told} ${JSON.stringify(asked)} ${path}`);
      }
    }
  });

  it("is judged by the price of the way that it asks for, without a budget too: by a guardrail and by what a target takes", async () => {
    tier = "priority";
    // 1000 tokens of output: a cent as usual and 1.7 with priority, and little more for the input.
    const targets = [{ provider: "upstream", model: "gpt-4o", when: { maxCost: 0.012 } }, { provider: "upstream", model: "gpt-4o-mini", priority: 1 }];
    await server.client.api.send("PUT", "/api/gateway/routes/frugal", { revision: 0, settings: { targets: [{ provider: "upstream", model: "gpt-4o" }], guardrails: [{ kind: "max-cost", dollars: 0.012 }] } });
    await server.client.api.send("PUT", "/api/gateway/routes/by-cost", { revision: 0, settings: { targets } });
    const told = async (model: string, more: object): Promise<[number, string | null]> => {
      const answer = await ask({ model, max_tokens: 1000, ...more });
      await answer.text();
      return [answer.status, answer.headers.get("x-slipway-target") ?? answer.headers.get("x-error-code")];
    };
    assert.deepEqual([await told("frugal", {}), await told("frugal", { service_tier: "priority" })], [[200, "upstream/gpt-4o"], [400, "CONTENT_BLOCKED"]]);
    assert.deepEqual([await told("by-cost", {}), await told("by-cost", { service_tier: "priority" })], [[200, "upstream/gpt-4o"], [200, "upstream/gpt-4o-mini"]]);
  });

  it("costs as usual where the provider has no such field, and is let in under a budget", async () => {
    const budget = { perQuery: 1 };
    await server.client.api.send("PUT", "/api/gateway/providers/google", { revision: 0, settings: { kind: "gemini", baseUrl: `${url}/gemini` } });
    await server.client.api.send("PUT", "/api/gateway/routes/of-google", { revision: 0, settings: { targets: [{ provider: "google", model: "gemini-2.5-flash" }], budget } });
    await server.client.api.send("PUT", "/api/gateway/routes/odd-way", { revision: 0, settings: { targets: [{ provider: "upstream", model: "gpt-4o" }], budget } });
    const answer = await ask({ model: "of-google", service_tier: "priority" });
    assert.equal(answer.status, 200, await answer.text());
    assert.equal(answer.headers.get("x-slipway-dropped"), "service_tier");
    assert.equal((await entryOf(answer.headers.get("x-slipway-trace"))).cost, 1000 * 300 + 100 * 2500);
    // One that gets the field is not guessed at.
    const refused = await ask({ model: "odd-way", service_tier: "turbo" });
    assert.deepEqual([refused.status, refused.headers.get("x-error-code")], [400, "PRICE_UNKNOWN"], await refused.text());
  });

  it("costs so too where its caller leaves in the middle of the stream, which never comes to its usage", async () => {
    [tier, isCut] = ["priority", true];
    const gone = new AbortController();
    const answer = await ask({ stream: true }, undefined, gone.signal);
    await answer.body!.getReader().read();
    gone.abort();
    const entry = await entryOf(answer.headers.get("x-slipway-trace"));
    assert.ok(entry.outcome === "cancelled" && entry.tokens.input > 0 && entry.tokens.output > 0, JSON.stringify(entry));
    assert.equal(entry.cost, costOf(entry, priority));
  });
});
