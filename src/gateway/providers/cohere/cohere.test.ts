import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChatMessage, ChatRequest, ToolDefinition } from "../../conversation/chat-request.ts";
import { refusedPaths } from "../refused-fields.fixture.ts";
import { ProviderSettings } from "../../schemas.ts";
import { chatRequest, conformanceCase } from "../conformance.fixture.ts";
import type { MappingTarget } from "../provider-mapping.ts";
import { assertSameEventsWhereverCut, assertSurvivesJunk, collectStream, readEvents } from "../stream-cuts.fixture.ts";
import { cohere } from "./cohere.ts";

const chat = cohere.chat!;
const target = (model: string): MappingTarget => ({ model, settings: ProviderSettings.parse({ kind: "cohere" }) });
const plain = target("command-a-03-2025");
const reasoner = target("command-a-reasoning-08-2025");

interface Body {
  messages: Record<string, unknown>[];
  [field: string]: unknown;
}

function sent(change: Omit<Partial<ChatRequest>, "sampling"> & { sampling?: Partial<ChatRequest["sampling"]> }, to = plain): { body: Body; path: string; dropped: readonly string[]; emulated: readonly string[] } {
  const { body, ...rest } = chat.request(chatRequest(change as Partial<ChatRequest>), to);
  return { body: JSON.parse(String(body)) as Body, ...rest };
}

const refused = (change: Parameters<typeof sent>[0], to = plain): string[] => refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => sent(change, to));

const weather: ToolDefinition = { name: "weather", description: "Looks outside", parameters: { type: "object", properties: { city: { type: "string" } } } };
const text = (words: string) => ({ type: "text" as const, text: words });
const user = (words: string): ChatMessage => ({ role: "user", parts: [text(words)] });
const usage = { billed_units: { input_tokens: 5, output_tokens: 26 }, tokens: { input_tokens: 71, output_tokens: 30 } };
const answer = (message: object, finish = "COMPLETE", more: object = { usage }) => chat.answer(Buffer.from(JSON.stringify({ id: "c1", finish_reason: finish, message: { role: "assistant", ...message }, ...more })), {});

const events = (...all: ({ type: string } & Record<string, unknown>)[]) => all.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
const content = (type: "content-start" | "content-delta", index: number, piece: object) => ({ type, index, delta: { message: { content: piece } } });
const start = { type: "message-start", id: "c1", delta: { message: { role: "assistant" } } };
const opened = (index: number | undefined, id: string, name: string, first = "") => ({ type: "tool-call-start", ...(index === undefined ? {} : { index }), delta: { message: { tool_calls: { id, type: "function", function: { name, arguments: first } } } } });
const more = (index: number | undefined, piece: string) => ({ type: "tool-call-delta", ...(index === undefined ? {} : { index }), delta: { message: { tool_calls: { function: { arguments: piece } } } } });
const end = (finish: string, change: object = {}) => ({ type: "message-end", delta: { finish_reason: finish, usage, ...change } });

const stream = events(
  start, content("content-start", 0, { type: "thinking", thinking: "Hm" }), content("content-delta", 0, { thinking: " 🤔" }), { type: "content-end", index: 0 },
  content("content-start", 1, { type: "text", text: "" }), content("content-delta", 1, { text: "Zwölf" }), { type: "citation-start", index: 0, delta: { message: { citations: { start: 0, end: 5, text: "Zwölf", sources: [] } } } }, { type: "citation-end", index: 0 },
  content("content-delta", 1, { text: " 日本" }), { type: "content-end", index: 1 }, end("COMPLETE"),
);
const toolStream = events(
  start, { type: "tool-plan-delta", delta: { message: { tool_plan: "I will" } } }, { type: "tool-plan-delta", delta: { message: { tool_plan: " look." } } },
  opened(0, "a", "weather"), more(0, '{"city":'), opened(1, "b", "weather"), more(1, '{"city":"Rome"}'), more(0, ' "Köln"}'), { type: "tool-call-end", index: 0 }, { type: "tool-call-end", index: 1 }, opened(2, "c", "now"), end("TOOL_CALL"),
);

conformanceCase("cohere", 1, "arguments are text on both sides; none are an empty object", () => {
  const { body } = sent({ tools: [weather], messages: [user("?"), { role: "assistant", parts: [{ type: "tool-call", id: "a", name: "weather", arguments: "" }, { type: "tool-call", id: "b", name: "weather", arguments: '{"city' }] }] });
  assert.deepEqual(body.messages[1], { role: "assistant", tool_calls: ["{}", '{"city'].map((words, index) => ({ id: "ab"[index], type: "function", function: { name: "weather", arguments: words } })) });
  assert.deepEqual(answer({ tool_calls: [{ id: "a", type: "function", function: { name: "weather", arguments: '{"city":1}' } }] }, "TOOL_CALL").parts, [{ type: "tool-call", id: "a", name: "weather", arguments: '{"city":1}' }]);
}, "native");

conformanceCase("cohere", 2, "results have a message each; errors go in words, images are refused by name", () => {
  const messages: ChatMessage[] = [user("?"), { role: "tool", callId: "a", parts: [text("one"), text("two")], isError: false }, { role: "tool", callId: "b", parts: [text("no network")], isError: true }];
  const { body, emulated } = sent({ messages });
  assert.deepEqual(body.messages.slice(1), [{ role: "tool", tool_call_id: "a", content: "one\ntwo" }, { role: "tool", tool_call_id: "b", content: '{"error":"no network"}' }]);
  assert.deepEqual(emulated, ["messages[2].is_error (in words)"]);
  const image = { type: "image" as const, source: { kind: "data" as const, mediaType: "image/png", base64: "AA==" } };
  assert.deepEqual(refused({ messages: [{ role: "tool", callId: "a", parts: [image], isError: false }] }), ["messages[0].content[0]"]);
}, "emulated");

conformanceCase("cohere", 3, "tool choice; one tool is demanded by offering it alone", () => {
  const other = { ...weather, name: "now" };
  const choice = (toolChoice: ChatRequest["toolChoice"]) => sent({ tools: [weather, other], toolChoice });
  assert.equal(choice({ type: "auto" }).body.tool_choice, undefined);
  assert.equal(choice({ type: "none" }).body.tool_choice, "NONE");
  assert.equal(choice({ type: "required" }).body.tool_choice, "REQUIRED");
  const one = choice({ type: "tool", name: "now" });
  assert.deepEqual([one.body.tool_choice, (one.body.tools as unknown[]).length, one.emulated], ["REQUIRED", 1, ["tool_choice (by offering this tool alone)"]]);
  assert.deepEqual(refused({ tools: [weather], toolChoice: { type: "tool", name: "x" } }), ["tool_choice"]);
  const parallel = sent({ tools: [weather], parallelToolCalls: false });
  assert.deepEqual([parallel.body.messages[0]!.role, parallel.emulated], ["system", ["parallel_tool_calls (by an instruction)"]]);
  assert.equal(sent({ tools: [{ ...weather, strict: true }] }).body.strict_tools, true);
  assert.deepEqual(sent({ tools: [{ ...weather, strict: true }, other] }).dropped, ["tools[0].strict"]);
}, "emulated");

conformanceCase("cohere", 4, "system messages stay where they are; cache marks and names are named as dropped", () => {
  const { body, dropped } = sent({ messages: [{ role: "system", parts: [{ ...text("Be brief."), cache: {} }] }, { ...user("Hi"), name: "Ada" } as ChatMessage, { role: "system", parts: [text("Now French.")] }] });
  assert.deepEqual(body.messages, [["system", "Be brief."], ["user", "Hi"], ["system", "Now French."]].map(([role, words]) => ({ role, content: [{ type: "text", text: words }] })));
  assert.deepEqual(dropped, ["messages[0].content[0].cache_control", "messages[1].name"]);
});

conformanceCase("cohere", 5, "sampling in the provider's names and limits", () => {
  const { body, emulated } = sent({ sampling: { maxOutputTokens: 9, temperature: 1.2, topP: 1, topK: 7, stop: ["END"], seed: 3, frequencyPenalty: 1.5, presencePenalty: 0.5 } });
  const { model: _model, messages: _messages, ...fields } = body;
  assert.deepEqual(fields, { max_tokens: 9, temperature: 1.2, seed: 3, stop_sequences: ["END"], p: 0.99, k: 7, frequency_penalty: 1, presence_penalty: 0.5 });
  assert.deepEqual(emulated, ["top_p (0.99)", "frequency_penalty (1)"]);
  assert.deepEqual(refused({ sampling: { presencePenalty: -1, stop: ["1", "2", "3", "4", "5", "6"] } }), ["stop", "presence_penalty"]);
});

conformanceCase("cohere", 6, "images by data and address, text documents as text; the rest is refused by name", () => {
  const part = (source: object, type = "image") => ({ messages: [{ role: "user" as const, parts: [{ type, source } as ChatMessage["parts"][number]] }] }) as Parameters<typeof sent>[0];
  const first = (given: Parameters<typeof sent>[0]) => (sent(given).body.messages[0]!.content as unknown[])[0];
  assert.deepEqual(first(part({ kind: "data", mediaType: "image/png", base64: "AA==" })), { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } });
  assert.deepEqual(first(part({ kind: "url", url: "https://example.com/a.png" })), { type: "image_url", image_url: { url: "https://example.com/a.png" } });
  assert.deepEqual(first(part({ kind: "data", mediaType: "text/plain", base64: "aGk=" }, "document")), { type: "text", text: "hi" });
  for (const given of [part({ kind: "data", mediaType: "image/tiff", base64: "" }), part({ kind: "url", url: "file:///etc/passwd" }), part({ kind: "data", mediaType: "application/pdf", base64: "" }, "document")]) assert.deepEqual(refused(given), ["messages[0].content[0]"]);
});

const tree = { type: "object", $defs: { node: { anyOf: [{ type: "null" }, { type: "object", properties: { next: { $ref: "#/$defs/node" } } }] } }, properties: { root: { $ref: "#/$defs/node" } }, required: ["root"] };

conformanceCase("cohere", 7, "schemas pass as they are", () => {
  assert.deepEqual(sent({ tools: [{ name: "grow", parameters: tree }] }).body.tools, [{ type: "function", function: { name: "grow", parameters: tree } }]);
}, "native");

conformanceCase("cohere", 8, "JSON and schemas are the model's own, but not beside tools", () => {
  const output = { type: "schema" as const, name: "t", schema: tree, strict: true };
  assert.deepEqual(sent({ output }).body.response_format, { type: "json_object", json_schema: tree });
  assert.deepEqual(sent({ output: { type: "json" } }).body.response_format, { type: "json_object" });
  assert.deepEqual(refused({ output, tools: [weather] }), ["response_format"]);
});

conformanceCase("cohere", 9, "thinking and plans go and come back; signatures of others are named", () => {
  const planned = answer({ tool_plan: "I will look.", tool_calls: [{ id: "a", type: "function", function: { name: "weather", arguments: "{}" } }] }, "TOOL_CALL").parts;
  assert.deepEqual(planned[0], { type: "thinking", text: "I will look.", signature: null });
  assert.equal(sent({ messages: [user("?"), { role: "assistant", parts: planned }] }).body.messages[1]!.tool_plan, "I will look.");
  assert.deepEqual(sent({ messages: [user("?"), { role: "assistant", parts: planned }] }, reasoner).body.messages[1]!.content, [{ type: "thinking", thinking: "I will look." }]);
  const { parts } = answer({ content: [{ type: "thinking", thinking: "Hm" }, { type: "text", text: "Sun" }] });
  assert.deepEqual(parts, [{ type: "thinking", text: "Hm", signature: null }, { type: "text", text: "Sun" }]);
  assert.deepEqual(sent({ messages: [user("?"), { role: "assistant", parts: [{ type: "thinking", text: "Hm", signature: "x" }, { type: "redacted-thinking", data: "y" }] }] }).dropped, ["messages[1].content[0].signature", "messages[1].content[1]"]);
  const thinking = (reasoning: object, to = reasoner) => sent({ reasoning }, to).body.thinking;
  assert.deepEqual([thinking({ budgetTokens: 500 }), thinking({ effort: "none" }), thinking({ effort: "low" }), thinking({ effort: "low" }, plain)], [{ type: "enabled", token_budget: 500 }, { type: "disabled" }, { type: "enabled" }, undefined]);
  assert.deepEqual([sent({ reasoning: { effort: "low" } }, reasoner).emulated, sent({ reasoning: { effort: "low" } }).dropped], [["reasoning_effort (on)"], ["reasoning"]]);
});

conformanceCase("cohere", 10, "streams give the same events wherever they are cut, and throw nothing else for junk", () => {
  for (const each of [stream, toolStream]) {
    assertSameEventsWhereverCut(chat.stream, each);
    assertSurvivesJunk(chat.stream, each);
  }
  assert.deepEqual(readEvents(chat.stream(), `: ping\r\n\r\n${stream.replaceAll("\n", "\r\n")}`), readEvents(chat.stream(), stream));
});

conformanceCase("cohere", 11, "streamed calls: interleaved, without index, arguments first, without arguments", () => {
  assert.deepEqual(collectStream(chat.stream(), toolStream).parts, [
    { type: "thinking", text: "I will look.", signature: null }, { type: "tool-call", id: "a", name: "weather", arguments: '{"city": "Köln"}' }, { type: "tool-call", id: "b", name: "weather", arguments: '{"city":"Rome"}' }, { type: "tool-call", id: "c", name: "now", arguments: "" },
  ]);
  const calls = (...given: Parameters<typeof events>) => collectStream(chat.stream(), events(start, ...given, end("TOOL_CALL"))).parts;
  assert.deepEqual(calls(opened(undefined, "a", "x"), more(undefined, "{}"), opened(undefined, "b", "y", "{"), more(undefined, "}")), [{ type: "tool-call", id: "a", name: "x", arguments: "{}" }, { type: "tool-call", id: "b", name: "y", arguments: "{}" }]);
  assert.deepEqual(calls(more(4, "{}"), opened(4, "a", "x")), [{ type: "tool-call", id: "a", name: "x", arguments: "{}" }]);
  assert.throws(() => calls(more(4, "{}")), { code: "PROVIDER_STREAM_FAILED" });
});

conformanceCase("cohere", 12, "a stream starts once, with the answer's id", () => {
  assert.equal(collectStream(chat.stream(), stream).id, "c1");
});

conformanceCase("cohere", 13, "thinking and plans stay apart from the text", () => {
  assert.deepEqual(collectStream(chat.stream(), stream).parts, [{ type: "thinking", text: "Hm 🤔", signature: null }, { type: "text", text: "Zwölf 日本" }]);
});

conformanceCase("cohere", 14, "usage is what is billed, else what is counted; absent is not 0", () => {
  const unknown = { cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null };
  assert.deepEqual(collectStream(chat.stream(), stream).usage, { inputTokens: 5, outputTokens: 26, ...unknown });
  assert.deepEqual(answer({}, "COMPLETE", { usage: { tokens: { input_tokens: 7 } } }).usage, { inputTokens: 7, outputTokens: null, ...unknown });
  assert.deepEqual(answer({}, "COMPLETE", {}).usage, { inputTokens: null, outputTokens: null, ...unknown });
});

conformanceCase("cohere", 15, "cached tokens are among the input, never more", () => {
  assert.deepEqual(answer({}, "COMPLETE", { usage: { ...usage, cached_tokens: 64 } }).usage.cacheReadTokens, 5);
});

conformanceCase("cohere", 16, "streams tell usage unasked, once", () => {
  assert.deepEqual([sent({ stream: true }).body.stream, sent({}).body.stream], [true, undefined]);
  assert.equal(readEvents(chat.stream(), stream).filter(({ type }) => type === "usage").length, 1);
}, "native");

conformanceCase("cohere", 17, "an end without a finish is an error, and so is one that says that it failed", () => {
  assert.throws(() => readEvents(chat.stream(), stream.slice(0, stream.indexOf("event: message-end"))), { code: "PROVIDER_STREAM_FAILED" });
  for (const last of [end("ERROR"), end("TIMEOUT"), end("COMPLETE", { error: "worker lost" })]) assert.throws(() => readEvents(chat.stream(), events(start, last)), { code: "PROVIDER_STREAM_FAILED" });
  assert.throws(() => readEvents(chat.stream(), 'data: {"message":"internal server error"}\n\n'), { code: "PROVIDER_STREAM_FAILED", message: "The provider broke off: internal server error" });
  for (const finish of ["ERROR", ""]) assert.throws(() => answer({}, finish), { code: "PROVIDER_ANSWER_INVALID" });
  assert.throws(() => chat.answer(Buffer.from("oops"), {}), { code: "PROVIDER_ANSWER_INVALID" });
});

conformanceCase("cohere", 18, "before the first piece of content comes the start alone", () => {
  assert.deepEqual(readEvents(chat.stream(), stream).slice(0, 2).map(({ type }) => type), ["start", "thinking"]);
});

conformanceCase("cohere", 19, "reasons to stop", () => {
  for (const [word, finish] of [["COMPLETE", "stop"], ["STOP_SEQUENCE", "stop"], ["MAX_TOKENS", "length"], ["TOOL_CALL", "tool-calls"], ["ERROR_TOXIC", "content-filter"]] as const) assert.deepEqual([answer({}, word).finish, answer({}, word).finishWord], [finish, word]);
});

conformanceCase("cohere", 20, "errors, and when to come back", () => {
  const failure = (status: number, message: string, headers = {}) => cohere.failure(status, headers, Buffer.from(JSON.stringify({ message })));
  assert.deepEqual(failure(429, "You are using a Trial key, which is limited to 40 API calls / minute. Upgrade to a Production key.", { "retry-after": "4" }), { status: 429, kind: "rate-limited", message: "You are using a Trial key, which is limited to 40 API calls / minute. Upgrade to a Production key.", code: null, retryAfterMs: 4000 });
  assert.equal(failure(429, "You are using a Trial key, which is limited to 1000 API calls / month.").kind, "quota");
  assert.equal(failure(400, "too many tokens: total number of tokens in the prompt cannot exceed 128000").kind, "context-length");
  for (const [status, kind] of [[400, "invalid"], [401, "unauthorized"], [402, "quota"], [404, "not-found"], [413, "context-length"], [422, "invalid"], [429, "rate-limited"], [500, "failed"], [503, "overloaded"], [504, "failed"]] as const) assert.equal(cohere.failure(status, {}, Buffer.from("<html>")).kind, kind);
});

describe("cohere", () => {
  const embedding = { input: ["a", "b"], dimensions: 256, encoding: "float" as const, inputType: null, user: null, extra: { truncate: "END" } };

  it("embeds, and says what it takes the texts for", () => {
    const { path, body, emulated } = cohere.embeddings!.request(embedding, target("embed-v4.0"));
    assert.deepEqual([path, JSON.parse(String(body)), emulated], ["/v2/embed", { model: "embed-v4.0", texts: ["a", "b"], input_type: "search_document", embedding_types: ["float"], output_dimension: 256, truncate: "END" }, ["input_type (search_document)"]]);
    for (const change of [{ inputType: "x" }, { input: [[1]] }, { input: Array.from({ length: 97 }, () => "a") }]) assert.throws(() => cohere.embeddings!.request({ ...embedding, ...change }, target("embed-v4.0")), { code: "GATEWAY_FIELD_UNSUPPORTED" });
    const { vectors, usage: used } = cohere.embeddings!.answer(Buffer.from('{"id":"x","embeddings":{"float":[[1],[2]]},"meta":{"billed_units":{"input_tokens":2}}}'), {});
    assert.deepEqual([vectors, used.inputTokens, used.outputTokens], [[[1], [2]], 2, null]);
    assert.throws(() => cohere.embeddings!.answer(Buffer.from('{"embeddings":[]}'), {}), { code: "PROVIDER_ANSWER_INVALID" });
  });

  it("ranks", () => {
    const { path, body, dropped } = cohere.rerank!.request({ query: "q", documents: ["a", "b"], topN: 1, extra: { return_documents: true, max_tokens_per_doc: 9 } }, target("rerank-v3.5"));
    assert.deepEqual([path, JSON.parse(String(body)), dropped], ["/v2/rerank", { model: "rerank-v3.5", query: "q", documents: ["a", "b"], top_n: 1, max_tokens_per_doc: 9 }, ["return_documents"]]);
    assert.deepEqual(cohere.rerank!.answer(Buffer.from('{"results":[{"index":1,"relevance_score":0.9}],"meta":{"billed_units":{"search_units":1}}}'), {}).results, [{ index: 1, score: 0.9 }]);
    for (const bad of ["{}", '{"results":[{"index":-1,"relevance_score":1}]}']) assert.throws(() => cohere.rerank!.answer(Buffer.from(bad), {}), { code: "PROVIDER_ANSWER_INVALID" });
  });

  it("takes its own fields, refuses others by name, shows its key and lists models", () => {
    const { body, dropped } = sent({ user: "ada", extra: { safety_mode: "STRICT", metadata: { a: "b" } } });
    assert.deepEqual([body.safety_mode, dropped], ["STRICT", ["user", "metadata"]]);
    assert.deepEqual(refused({ extra: { documents: [{ data: {} }], logprobs: true } }), ["documents", "logprobs"]);
    assert.deepEqual(cohere.authorize({ method: "POST", url: new URL("https://x.test/"), headers: {}, body: "" }, "k", plain.settings, 0), { authorization: "Bearer k" });
    assert.deepEqual(cohere.models!.read({ models: [{ name: "command-a-03-2025" }, {}] }), ["command-a-03-2025"]);
  });
});
