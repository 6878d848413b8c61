import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

interface Entry {
  provider: string;
  outcome: string;
  estimated: boolean;
  cost: number;
  tokens: { input: number; output: number };
  units?: { webSearches?: number };
  attribution: { traceId: string; route: string };
}

const environment = { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" };

describe("calls that are under way when a server is killed", () => {
  const upstream = new GatewayUpstream(({ body, path }, response) => {
    if (path.startsWith("/gone")) return void response.destroy();
    const [{ content }] = body.messages as [{ content: string }];
    const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };
    // A document in a wrong form, and nothing when it is asked for again.
    if (content === "broken" && (body.messages as unknown[]).length === 1) return answerJson(response, { id: "c1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "no document" }, finish_reason: "stop" }], usage });
    if (content === "quick") return answerJson(response, { id: "c1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage });
    if (content === "begin") response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { role: "assistant", content: "so" } }] })}\n\n`);
  });
  let server: RunningServer;
  const closed: Promise<unknown>[] = [];
  const traceOf = new WeakMap<Promise<unknown>, string>();

  before(async () => {
    const baseUrl = `${await upstream.start()}/v1`;
    server = await startServer({ environment });
    const { api } = server.client;
    await api.send("PUT", "/api/gateway/providers/slow", { revision: 0, settings: { kind: "compatible", baseUrl } });
    await api.send("POST", "/api/prices", { provider: "slow", model: "m", rates: { input: 1, output: 1000 } });
    for (const [name, budget] of [["chat", { month: 1000 }], ["other", undefined]] as const) await setRoute(name, budget);
  });
  after(async () => {
    upstream.stop();
    await server.stop();
    await Promise.allSettled(closed);
  });

  async function setRoute(name: string, budget?: { month: number }): Promise<void> {
    const { routes } = await server.client.api.get<{ routes: { name: string; revision: number }[] }>("/api/gateway/routes");
    const revision = routes.find((route) => route.name === name)?.revision ?? 0;
    await server.client.api.send("PUT", `/api/gateway/routes/${name}`, { revision, settings: { targets: [{ provider: "slow", model: "m" }], ...(budget === undefined ? {} : { budget }) } });
  }

  /** Answers with its trace and its status, or null where the server died. */
  function ask(model: string, content: string, more: object = {}): Promise<{ trace: string; status: number | null }> {
    const trace = randomBytes(16).toString("hex");
    const headers = { "content-type": "application/json", traceparent: `00-${trace}-${randomBytes(8).toString("hex")}-01` };
    const asked = fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify({ model, messages: [{ role: "user", content }], max_tokens: 100, ...more }) })
      .then(async (response) => ({ trace, status: (await response.text(), response.status) }), () => ({ trace, status: null }))
      .catch(() => ({ trace, status: null }));
    closed.push(asked);
    traceOf.set(asked, trace);
    return asked;
  }

  async function noted(): Promise<string> {
    const folder = join(server.directory, "data", "ledger-journal");
    const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".calls"));
    return (await Promise.all(files.map((name) => readFile(join(folder, name), "utf8").catch(() => "")))).join("");
  }

  const entries = async (): Promise<Entry[]> => (await server.client.api.get<{ entries: Entry[] }>("/api/costs/entries?limit=1000")).entries;

  async function killAndStart(): Promise<void> {
    await server.kill();
    server = await startServer({ directory: server.directory, environment });
  }

  it("are entries of the next server, once each, with what they may have cost, which budgets count", async () => {
    const waiting = [...Array.from({ length: 10 }, (_, call) => ask(call % 2 === 0 ? "chat" : "other", "wait")), ...Array.from({ length: 10 }, (_, call) => ask(call % 2 === 0 ? "chat" : "other", "begin", { stream: true }))];
    for (const { status } of await Promise.all(Array.from({ length: 10 }, () => ask("chat", "quick")))) assert.equal(status, 200);
    while (upstream.calls.length < 30) await betweenLooks();
    // Written in the background, a moment after they began.
    for (let notes = ""; !waiting.every((call) => notes.includes(traceOf.get(call)!)); ) [notes] = [await noted(), await betweenLooks()];
    await killAndStart();
    const traces = (await Promise.all(waiting)).map(({ trace, status }) => (status === null ? trace : assert.fail("it was answered"))).sort();
    for (let start = 0; start < 2; start++) {
      const all = await entries();
      const lost = all.filter(({ outcome }) => outcome === "interrupted");
      assert.deepEqual(lost.map(({ attribution }) => attribution.traceId).sort(), traces);
      assert.equal(all.length, 30);
      for (const { estimated, tokens, cost } of lost) {
        assert.ok(estimated && tokens.input > 0 && tokens.output > 0 && tokens.output <= 100);
        assert.equal(cost, tokens.input * 1000 + tokens.output * 1_000_000);
      }
      const spent = all.filter(({ attribution }) => attribution.route === "chat").reduce((sum, { cost }) => sum + cost, 0);
      // By then the budget's first call of this server has begun with it.
      await setRoute("chat", { month: (spent + 1_000_000) / 1e9 });
      const refused = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model: "chat", messages: [{ role: "user", content: "quick" }], max_tokens: 100 }) });
      assert.equal(((await refused.json()) as { error: { code: string } }).error.code, "insufficient_quota");
      await killAndStart();
    }
    assert.equal(await noted(), "");
    assert.ok(server.logLines.every((line) => !line.includes("ledger.calls-interrupted")));
    await setRoute("chat");
  });

  it("count the rounds of repair that were begun, and a search of the web for each", async () => {
    const asked = ask("other", "broken", { response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } }, web_search_options: {} });
    // Of both rounds.
    while (!(await noted()).includes('"mostOutputTokens":200')) await betweenLooks();
    const last = (await noted()).split('"inputTokens":').at(-1)!;
    await killAndStart();
    const { trace } = await asked;
    const [entry] = (await entries()).filter(({ attribution }) => attribution.traceId === trace);
    assert.deepEqual([entry!.outcome, entry!.tokens.input], ["interrupted", Number.parseInt(last, 10)]);
    assert.deepEqual(entry!.units, { webSearches: 2 });
    // The second round has the first one's question in it.
    const once = (await entries()).find(({ outcome, tokens }) => outcome === "interrupted" && tokens.output <= 100)!;
    assert.ok(entry!.tokens.input > 2 * once.tokens.input, `${entry!.tokens.input} beside ${once.tokens.input}`);
  });

  it("have an entry of each attempt that may have worked: of providers that were given up before, and of both that are asked at once", async () => {
    const { api } = server.client;
    const { providers } = await api.get<{ providers: { name: string; settings: { baseUrl: string } }[] }>("/api/gateway/providers");
    const { settings } = providers.find(({ name }) => name === "slow")!;
    for (const [provider, more] of [["later", {}], ["gone", { baseUrl: settings.baseUrl.replace("/v1", "/gone") }]] as const) {
      await api.send("PUT", `/api/gateway/providers/${provider}`, { revision: 0, settings: { ...settings, ...more } });
      await api.send("POST", "/api/prices", { provider, model: "m", rates: { input: 1, output: 1000 } });
    }
    const targets = (...providers: string[]): object[] => providers.map((provider, priority) => ({ provider, model: "m", priority }));
    await api.send("PUT", "/api/gateway/routes/over", { revision: 0, settings: { targets: targets("gone", "later"), attempts: 1, budget: { month: 1000 } } });
    await api.send("PUT", "/api/gateway/routes/hedged", { revision: 0, settings: { targets: targets("slow", "later"), hedgeAfterMs: 50 } });
    const asked = { over: ask("over", "wait"), hedged: ask("hedged", "wait") };
    let notes = "";
    // The second of each has been asked, and the first of one was given up.
    while (!['"ended":null', '"failed-over"'].every((text) => notes.includes(text))) [notes] = [await noted(), await betweenLooks()];
    await killAndStart();
    const all = await entries();
    const of = async (name: keyof typeof asked): Promise<Entry[]> => {
      const { trace } = await asked[name];
      return all.filter(({ attribution }) => attribution.traceId === trace).sort((one, other) => one.provider.localeCompare(other.provider));
    };
    assert.deepEqual((await of("over")).map(({ provider, outcome }) => [provider, outcome]), [["gone", "failed-over"], ["later", "interrupted"]]);
    assert.deepEqual((await of("hedged")).map(({ provider, outcome }) => [provider, outcome]), [["later", "interrupted"], ["slow", "interrupted"]]);
    for (const { estimated, tokens, cost } of [...(await of("over")), ...(await of("hedged"))]) assert.ok(estimated && tokens.input > 0 && tokens.output <= 100 && cost === tokens.input * 1000 + tokens.output * 1_000_000);
  });

  it("are counted once whenever the kill comes", async () => {
    for (let round = 1; round <= 2; round++) {
      const before = upstream.calls.length;
      const asked: ReturnType<typeof ask>[] = [];
      // A call that waits is left alone, and the next one comes at once.
      const goOn = (): void => {
        const isWaiting = asked.length % 3 === 0;
        const one = ask("chat", isWaiting ? "begin" : "quick", { stream: isWaiting });
        asked.push(one);
        if (isWaiting) goOn();
        else void one.then(({ status }) => { if (status !== null) goOn(); });
      };
      for (let callers = 0; callers < 8; callers++) goOn();
      while (upstream.calls.length - before < 60 * round) await new Promise((resolve) => { setImmediate(resolve); });
      await killAndStart();
      const told = await Promise.all(asked);
      const counts = new Map<string, Entry[]>();
      for (const entry of await entries()) counts.set(entry.attribution.traceId, [...(counts.get(entry.attribution.traceId) ?? []), entry]);
      for (const { trace, status } of told) {
        const own = counts.get(trace) ?? [];
        assert.ok(own.length <= 1, `${own.length} entries of one call`);
        if (status === 200) assert.deepEqual(own.map(({ outcome }) => outcome), ["ok"]);
      }
    }
  });
});
