import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

/** One call in a hundred minutes: nothing flows back while a test runs. */
const once = { requestsPerMinute: 0.01 };
const messages = [{ role: "user", content: "hello" }];

describe("what answers tell of limits", () => {
  let server: SecuredServer;
  const keys: Record<string, string> = {};
  const ok = async <Answer>(reply: Promise<RawReply>): Promise<Answer> => {
    const { status, body } = await reply;
    assert.equal(status, 200, body);
    return JSON.parse(body) as Answer;
  };
  const send = (who: string, path: string, body: object): Promise<RawReply> => server.send("POST", path, [`Host: ${server.host}`, `Authorization: Bearer ${keys[who]}`, "Content-Type: application/json"], JSON.stringify(body));
  const putRoute = (name: string, settings: object): Promise<unknown> => ok(server.asAdmin("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: { targets: [{ provider: "echo", model: "m" }], ...settings } }));
  /** The headers of limits, in the order of their names. */
  const told = ({ headers }: RawReply): Record<string, string> => Object.fromEntries(Object.entries(headers).filter(([name]) => name.includes("ratelimit")).map(([name, [value]]) => [name, value!]).sort());

  before(async () => {
    server = await startSecuredServer();
    for (const [name, limits] of Object.entries({ free: null, limited: { requestsPerMinute: 600, tokensPerMinute: 1e9 }, narrow: { tokensPerMinute: 0.001 } })) {
      const made = await ok<{ id: string; key: string }>(server.asAdmin("POST", "/api/keys", { name, grants: [{ role: "viewer", team: "default" }] }));
      keys[name] = made.key;
      if (limits !== null) await ok(server.asAdmin("PUT", `/api/gateway/keys/${made.id}`, { revision: 0, settings: { limits } }));
    }
  });
  after(() => server.stop());

  const calls: Record<string, [string, object]> = {
    chat: ["/v1/chat/completions", { messages }], "chat-stream": ["/v1/chat/completions", { messages, stream: true }], completions: ["/v1/completions", { prompt: "hello" }], responses: ["/v1/responses", { input: "hello" }],
    "responses-stream": ["/v1/responses", { input: "hello", stream: true }], embeddings: ["/v1/embeddings", { input: "hello" }], azure: ["/openai/deployments/azure/chat/completions?api-version=1", { messages }],
    messages: ["/v1/messages", { max_tokens: 20, messages }], "messages-stream": ["/v1/messages", { max_tokens: 20, messages, stream: true }],
  };

  for (const [route, [path, body]] of Object.entries(calls)) {
    it(`stands on answers and refusals of ${route}, in the names of its protocol`, async () => {
      await putRoute(route, { limits: once });
      const before = Math.floor(Date.now() / 1000);
      const answered = await send("limited", path, { model: route, ...body });
      assert.equal(answered.status, 200, answered.body);
      const refused = await send("limited", path, { model: route, ...body });
      assert.deepEqual([refused.status, refused.headers["x-error-code"]], [429, ["RATE_LIMITED"]]);
      for (const reply of [answered, refused]) {
        const headers = told(reply);
        if (route.startsWith("messages")) {
          // The route's limit of requests, which has less left, and the key's of tokens.
          assert.deepEqual([headers["anthropic-ratelimit-requests-limit"], headers["anthropic-ratelimit-requests-remaining"], headers["anthropic-ratelimit-tokens-limit"]], ["1", "0", "1000000000"]);
          const reset = headers["anthropic-ratelimit-requests-reset"]!;
          assert.match(reset, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
          const seconds = Date.parse(reset) / 1000;
          assert.ok(seconds > before && seconds <= Date.now() / 1000 + 6001, reset);
          assert.equal(Object.keys(headers).length, 6);
        } else {
          assert.deepEqual([headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"], headers["x-ratelimit-limit-tokens"]], ["1", "0", "1000000000"]);
          assert.match(headers["x-ratelimit-reset-requests"]!, /^(?:1h\d+m\d|[1-9]\dm)/);
          const left = 1e9 - Number(headers["x-ratelimit-remaining-tokens"]);
          // By estimate, with an output of some thousand tokens where the caller names no most.
          assert.ok(left >= (reply === answered ? 1 : 0) && left < 20_000, String(left));
          assert.equal(Object.keys(headers).length, 6);
        }
      }
    });
  }

  it("is of the key where that has less left than the route, or a limit alone", async () => {
    await putRoute("wide", { limits: { requestsPerMinute: 1e9 } });
    const { "x-ratelimit-remaining-requests": remaining, "x-ratelimit-limit-requests": limit } = told(await send("limited", "/v1/chat/completions", { model: "wide", messages }));
    assert.equal(limit, "600");
    assert.ok(Number(remaining) < 600);
    assert.deepEqual(told(await send("free", "/v1/chat/completions", { model: "wide", messages })), { "x-ratelimit-limit-requests": "1000000000", "x-ratelimit-remaining-requests": "999999999", "x-ratelimit-reset-requests": "1ms" });
    // More tokens than a whole minute's worth: from a full bucket, which is in debt then.
    const narrow = told(await send("narrow", "/v1/embeddings", { model: "wide", input: "hello" }));
    assert.deepEqual([narrow["x-ratelimit-limit-tokens"], narrow["x-ratelimit-remaining-tokens"]], ["0", "0"]);
  });

  it("is of the model or provider where that has less left and no other target would be asked instead, also on a refusal", async () => {
    const putProvider = (name: string, settings: object): Promise<unknown> => ok(server.asAdmin("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: { kind: "echo", ...settings } }));
    await putProvider("thin", { limits: { requestsPerMinute: 1e9 }, modelLimits: { scarce: { ...once, tokensPerMinute: 2e9 }, wide: { requestsPerMinute: 1e9 } } });
    await putRoute("scarce-only", { targets: [{ provider: "thin", model: "scarce" }], limits: { requestsPerMinute: 1e8 } });
    await putRoute("scarce-first", { targets: [{ provider: "thin", model: "scarce" }, { provider: "echo", model: "m", priority: 1 }] });
    const ask = (who: string, model: string, path = "/v1/chat/completions"): Promise<RawReply> => send(who, path, { model, messages, max_tokens: 20 });
    // The key has 600 requests and fewer tokens; the model one request.
    const [answered, refused] = [await ask("limited", "scarce-only"), await ask("limited", "scarce-only")];
    assert.deepEqual([answered.status, refused.status, refused.headers["x-error-code"]], [200, 429, ["RATE_LIMITED"]]);
    for (const reply of [answered, refused]) {
      const { "x-ratelimit-limit-requests": limit, "x-ratelimit-remaining-requests": remaining, "x-ratelimit-reset-requests": reset, "x-ratelimit-limit-tokens": tokens } = told(reply);
      assert.deepEqual([limit, remaining, tokens], ["1", "0", "1000000000"]);
      assert.match(reset!, /^(?:1h\d+m\d|[1-9]\dm)/);
    }
    const direct = told(await ask("free", "thin/scarce", "/v1/messages"));
    assert.deepEqual([direct["anthropic-ratelimit-requests-remaining"], direct["anthropic-ratelimit-tokens-limit"]], ["0", "2000000000"]);
    // Where all targets are of one provider, its limits bind whichever is asked, and those of a model where all are of that one.
    const two = { targets: [{ provider: "shared", model: "scarce" }, { provider: "shared", model: "other", priority: 1 }] };
    await putProvider("shared", { limits: { requestsPerMinute: 0.02, tokensPerMinute: 2e9 }, modelLimits: { scarce: { ...once, tokensPerMinute: 1e9 } } });
    await putProvider("shared-not", { limits: { requestsPerMinute: 1e9 } });
    await putRoute("of-one-provider", two);
    await putRoute("of-two-providers", { targets: [...two.targets, { provider: "shared-not", model: "m", priority: 2 }] });
    await putProvider("both", { limits: { requestsPerMinute: 1e9 }, modelLimits: { "*": { requestsPerMinute: 1e8 } } });
    await putRoute("of-one-model", { targets: [{ provider: "both", model: "m" }, { provider: "both", model: "m", priority: 1 }] });
    const replies = [await ask("free", "of-one-provider"), await ask("free", "of-one-provider")];
    assert.deepEqual(replies.map(({ status, headers }) => [status, headers["x-slipway-target"]]), [[200, ["shared/scarce"]], [429, undefined]]);
    for (const reply of replies) {
      const { "x-ratelimit-limit-requests": limit, "x-ratelimit-remaining-requests": remaining, "x-ratelimit-limit-tokens": tokens } = told(reply);
      assert.deepEqual([limit, remaining, tokens], ["1", "0", "2000000000"]);
    }
    assert.equal(told(await ask("free", "of-one-model"))["x-ratelimit-limit-requests"], "100000000");
    assert.deepEqual(told(await ask("free", "of-two-providers")), {});
    // Of a limit that is wider, and of a model that another target stands in for, nobody is told.
    assert.equal(told(await ask("limited", "thin/wide"))["x-ratelimit-limit-requests"], "600");
    const fallen = await ask("free", "scarce-first");
    assert.deepEqual([fallen.status, fallen.headers["x-slipway-target"], told(fallen)], [200, ["echo/m"], {}]);
  });

  it("stands on a call that was let in and failed", async () => {
    await ok(server.asAdmin("PUT", "/api/gateway/providers/lost", { revision: 0, settings: { kind: "scripted", script: [{ status: 500 }] } }));
    await putRoute("fails", { targets: [{ provider: "lost", model: "m" }], attempts: 1, limits: once });
    const failed = await send("free", "/v1/chat/completions", { model: "fails", messages });
    assert.ok(failed.status >= 500, failed.body);
    assert.deepEqual([told(failed)["x-ratelimit-limit-requests"], told(failed)["x-ratelimit-remaining-requests"]], ["1", "0"]);
  });

  it("is not there where neither has limits, where only places are counted, and on what a cache answers", async () => {
    await putRoute("open", {});
    await putRoute("places", { limits: { concurrency: 5 } });
    await putRoute("kept", { limits: { requestsPerMinute: 1e9 }, cache: { exact: true } });
    for (const route of ["open", "places"]) assert.deepEqual(told(await send("free", "/v1/chat/completions", { model: route, messages })), {}, route);
    const [first, second] = [await send("free", "/v1/chat/completions", { model: "kept", messages }), await send("free", "/v1/chat/completions", { model: "kept", messages })];
    assert.deepEqual([first, second].map(({ headers }) => headers["x-slipway-cache"]), [["miss"], ["hit"]]);
    assert.deepEqual([Object.keys(told(first)).length, told(second)], [3, {}]);
    assert.deepEqual(told(await send("limited", "/v1/messages/count_tokens", { model: "open", messages })), {});
  });
});
