import assert from "node:assert/strict";
import { it } from "node:test";
import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import type { AssistantPart, ChatMessage, ChatRequest, ContentPart } from "../../conversation/chat-request.ts";
import { chatRequest, conformanceCase } from "../conformance.fixture.ts";
import { oneCallAtATime } from "../instructions.ts";
import { data, hello, mappingCases, said } from "../mapping-cases.fixture.ts";
import { collectStream } from "../stream-cuts.fixture.ts";
import { geminiJsonSchema, geminiOpenApiSchema } from "./gemini-schema.ts";
import { gemini } from "./gemini.ts";

type Json = Record<string, unknown>;
interface Content {
  role: string;
  parts: Json[];
}

const { chat, sent, refused, answer, target } = mappingCases("gemini");
const [old, second, third] = ["gemini-2.0-flash", "gemini-2.5-flash", "gemini-3-flash-preview"];
const contents = (messages: readonly ChatMessage[], model = third) => {
  const { body, dropped, emulated } = sent({ messages }, model);
  return { contents: body.contents as Content[], system: body.systemInstruction, dropped, emulated };
};
const text = (words: string) => ({ type: "text" as const, text: words });
const assistant = (...parts: AssistantPart[]): ChatMessage => ({ role: "assistant", parts });
const time = { name: "time", description: "Tells the time", parameters: { type: "object", properties: { zone: { type: "string" } } } };
const unknown = { inputTokens: null, outputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null };
const candidate = (parts: Json[], more: Json = { finishReason: "STOP" }) => ({ responseId: "r1", modelVersion: "m-1", candidates: [{ content: { role: "model", parts }, ...more }] });
const streamed = (...chunks: Json[]): ChatAnswer => collectStream(chat.stream(), chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join(""));

conformanceCase("gemini", 2, "what stands beside results, marks in them, and media by address", () => {
  const call = assistant({ type: "tool-call", id: "a", name: "time", arguments: "{}", signature: "s", cache: {} });
  const result = (...parts: ContentPart[]): ChatMessage => ({ role: "tool", callId: "a", parts, isError: false });
  const response = (output: string, more: Json = {}) => ({ functionResponse: { id: "a", name: "time", response: { output }, ...more } });
  const texts = contents([hello, call, result({ ...text("1"), cache: {} }, text("2")), { role: "system", parts: [text("Rhyme.")] }]);
  assert.deepEqual([texts.contents.slice(1), texts.dropped], [
    [{ role: "model", parts: [{ functionCall: { id: "a", name: "time", args: {} }, thoughtSignature: "s" }] }, { role: "user", parts: [response("1\n2")] }, { role: "user", parts: [{ text: "Rhyme." }] }], ["messages[1].content[0].cache_control", "messages[2].content[0].cache_control"],
  ]);
  const address = contents([hello, call, result({ type: "image", source: { kind: "url", url: "https://a.test/a.png" } })]);
  assert.deepEqual([address.contents[2], address.emulated], [{ role: "user", parts: [response(""), { fileData: { fileUri: "https://a.test/a.png", mimeType: "image/png" } }] }, ["messages[2] (images of a tool result beside it)"]]);
  assert.deepEqual(refused({ messages: [hello, call, result(data("image", "image/tiff"))] }, third), ["messages[2].content[0]"]);
});

conformanceCase("gemini", 3, "functions with all that they say; those without parameters leave them out", () => {
  const functions = (...tools: ChatRequest["tools"]) => {
    const { body, dropped } = sent({ tools }, third);
    return [(body.tools as { functionDeclarations: Json[] }[])[0]!.functionDeclarations, dropped];
  };
  assert.deepEqual(functions({ ...time, strict: true, cache: {} }, { ...time, strict: false }), [[{ name: "time", description: "Tells the time", parametersJsonSchema: time.parameters }, { name: "time", description: "Tells the time", parametersJsonSchema: time.parameters }], ["tools[0].strict", "tools[0].cache_control"]]);
  for (const parameters of [{}, { type: "object" }, { type: "object", properties: {}, required: [], additionalProperties: false, $schema: "s" }]) assert.deepEqual(functions({ name: "now", parameters }), [[{ name: "now" }], []]);
  for (const parameters of [{ type: "object", patternProperties: { a: {} } }, { properties: { a: {} } }]) assert.deepEqual(functions({ name: "now", parameters }), [[{ name: "now", parametersJsonSchema: parameters }], []]);
  assert.deepEqual(sent({ tools: [time], parallelToolCalls: false }, third).body.systemInstruction, { parts: [{ text: oneCallAtATime }] });
  assert.deepEqual(sent({ parallelToolCalls: false, toolChoice: { type: "required" } }, third), sent({}, third));
}, "emulated");

conformanceCase("gemini", 4, "nothing that says nothing, names of speakers, and who follows whom", () => {
  const { contents: written, system, dropped } = contents([{ role: "system", name: "s", parts: [text("Be kind.")] }, hello, { role: "user", parts: [] }, assistant(text("a")), { role: "assistant", name: "a", parts: [text("b")] }, hello]);
  assert.deepEqual([written, system, dropped], [[{ role: "user", parts: [{ text: "Hello" }] }, { role: "model", parts: [{ text: "a" }, { text: "b" }] }, { role: "user", parts: [{ text: "Hello" }] }], { parts: [{ text: "Be kind." }] }, ["messages[0].name", "messages[4].name"]]);
  assert.equal(contents([hello]).system, undefined);
}, "emulated");

conformanceCase("gemini", 6, "each type of image, text and sound, by data and by each ending of an address", () => {
  const part = (one: ContentPart) => (sent(said(one), third).body.contents as Content[])[0]!.parts[0];
  for (const type of ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif", "image/gif"]) assert.deepEqual(part(data("image", type)), { inlineData: { mimeType: type, data: "AAAA" } });
  for (const type of ["application/pdf", "text/csv"]) assert.deepEqual(part(data("document", type)), { inlineData: { mimeType: type, data: "AAAA" } });
  assert.deepEqual(part({ type: "audio", mediaType: "audio/flac", base64: "AAAA" }), { inlineData: { mimeType: "audio/flac", data: "AAAA" } });
  for (const [ending, mimeType] of [["png", "image/png"], ["jpg", "image/jpeg"], ["JPEG", "image/jpeg"], ["webp", "image/webp"], ["heic", "image/heic"], ["heif", "image/heif"], ["gif", "image/gif"], ["pdf", "application/pdf"], ["txt", "text/plain"], ["html", "text/html"], ["csv", "text/csv"], ["md", "text/md"]] as const) {
    for (const rest of ["", "?a=b", "#c"]) assert.deepEqual(part({ type: "document", source: { kind: "url", url: `https://a.test/a.${ending}${rest}` } }), { fileData: { fileUri: `https://a.test/a.${ending}${rest}`, mimeType } });
  }
  for (const url of ["https://a.test/a", "https://a.test/a.zip", "https://a.test/a.toString"]) assert.deepEqual(part({ type: "document", source: { kind: "url", url } }), { fileData: { fileUri: url } });
  assert.deepEqual([part({ type: "image", source: { kind: "file", id: "gs://b/a.png" } }), part({ type: "image", source: { kind: "file", id: "https://a.test/a" } })], [{ fileData: { fileUri: "gs://b/a.png", mimeType: "image/png" } }, { fileData: { fileUri: "https://a.test/a" } }]);
  const notTaken: ContentPart[] = [{ type: "audio", mediaType: "video/mp4", base64: "AAAA" }, data("document", "application/zip"), { type: "image", source: { kind: "url", url: "gs://b/a.png" } }, { type: "image", source: { kind: "file", id: "file-1" } }];
  assert.deepEqual(refused(said(...notTaken), third), notTaken.map((_, index) => `messages[0].content[${index}]`));
  const image = { type: "image" as const, source: { kind: "url" as const, url: "https://a.test/a" } };
  assert.deepEqual(sent(said({ ...image, detail: "low" }, { ...image, detail: "auto", cache: {} }, image, data("document", "text/csv", "a.csv"), data("document", "text/csv")), third).dropped, ["messages[0].content[0].detail", "messages[0].content[1].cache_control", "messages[0].content[3].name"]);
});

conformanceCase("gemini", 7, "each keyword of a schema in both forms", () => {
  const written = (schema: Json, model: string) => {
    const { body, emulated } = sent({ output: { type: "schema", name: "n", schema, strict: true } }, model);
    const { responseMimeType, responseJsonSchema, responseSchema } = body.generationConfig as Json;
    assert.equal(responseMimeType, "application/json");
    return [responseJsonSchema ?? responseSchema, emulated];
  };
  const number = { type: "number" };
  for (const [given, expected] of [
    [{ $schema: "s", type: "object", definitions: { a: number }, properties: { x: { $ref: "#/definitions/a" } } }, { type: "object", properties: { x: { $ref: "#/$defs/a" } }, $defs: { a: number } }],
    [{ $ref: "#/$defs/a", $defs: { a: number }, definitions: { b: number } }, { $ref: "#/$defs/a", $defs: { b: number, a: number } }],
    [{ $ref: "#/$defs/a", title: "t", default: 1, minimum: 3, definitions: { a: { const: 1 } } }, { minimum: 3, anyOf: [{ $ref: "#/$defs/a" }], $defs: { a: { enum: [1] } } }],
    [{ patternProperties: { a: { const: "x" } }, oneOf: [{ const: 1 }], allOf: [{ const: 2 }], anyOf: [{ const: 3 }], prefixItems: [{ const: 4 }], items: { const: 5 }, additionalProperties: { const: 6 }, not: { const: 7 } },
      { patternProperties: { a: { enum: ["x"] } }, oneOf: [{ enum: [1] }], allOf: [{ enum: [2] }], anyOf: [{ enum: [3] }], prefixItems: [{ enum: [4] }], items: { enum: [5] }, additionalProperties: { enum: [6] }, not: { enum: [7] } }],
    [{ const: true, enum: ["a"] }, { const: true, enum: ["a"] }], [{ enum: ["a"], const: "b" }, { enum: ["a"] }], [{ additionalProperties: false, items: [number] }, { additionalProperties: false, items: [number] }],
  ] as const) assert.deepEqual(written(given, third), [expected, []]);

  const same = { description: "d", title: "t", format: "f", pattern: "p", minimum: 1, maximum: 2, minItems: 1, maxItems: 2, minLength: 1, maxLength: 2, minProperties: 1, maxProperties: 2, required: ["a"], default: 1, propertyOrdering: ["a"] };
  const simpler = ["response_format (a simpler schema)"];
  for (const [given, expected, emulated] of [
    [same, same, []], [{ properties: { a: { type: "string" } } }, { properties: { a: { type: "STRING" } }, type: "OBJECT" }, []], [{ type: "array", items: number }, { type: "ARRAY", items: { type: "NUMBER" } }, []],
    [{ type: ["string", "integer", "null"] }, { nullable: true, anyOf: [{ type: "STRING" }, { type: "INTEGER" }] }, []], [{ type: ["null"] }, { nullable: true }, []], [{ type: [5, "string"] }, { type: "STRING" }, []],
    [{ enum: ["a", null] }, { nullable: true, enum: ["a"], type: "STRING" }, []], [{ const: "a" }, { enum: ["a"], type: "STRING" }, []], [{ enum: [1, 2], description: "d" }, { description: "d One of: 1, 2.", type: "NUMBER" }, simpler], [{ const: true }, { type: "BOOLEAN", description: "One of: true." }, simpler],
    [{ type: "integer", enum: [1] }, { type: "INTEGER", description: "One of: 1." }, simpler], [{ enum: [{}] }, { type: "STRING", description: "One of: [object Object]." }, simpler],
    [{ anyOf: [{ type: "string" }, { type: "number" }, { type: "null" }] }, { nullable: true, anyOf: [{ type: "STRING" }, { type: "NUMBER" }] }, []], [{ oneOf: [{ type: "string" }, { type: "number" }] }, { anyOf: [{ type: "STRING" }, { type: "NUMBER" }] }, []], [{ anyOf: [{ type: "null" }] }, { nullable: true }, []],
    [{ allOf: [{ properties: { a: number }, required: ["a"] }, { properties: { b: number }, required: ["a", "b"], description: "d" }] }, { properties: { a: { type: "NUMBER" }, b: { type: "NUMBER" } }, required: ["a", "b"], type: "OBJECT", description: "d" }, []],
    [{ type: "string", $id: "i", $comment: "c", $defs: {}, definitions: {}, examples: [] }, { type: "STRING" }, []], [{ type: "string", contentEncoding: "base64" }, { type: "STRING" }, simpler],
    [{ type: "object", properties: { a: { $ref: "#/$defs/a~1b~0c" }, b: { $ref: "#/$defs/a~1b~0c", description: "d" } }, $defs: { "a/b~c": { type: "string" } } }, { type: "OBJECT", properties: { a: { type: "STRING" }, b: { type: "STRING", description: "d" } } }, []],
    [{ $ref: "https://a.test/s" }, { type: "OBJECT" }, simpler], [{ type: "object", properties: { a: { $ref: "#/none" } } }, { type: "OBJECT", properties: { a: { type: "OBJECT" } } }, simpler],
    [{ type: "object", properties: { next: { $ref: "#" } } }, { type: "OBJECT", properties: { next: { type: "OBJECT", properties: { next: { type: "OBJECT", properties: { next: { type: "OBJECT" } } } } } } }, simpler],
  ] as const) assert.deepEqual(written(given, old), [expected, emulated], JSON.stringify(given));
  const merged = { type: "object", required: ["a"], properties: { a: number, b: number }, allOf: [{ required: ["b"] }] };
  assert.deepEqual((written(merged, old)[0] as Json).required, ["a", "b"]);
  // However deep, and by whatever word: nothing but a schema comes of it.
  const deep = (within: (schema: Json) => Json) => Array.from({ length: 20_000 }).reduce<Json>(within, { type: "string" });
  for (const schema of [
    deep((items) => ({ items })), deep((one) => ({ anyOf: [one] })), deep((one) => ({ allOf: [one] })), deep((a) => ({ properties: { a } })), deep((items) => ({ $ref: "#/$defs/a", items })), deep((not) => ({ not })), deep((a) => ({ $defs: { a } })),
  ]) assert.doesNotThrow(() => [geminiJsonSchema(schema), geminiOpenApiSchema(schema)]);
  assert.deepEqual(sent({ tools: [{ ...time, parameters: { type: "object", properties: { a: { type: "string" } } } }] }, old).emulated, []);
});

conformanceCase("gemini", 8, "what a schema is for is said in it, unless it says so itself", () => {
  const format = (schema: Json, description?: string) => (sent({ output: { type: "schema", name: "n", schema, strict: true, ...(description === undefined ? {} : { description }) } }, third).body.generationConfig as Json).responseJsonSchema;
  assert.deepEqual([format({ type: "object" }), format({ type: "object" }, "d"), format({ type: "object", description: "own" }, "d")], [{ type: "object" }, { type: "object", description: "d" }, { type: "object", description: "own" }]);
});

conformanceCase("gemini", 9, "where each signature stands, and each word of effort for each generation", () => {
  const parts = (...given: AssistantPart[]) => contents([hello, assistant(...given)]);
  const own = (signature: string | null, words = "") => ({ type: "thinking" as const, text: words, signature });
  assert.deepEqual(parts(own("gemini:a", "Hm"), own("gemini:b"), text("Sun"), text("."), own("gemini:c")).contents[1]!.parts, [{ text: "Hm", thought: true }, { text: "", thoughtSignature: "a" }, { text: "Sun", thoughtSignature: "b" }, { text: "." }, { text: "", thoughtSignature: "c" }]);
  const calls = parts(own("gemini:a"), { type: "tool-call", id: "x", name: "time", arguments: "{}" }, { type: "tool-call", id: "y", name: "time", arguments: "{}" }, text("z"));
  assert.deepEqual([calls.contents[1]!.parts.map(({ thoughtSignature }) => thoughtSignature), calls.emulated], [["a", undefined, undefined], []]);
  assert.deepEqual(parts({ type: "tool-call", id: "x", name: "time", arguments: "{}" }).emulated, ["messages[1].content[0].signature (not checked)"]);
  assert.equal("thoughtSignature" in contents([hello, assistant({ type: "tool-call", id: "x", name: "time", arguments: "{}" })], second).contents[1]!.parts[0]!, false);
  const others = parts(own(null, "a"), own("", "b"), own("EqQB", "c"), { type: "refusal", text: "No." }, { ...text("d"), cache: {} });
  assert.deepEqual([others.contents[1]!.parts, others.dropped, others.emulated], [[{ text: "a", thought: true }, { text: "b", thought: true }, { text: "c", thought: true }, { text: "No." }, { text: "d" }], ["messages[1].content[2].signature", "messages[1].content[4].cache_control"], ["messages[1].content[3] (a refusal as text)"]]);

  const think = (reasoning: ChatRequest["reasoning"], model: string) => {
    const { body, dropped, emulated } = sent({ reasoning }, model);
    return [(body.generationConfig as Json).thinkingConfig, dropped, emulated];
  };
  for (const [effort, budget, level, ofPro] of [["minimal", 1024, "MINIMAL", "LOW"], ["low", 1024, "LOW", "LOW"], ["medium", 8192, "MEDIUM", "MEDIUM"], ["high", 24_576, "HIGH", "HIGH"], ["xhigh", 24_576, "HIGH", "HIGH"], ["max", 24_576, "HIGH", "HIGH"]] as const) {
    assert.deepEqual(think({ effort }, second), [{ includeThoughts: true, thinkingBudget: budget }, [], [`reasoning_effort (${budget} tokens)`]]);
    assert.deepEqual(think({ effort }, third), [{ includeThoughts: true, thinkingLevel: level }, [], level.toLowerCase() === effort ? [] : [`reasoning_effort (${level.toLowerCase()})`]]);
    assert.deepEqual((think({ effort }, "gemini-3-pro-preview")[0] as Json).thinkingLevel, ofPro);
    for (const model of [old, "gemini-1.5-pro", "gemini-pro", "gemini-exp-1206", "gemma-3-27b-it", "learnlm-2.0", "models/gemini-2.0-flash"]) assert.deepEqual(think({ effort }, model), [undefined, ["reasoning"], []], model);
  }
  for (const reasoning of [{ effort: "none" }, { budgetTokens: 0 }]) {
    assert.deepEqual(think(reasoning, second), [{ includeThoughts: false, thinkingBudget: 0 }, [], []]);
    assert.deepEqual(think(reasoning, "models/gemini-2.5-pro"), [{ includeThoughts: false, thinkingBudget: 128 }, [], ["reasoning_effort (128 tokens)"]]);
    assert.deepEqual((think(reasoning, third)[0] as Json), { includeThoughts: false, thinkingLevel: "MINIMAL" });
    assert.deepEqual((think(reasoning, "gemini-3-pro-preview")[0] as Json), { includeThoughts: false, thinkingLevel: "LOW" });
    assert.deepEqual(think(reasoning, old), [undefined, [], []]);
  }
  for (const model of [second, third]) {
    assert.deepEqual(think({ budgetTokens: 500, effort: "low" }, model), [{ includeThoughts: true, thinkingBudget: 500 }, ["reasoning_effort"], []]);
    assert.deepEqual([think({}, model), think(null, model)], [[undefined, [], []], [undefined, [], []]]);
    assert.deepEqual(refused({ reasoning: { effort: "toString" } }, model), ["reasoning_effort"]);
  }
});

conformanceCase("gemini", 14, "every figure of usage, whole and streamed, with sound and searches", () => {
  const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: 5, thoughtsTokenCount: 3, cachedContentTokenCount: 4, toolUsePromptTokenCount: 2, promptTokensDetails: [{ modality: "TEXT", tokenCount: 4 }, { modality: "AUDIO", tokenCount: 6 }], candidatesTokensDetails: [{ modality: "AUDIO", tokenCount: 1 }] };
  const expected = { inputTokens: 12, outputTokens: 8, cacheReadTokens: 4, cacheWriteTokens: null, reasoningTokens: 3, audioInputTokens: 6, audioOutputTokens: 1 };
  const whole = { ...candidate([{ text: "a" }]), usageMetadata };
  assert.deepEqual([answer(whole).usage, streamed(whole).usage], [expected, expected]);
  assert.deepEqual(answer(candidate([{ text: "a" }])).usage, unknown);
});

conformanceCase("gemini", 19, "each reason to stop and to fail, whole and streamed; the parts of the first candidate alone", () => {
  const filters = ["SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"].map((word) => [word, "content-filter", "content-filter"] as const);
  for (const [finishReason, plain, calling] of [["STOP", "stop", "tool-calls"], ["MAX_TOKENS", "length", "length"], ["CONTINUATION", "length", "length"], ...filters, ["NEWS", "stop", "tool-calls"], ["constructor", "stop", "tool-calls"]] as const) {
    const [words, call] = [candidate([{ text: "a" }], { finishReason }), candidate([{ functionCall: { name: "time" } }], { finishReason })];
    assert.deepEqual([answer(words).finish, answer(call).finish, streamed(words).finish, streamed(call).finish], [plain, calling, plain, calling], finishReason);
  }
  for (const finishReason of ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"]) {
    assert.throws(() => answer(candidate([], { finishReason, finishMessage: "why" })), { code: "PROVIDER_ANSWER_INVALID", message: `The model made no call that can be carried out (${finishReason}). why` });
    assert.throws(() => streamed(candidate([], { finishReason })), { code: "PROVIDER_STREAM_FAILED" });
  }
  assert.throws(() => answer(candidate([{ text: "a" }], { finishReason: "FINISH_REASON_UNSPECIFIED" })), { code: "PROVIDER_ANSWER_INVALID" });
  assert.throws(() => answer({ error: {} }), { code: "PROVIDER_ANSWER_INVALID", message: "The provider broke off: it gave no reason" });
  const blocked = answer({ promptFeedback: { blockReason: "NEWS" } });
  assert.deepEqual([blocked.finish, blocked.finishWord], ["content-filter", "NEWS"]);
  const parts: AssistantPart[] = [{ type: "thinking", text: "Hm", signature: "gemini:cw==" }, { type: "text", text: "Sun" }, { type: "tool-call", id: "call_r1_0", name: "time", arguments: "{}", signature: "Yw==" }];
  const chunk = { responseId: "r1", modelVersion: "m-1", candidates: [{ index: 1, content: { parts: [{ text: "no" }] }, finishReason: "STOP" }, { content: { parts: [{ text: "Hm", thought: true }, { text: "", thought: true, thoughtSignature: "cw==" }, { text: "" }, { text: "Sun" }, { functionCall: { name: "time", args: {} }, thoughtSignature: "Yw==" }] }, finishReason: "STOP" }] };
  const expected = { id: "r1", model: "m-1", parts, finish: "tool-calls", finishWord: "STOP", stopSequence: null, usage: unknown };
  assert.deepEqual([answer(chunk), streamed(chunk)], [expected, expected]);
  assert.deepEqual(collectStream(chat.stream(), `data: \n\ndata:  \n\ndata: ${JSON.stringify(chunk)}\n\n`).parts, parts);
});

conformanceCase("gemini", 20, "each status and each word of a failure", () => {
  const failure = (status: number, error: Json = {}, headers = {}) => gemini.failure(status, headers, Buffer.from(JSON.stringify({ error })));
  for (const [status, kind] of [[400, "invalid"], [401, "unauthorized"], [402, "quota"], [403, "unauthorized"], [404, "not-found"], [408, "failed"], [409, "invalid"], [413, "context-length"], [429, "rate-limited"], [499, "failed"], [500, "failed"], [503, "overloaded"], [529, "overloaded"], [302, "failed"]] as const) {
    assert.deepEqual(failure(status), { status, kind, message: `The provider answered with status ${status}.`, code: null, retryAfterMs: null });
  }
  for (const [status, error, kind, code] of [
    [400, { status: "FAILED_PRECONDITION" }, "unauthorized", "FAILED_PRECONDITION"], [409, { status: "FAILED_PRECONDITION" }, "invalid", "FAILED_PRECONDITION"], [400, { details: [{}, { reason: "API_KEY_EXPIRED" }] }, "unauthorized", "API_KEY_EXPIRED"], [400, { details: [{ reason: "OTHER" }], status: "X" }, "invalid", "OTHER"],
    ...["token count", "number of tokens", "too many tokens"].map((message) => [400, { message }, "context-length", null] as const), [500, { message: "token count" }, "failed", null],
    ...["100 requests per day", "limit: 0", "spend cap", "spending limit", "Your credits are depleted"].map((message) => [429, { message }, "quota", null] as const), [429, { message: "limit: 05" }, "rate-limited", null],
  ] as const) assert.deepEqual([failure(status, error).kind, failure(status, error).code], [kind, code], JSON.stringify(error));
  const delayed = (retryDelay: unknown) => failure(429, { details: [{ retryDelay }] }, { "retry-after": "9" }).retryAfterMs;
  assert.deepEqual([delayed("1.5s"), delayed("2s"), delayed("1m"), delayed(7)], [1500, 2000, 9000, 9000]);
});

it("embeds with each task, counts a whole chat, and passes fields of its own in both spellings", () => {
  const embeddings = gemini.embeddings!;
  const asked = { input: ["a"], dimensions: null, encoding: "float" as const, inputType: null, user: null, extra: {} };
  const written = (change: object) => {
    const { body, ...rest } = embeddings.request({ ...asked, ...change }, target("gemini-embedding-001"));
    return { ...rest, body: JSON.parse(String(body)) as Json };
  };
  const bare = { path: "/v1beta/models/gemini-embedding-001:embedContent", headers: { "content-type": "application/json" }, body: { model: "models/gemini-embedding-001", content: { parts: [{ text: "a" }] } }, dropped: [], emulated: [] };
  assert.deepEqual(written({}), bare);
  for (const [inputType, taskType] of [["search_document", "RETRIEVAL_DOCUMENT"], ["search_query", "RETRIEVAL_QUERY"], ["document", "RETRIEVAL_DOCUMENT"], ["query", "RETRIEVAL_QUERY"], ["classification", "CLASSIFICATION"], ["clustering", "CLUSTERING"], ["CODE_RETRIEVAL_QUERY", "CODE_RETRIEVAL_QUERY"]] as const) assert.equal(written({ inputType }).body.taskType, taskType);
  assert.deepEqual(written({ user: "u", dimensions: 4, extra: { title: "t", store: true } }), { ...bare, body: { ...bare.body, title: "t", outputDimensionality: 4 }, dropped: ["store", "user"] });
  assert.deepEqual(written({ extra: { title: 5 } }).body, bare.body);
  assert.equal((written({ input: Array.from({ length: 100 }, () => "a") }).body.requests as unknown[]).length, 100);
  for (const [change, path] of [[{ input: Array.from({ length: 101 }, () => "a") }, "input"], [{ inputType: "x" }, "input_type"], [{ extra: { other: 1 } }, "other"]] as const) assert.throws(() => written(change), (error: { problems?: { path: string }[] }) => error.problems?.[0]?.path === path);
  const read = (document: Json) => embeddings.answer(Buffer.from(JSON.stringify(document)), {});
  assert.deepEqual(read({ embeddings: [{ values: [1], statistics: { tokenCount: 2 } }, { values: [2], statistics: { tokenCount: 3 } }] }), { model: "", vectors: [[1], [2]], usage: { ...unknown, inputTokens: 5 } });
  assert.equal(read({ embedding: { values: [1], statistics: { tokenCount: 2 } }, usageMetadata: { promptTokenCount: 7 } }).usage.inputTokens, 7);
  for (const document of [{ embeddings: [] }, { embeddings: [{ values: [] }] }, {}]) assert.throws(() => read(document), { code: "PROVIDER_ANSWER_INVALID" });

  const count = gemini.countTokens!.request(chatRequest({ messages: [{ role: "system", parts: [text("Be kind.")] }, hello] }), target("tunedModels/mine"));
  assert.deepEqual({ ...count, body: JSON.parse(String(count.body)) as unknown }, { path: "/v1beta/tunedModels/mine:countTokens", headers: bare.headers, dropped: [], emulated: [], body: { generateContentRequest: { model: "tunedModels/mine", contents: [{ role: "user", parts: [{ text: "Hello" }] }], systemInstruction: { parts: [{ text: "Be kind." }] }, generationConfig: {} } } });
  assert.equal(gemini.countTokens!.answer(Buffer.from('{"totalTokens":7}'), {}), 7);

  for (const [name, there] of [["safety_settings", "safetySettings"], ["safetySettings", "safetySettings"], ["cached_content", "cachedContent"], ["cachedContent", "cachedContent"]] as const) assert.deepEqual(sent({ extra: { [name]: ["x"] } }, third).body[there], ["x"]);
  assert.deepEqual([sent({ extra: { google_search: null } }, third).body.tools, sent({ extra: { google_search: {}, web_search_options: {} } }, third).emulated], [undefined, []]);
  assert.deepEqual([sent({}, third).headers, sent({ sampling: { stop: ["1", "2", "3", "4", "5"] } }, third).body.generationConfig], [bare.headers, { stopSequences: ["1", "2", "3", "4", "5"] }]);
});

it("tells a number of searches once, however often a stream tells of them", () => {
  const piece = (webSearchQueries: string[], more: Json = {}) => `data: ${JSON.stringify({ responseId: "r", modelVersion: third, candidates: [{ groundingMetadata: { webSearchQueries }, ...more }] })}\n\n`;
  const events = chat.stream().push(Buffer.from(piece(["a"]) + piece(["a"]) + piece(["a", "b"]) + piece(["b"], { finishReason: "STOP" })));
  assert.deepEqual(events.flatMap((event) => (event.type === "usage" ? [event.usage.webSearches] : [])), [1, 2]);
});

it("refuses arguments that nobody could write, they are nested so deeply", () => {
  const body = `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"time","args":{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}}}]},"finishReason":"STOP"}]}`;
  assert.throws(() => chat.answer(Buffer.from(body), {}), { code: "PROVIDER_ANSWER_INVALID" });
  assert.throws(() => chat.stream().push(Buffer.from(`data: ${body}\n\n`)), { code: "PROVIDER_STREAM_FAILED" });
});
