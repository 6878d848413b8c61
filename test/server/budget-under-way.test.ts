import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

const callers = 60;
/** Of one call: 7 tokens of output at 1000 dollars a million. */
const cost = 7_000_000;

describe("a budget that is set while calls are under way", () => {
  const held: ServerResponse[] = [];
  const answer = (response: ServerResponse): void => answerJson(response, { id: "c1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 } });
  const upstream = new GatewayUpstream(({ body }, response) => {
    const [{ content }] = body.messages as [{ content: string }];
    if (content === "wait") held.push(response);
    else answer(response);
  });
  let server: SecuredServer;

  async function send<Document>(method: string, path: string, body?: unknown): Promise<Document> {
    const reply = await server.asAdmin(method, path, body);
    assert.ok(reply.status < 300, `${method} ${path}: ${reply.status} ${reply.body}`);
    return JSON.parse(reply.body) as Document;
  }

  const ask = async (content: string): Promise<number> => (await server.asAdmin("POST", "/v1/chat/completions", { model: "chat", messages: [{ role: "user", content }], max_tokens: 100 })).status;
  const use = async (): Promise<{ window: string; spent: number; reserved: number }[]> =>
    (await send<{ budgets: { use: { window: string; spent: number; reserved: number }[] }[] }>("GET", "/api/budgets")).budgets[0]!.use.map(({ window, spent, reserved }) => ({ window, spent, reserved }));

  before(async () => {
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    await send("POST", "/api/teams", { name: "blue" });
    await send("PUT", "/api/gateway/providers/slow", { revision: 0, settings: { kind: "compatible", baseUrl: `${await upstream.start()}/v1` } });
    await send("POST", "/api/prices", { provider: "slow", model: "m", rates: { input: 0, output: 1000 } });
    await send("PUT", "/api/gateway/routes/chat", { revision: 0, team: "blue", settings: { targets: [{ provider: "slow", model: "m" }] } });
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  it("counts what they cost, whether it was met before they ended or not, and after it was taken away and set again", async () => {
    const waiting = Array.from({ length: callers }, () => ask("wait"));
    while (held.length < callers) await new Promise((resolve) => { setImmediate(resolve); });
    const windows = (calls: number) => ["day", "month"].map((window) => ({ window, spent: calls * cost, reserved: 0 }));
    await send("PUT", "/api/budgets/teams/blue", { limits: { day: 1000, month: 1000 } });
    assert.equal(await ask("quick"), 200);
    assert.deepEqual(await use(), windows(1));
    for (const response of held.splice(0, callers / 2)) answer(response);
    assert.deepEqual(new Set(await Promise.all(waiting.splice(0, callers / 2))), new Set([200]));
    assert.deepEqual(await use(), windows(1 + callers / 2));
    await send("DELETE", "/api/budgets/teams/blue");
    for (const response of held.splice(0)) answer(response);
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set([200]));
    await send("PUT", "/api/budgets/teams/blue", { limits: { day: 1000, month: 1000 } });
    assert.deepEqual(await use(), windows(1 + callers));
  });
});
