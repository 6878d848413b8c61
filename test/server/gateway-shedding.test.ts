import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";
import { GatewayUpstream, speakOpenAi } from "./gateway-upstream.ts";

const messages = [{ role: "user", content: "hello" }];

/** A call in each protocol. */
const calls: Readonly<Record<string, readonly [path: string, body: object]>> = {
  "chat": ["/v1/chat/completions", { messages }], "chat, streamed": ["/v1/chat/completions", { messages, stream: true }], "completions": ["/v1/completions", { prompt: "hello" }],
  "responses": ["/v1/responses", { input: "hello" }], "responses, streamed": ["/v1/responses", { input: "hello", stream: true }], "embeddings": ["/v1/embeddings", { input: "hello" }],
  "messages": ["/v1/messages", { max_tokens: 20, messages }], "messages, streamed": ["/v1/messages", { max_tokens: 20, messages, stream: true }],
};

/** What the client's own classes of errors are chosen by, beside the status. */
function kindOf(name: string, { body }: RawReply): unknown {
  const told = JSON.parse(body) as { type?: string; error: { type: string; code?: string } };
  return name.startsWith("messages") ? [told.type, told.error.type] : [told.error.type, told.error.code];
}

describe("the gateway when more calls come than it may let in", () => {
  let server: SecuredServer;
  let address: string;
  /** Answers that the provider gives when the test says so. */
  const held: (() => void)[] = [];
  const upstream = new GatewayUpstream((call, response) => void held.push(() => speakOpenAi(call, response)));

  const putRoute = async (name: string, settings: object): Promise<void> => {
    const { status, body } = await server.asAdmin("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: { targets: [{ provider: "held", model: "m" }], ...settings } });
    assert.equal(status, 200, body);
  };
  const revisions = new Map<string, number>();
  const put = async (what: string, settings: object): Promise<void> => {
    const { status, body } = await server.asAdmin("PUT", `/api/gateway/${what}`, { revision: revisions.get(what) ?? 0, settings });
    assert.equal(status, 200, body);
    revisions.set(what, (JSON.parse(body) as { revision: number }).revision);
  };
  const ask = (model: string, name = "chat", key = server.adminKey): Promise<RawReply> =>
    server.send("POST", calls[name]![0], [`Host: ${server.host}`, `Authorization: Bearer ${key}`, "Content-Type: application/json"], JSON.stringify({ model, ...calls[name]![1] }));
  const metrics = async (): Promise<string> => (await server.asAdmin("GET", "/metrics")).body;
  const counted = async (route: string): Promise<Record<string, number>> =>
    Object.fromEntries([...(await metrics()).matchAll(/^slipway_gateway_requests_total\{[^}]*route="([^"]*)"[^}]*outcome="([^"]*)"\} (\d+)$/gm)].filter(([, of]) => of === route).map(([, , outcome, count]) => [outcome!, Number(count)]));
  const waiting = async (): Promise<number> => Number(/^slipway_gateway_waiting (\d+)$/m.exec(await metrics())?.[1]);
  const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await isSo())) await betweenLooks();
  };
  /** Gives each answer as soon as it is asked for, until so many more have been. */
  const letGo = async (answers: number): Promise<void> => {
    for (; answers > 0; answers--) {
      await until(() => held.length > 0);
      held.shift()!();
    }
  };

  before(async () => {
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    address = await upstream.start();
    assert.equal((await server.asAdmin("PUT", "/api/gateway/providers/held", { revision: 0, settings: { kind: "compatible", baseUrl: address } })).status, 200);
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  it("sends away whom the queue has no place for, in each protocol's own words, and serves all whom it has", async () => {
    await putRoute("queued", { limits: { concurrency: 2, queue: 3, queueMs: 600_000 } });
    const asked = upstream.calls.length;
    const letIn = [ask("queued"), ask("queued")];
    await until(() => held.length === 2);
    const queued = [ask("queued"), ask("queued", "messages"), ask("queued", "chat, streamed")];
    await until(async () => (await waiting()) === 3);

    for (const name of Object.keys(calls)) {
      const refused = await ask("queued", name);
      assert.deepEqual([refused.status, refused.headers["retry-after"], refused.headers["x-error-code"], refused.headers["x-should-retry"]], [503, ["1"], ["GATEWAY_OVERLOADED"], undefined], name);
      assert.deepEqual(kindOf(name, refused), name.startsWith("messages") ? ["error", "overloaded_error"] : ["server_error", "gateway_overloaded"], name);
    }
    // Who was sent away was not asked of the provider, and took nobody's place.
    assert.deepEqual([upstream.calls.length - asked, await waiting()], [2, 3]);
    await letGo(5);
    assert.deepEqual((await Promise.all([...letIn, ...queued])).map(({ status }) => status), [200, 200, 200, 200, 200]);
    assert.deepEqual([await counted("queued"), await waiting()], [{ ok: 5, GATEWAY_OVERLOADED: Object.keys(calls).length }, 0]);
    assert.deepEqual(server.logged.filter((line) => line.includes("GATEWAY_OVERLOADED")), []);
    const full = [...(await metrics()).matchAll(/^slipway_turned_away_total\{full="([^"]*)"\} (\d+)$/gm)].map(([, room, count]) => [room, Number(count)]);
    assert.deepEqual(full, [["connections", 0], ["bodies", 0], ["answers", 0], ["limit queues", Object.keys(calls).length], ["output checks", 0], ["token counts", 0]]);
    // No more at once than may be, and there is room again.
    const again = ask("queued");
    await letGo(1);
    assert.equal((await again).status, 200);
  });

  it("sends away at once where nobody may wait, in each protocol's own words", async () => {
    await putRoute("narrow", { limits: { concurrency: 1 } });
    const letIn = ask("narrow");
    await until(() => held.length === 1);
    for (const name of Object.keys(calls)) {
      const refused = await ask("narrow", name);
      assert.deepEqual([refused.status, refused.headers["retry-after"], refused.headers["x-error-code"]], [429, ["1"], ["RATE_LIMITED"]], name);
      assert.deepEqual(kindOf(name, refused), name.startsWith("messages") ? ["error", "rate_limit_error"] : ["rate_limit_error", "rate_limit_exceeded"], name);
    }
    assert.equal(await waiting(), 0);
    await letGo(1);
    assert.equal((await letIn).status, 200);
    assert.deepEqual(await counted("narrow"), { ok: 1, RATE_LIMITED: Object.keys(calls).length });
  });

  it("lets nobody wait longer than the queue, or the call's own deadline, allows", async () => {
    await putRoute("short-queue", { limits: { concurrency: 1, queue: 9, queueMs: 200 } });
    const letIn = ask("short-queue");
    await until(() => held.length === 1);
    // The place is taken all the time: what ends these is their own time.
    const late = await Promise.all([ask("short-queue"), ask("short-queue", "messages, streamed")]);
    assert.deepEqual(late.map(({ status, headers }) => [status, headers["retry-after"], headers["x-error-code"]]), Array.from(late, () => [429, ["1"], ["RATE_LIMITED"]]));
    assert.equal(held.length, 1);
    await letGo(1);
    assert.equal((await letIn).status, 200);
    assert.deepEqual([await counted("short-queue"), await waiting()], [{ ok: 1, RATE_LIMITED: 2 }, 0]);

    // A key's one place is taken by a call that has time.
    const key = JSON.parse((await server.asAdmin("POST", "/api/keys", { name: "one at a time", grants: [{ role: "viewer", team: "default" }] })).body) as { id: string; key: string };
    assert.equal((await server.asAdmin("PUT", `/api/gateway/keys/${key.id}`, { revision: 0, settings: { limits: { concurrency: 1, queue: 9, queueMs: 600_000 } } })).status, 200);
    await putRoute("patient", {});
    await putRoute("short-deadline", { deadlineMs: 1000 });
    const patient = ask("patient", "chat", key.key);
    await until(() => held.length === 1);
    const { status, headers } = await ask("short-deadline", "chat", key.key);
    assert.deepEqual([status, headers["retry-after"], headers["x-error-code"], held.length], [429, ["1"], ["RATE_LIMITED"], 1]);
    await letGo(1);
    assert.equal((await patient).status, 200);
    assert.deepEqual([await counted("short-deadline"), await waiting()], [{ RATE_LIMITED: 1 }, 0]);
  });

  it("gives the place of a caller who left the queue to the next, and asks nobody for its answer", async () => {
    await putRoute("left", { limits: { concurrency: 1, queue: 1, queueMs: 600_000 } });
    const asked = upstream.calls.length;
    const letIn = ask("left");
    await until(() => held.length === 1);
    const body = JSON.stringify({ model: "left", messages });
    const leaver = connect({ host: "127.0.0.1", port: server.slipway.httpPort }, () => leaver.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: ${server.host}\r\nAuthorization: Bearer ${server.adminKey}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
    await until(async () => (await waiting()) === 1);
    assert.equal((await ask("left")).status, 503);
    leaver.destroy();
    await until(async () => (await waiting()) === 0);
    const next = ask("left");
    await until(async () => (await waiting()) === 1);
    await letGo(2);
    assert.deepEqual([(await letIn).status, (await next).status, upstream.calls.length - asked], [200, 200, 2]);
    assert.deepEqual(await counted("left"), { ok: 2, GATEWAY_OVERLOADED: 1, cancelled: 1 });
  });

  it("takes the place of a hedge that is not needed any more out of the provider's queue, and nothing of its limits", async () => {
    const limited = new GatewayUpstream((call, response) => void held.push(() => speakOpenAi(call, response)));
    try {
      const settings = { kind: "compatible", baseUrl: await limited.start(), limits: { concurrency: 1, queue: 1, queueMs: 600_000, requestsPerMinute: 6 } };
      assert.equal((await server.asAdmin("PUT", "/api/gateway/providers/limited", { revision: 0, settings })).status, 200);
      await putRoute("of-limited", { targets: [{ provider: "limited", model: "m" }] });
      await putRoute("hedged", { targets: [{ provider: "held", model: "m" }, { provider: "limited", model: "m", priority: 1 }], hedgeAfterMs: 1 });
      const first = ask("of-limited");
      await until(() => held.length === 1);
      const answerFirst = held.shift()!;
      const hedged = ask("hedged");
      await until(async () => held.length === 1 && (await waiting()) === 1);
      await letGo(1);
      assert.equal((await hedged).status, 200);
      assert.equal(await waiting(), 0);
      // The only place of the queue is free.
      const second = ask("of-limited");
      await until(async () => (await waiting()) === 1);
      answerFirst();
      await letGo(1);
      const third = ask("of-limited");
      await letGo(1);
      const replies = await Promise.all([first, second, third]);
      assert.deepEqual(replies.map(({ status }) => status), [200, 200, 200]);
      // On a slow machine there is more again.
      assert.ok(replies.every(({ headers }, index) => Number(headers["x-ratelimit-remaining-requests"]![0]) >= 5 - index), JSON.stringify(replies));
      assert.equal(limited.calls.length, 3);
    } finally {
      limited.stop();
    }
  });

  it("lets who waits go on as soon as the limit is raised or taken away, be it the route's, the provider's or the key's", async () => {
    const narrow = { concurrency: 1, queue: 9, queueMs: 600_000 };
    const { key, id } = JSON.parse((await server.asAdmin("POST", "/api/keys", { name: "narrow", grants: [{ role: "viewer", team: "default" }] })).body) as { id: string; key: string };
    const provider = { kind: "compatible", baseUrl: address };
    await put("providers/changing", provider);
    await put("routes/changing", { targets: [{ provider: "changing", model: "m" }] });
    for (const [what, settings] of [["routes/changing", { targets: [{ provider: "changing", model: "m" }] }], ["providers/changing", provider], [`keys/${id}`, {}]] as const) {
      await put(what, { ...settings, limits: narrow });
      const asked = [1, 2, 3, 4].map(() => ask("changing", "chat", key));
      await until(async () => held.length === 1 && (await waiting()) === 3);
      await put(what, { ...settings, limits: { ...narrow, concurrency: 2 } });
      await until(() => held.length === 2);
      assert.equal(await waiting(), 2, what);
      await put(what, settings);
      await until(() => held.length === 4);
      await letGo(4);
      assert.deepEqual((await Promise.all(asked)).map(({ status }) => status), [200, 200, 200, 200], what);
    }
  });
});
