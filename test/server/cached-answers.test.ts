import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

describe("the answers that a route's cache gives", () => {
  let server: BorrowedServer;
  /** Says which model was asked. */
  const upstream = new GatewayUpstream(({ body, path }, response) => {
    if (path.endsWith("/embeddings")) return answerJson(response, { object: "list", model: "v", data: [{ object: "embedding", index: 0, embedding: [1, 2] }], usage: { prompt_tokens: 1, total_tokens: 1 } });
    answerJson(response, { id: "c", object: "chat.completion", created: 1, model: body.model, choices: [{ index: 0, message: { role: "assistant", content: `by ${String(body.model)}` }, finish_reason: "stop" }] });
  });

  before(async () => {
    server = await borrowServer();
    await server.client.api.send("PUT", "/api/gateway/providers/kept", { revision: 0, settings: { kind: "compatible", baseUrl: `${await upstream.start()}/v1` } });
  });
  after(async () => {
    await server.giveBack();
    upstream.stop();
  });

  const putRoute = (name: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings });

  async function ask(model: string, content: string, tags: string | null): Promise<readonly [from: string | null, said: string]> {
    const headers = { "content-type": "application/json", ...(tags === null ? {} : { "x-slipway-tags": tags }) };
    const reply = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify({ model, messages: [{ role: "user", content }] }) });
    const { choices } = (await reply.json()) as { choices: { message: { content: string } }[] };
    return [reply.headers.get("x-slipway-cache"), choices[0]!.message.content];
  }

  it("are those of the targets that the call's tags leave open", async () => {
    await putRoute("vectors", { targets: [{ provider: "kept", model: "v" }] });
    const targets = [{ provider: "kept", model: "eu", when: { tags: { region: "eu" } } }, { provider: "kept", model: "anywhere", priority: 1 }];
    for (const [name, cache] of [["tagged", {}], ["tagged-meaning", { semantic: { route: "vectors", threshold: 0.9 } }]] as const) {
      await putRoute(name, { targets, cache });
      assert.deepEqual(await ask(name, "How do I reset my password?", null), ["miss", "by anywhere"]);
      assert.deepEqual(await ask(name, "How do I reset my password?", "region=eu"), ["miss", "by eu"]);
      // Tags that no condition names, and values that none wants, send nobody elsewhere.
      assert.deepEqual(await ask(name, "How do I reset my password?", "region=us, user=7"), ["hit", "by anywhere"]);
      assert.deepEqual(await ask(name, "How do I reset my password?", "region=eu, user=7"), ["hit", "by eu"]);
    }
    assert.deepEqual(await ask("tagged-meaning", "How can I reset my password?", "region=eu"), ["semantic", "by eu"]);
    await putRoute("tagged-later", { targets, cache: { semantic: { route: "vectors", threshold: 0.9 } } });
    assert.deepEqual(await ask("tagged-later", "How do I reset my password?", null), ["miss", "by anywhere"]);
    assert.deepEqual(await ask("tagged-later", "How can I reset my password?", "region=eu"), ["miss", "by eu"]);
  });
});
