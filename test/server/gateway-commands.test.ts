import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import { text as textOf } from "node:stream/consumers";
import { Worker } from "node:worker_threads";
import type { AppError, ChatChunk } from "../../src/index.ts";
import type { CommandLineEnd } from "../kit/command-line-thread.ts";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

interface RouteView {
  revision: number;
  team: string;
  settings: { limits?: { requestsPerMinute?: number; tokensPerMinute?: number; concurrency?: number }; targets: { provider: string }[]; guardrails: object[]; [name: string]: unknown };
}

const piece = (content: string): string => `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;
const usage = { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 };
const wholeEnd = `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\ndata: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", choices: [], usage })}\n\ndata: [DONE]\n\n`;

describe("the gateway on the command line and in the SDK", () => {
  let server: RunningServer;
  let thread: Worker;
  const upstream = new GatewayUpstream((_call, response) => answerJson(response, { id: "x", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "Hello." }, finish_reason: "stop" }], usage }));
  before(async () => {
    const address = await upstream.start();
    server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1", MISTRAL_API_KEY: "of-a-test" } });
    thread = new Worker(new URL("../kit/command-line-thread.ts", import.meta.url), { workerData: { url: server.url } });
    await server.client.api.send("PUT", "/api/gateway/providers/acme", { revision: 0, settings: { kind: "compatible", baseUrl: `${address}/v1` } });
    await server.client.api.send("PUT", "/api/gateway/routes/acme-chat", { revision: 0, settings: { targets: [{ provider: "acme", model: "m" }], attempts: 1 } });
  });
  after(async () => {
    await thread.terminate();
    await server.stop();
    upstream.stop();
  });

  async function slipway(...words: string[]): Promise<CommandLineEnd> {
    thread.postMessage(words);
    return ((await once(thread, "message")) as [CommandLineEnd])[0];
  }
  async function done(...words: string[]): Promise<void> {
    const { code, told } = await slipway(...words);
    assert.equal(code, 0, told);
  }
  async function refused(told: RegExp, ...words: string[]): Promise<void> {
    const ended = await slipway(...words);
    assert.equal(ended.code, 1, ended.told);
    assert.match(ended.told, told);
  }
  const route = (name: string): Promise<RouteView> => server.client.api.get(`/api/gateway/routes/${name}`);

  it("sets prompt, limits, budget, cache and guardrails of a route by options, and takes each away by none", async () => {
    const prompt = await server.file("prompt.txt", "Be kind.\n");
    await done("gateway", "set-route", "support", "--target", "echo/echo", "--prompt", prompt, "--requests-per-minute", "60", "--concurrency", "4", "--per-query", "0.5", "--per-day", "20", "--added-tokens", "1000", "--cache-seconds", "600",
      "--guardrail", "pii=block:email+card", "max-cost=0.25", "patterns:secrets=sk-[a-z]{3,9}:=x");
    const { settings } = await route("support");
    assert.deepEqual([settings.systemPrompt, settings.limits?.requestsPerMinute, settings.limits?.concurrency, settings.budget, settings.addedTokens, settings.cache], ["Be kind.", 60, 4, { perQuery: 0.5, day: 20 }, 1000, { exact: true, ttlSeconds: 600 }]);
    assert.deepEqual(settings.guardrails, [{ kind: "pii", on: "both", action: "block", types: ["email", "card"] }, { kind: "max-cost", dollars: 0.25 }, { kind: "patterns", on: "both", name: "secrets", patterns: ["sk-[a-z]{3,9}:=x"] }]);
    const said = (await slipway("gateway", "ask", "support", "it is sk-abc:=x")).told;
    assert.match(said, /Error CONTENT_BLOCKED/);

    // One at a time: all else stays, the targets too.
    await done("gateway", "set-route", "support", "--per-day", "none", "--concurrency", "none", "--tokens-per-minute", "9000");
    const changed = (await route("support")).settings;
    assert.deepEqual([changed.limits?.requestsPerMinute, changed.limits?.tokensPerMinute, changed.limits?.concurrency, changed.budget, changed.systemPrompt, changed.targets[0]!.provider], [60, 9000, undefined, { perQuery: 0.5 }, "Be kind.", "echo"]);
    await done("gateway", "set-route", "support", "--prompt", "none", "--per-query", "none", "--requests-per-minute", "none", "--tokens-per-minute", "none", "--cache-seconds", "none", "--guardrail", "none", "--added-tokens", "none");
    const bare = (await route("support")).settings;
    assert.deepEqual([bare.systemPrompt, bare.budget, bare.limits, bare.cache, bare.guardrails, bare.addedTokens], [undefined, undefined, undefined, undefined, [], undefined]);
    await server.client.api.send("POST", "/api/teams", { name: "search" });
    await done("gateway", "set-route", "support", "--team", "search");
    assert.equal((await route("support")).team, "search");
  });

  it("changes what a file says by the options beside it", async () => {
    const file = await server.file("route.json", '{"targets": [{"provider": "echo", "model": "echo"}], "budget": {"day": 5, "month": 50}, "attempts": 3}');
    await done("gateway", "set-route", "filed", "--file", file, "--per-day", "7", "--target", "acme/m");
    const { settings } = await route("filed");
    assert.deepEqual([settings.budget, settings.attempts, settings.targets.map(({ provider }) => provider)], [{ day: 7, month: 50 }, 3, ["acme"]]);
    await done("gateway", "remove-route", "filed");
  });

  it("says what is wrong with an option, and changes nothing", async () => {
    const before = (await route("acme-chat")).revision;
    const mistakes: [RegExp, ...string[]][] = [
      [/Say what is to change: give --target, --file or another option/], [/--per-day takes a number above 0, or none, not "\$5"\./, "--per-day", "$5"], [/is removed: slipway gateway remove-route acme-chat\./, "--concurrency", "0"], [/settings\.limits\.concurrency/, "--concurrency", "1.5"],
      [/"pii=hide" is no guardrail: write pii, /, "--guardrail", "pii=hide"], [/settings\.guardrails\[0\]\.types\[0\]/, "--guardrail", "pii=block:mail"], [/is no guardrail/, "--guardrail", "classifier:polite=guard"], [/gone\.txt cannot be read here: there is no such file/, "--prompt", "gone.txt"],
      [/names nobody-there, which nobody can call/, "--cache-meaning", "nobody-there"], [/--cache-meaning takes a route/, "--cache-meaning", "embed=high"], [/--cache-meaning needs a cache/, "--cache-seconds", "none", "--cache-meaning", "acme-chat"],
    ];
    for (const [told, ...options] of mistakes) await refused(told, "gateway", "set-route", "acme-chat", ...options);
    await refused(/There is no route fresh yet: give --target or --file\./, "gateway", "set-route", "fresh", "--per-day", "5");
    assert.equal((await route("acme-chat")).revision, before);
  });

  it("counts what limits and budgets refused before a provider was asked by route and reason, and in no costs", async () => {
    await done("gateway", "set-route", "narrow", "--target", "echo/echo", "--requests-per-minute", "1");
    await done("gateway", "set-route", "poor", "--target", "acme/m", "--per-query", "0.000000001");
    await done("gateway", "ask", "narrow", "hello");
    for (const name of ["narrow", "narrow", "poor"]) assert.equal((await slipway("gateway", "ask", name, "hello")).code, 1);
    const { refused: counted } = await server.client.api.get<{ refused: { route: string; reason: string; calls: number }[] }>("/api/gateway/health");
    assert.deepEqual(counted.filter(({ route: name }) => name === "narrow" || name === "poor"), [{ team: "default", route: "narrow", reason: "RATE_LIMITED", calls: 2 }, { team: "default", route: "poor", reason: "PRICE_UNKNOWN", calls: 1 }]);
    assert.match((await slipway("gateway", "health")).told, /REFUSED ON +TEAM +REASON +CALLS, 24 H\nnarrow +default +RATE_LIMITED +2\n/);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.ok(metrics.includes('slipway_gateway_refused_total{team="default",route="narrow",reason="RATE_LIMITED"} 2'), metrics);
    const { rows } = await server.client.api.get<{ rows: { group: { route: string }; calls: number }[] }>("/api/costs?by=route");
    assert.deepEqual(rows.filter(({ group }) => group.route === "narrow" || group.route === "poor").map(({ group, calls }) => [group.route, calls]), [["narrow", 1]]);
    for (const name of ["narrow", "poor"]) await done("gateway", "remove-route", name);
  });

  it("removes nothing that is in use, and names the command that helps", async () => {
    await refused(/The provider acme is a target of the route acme-chat: give it other targets first, such as with `slipway gateway set-route acme-chat --target PROVIDER\/MODEL`, or remove it, such as with `slipway gateway remove-route acme-chat`\./, "gateway", "remove-provider", "acme");
    await refused(/Nobody entered the provider mistral\. Its key is in the server's environment \(MISTRAL_API_KEY\): start the server without it\./, "gateway", "remove-provider", "mistral");
    await refused(/Nobody entered the provider echo\. It is built in and stays\./, "gateway", "remove-provider", "echo");
    await refused(/PROVIDER_NOT_FOUND.*\n.*slipway gateway providers/, "gateway", "remove-provider", "acne");

    await done("gateway", "set-route", "vectors", "--target", "echo/echo");
    await done("gateway", "set-route", "asker", "--target", "echo/echo", "--cache-meaning", "vectors=0.9");
    assert.deepEqual((await route("asker")).settings.cache, { exact: true, ttlSeconds: 3600, semantic: { route: "vectors", threshold: 0.9 } });
    await refused(/The route vectors finds what means the same for the cache of asker: .* `slipway gateway set-route asker --cache-meaning none`\./, "gateway", "remove-route", "vectors");
    await done("gateway", "set-route", "asker", "--cache-meaning", "none");
    assert.deepEqual((await route("asker")).settings.cache, { exact: true, ttlSeconds: 3600 });
    await done("gateway", "remove-route", "vectors");
    await refused(/GATEWAY_MODEL_NOT_FOUND.*\n.*slipway gateway routes/, "gateway", "remove-route", "vectors");
  });

  it("asks with a system's message, and tells the tokens beside the answer", async () => {
    assert.equal((await slipway("gateway", "ask", "acme-chat", "hello", "--system", "Be brief.")).told, "acme-chat: 12 tokens in, 3 out\nHello.\n");
    assert.deepEqual(upstream.calls.at(-1)!.body.messages, [{ role: "system", content: "Be brief." }, { role: "user", content: "hello" }]);
    assert.equal((await slipway("gateway", "ask", "acme-chat", "hello", "--quiet")).told, "Hello.\n");
    const { text, answer } = JSON.parse((await slipway("gateway", "ask", "acme-chat", "hello", "--json", "--quiet")).told) as { text: string; answer: { id: string } };
    assert.deepEqual([text, answer.id], ["Hello.", "x"]);
  });

  /** Answers the next call with a first piece, and gives the answer to go on with. */
  function begun(): Promise<{ response: ServerResponse; abandoned: Promise<void> }> {
    const usual = upstream.answer;
    return new Promise((resolve) => {
      upstream.answer = ({ abandoned }, response) => {
        upstream.answer = usual;
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(piece("First,"));
        resolve({ response, abandoned });
      };
    });
  }

  it("writes an answer on stdout as it comes, and the tokens on stderr", async () => {
    const first = begun();
    const child = spawn(process.execPath, [program, "--url", server.url, "gateway", "ask", "acme-chat", "hello", "--stream"], { stdio: ["ignore", "pipe", "pipe"] });
    const told = textOf(child.stderr);
    const pieces = child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false });
    assert.equal((await pieces.next()).value, "First,");
    (await first).response.end(piece(" then\u001b[2J more") + wholeEnd);
    let rest = "";
    for await (const text of pieces) rest += String(text);
    assert.deepEqual([rest, await told], [" then\\u001b[2J more\n", "acme-chat: 12 tokens in, 3 out\n"]);
    // On a terminal both are seen: the remark begins a line.
    void begun().then(({ response }) => response.end(wholeEnd));
    assert.equal((await slipway("gateway", "ask", "acme-chat", "hello", "--stream")).told, "First,\nacme-chat: 12 tokens in, 3 out\n");
  });

  it("prints the pieces as lines of JSON, and then the whole", async () => {
    const first = begun().then(({ response }) => response.end(wholeEnd));
    const { code, told } = await slipway("gateway", "ask", "acme-chat", "hello", "--stream", "--json", "--quiet");
    await first;
    const [line, ...lines] = told.split("\n");
    assert.deepEqual([code, (JSON.parse(line!) as ChatChunk).choices[0]!.delta.content], [0, "First,"]);
    assert.deepEqual(JSON.parse(lines.slice(lines.indexOf("{")).join("\n")), { text: "First,", usage });
  });

  it("fails where an answer breaks off, on a line of its own", async () => {
    const first = begun().then(({ response }) => response.destroy());
    const { code, told } = await slipway("gateway", "ask", "acme-chat", "hello", "--stream");
    await first;
    assert.equal(code, 1);
    assert.match(told, /^First,\nError PROVIDER_STREAM_FAILED: /);
    await refused(/^Error GATEWAY_MODEL_NOT_FOUND: /, "gateway", "ask", "nobody/knows", "hello", "--stream");
  });

  it("streams to programs, ends the call of who stops, and throws what the stream fails with", async () => {
    const question = { model: "acme-chat", messages: [{ role: "user", content: "hello" }] };
    assert.equal((await server.client.gateway.chat(question)).choices[0]!.message.content, "Hello.");
    void begun().then(({ response }) => response.end(wholeEnd));
    const chunks: ChatChunk[] = [];
    for await (const chunk of server.client.gateway.streamChat(question)) chunks.push(chunk);
    assert.deepEqual([chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join(""), chunks.at(-1)!.usage?.completion_tokens, chunks.at(-1)!.choices], ["First,", 3, []]);

    const stop = new AbortController();
    const left = begun();
    await assert.rejects(async () => {
      for await (const chunk of server.client.gateway.streamChat(question, { signal: stop.signal })) if (chunk.choices[0]?.delta.content === "First,") stop.abort(new Error("enough"));
    }, /^Error: enough$/);
    await (await left).abandoned;

    void begun().then(({ response }) => response.end());
    await assert.rejects(async () => {
      for await (const chunk of server.client.gateway.streamChat(question)) assert.ok(chunk);
    }, (error: AppError) => error.code === "PROVIDER_STREAM_FAILED" && !error.message.includes(error.hint));
  });
});
