import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChatMessage, ChatRequest, ToolDefinition } from "../../conversation/chat-request.ts";
import { eventsOf } from "../../conversation/chat-event.ts";
import { refusedPaths } from "../refused-fields.fixture.ts";
import { ProviderSettings } from "../../schemas.ts";
import { chatRequest, conformanceCase } from "../conformance.fixture.ts";
import type { MappingTarget } from "../provider-mapping.ts";
import { assertSameEventsWhereverCut, assertSurvivesJunk, collectStream, readEvents } from "../stream-cuts.fixture.ts";
import { gemini } from "./gemini.ts";

const chat = gemini.chat!;
const target = (model: string, settings: object = {}): MappingTarget => ({ model, settings: ProviderSettings.parse({ kind: "gemini", ...settings }) });
const newest = target("gemini-3-flash-preview");
const second = target("gemini-2.5-flash");
const old = target("gemini-2.0-flash");

interface Body {
  contents: { role: string; parts: Record<string, unknown>[] }[];
  systemInstruction?: { parts: { text: string }[] };
  generationConfig: Record<string, unknown>;
  tools?: { functionDeclarations: Record<string, unknown>[] }[];
  toolConfig?: unknown;
  [field: string]: unknown;
}

function sent(change: Omit<Partial<ChatRequest>, "sampling"> & { sampling?: Partial<ChatRequest["sampling"]> }, to = newest): { body: Body; path: string; dropped: readonly string[]; emulated: readonly string[] } {
  const { body, ...rest } = chat.request(chatRequest(change as Partial<ChatRequest>), to);
  return { body: JSON.parse(String(body)) as Body, ...rest };
}

const refused = (change: Partial<ChatRequest>, to = newest): string[] => refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => chat.request(chatRequest(change), to));

const weather: ToolDefinition = { name: "weather", description: "Looks outside", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };
const text = (words: string) => ({ type: "text" as const, text: words });
const user = (words: string): ChatMessage => ({ role: "user", parts: [text(words)] });
const call = (id: string, name: string, args: string, signature?: string): ChatMessage => ({ role: "assistant", parts: [{ type: "tool-call", id, name, arguments: args, ...(signature === undefined ? {} : { signature }) }] });
const result = (callId: string, words: string, isError = false): ChatMessage => ({ role: "tool", callId, parts: [text(words)], isError });
const answer = (document: object) => chat.answer(Buffer.from(JSON.stringify(document)), {});
const candidate = (parts: object[], finishReason = "STOP") => ({ candidates: [{ content: { role: "model", parts }, finishReason, index: 0 }], responseId: "r1", modelVersion: "gemini-3-flash" });
const events = (...chunks: object[]) => chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join("");

/** As the service streams: thoughts, an answer over several pieces with a signature at its end, two calls of which the first is signed. */
const stream = `: hello\r\n\r\n${events(
  { candidates: [{ content: { parts: [{ text: "Wie war das 🤔", thought: true }], role: "model" }, index: 0 }], usageMetadata: { promptTokenCount: 12, totalTokenCount: 40, thoughtsTokenCount: 28 }, modelVersion: "gemini-3-flash", responseId: "r1" },
  { candidates: [{ content: { parts: [{ text: "Zwölf" }], role: "model" }, index: 0 }], usageMetadata: { promptTokenCount: 12, candidatesTokenCount: 2, thoughtsTokenCount: 28 }, modelVersion: "gemini-3-flash", responseId: "r1" },
  { candidates: [{ content: { parts: [{ text: " 日本", thoughtSignature: "c2ln" }], role: "model" }, index: 0 }] },
  { candidates: [{ content: { parts: [{ functionCall: { name: "weather", args: { city: "Köln" } }, thoughtSignature: "Y2FsbA==" }, { functionCall: { id: "own", name: "now" } }], role: "model" }, finishReason: "STOP", index: 0 }] },
  { candidates: [{ content: { parts: [{ text: "" }], role: "model" }, finishReason: "STOP", index: 0 }], usageMetadata: { promptTokenCount: 12, candidatesTokenCount: 9, thoughtsTokenCount: 28, cachedContentTokenCount: 8 } },
)}`;

conformanceCase("gemini", 1, "arguments go as an object, and come back as text", () => {
  const { body, emulated } = sent({ tools: [weather], messages: [user("?"), call("a", "weather", '{"city":"Rome"}', "s"), result("a", "sun"), call("b", "weather", "", "s"), result("b", "sun"), call("c", "weather", '{"city', "s"), result("c", "?")] });
  const args = body.contents.flatMap(({ parts }) => parts).flatMap(({ functionCall }) => (functionCall === undefined ? [] : [(functionCall as { args: unknown }).args]));
  assert.deepEqual(args, [{ city: "Rome" }, {}, { INVALID_JSON: '{"city' }]);
  assert.deepEqual(emulated, ["messages[5].content[0].arguments (no JSON object, wrapped in one)"]);
  const parts = answer(candidate([{ functionCall: { name: "weather", args: { city: "Rome" } } }, { functionCall: { name: "now" } }])).parts;
  assert.deepEqual(parts, [{ type: "tool-call", id: "call_r1_0", name: "weather", arguments: '{"city":"Rome"}' }, { type: "tool-call", id: "call_r1_1", name: "now", arguments: "" }]);
});

conformanceCase("gemini", 2, "results of one turn stand together, with the tool's name, errors and images", () => {
  const image = { type: "image" as const, source: { kind: "data" as const, mediaType: "image/png", base64: "AAAA" } };
  const messages: ChatMessage[] = [user("?"), { role: "assistant", parts: [{ type: "tool-call", id: "a", name: "weather", arguments: "{}" }, { type: "tool-call", id: "b", name: "photo", arguments: "{}" }] },
    result("a", "no network", true), { role: "tool", callId: "b", parts: [text("here"), image], isError: false }, user("And?")];
  const { body } = sent({ tools: [weather], messages });
  assert.deepEqual(body.contents.slice(2), [
    { role: "user", parts: [{ functionResponse: { id: "a", name: "weather", response: { error: "no network" } } }, { functionResponse: { id: "b", name: "photo", response: { output: "here" }, parts: [{ inlineData: { mimeType: "image/png", data: "AAAA" } }] } }] },
    { role: "user", parts: [{ text: "And?" }] },
  ]);
  const before = sent({ tools: [weather], messages }, second);
  assert.deepEqual(before.body.contents[2]!.parts.map((part) => Object.keys(part)[0]), ["functionResponse", "functionResponse", "inlineData"]);
  assert.deepEqual(before.emulated, ["messages[3] (images of a tool result beside it)"]);
  assert.deepEqual(refused({ messages: [result("nobody", "x")] }), ["messages[0].tool_call_id"]);
});

conformanceCase("gemini", 3, "tool choice, and one call at a time by an instruction", () => {
  const config = (toolChoice: ChatRequest["toolChoice"]) => sent({ tools: [weather], toolChoice }).body.toolConfig;
  assert.equal(config({ type: "auto" }), undefined);
  assert.deepEqual(config({ type: "none" }), { functionCallingConfig: { mode: "NONE" } });
  assert.deepEqual(config({ type: "required" }), { functionCallingConfig: { mode: "ANY" } });
  assert.deepEqual(config({ type: "tool", name: "weather" }), { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["weather"] } });
  const { body, emulated } = sent({ tools: [weather], parallelToolCalls: false });
  assert.match(body.systemInstruction!.parts[0]!.text, /at most one tool/);
  assert.deepEqual(emulated, ["parallel_tool_calls (by an instruction)"]);
}, "emulated");

conformanceCase("gemini", 4, "system messages at the head are instructions, later ones the user's; cache marks are named", () => {
  const { body, dropped, emulated } = sent({ messages: [{ role: "system", parts: [{ ...text("Be brief."), cache: {} }] }, { role: "system", parts: [text("Be kind.")] }, user("Hi"), { role: "system", parts: [text("Now French.")] }, { ...user("Go on"), name: "Ada" } as ChatMessage] });
  assert.deepEqual(body.systemInstruction, { parts: [{ text: "Be brief." }, { text: "Be kind." }] });
  assert.deepEqual(body.contents, [{ role: "user", parts: [{ text: "Hi" }, { text: "Now French." }, { text: "Go on" }] }]);
  assert.deepEqual(dropped, ["messages[0].content[0].cache_control", "messages[4].name"]);
  assert.deepEqual(emulated, ["messages[3] (a system message as the user's)"]);
}, "emulated");

conformanceCase("gemini", 5, "sampling has a place for everything", () => {
  const { body } = sent({ sampling: { maxOutputTokens: 9, temperature: 1.7, topP: 0.5, topK: 7, stop: ["END"], seed: 3, frequencyPenalty: -1, presencePenalty: 1 } });
  assert.deepEqual(body.generationConfig, { maxOutputTokens: 9, temperature: 1.7, topP: 0.5, topK: 7, seed: 3, frequencyPenalty: -1, presencePenalty: 1, stopSequences: ["END"] });
  assert.deepEqual(sent({}).body.generationConfig, {});
  assert.deepEqual(refused({ sampling: { ...chatRequest().sampling, stop: ["1", "2", "3", "4", "5", "6"] } }), ["stop"]);
});

conformanceCase("gemini", 6, "images, documents and audio by data, address and file; others are refused by name", () => {
  const media = (source: object, type: "image" | "document" = "image") => ({ messages: [{ role: "user" as const, parts: [{ type, source } as ChatMessage["parts"][number]] }] }) as Partial<ChatRequest>;
  const part = (...given: Parameters<typeof media>) => sent(media(...given)).body.contents[0]!.parts[0];
  assert.deepEqual(part({ kind: "data", mediaType: "image/webp", base64: "AA==" }), { inlineData: { mimeType: "image/webp", data: "AA==" } });
  assert.deepEqual(part({ kind: "data", mediaType: "application/pdf", base64: "AA==" }, "document"), { inlineData: { mimeType: "application/pdf", data: "AA==" } });
  assert.deepEqual(part({ kind: "url", url: "https://example.com/a.png?x=1" }), { fileData: { fileUri: "https://example.com/a.png?x=1", mimeType: "image/png" } });
  assert.deepEqual(part({ kind: "file", id: "files/abc" }, "document"), { fileData: { fileUri: "https://generativelanguage.googleapis.com/v1beta/files/abc" } });
  for (const source of [{ kind: "data", mediaType: "image/tiff", base64: "AA==" }, { kind: "url", url: "http://169.254.169.254/a.png" }, { kind: "url", url: "file:///etc/passwd" }]) assert.deepEqual(refused(media(source)), ["messages[0].content[0]"]);
});

const tree = {
  type: "object", required: ["root", "kind"], additionalProperties: false, $defs: { node: { type: "object", properties: { value: { anyOf: [{ type: "string" }, { type: "null" }] }, next: { $ref: "#/$defs/node" } } } },
  properties: { root: { $ref: "#/$defs/node", description: "the first" }, kind: { const: "tree" }, size: { type: ["integer", "null"] } },
};

conformanceCase("gemini", 7, "schemas keep references and recursion where the API knows them, and are written out for older models", () => {
  const parameters = (to: MappingTarget) => sent({ tools: [{ name: "grow", parameters: tree }] }, to).body.tools![0]!.functionDeclarations[0]!;
  assert.deepEqual(parameters(newest).parametersJsonSchema, {
    ...tree, properties: { root: { description: "the first", anyOf: [{ $ref: "#/$defs/node" }] }, kind: { enum: ["tree"] }, size: { type: ["integer", "null"] } },
  });
  const { parameters: written, parametersJsonSchema } = parameters(old);
  assert.equal(parametersJsonSchema, undefined);
  const value = { nullable: true, type: "STRING" };
  assert.deepEqual(written, {
    type: "OBJECT", required: ["root", "kind"],
    properties: {
      root: { type: "OBJECT", description: "the first", properties: { value, next: { type: "OBJECT", properties: { value, next: { type: "OBJECT" } } } } },
      kind: { type: "STRING", enum: ["tree"] }, size: { type: "INTEGER", nullable: true },
    },
  });
  assert.deepEqual(sent({ tools: [{ name: "grow", parameters: tree }] }, old).emulated, ["tools[0].parameters (a simpler schema)"]);
  assert.equal(sent({}, target("gemini-2.5-pro", { apiVersion: "v1" })).path, "/v1/models/gemini-2.5-pro:generateContent");
  assert.deepEqual(sent({ tools: [{ name: "now", parameters: { type: "object", properties: {} } }] }).body.tools![0]!.functionDeclarations[0], { name: "now" });
});

it("does not grow without bound where references of an older model's schema multiply", () => {
  const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
  const properties = Object.fromEntries(names.map((name) => [name, { $ref: `#/$defs/${name}` }]));
  const parameters = { type: "object", properties, $defs: Object.fromEntries(names.map((name) => [name, { type: "object", properties }])) };
  assert.ok(String(chat.request(chatRequest({ tools: [{ name: "x", parameters }] }), old).body).length < 2_000_000);
});

conformanceCase("gemini", 8, "JSON and schemas are the model's own, but not beside tools before the third generation", () => {
  const output = { type: "schema" as const, name: "t", schema: tree, strict: true };
  assert.deepEqual(Object.keys(sent({ output }).body.generationConfig), ["responseMimeType", "responseJsonSchema"]);
  assert.equal(sent({ output }, old).body.generationConfig.responseSchema !== undefined, true);
  assert.deepEqual(sent({ output: { type: "json" } }).body.generationConfig, { responseMimeType: "application/json" });
  assert.deepEqual(refused({ output, tools: [weather] }, second), ["response_format"]);
  assert.deepEqual(refused({ output, tools: [weather] }), []);
});

conformanceCase("gemini", 9, "thoughts and signatures come back to where they were", () => {
  const first = answer(candidate([{ text: "Hm", thought: true }, { text: "Sun", thoughtSignature: "c2ln" }, { functionCall: { id: "x", name: "weather", args: {} }, thoughtSignature: "Y2FsbA==" }]));
  assert.deepEqual(first.parts, [{ type: "thinking", text: "Hm", signature: "gemini:c2ln" }, { type: "text", text: "Sun" }, { type: "tool-call", id: "x", name: "weather", arguments: "{}", signature: "Y2FsbA==" }]);
  const { body } = sent({ tools: [weather], messages: [user("?"), { role: "assistant", parts: first.parts }, result("x", "sun")] });
  assert.deepEqual(body.contents[1]!.parts, [{ text: "Hm", thought: true }, { text: "Sun", thoughtSignature: "c2ln" }, { functionCall: { id: "x", name: "weather", args: {} }, thoughtSignature: "Y2FsbA==" }]);
  // Another provider's signature says nothing here, and the third generation wants one with the first call of each step.
  const foreign = sent({ tools: [weather], messages: [user("?"), { role: "assistant", parts: [{ type: "thinking", text: "Hm", signature: "EqQB" }, { type: "redacted-thinking", data: "x" }, { type: "tool-call", id: "a", name: "weather", arguments: "" }, { type: "tool-call", id: "b", name: "weather", arguments: "" }] }] });
  assert.deepEqual(foreign.body.contents[1]!.parts.map(({ thoughtSignature }) => thoughtSignature), [undefined, "skip_thought_signature_validator", undefined]);
  assert.deepEqual(foreign.dropped, ["messages[1].content[0].signature", "messages[1].content[1]"]);
  const config = (reasoning: object, to: MappingTarget) => sent({ reasoning }, to).body.generationConfig.thinkingConfig;
  assert.deepEqual(config({ effort: "low" }, newest), { includeThoughts: true, thinkingLevel: "LOW" });
  assert.deepEqual(config({ effort: "none" }, target("gemini-3-pro-preview")), { includeThoughts: false, thinkingLevel: "LOW" });
  assert.deepEqual(config({ effort: "medium" }, second), { includeThoughts: true, thinkingBudget: 8192 });
  assert.deepEqual(config({ effort: "none" }, second), { includeThoughts: false, thinkingBudget: 0 });
  assert.deepEqual(config({ budgetTokens: 2000 }, newest), { includeThoughts: true, thinkingBudget: 2000 });
  assert.deepEqual(sent({ reasoning: { effort: "high" } }, old).dropped, ["reasoning"]);
  for (const to of [newest, second]) assert.deepEqual(refused({ reasoning: { effort: "constructor" } }, to), ["reasoning_effort"]);
});

conformanceCase("gemini", 10, "a stream gives the same events wherever it is cut, and throws nothing else for junk", () => {
  assertSameEventsWhereverCut(chat.stream, stream);
  assertSurvivesJunk(chat.stream, stream);
});

conformanceCase("gemini", 11, "streamed calls are counted as calls, with an id each", () => {
  const calls = readEvents(chat.stream(), stream).filter(({ type }) => type === "tool-call" || type === "tool-arguments");
  assert.deepEqual(calls, [{ type: "tool-call", index: 0, id: "call_r1_0", name: "weather", signature: "Y2FsbA==" }, { type: "tool-arguments", index: 0, text: '{"city":"Köln"}' }, { type: "tool-call", index: 1, id: "own", name: "now" }]);
});

conformanceCase("gemini", 12, "a stream starts with the answer's id and the model's full name", () => {
  const { id, model } = collectStream(chat.stream(), stream);
  assert.deepEqual([id, model], ["r1", "gemini-3-flash"]);
});

conformanceCase("gemini", 13, "thoughts stay apart from the text", () => {
  const { parts } = collectStream(chat.stream(), stream);
  assert.deepEqual(parts.map(({ type }) => type), ["thinking", "text", "thinking", "text", "tool-call", "tool-call"]);
  assert.equal(parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join(""), "Zwölf 日本");
});

conformanceCase("gemini", 14, "usage is the last told, output includes thoughts, and what is absent is not 0", () => {
  assert.deepEqual(collectStream(chat.stream(), stream).usage, { inputTokens: 12, outputTokens: 37, cacheReadTokens: 8, cacheWriteTokens: null, reasoningTokens: 28 });
  const inTurns = events({ ...candidate([{ text: "a" }], ""), usageMetadata: { promptTokenCount: 10, cachedContentTokenCount: 4, toolUsePromptTokenCount: 2, thoughtsTokenCount: 30 } }, { ...candidate([{ text: "b" }]), usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5 } });
  assert.deepEqual(collectStream(chat.stream(), inTurns).usage, { inputTokens: 12, outputTokens: 35, cacheReadTokens: 4, cacheWriteTokens: null, reasoningTokens: 30 });
  assert.deepEqual(answer({ ...candidate([{ text: "x" }]), usageMetadata: { promptTokenCount: 3 } }).usage, { inputTokens: 3, outputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null });
});

conformanceCase("gemini", 15, "the prompt's tokens include cached ones and those of tools", () => {
  assert.equal(answer({ ...candidate([{ text: "x" }]), usageMetadata: { promptTokenCount: 30, cachedContentTokenCount: 20, toolUsePromptTokenCount: 5 } }).usage.inputTokens, 35);
});

conformanceCase("gemini", 16, "streams tell usage unasked", () => {
  assert.equal(sent({ stream: true }).path, "/v1beta/models/gemini-3-flash-preview:streamGenerateContent?alt=sse");
  assert.equal(readEvents(chat.stream(), stream).filter(({ type }) => type === "usage").length, 3);
}, "native");

conformanceCase("gemini", 17, "an end without a reason to stop is an error, and so is an error in the middle", () => {
  assert.throws(() => readEvents(chat.stream(), stream.slice(0, stream.indexOf('"finishReason"') - 200)), { code: "PROVIDER_STREAM_FAILED" });
  assert.throws(() => readEvents(chat.stream(), events({ error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } })), { code: "PROVIDER_STREAM_FAILED", message: "The provider broke off: The model is overloaded." });
  assert.throws(() => answer(candidate([], "MALFORMED_FUNCTION_CALL")), { code: "PROVIDER_ANSWER_INVALID" });
  assert.throws(() => answer({}), { code: "PROVIDER_ANSWER_INVALID" });
  assert.throws(() => chat.answer(Buffer.from("<html>"), {}), { code: "PROVIDER_ANSWER_INVALID" });
});

conformanceCase("gemini", 18, "before the first piece of content come the start and usage alone", () => {
  const given = readEvents(chat.stream(), events({ responseId: "r", usageMetadata: { promptTokenCount: 1 } }, candidate([{ text: "x" }])));
  assert.deepEqual(given.map(({ type }) => type), ["start", "usage", "text", "finish"]);
});

conformanceCase("gemini", 19, "reasons to stop", () => {
  for (const [word, finish] of [["STOP", "stop"], ["MAX_TOKENS", "length"], ["SAFETY", "content-filter"], ["RECITATION", "content-filter"], ["SPII", "content-filter"]] as const) {
    const { finish: found, finishWord } = answer(candidate([{ text: "x" }], word));
    assert.deepEqual([found, finishWord], [finish, word]);
  }
  assert.equal(answer(candidate([{ functionCall: { name: "now" } }])).finish, "tool-calls");
  const { finish, finishWord, parts } = answer({ promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, usageMetadata: { promptTokenCount: 4 }, responseId: "r" });
  assert.deepEqual([finish, finishWord, parts], ["content-filter", "PROHIBITED_CONTENT", []]);
});

const quota = (id: string, delay = "34.07s") => ({ error: { code: 429, message: "You exceeded your current quota.", status: "RESOURCE_EXHAUSTED", details: [{ "@type": "type.googleapis.com/google.rpc.QuotaFailure", violations: [{ quotaMetric: "m", quotaId: id }] }, { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: delay }] } });

conformanceCase("gemini", 20, "errors, and when to come back", () => {
  const failure = (status: number, body: unknown, headers = {}) => gemini.failure(status, headers, Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));
  const kind = (...given: Parameters<typeof failure>) => [failure(...given).kind, failure(...given).retryAfterMs];
  assert.deepEqual(kind(429, quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")), ["rate-limited", 34_070]);
  assert.deepEqual(kind(429, [quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")]), ["quota", null]);
  assert.deepEqual(kind(429, "<html>", { "retry-after": "3" }), ["rate-limited", 3000]);
  assert.deepEqual(kind(503, { error: { code: 503, message: "overloaded", status: "UNAVAILABLE" } }), ["overloaded", null]);
  const wrongKey = failure(400, { error: { code: 400, message: "API key not valid: AIzaSyD-1234567890abc", status: "INVALID_ARGUMENT", details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }] } });
  assert.deepEqual([wrongKey.kind, wrongKey.code, wrongKey.message], ["unauthorized", "API_KEY_INVALID", "API key not valid: ***"]);
  assert.equal(failure(400, { error: { message: "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).", status: "INVALID_ARGUMENT" } }).kind, "context-length");
  for (const [status, expected] of [[400, "invalid"], [402, "quota"], [403, "unauthorized"], [404, "not-found"], [413, "context-length"], [500, "failed"], [504, "failed"], [529, "overloaded"]] as const) assert.equal(failure(status, "no JSON").kind, expected);
});

describe("gemini", () => {
  it("takes its own fields, drops harmless ones, and refuses the rest by name", () => {
    const { body, dropped } = sent({ user: "ada", extra: { safety_settings: [{ category: "c", threshold: "BLOCK_NONE" }], store: true, n: 1, logprobs: false }, uncarried: ["messages[0].x"] });
    assert.deepEqual(body.safetySettings, [{ category: "c", threshold: "BLOCK_NONE" }]);
    assert.deepEqual(dropped, ["messages[0].x", "user", "store"]);
    assert.deepEqual(refused({ extra: { n: 2, logit_bias: { 5: 1 } }, nativeOnly: [{ path: "tools[0]", message: "web search" }] }), ["tools[0]", "n", "logit_bias"]);
  });

  it("searches with Google where it is asked to, also in OpenAI's words and beside functions, and nowhere else", () => {
    assert.deepEqual(sent({ extra: { google_search: true } }).body.tools, [{ googleSearch: {} }]);
    assert.deepEqual(sent({ extra: { google_search: { exclude_domains: ["a.test"] } }, tools: [weather] }).body.tools!.at(-1), { googleSearch: { exclude_domains: ["a.test"] } });
    const { body, emulated } = sent({ extra: { web_search_options: {} } }, second);
    assert.deepEqual([body.tools, emulated], [[{ googleSearch: {} }], ["web_search_options (google_search)"]]);
    assert.equal(sent({ extra: { google_search: false } }).body.tools, undefined);
  });

  it("counts a grounded prompt once up to the second generation, and the queries of later models", () => {
    const grounded = (webSearchQueries: string[], modelVersion: string, groundingChunks: object[] = []) => ({ candidates: [{ content: { parts: [{ text: "Sun" }] }, finishReason: "STOP", groundingMetadata: { webSearchQueries, groundingChunks } }], usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 1 }, responseId: "r", modelVersion });
    const searches = (...given: Parameters<typeof grounded>) => answer(grounded(...given)).usage.webSearches;
    assert.equal(searches(["weather Oslo", "Oslo", "", "Oslo"], "gemini-3-flash-preview"), 2);
    assert.equal(searches(["weather Oslo", "Oslo"], "gemini-2.5-flash"), 1);
    assert.equal(searches([], "gemini-3-flash", [{ web: { uri: "https://a.test" } }]), 1);
    assert.equal("webSearches" in answer(grounded([], "gemini-3-flash")).usage, false);
    const told = collectStream(chat.stream(), events(grounded(["a"], "gemini-3-flash"), grounded(["a", "b"], "gemini-3-flash"), { candidates: [{ finishReason: "STOP" }], usageMetadata: { promptTokenCount: 9 } })).usage;
    assert.deepEqual([told.webSearches, told.inputTokens], [2, 9]);
    assertSameEventsWhereverCut(() => chat.stream(), events(grounded(["a"], "gemini-3-flash")));
  });

  it("gives back a whole answer as it gives the same answer in a stream", () => {
    const whole = answer(candidate([{ text: "Hm", thought: true }, { text: "Sun" }, { functionCall: { id: "x", name: "weather", args: { a: 1 } }, thoughtSignature: "cw==" }]));
    assert.deepEqual(readEvents(chat.stream(), events(candidate([{ text: "Hm", thought: true }, { text: "Sun" }, { functionCall: { id: "x", name: "weather", args: { a: 1 } }, thoughtSignature: "cw==" }]))), eventsOf(whole).filter(({ type }) => type !== "usage"));
  });

  it("embeds one text or many", () => {
    const embeddings = gemini.embeddings!;
    const request = { input: ["a", "b"], dimensions: 2, encoding: "base64" as const, inputType: "search_query", user: null, extra: {} };
    const { path, body } = embeddings.request(request, target("gemini-embedding-001"));
    assert.equal(path, "/v1beta/models/gemini-embedding-001:batchEmbedContents");
    assert.deepEqual(JSON.parse(String(body)), { requests: ["a", "b"].map((words) => ({ model: "models/gemini-embedding-001", content: { parts: [{ text: words }] }, taskType: "RETRIEVAL_QUERY", outputDimensionality: 2 })) });
    assert.equal(embeddings.request({ ...request, input: ["a"] }, target("gemini-embedding-001")).path, "/v1beta/models/gemini-embedding-001:embedContent");
    assert.throws(() => embeddings.request({ ...request, input: [[1, 2]] }, target("x")), { code: "GATEWAY_FIELD_UNSUPPORTED" });
    assert.deepEqual(embeddings.answer(Buffer.from('{"embeddings":[{"values":[1,0]},{"values":[0,1]}],"usageMetadata":{"promptTokenCount":2}}'), {}).vectors, [[1, 0], [0, 1]]);
    assert.deepEqual(embeddings.answer(Buffer.from('{"embedding":{"values":[1,0]}}'), {}).vectors, [[1, 0]]);
    assert.throws(() => embeddings.answer(Buffer.from('{"embeddings":[{"values":["x"]}]}'), {}), { code: "PROVIDER_ANSWER_INVALID" });
  });

  it("sends the key in its header, lists models, and lets no name of a model leave its place", () => {
    assert.deepEqual(gemini.authorize({ method: "POST", url: new URL("https://x.test/"), headers: {}, body: "" }, "k", newest.settings, 0), { "x-goog-api-key": "k" });
    assert.deepEqual(gemini.models!.read({ models: [{ name: "models/gemini-2.5-flash" }, {}] }), ["gemini-2.5-flash"]);
    assert.equal(sent({}, target("tunedModels/mine")).path, "/v1beta/tunedModels/mine:generateContent");
    for (const model of ["../../x", "models/../x", "a?b", "a/b", ""]) assert.throws(() => sent({}, target(model)), { code: "INVALID_REQUEST" }, model);
  });
});
