import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerEvents, answerJson, GatewayUpstream } from "./gateway-upstream.ts";

interface Entry {
  outcome: string;
  estimated: boolean;
  cost: number;
  tokens: { input: number; output: number };
}
type Message = { role: string; content: string };

const words = "Zwölf Grad und Regen.";
const chunk = (delta: object, finish: string | null): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

/** Twenty turns of some 1,500 letters, of which two or three fit into a thousand tokens. */
const long: Message[] = [...Array.from({ length: 20 }, (_, turn) => ({ role: turn % 2 === 0 ? "user" : "assistant", content: `Turn ${turn}: ${"the weather of this day was as that of the day before, ".repeat(28)}` })), { role: "user", content: "And tomorrow?" }];

describe("conversations that are cut to what fits", () => {
  let server: BorrowedServer;
  let isBroken = false;
  const upstream = new GatewayUpstream(({ body }, response) => {
    if (isBroken) return void response.destroy();
    if (body.stream === true) return answerEvents(response, [chunk({ role: "assistant", content: words }, null), chunk({}, "stop"), "data: [DONE]\n\n"]);
    answerJson(response, { id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: words }, finish_reason: "stop" }] });
  });

  before(async () => {
    server = await borrowServer();
    const baseUrl = `${await upstream.start()}/v1`;
    const { api } = server.client;
    await api.send("PUT", "/api/gateway/providers/narrow", { revision: 0, settings: { kind: "compatible", baseUrl } });
    await api.send("POST", "/api/prices", { provider: "narrow", model: "m", rates: { input: 100, output: 100 } });
    const target = { provider: "narrow", model: "m" };
    // A dollar for ten thousand tokens: the whole conversation, at one for each byte, would take three.
    const settings = { targets: [{ ...target, maxContextTokens: 1000 }], truncate: "oldest-first", attempts: 1, budget: { perQuery: 0.6 } };
    await api.send("PUT", "/api/gateway/routes/fitting", { revision: 0, settings });
    await api.send("PUT", "/api/gateway/routes/fitting-cached", { revision: 0, settings: { ...settings, cache: { exact: true, ttlSeconds: 60 } } });
    await api.send("PUT", "/api/gateway/routes/fitting-or-whole", { revision: 0, settings: { ...settings, targets: [...settings.targets, { ...target, priority: 1 }] } });
    await api.send("PUT", "/api/gateway/routes/whole", { revision: 0, settings: { targets: [target], attempts: 1 } });
  });
  after(async () => {
    await server.giveBack();
    upstream.stop();
  });

  interface Told {
    status: number;
    text: string;
    headers: Headers;
    entries: Entry[];
    sent: Message[];
  }

  async function ask(model: string, messages: readonly Message[], more: object = {}, path = "/v1/chat/completions"): Promise<Told> {
    const trace = randomBytes(16).toString("hex");
    const headers = { "content-type": "application/json", traceparent: `00-${trace}-${randomBytes(8).toString("hex")}-01` };
    upstream.calls.length = 0;
    const reply = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify({ model, max_tokens: 200, messages, ...more }) });
    const text = await reply.text();
    const { entries } = await server.client.api.get<{ entries: Entry[] }>(`/api/costs/entries?trace=${trace}`);
    return { status: reply.status, text, headers: reply.headers, entries, sent: (upstream.calls[0]?.body.messages ?? []) as Message[] };
  }

  it("are reserved for as what is sent, and cost that where nobody tells the tokens", async () => {
    for (const more of [{}, { stream: true }]) {
      const cut = await ask("fitting", long, more);
      assert.equal(cut.status, 200, cut.text);
      assert.equal(cut.headers.get("x-slipway-emulated"), "messages (truncated)");
      assert.ok(cut.sent.length > 1 && cut.sent.length < 6, `${cut.sent.length} messages`);
      const same = await ask("whole", cut.sent, more);
      assert.deepEqual([cut.entries.map(({ tokens }) => tokens), cut.entries[0]!.estimated], [same.entries.map(({ tokens }) => tokens), true]);
      assert.ok(cut.entries[0]!.tokens.input <= 1000, JSON.stringify(cut.entries));
    }
    // A caller who needs the figure is told the same.
    const message = await ask("fitting", long, {}, "/v1/messages");
    const { input_tokens: input } = (JSON.parse(message.text) as { usage: { input_tokens: number } }).usage;
    assert.deepEqual([message.status, input], [200, message.entries[0]!.tokens.input]);
    assert.ok(input <= 1000, String(input));
  });

  it("count as what was sent where the provider breaks off", async () => {
    isBroken = true;
    try {
      const { status, entries } = await ask("fitting", long);
      assert.deepEqual([status, entries.map(({ outcome }) => outcome)], [503, ["failed"]]);
      assert.ok(entries[0]!.tokens.input > 100 && entries[0]!.tokens.input <= 1000, JSON.stringify(entries));
    } finally {
      isBroken = false;
    }
  });

  it("are refused by a budget that has no room for them where a target may get all", async () => {
    const { status, headers } = await ask("fitting-or-whole", long);
    assert.deepEqual([status, headers.get("x-error-code")], [402, "BUDGET_EXCEEDED"]);
    const alone = await ask("fitting", [{ role: "user", content: long.map(({ content }) => content).join(" ") }]);
    assert.deepEqual([alone.status, alone.headers.get("x-error-code"), alone.sent], [402, "BUDGET_EXCEEDED", []]);
  });

  it("have the answer of a cache as the whole that they are: what was left out may have been another", async () => {
    const answers = [];
    for (const first of ["Turn 0", "Turn 0", "Another turn"]) {
      const { headers, sent } = await ask("fitting-cached", [{ role: "user", content: `${first} ${long[0]!.content}` }, ...long.slice(1)]);
      answers.push([headers.get("x-slipway-cache"), sent.length > 0]);
    }
    assert.deepEqual(answers, [["miss", true], ["hit", false], ["miss", true]]);
  });
});
