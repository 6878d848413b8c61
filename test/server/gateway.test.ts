import assert from "node:assert/strict";
import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { unseenTokens } from "../../src/gateway/calls/unseen-use.ts";
import { startServer } from "../kit/running-server.ts";
import { codeOf, startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";
import { answerJson, GatewayUpstream, speakOpenAi, type UpstreamCall } from "./gateway-upstream.ts";

interface CostEntries {
  entries: { outcome: string; cost: number | null; savedCost?: number | null; provider: string; attribution: { traceId: string; session: string | null; tags: Record<string, string> } }[];
}

/** Nothing that is written down may hold this. */
const secret = "sk-upstream-4f1c2b7d9e0a";
const question = (model: string, more: object = {}, content = "hello"): object => ({ model, messages: [{ role: "user", content }], ...more });

describe("the gateway of a server, between real callers and real upstreams", () => {
  let server: SecuredServer;
  let base: string;
  let secondAddress: string;
  const first = new GatewayUpstream(speakOpenAi);
  const second = new GatewayUpstream(speakOpenAi);

  before(async () => {
    const [one, two] = await Promise.all([first.start(), second.start()]);
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    secondAddress = two;
    base = `http://127.0.0.1:${server.slipway.httpPort}`;
    await provider("first", one);
    await provider("second", two);
    for (const name of ["first", "second"]) await admin("POST", "/api/prices", { provider: name, model: "priced-*", rates: { input: 0, output: 1000 } });
  });
  after(async () => {
    await server.stop();
    first.stop();
    second.stop();
  });

  /** The document of an answer that must be a good one. */
  async function admin<Document>(method: string, path: string, body?: unknown): Promise<Document> {
    const reply = await server.asAdmin(method, path, body);
    assert.ok(reply.status < 300, `${method} ${path}: ${reply.status} ${reply.body}`);
    return JSON.parse(reply.body) as Document;
  }
  const provider = (name: string, address: string, settings: object = {}): Promise<unknown> =>
    admin("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: { kind: "compatible", baseUrl: `${address}/v1`, ...settings }, secret: { from: "value", value: secret } });
  const setRoute = (name: string, settings: object): Promise<unknown> => admin("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings });
  const target = (model: string, more: object = {}, name = "first"): object => ({ provider: name, model, ...more });

  function post(path: string, body: unknown, { key = server.adminKey, headers = {}, signal }: { key?: string; headers?: Record<string, string>; signal?: AbortSignal } = {}): Promise<Response> {
    const sent = typeof body === "string" ? body : JSON.stringify(body);
    return fetch(base + path, { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers }, body: sent, ...(signal === undefined ? {} : { signal }) });
  }
  const chat = (body: unknown, options?: Parameters<typeof post>[2]): Promise<Response> => post("/v1/chat/completions", body, options);
  const messageOf = async (answer: Response): Promise<string> => ((await answer.json()) as { error: { message: string } }).error.message;
  const contentOf = async (answer: Response): Promise<string> => ((await answer.json()) as { choices: [{ message: { content: string } }] }).choices[0].message.content;
  async function newKey(name: string, policy: object, grants: object[] = [{ role: "viewer" }]): Promise<string> {
    const { id, key } = await admin<{ id: string; key: string }>("POST", "/api/keys", { name, grants });
    await admin("PUT", `/api/gateway/keys/${id}`, { revision: 0, settings: policy });
    return key;
  }
  /** Entries are written behind the answer: asked for until they are there. */
  async function entriesOf(query: string, count: number): Promise<CostEntries["entries"]> {
    for (;;) {
      const { entries } = await admin<CostEntries>("GET", `/api/costs/entries?${query}&limit=1000`);
      if (entries.length >= count) return entries;
    }
  }

  it("passes bodies and answers of one protocol byte for byte, but for the model's name", async () => {
    const answered = '{ "id":"x", "object":"chat.completion","created":1,"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"a\\u00e9"},"finish_reason":"stop"}],\n"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}, "later": 12345678901234567890 }';
    first.answer = (_call, response) => void response.writeHead(200, { "content-type": "application/json" }).end(answered);
    const sent = '{"future" : {"big":12345678901234567890, "text":"\\u0041"},\n "model": "first/m-1", "messages":[{"role":"user","content":"hello","kept":1.0}] ,"temperature":0.70}';
    const answer = await chat(sent);
    assert.equal(await answer.text(), answered);
    assert.equal(first.calls.at(-1)!.bytes.toString(), sent.replace("first/m-1", "m-1"));
    assert.equal(first.calls.at(-1)!.headers.authorization, `Bearer ${secret}`);
    assert.equal(answer.headers.get("x-slipway-target"), "first/m-1");

    const events = 'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m-1","odd":true,"choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}\r\n\r\n: note\r\n\r\ndata:{"id":"x","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\ndata: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}\r\n\r\ndata: [DONE]\r\n\r\n';
    first.answer = (_call, response) => void response.writeHead(200, { "content-type": "text/event-stream" }).end(events);
    const streamed = await chat(question("first/m-1", { stream: true, stream_options: { include_usage: true } }));
    assert.equal(await streamed.text(), events);
    const plain = await (await chat(question("first/m-1", { stream: true }))).text();
    assert.ok(!plain.includes('"usage"') && plain.includes('"odd":true') && plain.endsWith("data: [DONE]\r\n\r\n"), plain);
    first.answer = speakOpenAi;
  });

  it("lets a key call what it was given and nothing else", async () => {
    await setRoute("open-to-all", { targets: [target("m")] });
    await setRoute("kept", { targets: [target("m")] });
    const byPolicy = await newKey("by policy", { routes: ["open-to-all", "second/*"] });
    const byGrant = await newKey("by grant", {}, [{ role: "viewer", routes: ["open-to-all"] }]);
    for (const key of [byPolicy, byGrant]) {
      assert.equal((await chat(question("open-to-all"), { key })).status, 200);
      const refused = await chat(question("kept"), { key });
      const missing = await chat(question("kept-not"), { key });
      assert.deepEqual([refused.status, missing.status], [404, 404]);
      const [told, toldOfNothing] = [(await messageOf(refused)).replaceAll("kept", "X"), (await messageOf(missing)).replaceAll("kept-not", "X")];
      // Nobody learns whether what their grants leave out is there. What a policy leaves out its key sees by its grants.
      if (key === byGrant) assert.equal(told, toldOfNothing);
      else assert.match(told, /^There is no model or route named "X" that this key may call: its policy leaves the route out/);
    }
    assert.equal((await chat(question("second/m"), { key: byPolicy })).status, 200);
    assert.equal((await chat(question("second/m"), { key: byGrant })).status, 404);
    const models = (await (await fetch(`${base}/v1/models`, { headers: { authorization: `Bearer ${byGrant}` } })).json()) as { data: { id: string }[] };
    assert.deepEqual(models.data.map(({ id }) => id), ["open-to-all"]);
    assert.equal((await chat(question("open-to-all"), { key: "slk_nothing" })).status, 401);
  });

  it("spends all of a budget and not a cent more, however many call at once", async () => {
    first.answer = ({ body }, response) => answerJson(response, { id: "x", object: "chat.completion", created: 1, model: body.model, choices: [{ index: 0, message: { role: "assistant", content: "one cent" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 10, total_tokens: 13 } });
    await setRoute("budgeted", { targets: [target("priced-1")], budget: { day: 1 } });
    // At worst a call costs two cents, in the end one.
    const answers = await Promise.all(Array.from({ length: 500 }, () => chat(question("budgeted", { max_tokens: 20 }))));
    const refused = answers.filter(({ status }) => status === 402);
    let paid = answers.filter(({ status }) => status === 200).length;
    assert.equal(paid + refused.length, 500);
    assert.ok(paid >= 50 && paid <= 100, String(paid));
    assert.match(await messageOf(refused[0]!), /budget/i);
    // What was reserved too much is given back: the rest can be spent to the last cent.
    while ((await chat(question("budgeted", { max_tokens: 10 }))).status === 200) paid++;
    assert.equal(paid, 100);
    const entries = await entriesOf("route=budgeted", 100);
    assert.deepEqual([entries.length, entries.reduce((sum, { cost }) => sum + cost!, 0)], [100, 1e9]);
    first.answer = speakOpenAi;
  });

  it("refuses a call under a budget whose price nobody knows, unless the route says that it is free", async () => {
    await setRoute("unpriced", { targets: [target("who-knows")], budget: { day: 1 } });
    const calls = first.calls.length;
    const refused = await chat(question("unpriced"));
    assert.ok(refused.status >= 400 && refused.status < 500, String(refused.status));
    assert.match(await messageOf(refused), /who-knows has no price/);
    assert.equal(first.calls.length, calls);
    await setRoute("unpriced-free", { targets: [target("who-knows")], budget: { day: 1 }, unknownPrice: "free" });
    assert.equal((await chat(question("unpriced-free"))).status, 200);
  });

  it("stops the provider when the caller leaves, before and within the answer, and writes it down", async () => {
    await setRoute("left", { targets: [target("priced-2")], budget: { day: 1 } });
    for (const begun of [false, true]) {
      const asked = new Promise<UpstreamCall>((resolve) => {
        first.answer = (call, response) => {
          if (begun) response.writeHead(200, { "content-type": "text/event-stream" }).write('data: {"id":"x","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"wait"}}]}\n\n');
          resolve(call);
        };
      });
      const leave = new AbortController();
      const call = chat(question("left", { stream: begun, max_tokens: 20 }), { signal: leave.signal });
      const { abandoned } = await asked;
      if (begun) await (await call).body!.getReader().read();
      leave.abort();
      if (!begun) await assert.rejects(call);
      await abandoned;
    }
    first.answer = speakOpenAi;
    const cancelled = await entriesOf("route=left&outcome=cancelled", 2);
    assert.equal(cancelled.length, 2);
  });

  it("counts what a caller who leaves was given, where the provider's first figure says less", async () => {
    await admin("PUT", "/api/gateway/providers/cut", { revision: 0, settings: { kind: "anthropic", baseUrl: secondAddress }, secret: { from: "value", value: secret } });
    await admin("POST", "/api/prices", { provider: "cut", model: "m", rates: { input: 0, output: 1000 } });
    const event = (type: string, more: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
    const text = "one two three four five six seven eight nine ten ".repeat(20);
    second.answer = (_call, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write([
        event("message_start", { message: { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: 5, output_tokens: 1 } } }),
        event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }), event("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
      ].join(""));
    };
    const from = performance.now();
    for (const protocol of ["/v1/messages", "/v1/chat/completions"]) {
      const leave = new AbortController();
      const answer = await post(protocol, question("cut/m", { stream: true, max_tokens: 1000 }), { signal: leave.signal });
      const reader = answer.body!.getReader();
      for (let got = ""; !got.includes("ten one");) got += Buffer.from((await reader.read()).value!).toString();
      leave.abort();
    }
    second.answer = speakOpenAi;
    const entries = await entriesOf("provider=cut&outcome=cancelled", 2);
    // Beside what was read: what the provider may have written meanwhile, however slow the machine.
    const most = 300e6 + 1e6 * unseenTokens(performance.now() - from);
    for (const { cost } of entries) assert.ok(cost! >= 200e6 && cost! <= most, `${cost} of ${most}`);
  });

  it("goes on to the next target within the deadline, before the first byte", async () => {
    await setRoute("falls-back", { targets: [target("m-fails"), target("m", { priority: 1 }, "second")], firstByteMs: 2000, deadlineMs: 30_000, attempts: 1 });
    for (const bad of [(): void => undefined, (_call: unknown, response: Parameters<typeof answerJson>[0]): void => answerJson(response, { error: { message: "no" } }, 500), (_call: unknown, response: Parameters<typeof answerJson>[0]): void => void response.destroy()]) {
      first.answer = bad;
      for (const stream of [false, true]) {
        const answer = await chat(question("falls-back", { stream }));
        assert.deepEqual([answer.status, answer.headers.get("x-slipway-target")], [200, "second/m"]);
        assert.match((await answer.text()).replaceAll(/"\}.*?"content":"/gs, ""), /You said: hello/);
      }
    }
    first.answer = speakOpenAi;
  });

  it("replays a cached answer, also as a stream, and asks anew for anything else", async () => {
    await setRoute("cached", { targets: [target("priced-3", {}, "second")], cache: { exact: true } });
    const asked = second.calls.length;
    const fresh = await chat(question("cached", {}, "the same"));
    assert.equal(await contentOf(fresh), "You said: the same");
    const cost = Math.round(Number(fresh.headers.get("x-slipway-cost")) * 1e9);
    assert.ok(cost > 0);
    // What is asked for a price later changes nothing of what was saved.
    await admin("POST", "/api/prices", { provider: "second", model: "priced-3", rates: { input: 0, output: 9000 } });
    const again = await chat(question("cached", {}, "the same"));
    assert.deepEqual([again.headers.get("x-slipway-cache"), await contentOf(again)], ["hit", "You said: the same"]);
    const streamed = await chat(question("cached", { stream: true }, "the same"));
    const chunks = (await streamed.text()).split("\n\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)) as { choices: { delta: { content?: string } }[] });
    assert.deepEqual([streamed.headers.get("x-slipway-cache"), chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")], ["hit", "You said: the same"]);
    assert.equal(second.calls.length, asked + 1);
    await (await chat(question("cached", { temperature: 0.1 }, "the same"))).text();
    await (await chat(question("cached", {}, "the same"), { headers: { "cache-control": "no-cache" } })).text();
    assert.equal(second.calls.length, asked + 3);
    assert.deepEqual((await entriesOf("route=cached&outcome=cached", 2)).map((entry) => [entry.cost, entry.savedCost]), [[0, cost], [0, cost]]);
    assert.ok((await entriesOf("route=cached&outcome=ok", 3)).every((entry) => !("savedCost" in entry)));
    const { total } = await admin<{ total: Record<string, number> }>("GET", "/api/costs?route=cached");
    assert.deepEqual([total.cached, total.savedCost, total.savedUnpriced, total.savedUntold], [2, 2 * cost, 0, 0]);
    // A stream is kept with what it cost, and an answer without a known price says that nobody knows.
    for (const [model, known] of [["priced-1", true], ["who-knows", false]] as const) {
      await setRoute(`cached-${model}`, { targets: [target(model, {}, "second")], cache: { exact: true } });
      for (let call = 0; call < 2; call++) await (await chat(question(`cached-${model}`, { stream: true }, "the same"))).text();
      const [entry] = await entriesOf(`route=cached-${model}&outcome=cached`, 1);
      const [made] = await entriesOf(`route=cached-${model}&outcome=ok`, 1);
      assert.deepEqual([entry!.savedCost, made!.cost !== null], [made!.cost, known]);
    }
  });

  it("keeps personal data from the provider", async () => {
    await setRoute("guarded", { targets: [target("m", {}, "second")], guardrails: [{ kind: "pii", on: "input" }] });
    const answer = await chat(question("guarded", {}, "write to ann.lee@example.org, card 4111 1111 1111 1111"));
    assert.equal(answer.status, 200);
    const sent = second.calls.at(-1)!.bytes.toString();
    assert.ok(!sent.includes("ann.lee") && !sent.includes("4111 1111") && sent.includes("write to"), sent);
  });

  it("limits a key's rate and says when to come again", async () => {
    const key = await newKey("limited", { limits: { requestsPerMinute: 2 }, direct: true });
    const statuses = [];
    for (let call = 0; call < 3; call++) statuses.push(await chat(question("first/m"), { key }));
    assert.deepEqual(statuses.map(({ status }) => status), [200, 200, 429]);
    assert.match(statuses[2]!.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    assert.equal((await post("/v1/messages", question("first/m", { max_tokens: 5 }), { key })).status, 429);
  });

  it("limits single models of a provider, and corrects the tokens that an attempt was let in with", async () => {
    const address = { kind: "compatible", baseUrl: `${secondAddress}/v1` };
    await admin("PUT", "/api/gateway/providers/narrow", { revision: 0, settings: { ...address, modelLimits: { scarce: { requestsPerMinute: 1 }, "*": { tokensPerMinute: 5000 } } }, secret: { from: "value", value: secret } });
    const statuses = async (model: string, more: object = {}): Promise<number[]> => [(await chat(question(model, more))).status, (await chat(question(model, more))).status];
    assert.deepEqual(await statuses("narrow/scarce"), [200, 429]);
    assert.deepEqual(await statuses("narrow/other"), [200, 200]);
    // More than half of a minute's worth is asked for, and 18 tokens are used.
    assert.deepEqual(await statuses("narrow/another", { max_tokens: 4000 }), [200, 200]);
    await setRoute("spread", { targets: [target("scarce", {}, "narrow"), target("other", { priority: 1 }, "narrow")] });
    assert.equal((await chat(question("spread"))).headers.get("x-slipway-target"), "narrow/other");
  });

  it("lets nothing that a caller says become a header", async () => {
    const evil = "m\r\nX-Evil: 1\r\n\r\nHTTP/1.1 200 OK";
    const answer = await chat(question(`first/${evil}`), { headers: { "x-slipway-session": "s-%0d%0aX-Evil: 1", "x-slipway-tags": "team=blue%0d%0aX-Evil" } });
    assert.deepEqual([answer.status, answer.headers.get("x-evil")], [200, null]);
    const { headers, body } = first.calls.at(-1)!;
    assert.deepEqual([headers["x-evil"], body.model], [undefined, evil]);
    // With the bytes themselves the door refuses the request.
    const raw = await server.asAdmin("POST", "/v1/chat/completions", question("first/m"), ["X-Slipway-Session: a\rX-Evil: 1"]);
    assert.equal(raw.status, 400);
    assert.equal((await server.asAdmin("POST", "/v1/chat/completions", question("first/m"), ["X-Slipway-Tags: =,,="])).status, 400);
  });

  it("calls no address inside, however it is named", async () => {
    const inside = ["http://169.254.169.254/latest", "http://[::1]:8080/v1", "http://10.1.2.3/v1", "http://[::ffff:169.254.169.254]/", "http://0x7f.1.1.1/", "http://metadata.google.internal/v1"];
    for (const [index, baseUrl] of inside.entries()) {
      const reply = await server.asAdmin("PUT", `/api/gateway/providers/inside-${index}`, { revision: 0, settings: { kind: "compatible", baseUrl } });
      // A name is judged when it is called, by what it stands for then.
      if (reply.status === 400) assert.equal(codeOf(reply), "EGRESS_REFUSED", baseUrl);
      else assert.notEqual((await chat(question(`inside-${index}/m`))).status, 200, baseUrl);
    }
    // `localhost` is a name of an address that is allowed here only as a number.
    assert.notEqual((await server.asAdmin("PUT", "/api/gateway/providers/redirect", { revision: 0, settings: { kind: "compatible", baseUrl: "http://user:pass@127.0.0.1/v1" } })).status, 200);
    const before = second.calls.length;
    first.answer = (_call, response) => void response.writeHead(307, { location: `http://127.0.0.1:1/` }).end();
    assert.notEqual((await chat(question("first/m-redirects"))).status, 200);
    assert.equal(second.calls.length, before);
    first.answer = speakOpenAi;
  });

  it("writes the secrets of providers into no answer, log, trace or file", async () => {
    // The worst provider says the key back, with every kind of failure.
    for (const status of [400, 401, 403, 404, 429, 500]) {
      first.answer = ({ headers }, response) => answerJson(response, { error: { message: `bad key ${headers.authorization}`, type: "x", code: "x" } }, status);
      const answer = await chat(question("first/m-leaks"));
      const said = await answer.text();
      assert.ok(!said.includes(secret), String(status));
      if (status === 400) assert.match(said, /bad key/);
    }
    first.answer = speakOpenAi;
    for (const path of ["/api/gateway/providers", "/api/gateway/health", "/api/traces?limit=200", "/api/costs/entries?limit=1000", "/api/audit?limit=1000"]) assert.ok(!(await server.asAdmin("GET", path)).body.includes(secret), path);
    const { traces } = await admin<{ traces: { traceId: string }[] }>("GET", "/api/traces?limit=50");
    assert.ok(traces.length > 0);
    for (const { traceId } of traces) assert.ok(!(await server.asAdmin("GET", `/api/traces/${traceId}`)).body.includes(secret));
    assert.ok(!server.logged.join("\n").includes(secret));
    const files = globSync("**/*", { cwd: server.directory }).map((name) => join(server.directory, name)).filter((path) => statSync(path).isFile());
    assert.ok(files.length > 2);
    for (const path of files) assert.ok(!readFileSync(path).includes(secret), path);
  });
});

describe("the ledger of a server that is killed", () => {
  it("has every call that was answered", async () => {
    const killed = await startServer();
    await killed.client.api.send("POST", "/api/prices", { provider: "echo", model: "echo", rates: { input: 0, output: 1_000 } });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, call) => fetch(`${killed.url}/v1/chat/completions`, {
      method: "POST", body: JSON.stringify(question("echo", { stream: call % 2 === 1 }, "one two three")), headers: { "content-type": "application/json", "x-slipway-tags": `call=${call}` },
    })));
    for (const answer of answers) assert.equal(answer.status, 200);
    await Promise.all(answers.map((answer) => answer.text()));
    await killed.kill();
    const server = await startServer({ directory: killed.directory });
    try {
      const { entries } = await server.client.api.get<CostEntries>("/api/costs/entries");
      assert.deepEqual(entries.map(({ attribution }) => attribution.tags.call).sort(), ["0", "1", "2", "3", "4", "5", "6", "7"]);
      assert.deepEqual(new Set(entries.map(({ cost }) => cost)), new Set([3e6]));
    } finally {
      await server.stop();
    }
  });
});
