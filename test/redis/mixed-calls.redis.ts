import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openRedis } from "../../src/adapters/redis/index.ts";
import { redisScript } from "../../src/adapters/redis/redis-script.ts";
import { systemClock } from "../../src/core/clock.ts";
import { SlipwayClient } from "../../src/index.ts";
import type { CallBudget, LedgerEntry } from "../../src/ledger/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { startServer, type RunningServer, type StartOptions } from "../kit/running-server.ts";
import { seededRandom } from "../kit/seed.ts";
import { CountingProvider } from "./counting-provider.ts";
import { RedisServer } from "./redis-server.ts";

const calls = 1200;
const callers = 16;
/** US dollars for a million tokens of input and of output: a token is as many thousand billionths. */
const prices: Record<string, readonly [input: number, output: number]> = { first: [1, 3], second: [2, 5], third: [3, 15] };
const targets = Object.keys(prices).map((provider) => ({ provider, model: "m" }));
const budget = { month: 1000 };
const routes: Record<string, { targets: object[]; limits?: object } & Record<string, unknown>> = {
  fallback: { targets, budget },
  latency: { targets, choose: "latency" },
  guarded: { targets: targets.slice(1), guardrails: [{ kind: "pii" }], budget },
  tight: { targets: targets.slice(0, 2), limits: { requestsPerMinute: 6000, concurrency: 6, queue: 12, queueMs: 800 }, budget },
  poor: { targets: targets.slice(0, 1), budget: { month: 0.01 } },
};
const wires = {
  chat: { path: "/v1/chat/completions", body: (content: string) => ({ max_tokens: 50, messages: [{ role: "user", content }] }) },
  messages: { path: "/v1/messages", body: (content: string) => ({ max_tokens: 50, messages: [{ role: "user", content }] }) },
  responses: { path: "/v1/responses", body: (input: string) => ({ max_output_tokens: 50, input }) },
};
const schema = { type: "object", properties: { id: { type: "string" } }, required: ["id"], additionalProperties: false };
/** Refusals for want of money or of a place, and what is told where no provider would answer. */
const refusals = [402, 429, 502, 503, 504];
/** Places that somebody holds. */
const placesHeld = redisScript("local held = 0 for _, key in ipairs(redis.call('KEYS', KEYS[1] .. 'slot:*')) do held = held + redis.call('ZCARD', key) end return held");

interface Answered {
  question: string;
  route: string;
  status: number;
  text: string;
  /** As the answer told it, in billionths of a dollar. */
  told: number | null;
}

describe("two servers under calls of every kind, with providers that fail, settings that change, keys that are rotated and a server that is replaced", { timeout: 240_000 }, () => {
  const random = seededRandom("mixed calls");
  const providers = [new CountingProvider("first", "openai", random), new CountingProvider("second", "openai", random), new CountingProvider("third", "anthropic", random)];
  let cluster: PostgresCluster;
  let redis: RedisServer;
  let options: StartOptions;
  let rootKey: string;
  const keys: { id: string; key: string }[] = [];
  const servers: RunningServer[] = [];
  const leaving: Promise<unknown>[] = [];

  before(async () => {
    [cluster, redis] = await Promise.all([PostgresCluster.start(), RedisServer.start()]);
    const environment = { SLIPWAY_DATABASE_URL: cluster.url(), SLIPWAY_REDIS_URL: redis.url(), SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" };
    const open = await startServer({ environment });
    const { api } = open.client;
    const made = (name: string, grant: object): Promise<{ id: string; key: string }> => api.send("POST", "/api/keys", { name, grants: [grant] });
    ({ key: rootKey } = await made("root", { role: "admin" }));
    for (const name of ["one", "two"]) keys.push(await made(name, { role: "viewer", team: "default" }));
    for (const [index, { provider }] of targets.entries()) {
      const address = await providers[index]!.start();
      const settings = { breaker: { failures: 1000, openSeconds: 1 }, ...(provider === "third" ? { kind: "anthropic", baseUrl: address } : { kind: "compatible", baseUrl: `${address}/v1` }) };
      await api.send("PUT", `/api/gateway/providers/${provider}`, { revision: 0, settings });
      const [input, output] = prices[provider]!;
      await api.send("POST", "/api/prices", { provider, model: "m", rates: { input, output } });
    }
    for (const [name, settings] of Object.entries(routes)) await api.send("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings });
    await open.stop();
    options = { environment, flags: ["--access", "keys"] };
    servers.push(...(await Promise.all([startServer(options), startServer(options)])));
  });
  after(async () => {
    await Promise.all([...leaving, ...servers.map((server) => server.stop())]);
    for (const provider of providers) provider.stop();
    await Promise.all([cluster.remove(), redis.remove()]);
  });

  const admin = (place: number): SlipwayClient => new SlipwayClient({ url: servers[place]!.url, apiKey: rootKey });

  async function call(): Promise<Answered> {
    const question = random.bytes(8).toString("hex");
    const route = random.pick(Object.keys(routes));
    const wire = random.pick(["chat", "messages", "responses"] as const);
    const stream = random.next() < 0.5;
    const { path, body } = wires[wire];
    const asked = wire === "chat" && !stream && random.next() < 0.3 ? { response_format: { type: "json_schema", json_schema: { name: "x", schema, strict: true } } } : {};
    const answer = await fetch(random.pick(servers).url + path, {
      method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${random.pick(keys).key}`, "x-slipway-tags": `question=${question}` },
      body: JSON.stringify({ model: route, stream, ...body(`N${question}, and a@b.example`), ...asked }),
    });
    const cost = answer.headers.get("x-slipway-cost");
    return { question, route, status: answer.status, text: await answer.text(), told: cost === null ? null : Math.round(Number(cost) * 1e9) };
  }

  /** What a team does while its callers call. */
  async function change(step: number): Promise<void> {
    const { api, keys: own } = admin(step % 2);
    const limits = { requestsPerMinute: 6000, concurrency: random.integer(2, 8), queue: 12, queueMs: 800 };
    if (step === 2) {
      // Its calls end there, and the next come to another.
      const former = servers[0]!;
      servers[0] = await startServer(options);
      leaving.push(former.stop());
    } else if (step % 3 === 0) await api.send("PUT", "/api/gateway/routes/tight", { revision: await revisionOf("tight"), settings: { ...routes["tight"]!, limits } });
    else if (step % 3 === 1) await api.send("PUT", "/api/gateway/routes/fallback", { revision: await revisionOf("fallback"), settings: { ...routes["fallback"]!, targets: [...targets].sort(() => random.next() - 0.5) } });
    else keys[0]!.key = (await own.rotate(keys[0]!.id, { graceSeconds: 3600, expiresInDays: 30 })).key;
  }

  async function revisionOf(route: string): Promise<number> {
    return (await admin(1).api.get<{ revision: number }>(`/api/gateway/routes/${route}`)).revision;
  }

  /** All of them: each server writes down what it still has when it is asked. */
  async function entries(): Promise<LedgerEntry[]> {
    const all: LedgerEntry[] = [];
    await admin(1).api.get("/api/costs/entries");
    for (let after: string | null = ""; after !== null; ) {
      const page: { entries: LedgerEntry[]; next: string | null } = await admin(0).api.get(`/api/costs/entries?limit=1000${after === "" ? "" : `&after=${after}`}`);
      all.push(...page.entries);
      after = page.next;
    }
    return all;
  }

  it("answer each its own question, and bill to a billionth what providers told", async () => {
    const answered: Answered[] = [];
    let [left, step] = [calls, 0];
    let changing = Promise.resolve();
    await Promise.all(Array.from({ length: callers }, async () => {
      while (left-- > 0) {
        answered.push(await call());
        if (answered.length % 100 === 0) changing = changing.then(() => change(step++));
      }
    }));
    await changing;
    await Promise.all(leaving);
    assert.equal(answered.length, calls);

    const wrong = answered.filter(({ status, text, question }) => (status === 200 ? (text.match(/R[0-9a-f]{16}/g) ?? []).some((said) => said !== `R${question}`) || !text.includes(`R${question}`) : !refusals.includes(status)));
    assert.deepEqual(wrong.map(({ route, status, text }) => [route, status, text.slice(0, 300)]), []);
    // With two attempts on each of its targets hardly any fails but for money and places.
    assert.ok(answered.filter(({ status }) => status === 200).length > calls / 2);

    const billed = new Map<string, number>();
    const written = await entries();
    for (const { attribution: { tags }, cost, estimated } of written) {
      assert.equal(estimated, false);
      billed.set(tags["question"]!, (billed.get(tags["question"]!) ?? 0) + cost!);
    }
    const told = (question: string): number => providers.flatMap(({ served }) => served.get(question) ?? []).reduce((sum, { provider, input, output }) => sum + 1000 * (input * prices[provider]![0] + output * prices[provider]![1]), 0);
    const unlike = answered.filter(({ question, told: header }) => (billed.get(question) ?? 0) !== told(question) || (header !== null && header !== told(question)));
    assert.deepEqual(unlike.map(({ question, route, status, told: header }) => [route, status, header, billed.get(question), told(question)]), []);

    const budgets = async (): Promise<CallBudget[]> => (await admin(1).api.get<{ callBudgets: CallBudget[] }>("/api/budgets")).callBudgets;
    let callBudgets = await budgets();
    assert.equal(callBudgets.length, 4);
    // No caller waits until what a call held is given back.
    while (callBudgets.some(({ use }) => use[0]!.reserved > 0)) [callBudgets] = [await budgets(), await betweenLooks()];
    for (const { name, use: [month] } of callBudgets) {
      const { spent, limit } = month!;
      assert.deepEqual([name, spent], [name, written.filter(({ attribution }) => attribution.route === name).reduce((sum, { cost }) => sum + cost!, 0)]);
      assert.ok(spent <= limit);
    }
    const connection = await openRedis({ url: redis.url(), clock: systemClock, connectMs: 30_000 });
    while ((await connection.run(placesHeld, [""], [])) !== 0) await betweenLooks();
    await connection.close();
  });
});
