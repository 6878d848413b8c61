import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

interface Reply { status: number; code: string | null; retryAfter: string | null }

describe("a server that goes down while calls wait for a limit", { timeout: 120_000 }, () => {
  it("answers those that have begun, sends those that wait away, and ends", async () => {
    const held: ServerResponse[] = [];
    const upstream = new GatewayUpstream((_, response) => void held.push(response));
    const address = await upstream.start();
    const server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1", SLIPWAY_DRAIN_MS: "50" } });
    const put = (what: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${what}`, { revision: 0, settings });
    const limits = { concurrency: 1, queue: 5, queueMs: 600_000 };
    await put("providers/free", { kind: "openai", baseUrl: `${address}/free/v1` });
    await put("providers/narrow", { kind: "openai", baseUrl: `${address}/narrow/v1`, limits });
    await put("routes/limited", { targets: [{ provider: "free", model: "m" }], limits, deadlineMs: 600_000 });
    await put("routes/behind", { targets: [{ provider: "narrow", model: "m" }], deadlineMs: 600_000 });
    const ask = async (model: string): Promise<Reply> => {
      const reply = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }] }) });
      await reply.text();
      return { status: reply.status, code: reply.headers.get("x-error-code"), retryAfter: reply.headers.get("retry-after") };
    };
    const waiting = async (): Promise<number> => Number(/^slipway_gateway_waiting (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1] ?? -1);
    const begun = [ask("limited"), ask("behind")];
    while (held.length < 2) await betweenLooks();
    const waiters = [ask("limited"), ask("limited"), ask("behind")];
    while ((await waiting()) < 3) await betweenLooks();
    const stopped = server.stop();
    // Nothing of what was begun has ended yet.
    assert.deepEqual(await Promise.all(waiters), waiters.map(() => ({ status: 503, code: "SHUTTING_DOWN", retryAfter: "1" })));
    assert.equal(held.length, 2);
    for (const response of held) answerJson(response, { id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } });
    assert.deepEqual((await Promise.all(begun)).map(({ status }) => status), [200, 200]);
    assert.equal(await stopped, 0);
    upstream.stop();
  });
});
