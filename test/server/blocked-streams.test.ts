import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerEvents, GatewayUpstream } from "./gateway-upstream.ts";

interface Entry {
  outcome: string;
  estimated: boolean;
  cost: number;
  tokens: { input: number; output: number };
}

const frame = { id: "c", object: "chat.completion.chunk", created: 1, model: "m" };
const chunk = (delta: object, finish: string | null = null): string => `data: ${JSON.stringify({ ...frame, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const words = Array.from({ length: 1500 }, (_, index) => ` word${index}`);
const written = (tail: string): string[] => [...words, tail].map((content) => chunk({ content }));
const called = (tail: string): string[] => [
  chunk({ tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "f", arguments: '{"a":"' } }] }),
  ...[...words, `${tail}"}`].map((text) => chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] })),
];
const told = `data: ${JSON.stringify({ ...frame, choices: [], usage: { prompt_tokens: 11, completion_tokens: 7777, total_tokens: 7788 } })}\n\n`;
const end = "data: [DONE]\n\n";
const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }];

describe("streams that a guardrail holds back or blocks", () => {
  let server: BorrowedServer;
  const upstream = new GatewayUpstream((_call, response) => response.destroy());

  before(async () => {
    server = await borrowServer();
    await server.client.api.send("PUT", "/api/gateway/providers/said", { revision: 0, settings: { kind: "compatible", baseUrl: `${await upstream.start()}/v1` } });
    await server.client.api.send("POST", "/api/prices", { provider: "said", model: "m", rates: { input: 1, output: 10 } });
    const targets = [{ provider: "said", model: "m" }];
    await server.client.api.send("PUT", "/api/gateway/routes/free", { revision: 0, settings: { targets } });
    await server.client.api.send("PUT", "/api/gateway/routes/patterns", { revision: 0, settings: { targets, guardrails: [{ kind: "patterns", on: "output", name: "p", patterns: ["forbidden"] }] } });
    await server.client.api.send("PUT", "/api/gateway/routes/personal", { revision: 0, settings: { targets, guardrails: [{ kind: "pii", on: "output", action: "block" }] } });
  });
  after(async () => {
    await server.giveBack();
    upstream.stop();
  });

  /** One stream, of which the provider sends these events at once. */
  async function ask(model: string, events: readonly string[], more: object = {}): Promise<{ text: string; entry: Entry }> {
    upstream.answer = (_call, response) => answerEvents(response, events);
    const trace = randomBytes(16).toString("hex");
    const headers = { "content-type": "application/json", traceparent: `00-${trace}-${randomBytes(8).toString("hex")}-01` };
    const reply = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify({ model, messages: [{ role: "user", content: "hello" }], stream: true, ...more }) });
    const text = await reply.text();
    const { entries } = await server.client.api.get<{ entries: Entry[] }>(`/api/costs/entries?trace=${trace}`);
    assert.equal(entries.length, 1);
    return { text, entry: entries[0]! };
  }

  for (const [what, model, events, more] of [
    ["by a pattern", "patterns", [...written(" forbidden"), chunk({}, "stop")], {}],
    ["for personal data", "personal", [...written(" ada@example.com"), chunk({}, "stop")], {}],
    ["for arguments of a tool, which are held until the end", "patterns", [...called("forbidden"), chunk({}, "tool_calls")], { tools }],
  ] as const) {
    it(`cost what the provider made, when they are blocked ${what}`, async () => {
      const blocked = await ask(model, [...events, told, end], more);
      assert.match(blocked.text, /content_filter/);
      assert.doesNotMatch(blocked.text, /forbidden|ada@/);
      // Its last words may come before the figures are read: then they are an estimate.
      const { outcome, tokens, cost, estimated } = blocked.entry;
      assert.equal(outcome, "failed");
      if (!estimated) assert.deepEqual(tokens, { ...tokens, input: 11, output: 7777 });
      assert.equal(cost, tokens.input * 1000 + tokens.output * 10_000);

      const [silent, free] = [await ask(model, [...events, end], more), await ask("free", [...events, end], more)];
      assert.match(silent.text, /content_filter/);
      assert.deepEqual([silent.entry.estimated, free.entry.estimated], [true, true]);
      for (const { entry } of [blocked, silent]) assert.ok(entry.tokens.output >= 0.95 * free.entry.tokens.output, `${entry.tokens.output} beside ${free.entry.tokens.output} of an answer that nothing blocks`);
    });
  }
});
