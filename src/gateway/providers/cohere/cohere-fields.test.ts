import assert from "node:assert/strict";
import { it } from "node:test";
import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import type { AssistantPart, ChatRequest } from "../../conversation/chat-request.ts";
import { conformanceCase } from "../conformance.fixture.ts";
import { oneCallAtATime } from "../instructions.ts";
import { data, hello, mappingCases, said } from "../mapping-cases.fixture.ts";
import { collectStream, readEvents } from "../stream-cuts.fixture.ts";
import { cohere } from "./cohere.ts";

type Json = Record<string, unknown>;

const { chat, sent, refused, answer, target } = mappingCases("cohere");
const [plain, reasoner] = ["command-a-03-2025", "command-a-reasoning-08-2025"];
const unknown = { inputTokens: null, outputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null };
const event = (type: string, more: Json = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
const start = event("message-start", { id: "c1", delta: { message: { role: "assistant" } } });
const said1 = (content: Json) => event("content-delta", { index: 0, delta: { message: { content } } });
const opened = (call: Json, index?: number) => event("tool-call-start", { index, delta: { message: { tool_calls: call } } });
const more = (text: string, index?: number) => event("tool-call-delta", { index, delta: { message: { tool_calls: { function: { arguments: text } } } } });
const end = (finish_reason: string, rest: Json = {}) => event("message-end", { delta: { finish_reason, ...rest } });
const streamed = (...events: string[]): ChatAnswer => collectStream(chat.stream(), start + events.join(""));
const assistant = (model: string, ...parts: AssistantPart[]) => {
  const { body, dropped, emulated } = sent({ messages: [hello, { role: "assistant", parts }, hello] }, model);
  return { message: (body.messages as Json[])[1], dropped, emulated };
};
const time = { name: "time", description: "Tells the time", parameters: { type: "object", properties: {} } };

conformanceCase("cohere", 1, "a whole turn of the assistant in its order, and what cannot go along", () => {
  const { message, dropped } = assistant(plain, { type: "thinking", text: "I ", signature: "s" }, { type: "thinking", text: "look.", signature: null }, { type: "text", text: "Hm", cache: {} }, { type: "tool-call", id: "a", name: "time", arguments: " ", signature: "s", cache: {} }, { type: "tool-call", id: "b", name: "time", arguments: '{"a":1}' });
  assert.deepEqual(message, { role: "assistant", content: [{ type: "text", text: "Hm" }], tool_calls: [{ id: "a", type: "function", function: { name: "time", arguments: "{}" } }, { id: "b", type: "function", function: { name: "time", arguments: '{"a":1}' } }], tool_plan: "I look." });
  assert.deepEqual(dropped, ["messages[1].content[0].signature", "messages[1].content[2].cache_control", "messages[1].content[3].cache_control", "messages[1].content[3].signature"]);
  assert.deepEqual(assistant(plain, { type: "refusal", text: "No." }), { message: { role: "assistant", content: [{ type: "text", text: "No." }] }, dropped: [], emulated: ["messages[1].content[0] (a refusal as text)"] });
  assert.deepEqual(assistant("command-a-plus", { type: "thinking", text: "Hm", signature: null }, { type: "tool-call", id: "a", name: "time", arguments: "" }).message!.content, [{ type: "thinking", thinking: "Hm" }]);
  assert.deepEqual(assistant(plain, { type: "thinking", text: "", signature: null }).message, { role: "assistant" });
  assert.deepEqual(sent({ messages: [{ role: "tool", callId: "a", parts: [{ type: "text", text: "1", cache: {} }, { type: "text", text: "2" }], isError: false }] }, plain), { ...sent({}, plain), body: { model: plain, messages: [{ role: "tool", tool_call_id: "a", content: "1\n2" }] }, dropped: ["messages[0].content[0].cache_control"] });
});

conformanceCase("cohere", 3, "tools with all that they say, one call at a time, and schemas without a type", () => {
  const { body, dropped } = sent({ tools: [{ ...time, cache: {} }, { name: "bare", parameters: { properties: { a: {} } }, strict: false }] }, plain);
  assert.deepEqual([body.tools, body.strict_tools, dropped], [[{ type: "function", function: time }, { type: "function", function: { name: "bare", parameters: { type: "object", properties: { a: {} } } } }], undefined, ["tools[0].cache_control"]]);
  assert.deepEqual(sent({ tools: [time], parallelToolCalls: false }, plain).body.messages, [{ role: "system", content: oneCallAtATime }, { role: "user", content: [{ type: "text", text: "Hello" }] }]);
  assert.deepEqual(sent({ parallelToolCalls: false, toolChoice: { type: "required" } }, plain), { ...sent({}, plain) });
}, "emulated");

conformanceCase("cohere", 5, "nothing that was not said, and the nearest of what is taken", () => {
  const { body, path, headers } = sent({}, plain);
  assert.deepEqual([body, path, headers], [{ model: plain, messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }] }, "/v2/chat", { "content-type": "application/json" }]);
  for (const [sampling, field, emulated] of [
    [{ topP: 0 }, { p: 0.01 }, ["top_p (0.01)"]], [{ topP: 0.99 }, { p: 0.99 }, []], [{ topK: 600 }, { k: 500 }, ["top_k (500)"]], [{ topK: 0 }, { k: 0 }, []], [{ frequencyPenalty: 0 }, { frequency_penalty: 0 }, []], [{ presencePenalty: 2 }, { presence_penalty: 1 }, ["presence_penalty (1)"]], [{ stop: ["1", "2", "3", "4", "5"] }, { stop_sequences: ["1", "2", "3", "4", "5"] }, []],
  ] as const) {
    const given = sent({ sampling }, plain);
    assert.deepEqual([given.body, given.emulated], [{ ...body, ...field }, emulated]);
  }
  assert.deepEqual(refused({ sampling: { frequencyPenalty: -0.1 } }, plain), ["frequency_penalty"]);
});

conformanceCase("cohere", 6, "each type of image, its detail, texts that are documents; sound, files and other addresses are refused", () => {
  const content = (...parts: Parameters<typeof said>) => (sent(said(...parts), plain).body.messages as { content: unknown }[])[0]!.content;
  for (const type of ["image/png", "image/jpeg", "image/webp", "image/gif"]) assert.deepEqual(content(data("image", type)), [{ type: "image_url", image_url: { url: `data:${type};base64,AAAA` } }]);
  assert.deepEqual(content({ type: "image", source: { kind: "url", url: "http://a.test/a" }, detail: "low" }), [{ type: "image_url", image_url: { url: "http://a.test/a", detail: "low" } }]);
  assert.deepEqual(sent(said(data("document", "text/csv")), plain).emulated, ["messages[0].content[0] (a document as text)"]);
  const notTaken: Parameters<typeof said> = [{ type: "audio", mediaType: "audio/wav", base64: "AAAA" }, { type: "image", source: { kind: "file", id: "https://a" } }, { type: "image", source: { kind: "url", url: "ftp://a" } }, { type: "document", source: { kind: "url", url: "https://a.test/a.txt" } }];
  assert.deepEqual(refused(said(...notTaken), plain), notTaken.map((_, index) => `messages[0].content[${index}]`));
});

conformanceCase("cohere", 8, "what a schema is for is said in it, unless it says so itself", () => {
  const format = (schema: Json, description?: string) => sent({ output: { type: "schema", name: "n", schema, strict: true, ...(description === undefined ? {} : { description }) } }, plain).body.response_format;
  assert.deepEqual([format({ type: "object" }), format({ type: "object" }, "d"), format({ type: "object", description: "own" }, "d")], [{}, { description: "d" }, { description: "own" }].map((said2) => ({ type: "json_object", json_schema: { type: "object", ...said2 } })));
});

conformanceCase("cohere", 9, "thinking by model, word and budget", () => {
  const think = (reasoning: ChatRequest["reasoning"], model = reasoner) => {
    const { body, dropped, emulated } = sent({ reasoning }, model);
    return [body.thinking, dropped, emulated];
  };
  for (const model of ["command-r-08-2024", "command-light", "command-nightly", plain, "command-a-vision-07-2025", "command-a-translate-08-2025", "c4ai-aya-expanse-32b"]) {
    assert.deepEqual(think({ effort: "low" }, model), [undefined, ["reasoning"], []], model);
    for (const reasoning of [{ effort: "none" }, { budgetTokens: 0 }, {}, null]) assert.deepEqual(think(reasoning, model), [undefined, [], []], model);
  }
  assert.deepEqual([think({ budgetTokens: 5 }), think({ effort: "low", budgetTokens: 5 }), think({ effort: "high" }), think({ budgetTokens: 0 }), think({})], [
    [{ type: "enabled", token_budget: 5 }, [], []], [{ type: "enabled", token_budget: 5 }, ["reasoning_effort"], []], [{ type: "enabled" }, [], ["reasoning_effort (on)"]], [{ type: "disabled" }, [], []], [undefined, [], []],
  ]);
});

conformanceCase("cohere", 11, "an answer with everything, whole and streamed; calls in a list, and arguments that came first", () => {
  const parts: AssistantPart[] = [{ type: "thinking", text: "I look.", signature: null }, { type: "thinking", text: "Hm", signature: null }, { type: "text", text: "Sun" }, { type: "tool-call", id: "a", name: "x", arguments: '{"a":1}' }, { type: "tool-call", id: "b", name: "y", arguments: "" }];
  const usage = { billed_units: { input_tokens: 5, output_tokens: 3, search_units: 1 }, tokens: { input_tokens: 9, output_tokens: 9 }, cached_tokens: 2 };
  const rest = { id: "c1", model: "", finish: "tool-calls" as const, finishWord: "TOOL_CALL", stopSequence: null, usage: { ...unknown, inputTokens: 5, outputTokens: 3, cacheReadTokens: 2, searchUnits: 1 } };
  const content = [{ type: "thinking", thinking: "Hm" }, { type: "other", thinking: "no", text: "no" }, { type: "text", text: "Sun" }];
  assert.deepEqual(answer({ id: "c1", message: { tool_plan: "I look.", content, tool_calls: [{ id: "a", function: { name: "x", arguments: '{"a":1}' } }, { id: "b", function: { name: "y" } }] }, finish_reason: "TOOL_CALL", usage }), { ...rest, parts });
  const merged = [{ type: "thinking" as const, text: "I look.Hm", signature: null }, ...parts.slice(2)];
  assert.deepEqual(streamed(
    event("tool-plan-delta", { delta: { message: { tool_plan: "I look." } } }), event("tool-plan-delta", { delta: { message: {} } }), said1({ thinking: "Hm", text: "" }), said1({ text: "Sun", thinking: "" }), event("citation-start", { message: "no" }), "data: \n\n", "data:  \n\n",
    more("1}", 4), opened({ id: "a", function: { name: "x", arguments: '{"a":' } }, 4), more("", 7), opened([{ id: "b", function: { name: "y" } }] as unknown as Json, 5), end("TOOL_CALL", { usage }), "data: [DONE]\n\n", said1({ text: "late" }),
  ), { ...rest, parts: merged });
  const calls = (...events: string[]) => streamed(...events, end("TOOL_CALL")).parts.map((part) => (part.type === "tool-call" ? `${part.id} ${part.arguments}` : part.type));
  assert.deepEqual(calls(more("1"), more("2"), opened({ id: "a", function: { name: "x" } })), ["a 12"]);
  assert.deepEqual(calls(opened({ id: "a", function: { name: "x" } }, 3), opened({ id: "b", function: { name: "y" } }, 8), more("1", 3), more("2", 8)), ["a 1", "b 2"]);
  assert.throws(() => streamed(more("1", 4), end("TOOL_CALL")), { code: "PROVIDER_STREAM_FAILED" });
});

conformanceCase("cohere", 14, "usage where only a part of it is told", () => {
  const usage = (told: Json) => answer({ finish_reason: "COMPLETE", usage: told }).usage;
  assert.deepEqual([usage({ tokens: { input_tokens: 9, output_tokens: 8 } }), usage({ cached_tokens: 4 })], [{ ...unknown, inputTokens: 9, outputTokens: 8 }, { ...unknown, cacheReadTokens: 4 }]);
});

conformanceCase("cohere", 19, "each word for an end, whole and streamed, with calls and without", () => {
  const call = { id: "a", function: { name: "x", arguments: "{}" } };
  for (const [word, without, calling] of [["COMPLETE", "stop", "tool-calls"], ["STOP_SEQUENCE", "stop", "tool-calls"], ["MAX_TOKENS", "length", "length"], ["TOOL_CALL", "tool-calls", "tool-calls"], ["ERROR_TOXIC", "content-filter", "content-filter"], ["ERROR_LIMIT", "length", "length"], ["NEWS", "stop", "tool-calls"]] as const) {
    assert.deepEqual([answer({ finish_reason: word }).finish, answer({ finish_reason: word, message: { tool_calls: [call] } }).finish, streamed(end(word)).finish, streamed(opened(call), end(word)).finish], [without, calling, without, calling], word);
  }
  for (const word of ["ERROR", "TIMEOUT", "USER_CANCEL", "ERROR_NEWS"]) {
    assert.throws(() => answer({ finish_reason: word }), { code: "PROVIDER_ANSWER_INVALID", message: `The provider could not finish its answer (${word}).` });
    assert.throws(() => streamed(end(word)), { code: "PROVIDER_STREAM_FAILED" });
  }
  assert.throws(() => answer({}), { code: "PROVIDER_ANSWER_INVALID", message: "The provider's answer is not one of its chats." });
  assert.throws(() => streamed(end("")), { code: "PROVIDER_STREAM_FAILED" });
  assert.equal(streamed(end("COMPLETE", { error: "" })).finish, "stop");
  assert.equal(readEvents(chat.stream(), start + event("debug", { message: "no" }) + end("COMPLETE")).length, 3);
});

conformanceCase("cohere", 20, "each status and each word of a failure", () => {
  const failure = (status: number, message = "", headers = {}) => cohere.failure(status, headers, Buffer.from(JSON.stringify({ message })));
  for (const [status, kind] of [[400, "invalid"], [401, "unauthorized"], [402, "quota"], [403, "unauthorized"], [404, "not-found"], [408, "failed"], [409, "invalid"], [413, "context-length"], [429, "rate-limited"], [498, "unauthorized"], [499, "failed"], [500, "failed"], [503, "overloaded"], [529, "overloaded"]] as const) assert.deepEqual(failure(status), { status, kind, message: `The provider answered with status ${status}.`, code: null, retryAfterMs: null });
  for (const [status, words, kind] of [
    [429, "1000 API calls / month", "quota"], [429, "check your billing", "quota"], [429, "Upgrade to a Production key", "quota"], [429, "40 calls / minute; 1000 a month", "rate-limited"], [400, "month", "invalid"], [500, "too long", "failed"],
    ...["too many tokens", "prompt is too long", "context length", "context window", "over the token limit"].map((words) => [400, words, "context-length"] as const), [400, "invalid api key", "unauthorized"], [400, "Invalid API token", "unauthorized"], [500, "invalid api key", "failed"],
  ] as const) assert.equal(failure(status, words).kind, kind, words);
  assert.deepEqual([failure(429, "month", { "retry-after": "1" }).retryAfterMs, failure(429, "slow", { "retry-after": "1" }).retryAfterMs], [null, 1000]);
});

it("embeds, ranks, lists and shows its key with all that it takes, and nothing else", () => {
  const { embeddings, rerank, models, authorize, native } = cohere;
  const asked = { input: ["a"], dimensions: null, encoding: "float" as const, inputType: "search_query", user: null, extra: {} };
  const written = (change: object) => {
    const { body, ...rest } = embeddings!.request({ ...asked, ...change }, target("embed-v4.0"));
    return { ...rest, body: JSON.parse(String(body)) as Json };
  };
  const bare = { path: "/v2/embed", headers: { "content-type": "application/json" }, body: { model: "embed-v4.0", texts: ["a"], input_type: "search_query", embedding_types: ["float"] }, dropped: [], emulated: [] };
  assert.deepEqual(written({}), bare);
  for (const inputType of ["search_document", "classification", "clustering"]) assert.equal(written({ inputType }).body.input_type, inputType);
  assert.deepEqual(written({ user: "u", extra: { truncate: "END", max_tokens: 5, priority: 1, metadata: { a: 1 } } }), { ...bare, body: { ...bare.body, truncate: "END", max_tokens: 5, priority: 1 }, dropped: ["metadata", "user"] });
  assert.equal((written({ input: Array.from({ length: 96 }, () => "a") }).body.texts as unknown[]).length, 96);
  for (const [change, path] of [[{ input: Array.from({ length: 97 }, () => "a") }, "input"], [{ inputType: "x" }, "input_type"], [{ extra: { other: 1 } }, "other"]] as const) assert.throws(() => written(change), (error: { problems?: { path: string }[] }) => error.problems?.[0]?.path === path);
  const read = (float: unknown) => embeddings!.answer(Buffer.from(JSON.stringify({ embeddings: { float } })), {});
  assert.deepEqual(read([[1]]), { model: "", vectors: [[1]], usage: unknown });
  for (const float of [[], [[]], [["x"]], [[1], []]]) assert.throws(() => read(float), { code: "PROVIDER_ANSWER_INVALID" });

  const ranking = rerank!.request({ query: "q", documents: ["a"], topN: null, extra: { priority: 1 } }, target("rerank-v3.5"));
  assert.deepEqual({ ...ranking, body: JSON.parse(String(ranking.body)) as unknown }, { path: "/v2/rerank", headers: bare.headers, body: { model: "rerank-v3.5", query: "q", documents: ["a"], priority: 1 }, dropped: [], emulated: [] });
  assert.throws(() => rerank!.request({ query: "q", documents: ["a"], topN: null, extra: { other: 1 } }, target("r")), { code: "GATEWAY_FIELD_UNSUPPORTED" });
  assert.deepEqual(rerank!.answer(Buffer.from('{"results":[],"meta":{"billed_units":{"search_units":2}}}'), {}), { model: "", results: [], usage: { ...unknown, searchUnits: 2 } });
  assert.throws(() => rerank!.answer(Buffer.from('{"results":[{"index":0}]}'), {}), { code: "PROVIDER_ANSWER_INVALID" });
  const request = { method: "POST" as const, url: new URL("https://a.test/"), headers: {}, body: "" };
  const { settings } = target(plain);
  assert.deepEqual([authorize(request, " k\n", settings, 0), authorize(request, null, settings, 0), models!.path, native], [{ authorization: "Bearer k" }, {}, "/v1/models?page_size=1000", {}]);
  assert.deepEqual(sent({ extra: { safety_mode: "NONE", priority: 2 } }, plain).body.priority, 2);
});
