import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import type { TransportAnswer, UpstreamTransport } from "../routing/upstream-transport.ts";
import { ProviderSettings } from "../schemas.ts";
import { chatRequest } from "./conformance.fixture.ts";
import { wordVector } from "./echo/word-vectors.ts";
import { localTransport } from "./local-transport.ts";
import type { UpstreamRequest } from "./provider-mapping.ts";
import { providerBaseUrls, providerMappings } from "./provider-mappings.ts";
import { collectStream } from "./stream-cuts.fixture.ts";

const elsewhere: UpstreamTransport = { send: () => Promise.reject(new AppError("EGRESS_REFUSED", "sent on")), close: () => Promise.resolve() };

function open(settings: ProviderSettings) {
  const transport = localTransport(elsewhere, new ManualClock());
  const mapping = providerMappings[settings.kind] ?? assert.fail();
  const send = (request: Pick<UpstreamRequest, "path" | "body">, signal = new AbortController().signal) =>
    transport.send({ provider: "local", settings, method: "POST", url: new URL(`${providerBaseUrls[settings.kind] ?? "http://elsewhere.example"}${request.path}`), headers: {}, body: request.body, signal });
  const chat = (change: Partial<ChatRequest> = {}, signal?: AbortSignal) => send(mapping.chat?.request(chatRequest(change), { model: "m", settings }) ?? assert.fail(), signal);
  return { mapping, send, chat, read: async (answer: TransportAnswer) => mapping.chat?.answer(await bytesOf(answer), answer.headers) ?? assert.fail() };
}

async function bytesOf({ body }: TransportAnswer): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

const echo = ProviderSettings.parse({ kind: "echo" });
const user = (text: string): Partial<ChatRequest> => ({ messages: [{ role: "system", parts: [{ type: "text", text: "Be kind." }] }, { role: "user", parts: [{ type: "text", text }] }] });

describe("the echo provider", () => {
  it("answers with the last text, whole and in pieces", async () => {
    const { chat, read, mapping } = open(echo);
    const answer = await read(await chat(user("Grüß  dich,\n🎈 du")));
    assert.deepEqual([answer.parts, answer.finish, answer.usage.inputTokens, answer.usage.outputTokens, answer.model], [[{ type: "text", text: "Grüß  dich,\n🎈 du" }], "stop", 6, 4, "m"]);
    const streamed = await chat({ ...user("Grüß  dich,\n🎈 du"), stream: true });
    let pieces = 0;
    const parts: Uint8Array[] = [];
    for await (const part of streamed.body) pieces = parts.push(part);
    assert.ok(pieces > 4);
    const collected = collectStream(mapping.chat?.stream() ?? assert.fail(), Buffer.concat(parts));
    assert.deepEqual({ ...collected, id: "" }, { ...answer, id: "" });
    assert.notEqual(collected.id, answer.id);
  });

  it("calls a tool that is there, gives back what it said, and keeps to limits", async () => {
    const { chat, read } = open(echo);
    const tools = [{ name: "weather", parameters: {} }];
    const called = await read(await chat({ ...user('call weather {"city": "Bonn"}'), tools }));
    assert.deepEqual([called.finish, called.parts], ["tool-calls", [{ type: "tool-call", id: "call_echo_0", name: "weather", arguments: '{"city": "Bonn"}' }]]);
    assert.equal((await read(await chat(user("call weather {}")))).finish, "stop");
    const result = await read(await chat({ tools, messages: [...(user("call weather").messages ?? []), { role: "assistant", parts: called.parts }, { role: "tool", callId: "call_echo_0", parts: [{ type: "text", text: "sun" }], isError: false }] }));
    assert.deepEqual(result.parts, [{ type: "text", text: "sun" }]);
    const { sampling } = chatRequest();
    assert.deepEqual([(await read(await chat({ ...user("one two three"), sampling: { ...sampling, maxOutputTokens: 2 } }))).parts, (await read(await chat({ ...user("one two three"), sampling: { ...sampling, stop: [" tw"] } }))).parts], [[{ type: "text", text: "one two" }], [{ type: "text", text: "one" }]]);
  });

  it("hashes words into unit vectors and ranks by them", async () => {
    const { mapping, send } = open(echo);
    const vectors = mapping.embeddings?.answer(await bytesOf(await send(mapping.embeddings.request({ input: ["Hello world", "world, hello!", "unlike that", "?!"], dimensions: 64, encoding: "float", inputType: null, user: null, extra: {} }, { model: "m", settings: echo }))), {}).vectors ?? [];
    assert.deepEqual(vectors.map((vector) => [vector.length, Math.round(Math.hypot(...vector) * 1e9)]), Array(4).fill([64, 1e9]));
    assert.deepEqual(vectors[0], vectors[1]);
    assert.notDeepEqual(vectors[0], vectors[2]);
    // Stays what it was, as stored vectors must keep their meaning.
    assert.deepEqual(wordVector("hello", 4), wordVector("HELLO", 4));
    const ranked = mapping.rerank?.answer(await bytesOf(await send(mapping.rerank.request({ query: "red apple", documents: ["a blue car", "an apple", "the red apple"], topN: 2, extra: {} }, { model: "m", settings: echo }))), {});
    assert.deepEqual(ranked?.results.map(({ index }) => index), [2, 1]);
    assert.deepEqual(mapping.models?.read(JSON.parse((await bytesOf(await send({ path: "/models", body: "" }))).toString())), ["echo"]);
  });

  it("refuses as a provider would, and ends with its caller", async () => {
    const { mapping, send, chat } = open(echo);
    for (const [path, body, status] of [["/chat/completions", "{}", 400], ["/chat/completions", "no", 400], ["/audio", "{}", 404]] as const) {
      const answer = await send({ path, body });
      assert.equal(answer.status, status);
      assert.notEqual(mapping.failure(status, answer.headers, await bytesOf(answer)).message, "");
    }
    await assert.rejects(chat({}, AbortSignal.abort()), (error) => error instanceof AppError && error.code === "PROVIDER_UNAVAILABLE");
  });
});

describe("the scripted provider", () => {
  const script = [{ text: "first", inputTokens: 100, outputTokens: 5 }, { status: 429, error: "slow down" }, { toolCalls: [{ name: "time", arguments: "{}" }] }];

  it("says its script in turn, and the last line again", async () => {
    const { chat, read, mapping } = open(ProviderSettings.parse({ kind: "scripted", script }));
    const first = await read(await chat());
    assert.deepEqual([first.parts, first.usage.inputTokens, first.usage.outputTokens], [[{ type: "text", text: "first" }], 100, 5]);
    const refused = await chat();
    const failure = mapping.failure(refused.status, refused.headers, await bytesOf(refused));
    assert.deepEqual([failure.kind, failure.message], ["rate-limited", "slow down"]);
    for (const turn of [2, 3]) assert.deepEqual((await read(await chat())).parts, [{ type: "tool-call", id: `call_scripted_${turn}_0`, name: "time", arguments: "{}" }]);
  });

  it("waits as it says, and no longer than its caller", async () => {
    const { chat } = open(ProviderSettings.parse({ kind: "scripted", script: [{ text: "late", delayMs: 600_000 }] }));
    const caller = new AbortController();
    const answer = chat({}, caller.signal);
    caller.abort();
    await assert.rejects(answer, (error) => error instanceof AppError && error.code === "PROVIDER_UNAVAILABLE");
  });

  it("begins again when its script is another, and not when it is the same read again", async () => {
    const transport = localTransport(elsewhere, new ManualClock());
    const say = async (texts: string[]) => {
      const settings = ProviderSettings.parse({ kind: "scripted", script: texts.map((text) => ({ text })) });
      const { path, body } = providerMappings.scripted?.chat?.request(chatRequest(), { model: "m", settings }) ?? assert.fail();
      const answer = await transport.send({ provider: "p", settings, method: "POST", url: new URL(`http://local.invalid${path}`), headers: {}, body, signal: new AbortController().signal });
      const [part] = providerMappings.scripted?.chat?.answer(await bytesOf(answer), {}).parts ?? [];
      return part?.type === "text" ? part.text : "";
    };
    assert.deepEqual([await say(["a", "b"]), await say(["a", "b"]), await say(["c", "d"])], ["a", "b", "c"]);
  });
});

describe("other providers", () => {
  it("go on to the network", async () => {
    await assert.rejects(open(ProviderSettings.parse({ kind: "openai" })).chat(), (error) => error instanceof AppError && error.code === "EGRESS_REFUSED");
  });
});
