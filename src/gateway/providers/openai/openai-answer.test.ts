import assert from "node:assert/strict";
import { it } from "node:test";
import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import { conformanceCase } from "../conformance.fixture.ts";
import { mappingCases } from "../mapping-cases.fixture.ts";
import { providerMappings } from "../provider-mappings.ts";
import { collectStream, readEvents } from "../stream-cuts.fixture.ts";

type Json = Record<string, unknown>;

const kinds = ["openai", "azure", "compatible", "mistral", "ollama"] as const;
const unknown = { inputTokens: null, outputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null };
const broken = { code: "PROVIDER_STREAM_FAILED" };
const invalid = { code: "PROVIDER_ANSWER_INVALID" };
const data = (document: unknown) => `data: ${JSON.stringify(document)}\n\n`;
const chunk = (delta: Json, choice: Json = {}, more: Json = {}) => data({ id: "c-1", model: "m-1", choices: [{ index: 0, delta, ...choice }], ...more });
const whole = (message: unknown, choice: Json = {}, more: Json = {}) => ({ id: "c-1", model: "m-1", choices: [{ index: 0, message, finish_reason: "stop", ...choice }], ...more });
const call = (piece: Json) => chunk({ tool_calls: [piece] });

for (const kind of kinds) {
  const { chat, answer } = mappingCases(kind);
  const streamed = (...events: string[]): ChatAnswer => collectStream(chat.stream(), events.join(""));
  const lenient = kind === "compatible" || kind === "ollama";
  const own = kind === "openai" || kind === "azure" ? "native" as const : "mapped" as const;

  conformanceCase(kind, 9, "every part of an answer, whole and streamed", () => {
    const expected: ChatAnswer = {
      id: "c-1", model: "m-1", finish: "tool-calls", finishWord: "tool_calls", stopSequence: null, usage: unknown,
      parts: [{ type: "thinking", text: "Hm.", signature: "sig" }, { type: "text", text: "Sun" }, { type: "refusal", text: "No." }, { type: "tool-call", id: "a", name: "weather", arguments: '{"city":"Bonn"}' }, { type: "tool-call", id: "call_c1_1", name: "time", arguments: "{}" }],
    };
    const content = [{ type: "thinking", thinking: [{ type: "text", text: "H" }, { type: "text", text: "m" }], signature: "s" }, { type: "thinking", thinking: ".", signature: "ig" }, { type: "text", text: "S" }, { type: "text", text: "un" }, { type: "reference", text: "no", thinking: "no", signature: "no" }];
    const calls = [{ id: "a", type: "function", function: { name: "weather", arguments: '{"city":"Bonn"}' } }, { type: "function", function: { name: "time", arguments: {} } }];
    assert.deepEqual(answer(whole({ role: "assistant", content, refusal: "No.", tool_calls: calls }, { finish_reason: "tool_calls" })), expected);
    assert.deepEqual(streamed(chunk({ role: "assistant", content: "" }), chunk({ content }), chunk({ refusal: "N" }), chunk({ refusal: "o." }), chunk({ tool_calls: calls.map((one, index) => ({ index, ...one })) }), chunk({}, { finish_reason: "tool_calls" }), "data: [DONE]\n\n"), expected);
    assert.deepEqual([answer(whole({ content: "Sun", reasoning_content: "Hm." })).parts, streamed(chunk({ reasoning_content: "H", reasoning: "no" }), chunk({ reasoning: "m." }), chunk({ content: "Sun" }), chunk({}, { finish_reason: "stop" })).parts], [[{ type: "thinking", text: "Hm.", signature: null }, { type: "text", text: "Sun" }], [{ type: "thinking", text: "Hm.", signature: null }, { type: "text", text: "Sun" }]]);
  }, own);

  it(`${kind}: the cost that a provider tells of a call, in one figure or with its parts, whole and streamed`, () => {
    const told = (cost: unknown): (number | undefined)[] => {
      const usage = { prompt_tokens: 9, completion_tokens: 4, cost };
      return [answer(whole({ content: "Sun" }, {}, { usage })).usage.toldCost, streamed(chunk({ content: "Sun" }), chunk({}, { finish_reason: "stop" }), chunk({}, {}, { choices: [], usage })).usage.toldCost];
    };
    for (const [cost, expected] of [[0.00123, 0.00123], [0, 0], [{ input_tokens_cost: 0.1, total_cost: 0.3 }, 0.3], ["0.5", undefined], [-1, undefined], [1e9, undefined], [null, undefined], [undefined, undefined]] as const) assert.deepEqual(told(cost), [expected, expected], String(cost));
  });

  conformanceCase(kind, 11, "arguments as text, as an object and as nothing; calls told apart by index, by id and by name", () => {
    const finished = (...pieces: Json[]) => streamed(...pieces.map(call), chunk({}, { finish_reason: "tool_calls" })).parts.map((part) => (part.type === "tool-call" ? `${part.id} ${part.name} ${part.arguments}` : part.type));
    for (const [given, text] of [['{"a":1}', '{"a":1}'], [{ a: 1 }, '{"a":1}'], [null, ""], [undefined, ""]] as const) {
      assert.deepEqual(finished({ index: 0, id: "a", function: { name: "x", arguments: given } }), [`a x ${text}`]);
      assert.deepEqual(answer(whole({ tool_calls: [{ id: "a", function: { name: "x", arguments: given } }] })).parts, [{ type: "tool-call", id: "a", name: "x", arguments: text }]);
    }
    // Pieces in turn without an index, told apart by their ids.
    assert.deepEqual(finished({ id: "a", function: { name: "x", arguments: "1" } }, { id: "b", function: { name: "y", arguments: "2" } }, { id: "a", function: { arguments: "3" } }, { function: { arguments: "4" } }), ["a x 13", "b y 24"]);
    // A name without an id begins another call, but for the name of a call whose arguments came first.
    assert.deepEqual(finished({ function: { name: "x", arguments: "1" } }, { function: { name: "y", arguments: "2" } }), ["call_c1_0 x 1", "call_c1_1 y 2"]);
    assert.deepEqual(finished({ function: { arguments: "1" } }, { function: { arguments: "2" } }, { id: "a", function: { name: "x", arguments: "3" } }, { function: { arguments: "4" } }), ["a x 1234"]);
    assert.deepEqual(finished({ id: "a", function: { arguments: "1" } }, { function: { name: "x", arguments: "2" } }), ["a x 12"]);
    // One index for several calls, and the name told again with its id.
    assert.deepEqual(finished({ index: 0, id: "a", function: { name: "x", arguments: "1" } }, { index: 0, id: "b", function: { name: "y", arguments: "2" } }, { index: 0, function: { arguments: "3" } }), ["a x 1", "b y 23"]);
    assert.deepEqual(finished({ index: 0, id: "a", function: { name: "x", arguments: "1" } }, { index: 0, id: "a", function: { name: "x", arguments: "2" } }, { index: 0, id: "", function: { name: "x", arguments: "3" } }), ["a x 123"]);
    assert.deepEqual(finished({ index: 3, id: "a", function: { name: "x" } }, { index: 1, id: "b", function: { name: "y" } }, { index: 3, function: { arguments: "1" } }), ["a x 1", "b y "]);
    assert.throws(() => answer(whole({ tool_calls: [{ id: "a", function: { arguments: "{}" } }] })), invalid);
    assert.throws(() => finished({ id: "a", function: { arguments: "{" } }, { id: "b", function: { name: "y" } }), broken);
    const long = `chat-${"0123456789".repeat(4)}`;
    assert.equal((answer({ ...whole({ tool_calls: [{ function: { name: "x" } }] }), id: long }).parts[0] as { id: string }).id, `call_${long.slice(-24)}_0`);
  }, own);

  conformanceCase(kind, 14, "every figure of usage, under each name that it has, and where it stands in a stream", () => {
    const told = { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 2, audio_tokens: 3 }, completion_tokens_details: { reasoning_tokens: 1, audio_tokens: 2 }, server_tool_use: { web_search_requests: 2 } };
    const expected = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 4, cacheWriteTokens: 2, reasoningTokens: 1, audioInputTokens: 3, audioOutputTokens: 2, webSearches: 2, tier: "priority" };
    assert.deepEqual(answer(whole({ content: "a" }, {}, { usage: told, service_tier: "priority" })).usage, expected);
    for (const [word, tier] of [["default", null], ["auto", null], ["flex", "flex"]] as const) assert.equal(answer(whole({ content: "a" }, {}, { usage: told, service_tier: word })).usage.tier, tier);
    assert.deepEqual(answer(whole({ content: "a" }, {}, { usage: { prompt_tokens: 3, prompt_cache_hit_tokens: 2 } })).usage, { ...unknown, inputTokens: 3, cacheReadTokens: 2 });
    const [text, end] = [chunk({ content: "a" }), chunk({}, { finish_reason: "stop" })];
    for (const last of [{ choices: [], usage: told }, { choices: [], x_groq: { usage: told } }, { choices: [{ index: 0, delta: {}, usage: told }] }]) assert.deepEqual(streamed(text, end, data({ ...last, service_tier: "priority" })).usage, expected);
    // A stream that is cut has none; one that says it first and not with its usage was served so, and one that says otherwise then was not.
    const early = chunk({ content: "a" }, {}, { service_tier: "priority" });
    assert.deepEqual(readEvents(chat.stream(), early + end).filter(({ type }) => type === "usage"), [{ type: "usage", usage: { ...unknown, tier: "priority" } }]);
    for (const [last, tier] of [[{}, "priority"], [{ service_tier: "default" }, null]] as const) assert.equal(streamed(early, end, data({ choices: [], usage: told, ...last })).usage.tier, tier);
    for (const nothing of [null, "none", 5]) assert.deepEqual(streamed(text, end, data({ choices: [], usage: nothing })).usage, unknown);
    assert.deepEqual(readEvents(chat.stream(), data({ id: "", choices: [], usage: told }) + text + end).map(({ type }) => type), ["start", "usage", "text", "finish"]);
  }, own);

  conformanceCase(kind, 17, "each way in which servers tell an error instead of an answer", () => {
    for (const [document, words] of [
      [{ error: { message: "busy" } }, "busy"], [{ error: {} }, "without a message"], [{ error: "busy" }, "busy"], [{ object: "error", message: "busy" }, "busy"], [{ object: "error" }, "without a message"],
    ] as const) {
      assert.throws(() => answer({ ...whole({ content: "a" }), ...document }), { ...invalid, message: `The provider answered with an error: ${words}` });
      assert.throws(() => streamed(chunk({ content: "a" }), data(document)), { ...broken, message: `The provider broke its answer off: ${words}` });
    }
    assert.equal(answer({ ...whole({ content: "a" }), error: null, object: "chat.completion" }).finish, "stop");
    assert.throws(() => streamed(chunk({ content: "a" }), `event: error\n${data({ detail: "x" })}`), { ...broken, message: "The provider broke its answer off: without a message" });
    assert.throws(() => answer(whole({ content: "a" }, { finish_reason: "error" })), invalid);
    for (const message of [null, undefined, "text", 5]) assert.throws(() => answer(whole(message)), { ...invalid, message: "The provider's answer has no choice with a message." });
    const done = "data: [DONE]\n\n";
    assert.throws(() => streamed(done), broken);
    if (!lenient) return;
    assert.deepEqual([answer(whole({ content: "a" }, { finish_reason: null })).finishWord, streamed(chunk({ content: "a" }), done).finishWord, streamed(chunk({ content: "a" }), chunk({}, { finish_reason: "length" }), done).finish], [null, null, "length"]);
  }, own);

  conformanceCase(kind, 19, "each word for an end, the sequence that was met, and a second choice that stands beside", () => {
    for (const [word, plain, calling] of [["stop", "stop", "tool-calls"], ["length", "length", "length"], ["model_length", "length", "length"], ["max_tokens", "length", "length"], ["tool_calls", "tool-calls", "tool-calls"], ["function_call", "tool-calls", "tool-calls"], ["content_filter", "content-filter", "content-filter"], ["constructor", "stop", "tool-calls"]] as const) {
      const tools = { tool_calls: [{ index: 0, id: "a", function: { name: "x", arguments: "{}" } }] };
      assert.deepEqual([answer(whole({ content: "a" }, { finish_reason: word })).finish, answer(whole(tools, { finish_reason: word })).finish], [plain, calling], word);
      assert.deepEqual([streamed(chunk({ content: "a" }, { finish_reason: word })).finish, streamed(chunk(tools, { finish_reason: word })).finish], [plain, calling], word);
    }
    for (const [reason, sequence] of [["END", "END"], [7, null], [null, null]] as const) {
      assert.equal(answer(whole({ content: "a" }, { stop_reason: reason })).stopSequence, sequence);
      assert.equal(streamed(chunk({ content: "a" }), chunk({}, { finish_reason: "stop", stop_reason: reason })).stopSequence, sequence);
    }
    const two = answer({ id: "c", model: "m", choices: [{ message: { content: "a" }, finish_reason: "stop" }, { index: 1, message: { content: "b" }, finish_reason: "length" }] });
    assert.deepEqual([two.parts, two.others], [[{ type: "text", text: "a" }], [{ parts: [{ type: "text", text: "b" }], finish: "length", finishWord: "length", stopSequence: null }]]);
    assert.equal("others" in answer(whole({ content: "a" })), false);
    const text = (...choices: Json[]) => streamed(...choices.map((choice) => data({ id: "c", choices: [choice] })), chunk({}, { finish_reason: "stop" })).parts;
    assert.deepEqual(text({ delta: { content: "a" } }, { index: null, delta: { content: "b" } }, { index: 1, delta: { content: "no" } }, { index: 0, delta: { content: "c" } }), [{ type: "text", text: "abc" }]);
    // Completions have a text in the place of a message.
    assert.deepEqual([answer({ id: "c", choices: [{ text: "a", finish_reason: "stop" }] }).parts, text({ text: "a" })], [[{ type: "text", text: "a" }], [{ type: "text", text: "a" }]]);
    assert.deepEqual(answer(whole({ content: "a" }, { text: "no" })).parts, [{ type: "text", text: "a" }]);
  }, own);
}

it("responses that were refused, cut, filtered or that failed, whole and streamed", () => {
  const { chat, answer } = mappingCases("openai");
  const response = (change: Json) => ({ id: "r-1", object: "response", model: "m-1", status: "completed", output: [], ...change });
  const event = (type: string, more: Json) => `event: ${type}\n${data({ type, ...more })}`;
  const started = event("response.created", { response: response({ status: "in_progress" }) });
  const streamed = (...events: string[]) => collectStream(chat.stream(), started + events.join(""));
  for (const [change, finish, word] of [
    [{ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }, "length", "max_output_tokens"], [{ status: "incomplete", incomplete_details: { reason: "content_filter" } }, "content-filter", "content_filter"], [{ status: "incomplete" }, "length", "incomplete"], [{}, "stop", "completed"],
  ] as const) {
    const ends = [answer(response(change)), streamed(event(finish === "stop" ? "response.completed" : "response.incomplete", { response: response(change) }))];
    for (const end of ends) assert.deepEqual([end.finish, end.finishWord, end.stopSequence, end.usage], [finish, word, null, unknown]);
  }
  for (const status of ["failed", "cancelled"]) {
    assert.throws(() => answer(response({ status })), { ...invalid, message: `The provider answered with an error: ${status}` });
    assert.throws(() => streamed(event("response.completed", { response: response({ status, error: { message: "busy" } }) })), { ...broken, message: "The provider answered with an error: busy" });
  }
  assert.throws(() => streamed(event("response.failed", { response: response({ error: { message: "busy" } }) })), { ...broken, message: "The provider broke its answer off: busy" });
  assert.throws(() => streamed(event("error", { message: "busy" })), { ...broken, message: "The provider broke its answer off: busy" });
  const usage = { input_tokens: 5, output_tokens: 3, input_tokens_details: { cached_tokens: 2 }, output_tokens_details: { reasoning_tokens: 1 } };
  const parts = [{ type: "thinking" as const, text: "A\nB\nC", signature: null }, { type: "refusal" as const, text: "No." }, { type: "tool-call" as const, id: "a", name: "time", arguments: "{}" }];
  const output = [{ type: "reasoning", summary: [{ text: "A" }, { text: "B" }], content: [{ text: "C" }] }, { type: "reasoning", summary: [] }, { type: "message", content: [{ type: "refusal", refusal: "No." }, { type: "other", text: "no" }] }, { type: "function_call", call_id: "a", name: "time", arguments: "{}" }, { type: "other", summary: [{ text: "no" }] }];
  const told = { id: "r-1", model: "m-1", parts, finish: "tool-calls", finishWord: "completed", stopSequence: null, usage: { ...unknown, inputTokens: 5, outputTokens: 3, cacheReadTokens: 2, reasoningTokens: 1, tier: "priority" } };
  assert.deepEqual(answer(response({ output, usage, service_tier: "priority" })), told);
  assert.deepEqual(streamed(
    event("response.reasoning_text.delta", { delta: "A\nB\nC" }), event("response.output_item.added", { output_index: 1, item: { type: "message" } }), event("response.refusal.delta", { delta: "No." }),
    event("response.output_item.added", { item: { type: "function_call", call_id: "a", name: "time" } }), event("response.function_call_arguments.delta", { output_index: 0, delta: "{}" }), event("response.function_call_arguments.delta", { output_index: 4, delta: "no" }), event("response.function_call_arguments.delta", { delta: "no" }),
    event("response.completed", { response: response({ usage, service_tier: "priority" }) }), event("response.completed", { response: response({ usage: { input_tokens: 9 } }) }),
  ), told);
});

it("arguments that nobody could write, they are nested so deeply, are refused and not left out", () => {
  const deep = `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
  const { chat } = mappingCases("compatible");
  const call = `{"id":"a","function":{"name":"time","arguments":${deep}}}`;
  assert.throws(() => chat.answer(Buffer.from(`{"id":"c","choices":[{"message":{"tool_calls":[${call}]},"finish_reason":"tool_calls"}]}`), {}), invalid);
  assert.throws(() => chat.answer(Buffer.from(`{"id":"r","object":"response","status":"completed","output":[{"type":"function_call","call_id":"a","name":"time","arguments":${deep}}]}`), {}), invalid);
  assert.throws(() => chat.stream().push(Buffer.from(`data: {"id":"c","choices":[{"delta":{"tool_calls":[${call}]}}]}\n\n`)), broken);
});

it("embeddings and ranked documents, with each field of each dialect", () => {
  const asked = { input: ["a"], dimensions: null, encoding: "float" as const, inputType: null, user: null, extra: {} };
  const request = (kind: (typeof kinds)[number], change: object) => providerMappings[kind].embeddings!.request({ ...asked, ...change }, mappingCases(kind).target("m"));
  for (const [kind, path, dimensions] of [["openai", "/embeddings", "dimensions"], ["azure", "/openai/deployments/m/embeddings?api-version=2024-10-21", "dimensions"], ["compatible", "/embeddings", "dimensions"], ["mistral", "/embeddings", "output_dimension"], ["ollama", "/api/embed", "dimensions"]] as const) {
    const bare = request(kind, {});
    const own = kind === "ollama" ? { truncate: false } : {};
    assert.deepEqual([bare.path, bare.headers, JSON.parse(String(bare.body)), bare.dropped, bare.emulated], [path, { "content-type": "application/json" }, { model: "m", input: ["a"], ...own }, [], []], kind);
    const full = request(kind, { dimensions: 4, user: "u", inputType: "query", extra: { metadata: { a: 1 } } });
    const known = kind !== "mistral" && kind !== "ollama";
    assert.deepEqual(JSON.parse(String(full.body)), { model: "m", input: ["a"], ...own, [dimensions]: 4, ...(known ? { user: "u" } : {}), ...(kind === "ollama" ? {} : { metadata: { a: 1 } }) }, kind);
    assert.deepEqual(full.dropped, ["input_type", ...(known ? [] : ["user"]), ...(kind === "ollama" ? ["metadata"] : [])], kind);
    const judges = () => JSON.parse(String(request(kind, { extra: { other: 1, model: "x" } }).body)) as Json;
    assert.throws(judges, { code: "GATEWAY_FIELD_UNSUPPORTED" }, kind);
    if (known) assert.deepEqual(JSON.parse(String(request(kind, { input: [[1, 2]], extra: { other: 1 } }).body)), { model: "m", input: [[1, 2]], other: 1 });
    else assert.throws(() => request(kind, { extra: { other: 1 } }), { code: "GATEWAY_FIELD_UNSUPPORTED" });
  }
  assert.deepEqual(JSON.parse(String(request("mistral", { extra: { output_dtype: "int8" } }).body)), { model: "m", input: ["a"], output_dtype: "int8" });
  const read = (document: Json, kind: (typeof kinds)[number] = "openai") => providerMappings[kind].embeddings!.answer(Buffer.from(JSON.stringify(document)), {});
  assert.deepEqual(read({ model: "m", data: [{ embedding: [1] }, { embedding: [2] }], usage: { total_tokens: 3 } }), { model: "m", vectors: [[1], [2]], usage: { ...unknown, inputTokens: 3, outputTokens: 0 } });
  assert.equal(read({ data: [{ embedding: [1] }], usage: { prompt_tokens: 2, total_tokens: 3 } }).usage.inputTokens, 2);
  for (const embeddings of [[], [[]], [[1], []]]) assert.throws(() => read({ embeddings }, "ollama"), invalid);

  const rerank = providerMappings.compatible.rerank!;
  const { headers, dropped, emulated, body } = rerank.request({ query: "q", documents: ["a"], topN: null, extra: {} }, mappingCases("compatible").target("m"));
  assert.deepEqual([headers, dropped, emulated, body], [{ "content-type": "application/json" }, [], [], '{"model":"m","query":"q","documents":["a"]}']);
  const ranked = (document: Json) => rerank.answer(Buffer.from(JSON.stringify(document)), {});
  assert.deepEqual(ranked({ model: "m", data: [{ index: 0, score: 0.5 }], usage: { total_tokens: 3 } }), { model: "m", results: [{ index: 0, score: 0.5 }], usage: { ...unknown, inputTokens: 3, outputTokens: 0 } });
  assert.deepEqual(ranked({ results: [{ index: 0, relevance_score: 0.5 }], usage: { prompt_tokens: 2, total_tokens: 3 }, meta: { billed_units: { search_units: 1 } } }).usage, { ...unknown, inputTokens: 2, outputTokens: 0, searchUnits: 1 });
  for (const document of [{ results: [{ relevance_score: 1 }] }, { results: [{ index: -1, score: 1 }] }, { error: "busy", results: [{ index: 0, score: 1 }] }]) assert.throws(() => ranked(document), invalid);
  assert.deepEqual(Object.entries(providerMappings.compatible.native).map(([name, { path }]) => `${name} ${path(mappingCases("compatible").target("m"))}`), ["openai-chat /chat/completions", "openai-completions /completions", "openai-responses /responses", "openai-embeddings /embeddings", "rerank /rerank"]);
  assert.deepEqual(kinds.map((kind) => providerMappings[kind].models?.path ?? null), ["/models", null, "/models", "/models", "/api/tags"]);
});
