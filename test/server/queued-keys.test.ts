import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, afterEach, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

interface Key { id: string; key: string }

describe("a call that waits for a limit while its key ends", { timeout: 120_000 }, () => {
  let server: SecuredServer;
  const held: ServerResponse[] = [];
  const upstream = new GatewayUpstream((_, response) => void held.push(response));
  const limits = { concurrency: 1, queue: 5, queueMs: 600_000 };

  before(async () => {
    const address = await upstream.start();
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    await put("providers/free", { settings: { kind: "openai", baseUrl: `${address}/free/v1` } });
    await put("providers/narrow", { settings: { kind: "openai", baseUrl: `${address}/narrow/v1`, limits } });
    await server.asAdmin("POST", "/api/teams", { name: "search" });
    await put("routes/limited", { team: "search", settings: { targets: [{ provider: "free", model: "m" }], limits, deadlineMs: 600_000 } });
    // Who may not call any more gets no answer of the other target either.
    await put("routes/behind", { team: "search", settings: { targets: [{ provider: "narrow", model: "m" }, { provider: "free", model: "m", priority: 1 }], deadlineMs: 600_000 } });
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });
  afterEach(() => {
    held.length = 0;
    upstream.calls.length = 0;
  });

  async function put(what: string, body: object): Promise<void> {
    const { status, body: text } = await server.asAdmin("PUT", `/api/gateway/${what}`, { revision: 0, ...body });
    assert.equal(status, 200, text);
  }

  async function makeKey(name: string): Promise<Key> {
    return JSON.parse((await server.asAdmin("POST", "/api/keys", { name, grants: [{ role: "viewer", team: "search" }] })).body) as Key;
  }

  async function ask({ key }: Key, model: string, content: string): Promise<[number, string | undefined]> {
    const { status, headers } = await server.send("POST", "/v1/chat/completions", [`Host: ${server.host}`, `Authorization: Bearer ${key}`, "Content-Type: application/json"], JSON.stringify({ model, messages: [{ role: "user", content }] }));
    return [status, headers["x-error-code"]?.[0]];
  }

  async function waiting(count: number): Promise<void> {
    while (!(await server.asAdmin("GET", "/metrics")).body.includes(`slipway_gateway_waiting ${count}\n`)) await betweenLooks();
  }

  function answer(): void {
    answerJson(held.at(-1)!, { id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } });
  }

  const asked = (): unknown[] => upstream.calls.map(({ body }) => (body.messages as { content: string }[])[0]!.content);

  const endings: Record<string, [end: (key: Key) => Promise<unknown>, told: [number, string]]> = {
    "is revoked": [({ id }) => server.asAdmin("DELETE", `/api/keys/${id}`), [401, "UNAUTHENTICATED"]],
    "may not call the route any more": [({ id }) => put(`keys/${id}`, { settings: { routes: ["another"] } }), [404, "GATEWAY_MODEL_NOT_FOUND"]],
  };
  for (const [what, [end, told]] of Object.entries(endings)) {
    for (const model of ["limited", "behind"]) {
      it(`is refused at its turn where it ${what}, and who stands behind it goes on: ${model}`, async () => {
        const [ends, stays] = [await makeKey("ends"), await makeKey("stays")];
        const first = ask(stays, model, "first");
        while (held.length < 1) await betweenLooks();
        const refused = ask(ends, model, "refused");
        await waiting(1);
        const behind = ask(stays, model, "behind");
        await waiting(2);
        await end(ends);
        answer();
        assert.deepEqual([await first, await refused], [[200, undefined], told]);
        while (held.length < 2) await betweenLooks();
        answer();
        assert.deepEqual([await behind, asked()], [[200, undefined], ["first", "behind"]]);
      });
    }
  }
});
