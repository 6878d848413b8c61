import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../../core/errors.ts";
import { isContent } from "../../conversation/chat-event.ts";
import type { ChatRequest } from "../../conversation/chat-request.ts";
import { refusedPaths } from "../refused-fields.fixture.ts";
import { ProviderSettings, type ProviderKind } from "../../schemas.ts";
import { chatRequest, conformanceCase } from "../conformance.fixture.ts";
import { providerMappings } from "../provider-mappings.ts";
import { assertSameEventsWhereverCut, assertSurvivesJunk, collectStream, readEvents } from "../stream-cuts.fixture.ts";

type Sent = Record<string, unknown> & { messages: Record<string, unknown>[] };

const kinds = ["openai", "azure", "compatible", "mistral", "ollama"] as const;
type Kind = (typeof kinds)[number];

function chatOf(kind: ProviderKind) {
  const chat = providerMappings[kind]?.chat;
  assert.ok(chat !== undefined);
  return chat;
}

function send(kind: ProviderKind, request: ChatRequest, model = "gpt-5") {
  const written = chatOf(kind).request(request, { model, settings: ProviderSettings.parse({ kind }) });
  return { ...written, sent: JSON.parse(String(written.body)) as Sent };
}

const failsWith = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const open = (kind: Kind) => () => chatOf(kind).stream();
const tool = { name: "weather", description: "Of a city", parameters: { type: "object", properties: { city: { type: "string" } } } };

function chunk(delta: Record<string, unknown> | null, more: Record<string, unknown> = {}, finish: string | null = null): string {
  return `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-5", choices: delta === null ? [] : [{ index: 0, delta, finish_reason: finish }], ...more })}\n\n`;
}

function toolCall(piece: Record<string, unknown>): string {
  return chunk({ tool_calls: [piece] });
}

function document(message: Record<string, unknown>, finish: string | null = "stop", more: Record<string, unknown> = {}): Buffer {
  return Buffer.from(JSON.stringify({ id: "chatcmpl-1", object: "chat.completion", model: "gpt-5", choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason: finish }], ...more }));
}

const usage = { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19, prompt_tokens_details: { cached_tokens: 4 }, completion_tokens_details: { reasoning_tokens: 3 } };
/** What Azure sends before the answer, and what others leave out. */
const azureStart = `data: ${JSON.stringify({ id: "", object: "", created: 0, model: "", choices: [], prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }] })}\n\n`;
const textStream = `${azureStart}: keep-alive\n\n${chunk({ role: "assistant", content: "", refusal: null })}${chunk({ content: "Grüß 🎈" })}${chunk({ content: " dich" })}${chunk({}, {}, "stop")}${chunk(null, { usage })}data: [DONE]\n\n`;
const toolStream = chunk({ role: "assistant", content: null }) + toolCall({ index: 0, id: "call_a", type: "function", function: { name: "weather", arguments: "" } }) + toolCall({ index: 1, id: "call_b", type: "function", function: { name: "time", arguments: "" } })
  + toolCall({ index: 0, function: { arguments: '{"city":' } }) + toolCall({ index: 1, function: { arguments: "{}" } }) + toolCall({ index: 0, function: { arguments: '"Bonn"}' } }) + chunk({}, {}, "tool_calls") + "data: [DONE]\n\n";

for (const kind of kinds) {
  const isPlain = kind === "openai" || kind === "azure";
  const native = isPlain ? "native" as const : "mapped" as const;

  conformanceCase(kind, 1, "arguments stay text; empty ones are an object, malformed ones stay or are wrapped where they would break a template", () => {
    const call = (text: string) => send(kind, chatRequest({ messages: [{ role: "user", parts: [{ type: "text", text: "?" }] }, { role: "assistant", parts: [{ type: "tool-call", id: "a2345678b", name: "weather", arguments: text }] }, { role: "tool", callId: "a2345678b", parts: [{ type: "text", text: "sun" }], isError: false }] }));
    const written = (text: string) => (call(text).sent.messages[1]?.tool_calls as { function: { arguments: string } }[])[0]?.function.arguments;
    assert.equal(written('{"big":12345678901234567890}'), '{"big":12345678901234567890}');
    assert.equal(written(""), "{}");
    const wraps = kind === "compatible" || kind === "ollama";
    assert.equal(written('{"city":'), wraps ? '{"INVALID_JSON":"{\\"city\\":"}' : '{"city":');
    assert.deepEqual(call('{"city":').emulated, wraps ? ["tool_calls.function.arguments (wrapped: no JSON object)"] : []);
  }, native);

  conformanceCase(kind, 2, "results stay one by one in order; errors and images are told in other words", () => {
    const image = { type: "image" as const, source: { kind: "data" as const, mediaType: "image/png", base64: "AAAA" } };
    const { sent, emulated } = send(kind, chatRequest({ messages: [
      { role: "assistant", parts: [{ type: "tool-call", id: "call_one0", name: "weather", arguments: "{}" }, { type: "tool-call", id: "call_two0", name: "weather", arguments: "{}" }] },
      { role: "tool", callId: "call_one0", parts: [image], isError: false }, { role: "tool", callId: "call_two0", parts: [{ type: "text", text: "no such city" }], isError: true }, { role: "user", parts: [{ type: "text", text: "Well?" }] },
    ] }));
    const calls = sent.messages[0]?.tool_calls as { id: string }[];
    assert.deepEqual(sent.messages.slice(1, 3).map(({ role, tool_call_id: id }) => ({ role, id })), calls.map(({ id }) => ({ role: "tool", id })));
    assert.equal(sent.messages[2]?.content, "Error: no such city");
    const inside = kind === "mistral";
    assert.deepEqual(sent.messages.map(({ role }) => role), ["assistant", "tool", "tool", ...(inside ? [] : ["user"]), "user"]);
    assert.equal(JSON.stringify(sent.messages[inside ? 1 : 3]).includes("data:image/png;base64,AAAA"), true);
    assert.deepEqual(emulated, [...(inside ? [] : ["images of tool results (as a message of the user)"]), "is_error (told in the text of the result)"]);
  }, "emulated");

  conformanceCase(kind, 3, "the choice of tools and parallel calls", () => {
    const choose = (change: Partial<ChatRequest>) => send(kind, chatRequest({ tools: [tool], ...change })).sent;
    if (kind === "ollama") {
      assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => choose({ toolChoice: { type: "required" }, parallelToolCalls: false })), ["tool_choice", "parallel_tool_calls"]);
      assert.equal(choose({ toolChoice: { type: "none" } }).tools, undefined);
      return;
    }
    assert.equal(choose({ toolChoice: { type: "required" } }).tool_choice, kind === "mistral" ? "any" : "required");
    assert.deepEqual(choose({ toolChoice: { type: "tool", name: "weather" } }).tool_choice, { type: "function", function: { name: "weather" } });
    assert.equal(choose({ toolChoice: { type: "none" } }).tool_choice, "none");
    assert.equal(choose({ parallelToolCalls: false }).parallel_tool_calls, false);
    assert.equal(choose({}).tool_choice, undefined);
  }, kind === "ollama" ? "refused" : native);

  conformanceCase(kind, 4, "system messages stay where they stand; cache marks stay or are named", () => {
    const { sent, dropped } = send(kind, chatRequest({ messages: [
      { role: "system", parts: [{ type: "text", text: "Be kind.", cache: { ttl: "1h" } }] }, { role: "system", parts: [{ type: "text", text: "Be short." }] }, { role: "user", parts: [{ type: "text", text: "Hi" }] }, { role: "system", parts: [{ type: "text", text: "Now rhyme." }] },
    ] }));
    assert.deepEqual(sent.messages.map(({ role }) => role), ["system", "system", "user", "system"]);
    const marked = kind === "compatible";
    assert.deepEqual(sent.messages[0]?.content, marked ? [{ type: "text", text: "Be kind.", cache_control: { type: "ephemeral", ttl: "1h" } }] : "Be kind.");
    assert.deepEqual(dropped, marked ? [] : ["cache_control"]);
  }, native);

  conformanceCase(kind, 5, "the field for the most tokens, and sampling as it is", () => {
    const { sent } = send(kind, chatRequest({ sampling: { maxOutputTokens: 5, temperature: 1.7, topP: 0.5, stop: ["x"], seed: 3, presencePenalty: 1 } }));
    assert.equal(sent[kind === "openai" ? "max_completion_tokens" : "max_tokens"], 5);
    assert.equal(sent[kind === "mistral" ? "random_seed" : "seed"], 3);
    assert.deepEqual([sent.temperature, sent.top_p, sent.stop, sent.presence_penalty], [1.7, 0.5, ["x"], 1]);
    assert.equal(send(kind, chatRequest()).sent.max_tokens, undefined);
    const topK = chatRequest({ sampling: { topK: 4 } });
    if (kind === "compatible") assert.equal(send(kind, topK).sent.top_k, 4);
    else assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => send(kind, topK)), ["top_k"]);
  }, native);

  conformanceCase(kind, 6, "images, PDFs and texts; what is not taken is refused by name", () => {
    const content = (part: Extract<ChatRequest["messages"][number], { role: "user" }>["parts"][number]) => send(kind, chatRequest({ messages: [{ role: "user", parts: [part] }] })).sent.messages[0]?.content as Record<string, unknown>[] | string;
    assert.deepEqual(content({ type: "image", source: { kind: "data", mediaType: "image/PNG", base64: "AAAA" }, detail: "low" }), [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA", detail: "low" } }]);
    const address = { type: "image" as const, source: { kind: "url" as const, url: "https://example.org/a.png" } };
    if (kind === "ollama") assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => content(address)), ["messages[0].content[0]"]);
    else assert.deepEqual(content(address), [{ type: "image_url", image_url: { url: "https://example.org/a.png" } }]);
    const pdf = { type: "document" as const, source: { kind: "data" as const, mediaType: "application/pdf", base64: "JVBERi0=" }, name: "a.pdf" };
    if (kind === "ollama") assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => content(pdf)), ["messages[0].content[0]"]);
    else if (kind === "mistral") assert.deepEqual(content(pdf), [{ type: "document_url", document_url: "data:application/pdf;base64,JVBERi0=", document_name: "a.pdf" }]);
    else assert.deepEqual(content(pdf), [{ type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" } }]);
    assert.equal(content({ type: "document", source: { kind: "data", mediaType: "text/plain", base64: Buffer.from("Zwölf").toString("base64") } }), "Zwölf");
    assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => content({ type: "image", source: { kind: "data", mediaType: "text/html", base64: "AAAA" } })), ["messages[0].content[0]"]);
    assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => content({ type: "document", source: { kind: "data", mediaType: "application/zip", base64: "AAAA" } })).at(-1), "messages[0].content[0]");
  }, native);

  conformanceCase(kind, 7, "schemas pass as they are", () => {
    const schema = { $ref: "#/$defs/node", $defs: { node: { type: "object", properties: { next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } } } } };
    const { sent } = send(kind, chatRequest({ tools: [{ ...tool, parameters: schema }], output: { type: "schema", name: "list", schema, strict: false } }));
    assert.deepEqual((sent.tools as { function: { parameters: unknown } }[])[0]?.function.parameters, schema);
    assert.deepEqual((sent.response_format as { json_schema: { schema: unknown } }).json_schema.schema, schema);
  }, "native");

  conformanceCase(kind, 8, "output by schema and as JSON", () => {
    const schema = { type: "object", properties: {}, additionalProperties: false };
    assert.deepEqual(send(kind, chatRequest({ output: { type: "schema", name: "nothing", description: "d", schema, strict: true } })).sent.response_format, { type: "json_schema", json_schema: { name: "nothing", description: "d", schema, strict: true } });
    assert.deepEqual(send(kind, chatRequest({ output: { type: "json" } })).sent.response_format, { type: "json_object" });
  }, "native");

  conformanceCase(kind, 9, "thinking of earlier turns goes where the provider has a place for it, or is named", () => {
    const { sent, dropped } = send(kind, chatRequest({ messages: [{ role: "user", parts: [{ type: "text", text: "?" }] }, { role: "assistant", parts: [{ type: "thinking", text: "Hm.", signature: "sig" }, { type: "text", text: "Yes." }] }, { role: "user", parts: [{ type: "text", text: "Sure?" }] }] }));
    const [, answer] = sent.messages;
    // A signature of Gemini's goes back to nobody else.
    const other = send(kind, chatRequest({ messages: [{ role: "user", parts: [{ type: "text", text: "?" }] }, { role: "assistant", parts: [{ type: "thinking", text: "Hm.", signature: "gemini:s" }, { type: "text", text: "Yes." }] }] }));
    assert.doesNotMatch(JSON.stringify(other.sent), /gemini:s/);
    assert.deepEqual(other.dropped, [isPlain ? "messages[1].thinking" : "messages[1].thinking.signature"]);
    if (kind === "mistral") assert.deepEqual(answer?.content, [{ type: "thinking", thinking: [{ type: "text", text: "Hm." }], signature: "sig" }, { type: "text", text: "Yes." }]);
    else assert.deepEqual([answer?.content, answer?.reasoning_content], ["Yes.", isPlain ? undefined : "Hm."]);
    assert.deepEqual(dropped, kind === "mistral" ? [] : isPlain ? ["messages[1].thinking"] : ["messages[1].thinking.signature"]);
    const effort = send(kind, chatRequest({ reasoning: { budgetTokens: 5000 } }));
    assert.deepEqual([effort.sent.reasoning_effort, effort.emulated], ["medium", ["thinking.budget_tokens (as reasoning_effort)"]]);
  }, isPlain ? "emulated" : "mapped");

  conformanceCase(kind, 10, "a stream says the same wherever it is cut, and junk throws nothing else", () => {
    // One reader serves all: the long streams are cut for the first alone.
    assertSameEventsWhereverCut(open(kind), textStream.replaceAll("\n", "\r\n").slice(kind === "azure" ? 0 : azureStart.length + 3));
    if (kind === "openai") assertSameEventsWhereverCut(open(kind), toolStream);
    assertSurvivesJunk(open(kind), kind === "mistral" ? toolStream : textStream);
    const { parts, id, model, finish } = collectStream(open(kind)(), textStream);
    assert.deepEqual({ parts, id, model, finish }, { parts: [{ type: "text", text: "Grüß 🎈 dich" }], id: "chatcmpl-1", model: "gpt-5", finish: "stop" });
  }, native);

  conformanceCase(kind, 11, "streamed tool calls in every order", () => {
    const calls = (stream: string) => collectStream(open(kind)(), `${stream}${chunk({}, {}, "tool_calls")}data: [DONE]\n\n`).parts;
    const [weather, time] = [{ type: "tool-call", id: "call_a", name: "weather", arguments: '{"city":"Bonn"}' }, { type: "tool-call", id: "call_b", name: "time", arguments: "" }];
    assert.deepEqual(collectStream(open(kind)(), toolStream).parts, [weather, { ...time, arguments: "{}" }]);
    // Without an index, and with one for all.
    for (const index of [{}, { index: 0 }]) {
      assert.deepEqual(calls(toolCall({ ...index, id: "call_a", function: { name: "weather", arguments: '{"city":' } }) + toolCall({ ...index, function: { arguments: '"Bonn"}' } }) + toolCall({ ...index, id: "call_b", function: { name: "time" } })), [weather, time]);
    }
    // Arguments first; as an object; no id.
    assert.deepEqual(calls(toolCall({ index: 0, function: { arguments: '{"city":' } }) + toolCall({ index: 0, id: "call_a", function: { name: "weather", arguments: '"Bonn"}' } })), [weather]);
    assert.deepEqual(calls(toolCall({ index: 7, id: "call_a", function: { name: "weather", arguments: { city: "Bonn" } } })), [weather]);
    assert.deepEqual(calls(toolCall({ function: { name: "time" } })), [{ ...time, id: "call_chatcmpl1_0" }]);
    assert.deepEqual(open(kind)().push(Buffer.from(toolCall({ id: "a", function: { name: "time", arguments: "" } }))).map(({ type }) => type), ["start", "tool-call"]);
    assert.throws(() => calls(toolCall({ index: 0, function: { arguments: "{}" } })), failsWith("PROVIDER_STREAM_FAILED"));
  }, native);

  conformanceCase(kind, 12, "one start, also behind chunks without an answer", () => {
    assert.equal(collectStream(open(kind)(), textStream).id, "chatcmpl-1");
    assert.equal(readEvents(open(kind)(), toolStream)[0]?.type, "start");
    // Servers that give answers no id, and those that tell it before there is a choice.
    const end = { choices: [{ index: 0, delta: { content: "a" }, finish_reason: "stop" }] };
    assert.deepEqual(readEvents(open(kind)(), `data: ${JSON.stringify(end)}\n\n`).map(({ type }) => type), ["start", "text", "finish"]);
    assert.deepEqual(open(kind)().push(Buffer.from(`data: ${JSON.stringify({ id: "x", model: "m", choices: [] })}\n\n`)), [{ type: "start", id: "x", model: "m" }]);
    // Nothing but usage stands behind the finish.
    assert.deepEqual(readEvents(open(kind)(), chunk({ content: "a" }) + chunk({}, {}, "stop") + chunk({ content: "late" }, {}, "length") + chunk(null, { usage })).map(({ type }) => type), ["start", "text", "finish", "usage"]);
  }, native);

  conformanceCase(kind, 13, "thinking beside the text and within it", () => {
    for (const delta of [{ reasoning_content: "Hm." }, { reasoning: "Hm.", reasoning_content: "Hm." }, { content: [{ type: "thinking", thinking: [{ type: "text", text: "Hm." }] }] }]) {
      assert.deepEqual(collectStream(open(kind)(), `${chunk(delta)}${chunk({ content: "Yes" })}${chunk({}, {}, "stop")}`).parts, [{ type: "thinking", text: "Hm.", signature: null }, { type: "text", text: "Yes" }]);
    }
    assert.deepEqual(chatOf(kind).answer(document({ content: "Yes", reasoning: "Hm." }), {}).parts, [{ type: "thinking", text: "Hm.", signature: null }, { type: "text", text: "Yes" }]);
  }, native);

  conformanceCase(kind, 14, "the newest total counts; what was not told is unknown", () => {
    const counted = (...usages: unknown[]) => collectStream(open(kind)(), chunk({ content: "a" }) + usages.map((value) => chunk({}, { usage: value })).join("") + chunk({}, {}, "stop")).usage;
    assert.deepEqual(counted({ prompt_tokens: 3, completion_tokens: 1 }, { prompt_tokens: 3, completion_tokens: 9 }, null), { inputTokens: 3, outputTokens: 9, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null });
    assert.equal(counted().inputTokens, null);
  }, native);

  conformanceCase(kind, 15, "cached tokens are part of the input", () => {
    const expected = { inputTokens: 12, outputTokens: 7, cacheReadTokens: 4, cacheWriteTokens: null, reasoningTokens: 3 };
    assert.deepEqual(chatOf(kind).answer(document({ content: "a" }, "stop", { usage }), {}).usage, expected);
    assert.deepEqual(collectStream(open(kind)(), textStream).usage, expected);
  }, native);

  conformanceCase(kind, 16, "streams are asked for usage where it must be asked for", () => {
    const { sent } = send(kind, chatRequest({ stream: true, extra: { stream_options: { include_obfuscation: false } } }));
    assert.equal(sent.stream, true);
    assert.deepEqual(sent.stream_options, kind === "mistral" ? undefined : { include_obfuscation: false, include_usage: true });
    assert.equal(send(kind, chatRequest()).sent.stream_options, undefined);
    assert.equal(readEvents(open(kind)(), textStream).filter(({ type }) => type === "usage").length, 1);
  }, native);

  conformanceCase(kind, 17, "a stream without a finish is broken", () => {
    const cut = chunk({ content: "a" });
    assert.throws(() => readEvents(open(kind)(), cut), failsWith("PROVIDER_STREAM_FAILED"));
    const done = `${cut}data: [DONE]\n\n`;
    // Nothing is read behind it, whatever it is.
    const behind = `${chunk({ content: "a" })}${chunk({}, {}, "stop")}data: [DONE]\n\ndata: <html>\n\n`;
    assert.deepEqual(readEvents(open(kind)(), behind, "data: <html>\n\n").map(({ type }) => type), ["start", "text", "finish"]);
    if (kind === "compatible" || kind === "ollama") assert.equal(collectStream(open(kind)(), done).finish, "stop");
    else assert.throws(() => readEvents(open(kind)(), done), failsWith("PROVIDER_STREAM_FAILED"));
    for (const error of ['data: {"error":{"message":"The server had an error","type":"server_error"}}\n\n', 'event: error\ndata: {"object":"error","message":"out of memory"}\n\n', 'data: {"error":"busy"}\n\n', "data: not json\n\n", chunk({}, {}, "error")]) {
      assert.throws(() => readEvents(open(kind)(), cut + error), failsWith("PROVIDER_STREAM_FAILED"), error);
    }
  }, native);

  conformanceCase(kind, 18, "what comes before the first piece is no content", () => {
    const reader = open(kind)();
    assert.equal(reader.push(Buffer.from(azureStart + chunk({ role: "assistant", content: "" }))).some(isContent), false);
    assert.equal(reader.push(Buffer.from(chunk({ content: "a" }))).some(isContent), true);
  }, native);

  conformanceCase(kind, 19, "reasons to stop", () => {
    for (const [word, finish] of [["stop", "stop"], ["length", "length"], ["model_length", "length"], ["tool_calls", "tool-calls"], ["content_filter", "content-filter"], ["new_reason", "stop"]] as const) {
      const answer = chatOf(kind).answer(document({ content: "a" }, word), {});
      assert.deepEqual([answer.finish, answer.finishWord], [finish, word]);
      assert.equal(collectStream(open(kind)(), chunk({ content: "a" }) + chunk({}, {}, word)).finish, finish);
    }
    const calls = [{ id: "a", type: "function", function: { name: "time", arguments: "{}" } }];
    assert.equal(chatOf(kind).answer(document({ content: null, tool_calls: calls }, "stop"), {}).finish, "tool-calls");
    assert.deepEqual(chatOf(kind).answer(document({ content: null, refusal: "No." }), {}).parts, [{ type: "refusal", text: "No." }]);
    if (kind !== "compatible" && kind !== "ollama") assert.throws(() => chatOf(kind).answer(document({ content: "a" }, null), {}), failsWith("PROVIDER_ANSWER_INVALID"));
    for (const body of ["<html>", "[]", "{}", '{"choices":[]}', '{"error":{"message":"no"}}']) assert.throws(() => chatOf(kind).answer(Buffer.from(body), {}), failsWith("PROVIDER_ANSWER_INVALID"));
  }, native);

  conformanceCase(kind, 20, "errors by status and word, and when to come back", () => {
    const failure = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      const { kind: word, retryAfterMs, message } = providerMappings[kind]?.failure(status, headers, Buffer.from(typeof body === "string" ? body : JSON.stringify(body))) ?? assert.fail();
      return { word, retryAfterMs, message };
    };
    const cases: [number, unknown, string][] = [
      [400, { error: { message: "Unknown parameter: 'x'.", type: "invalid_request_error", code: "unknown_parameter" } }, "invalid"],
      [400, { error: { message: "This model's maximum context length is 8192 tokens.", code: "context_length_exceeded" } }, "context-length"],
      [400, { error: { code: "content_filter", message: "The response was filtered", innererror: { code: "ResponsibleAIPolicyViolation" } } }, "content-filter"],
      [400, { error: { code: 400, message: "the request exceeds the available context size", type: "exceed_context_size_error" } }, "context-length"],
      [401, { error: { message: "Incorrect API key provided: sk-abcdefgh12345678" } }, "unauthorized"], [402, {}, "quota"], [404, { error: "model 'x' not found" }, "not-found"], [413, "too large", "context-length"],
      [422, { object: "error", message: { detail: [{ loc: ["body", "n"], msg: "Extra inputs are not permitted" }] }, type: "invalid_request_error" }, "invalid"],
      [429, { error: { message: "You exceeded your current quota, please check your plan", type: "insufficient_quota", code: "insufficient_quota" } }, "quota"],
      [429, { error: { message: "Rate limit reached for requests", code: "rate_limit_exceeded" } }, "rate-limited"], [500, "<html>oops</html>", "failed"], [503, "", "overloaded"], [529, {}, "overloaded"],
    ];
    for (const [status, body, expected] of cases) assert.equal(failure(status, body).word, expected, JSON.stringify(body));
    assert.equal(failure(500, "<html>secret page</html>").message.includes("html"), false);
    assert.equal(failure(401, { error: { message: "Incorrect API key provided: sk-abcdefgh12345678" } }).message.includes("12345678"), false);
    assert.equal(failure(429, {}, { "retry-after": "2" }).retryAfterMs, 2000);
    assert.equal(failure(429, {}, { "retry-after-ms": "70" }).retryAfterMs, 70);
  }, native);
}

describe("fields of other protocols", () => {
  it("pass where the provider judges for itself, and are named elsewhere", () => {
    const extra = { logit_bias: { 5: 1 }, store: true, previous_response_id: "resp_1" };
    assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => send("openai", chatRequest({ extra }))), ["previous_response_id"]);
    assert.deepEqual(send("openai", chatRequest({ extra: { logit_bias: { 5: 1 }, store: true } })).sent.logit_bias, { 5: 1 });
    assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => send("mistral", chatRequest({ extra }))), ["logit_bias", "previous_response_id"]);
    assert.deepEqual(send("mistral", chatRequest({ extra: { store: true }, user: "u" })).dropped, ["user", "store"]);
    assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => send("openai", chatRequest({ nativeOnly: [{ path: "tools[0]", message: "built in" }] }))), ["tools[0]"]);
    assert.deepEqual(send("openai", chatRequest({ uncarried: ["messages[0].annotations"] })).dropped, ["messages[0].annotations"]);
    // Nothing of the caller's replaces what was decided here.
    assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => send("openai", chatRequest({ extra: { model: "other" } }))), ["model"]);
  });

  it("tool calls of Mistral have ids of nine letters and digits, the same for call and result", () => {
    const { sent } = send("mistral", chatRequest({ messages: [{ role: "assistant", parts: [{ type: "tool-call", id: "toolu_01ABC", name: "time", arguments: "" }] }, { role: "tool", callId: "toolu_01ABC", parts: [{ type: "text", text: "12" }], isError: false }] }));
    const id = (sent.messages[0]?.tool_calls as { id: string }[])[0]?.id ?? "";
    assert.match(id, /^[A-Za-z0-9]{9}$/);
    assert.equal(sent.messages[1]?.tool_call_id, id);
  });

  it("a last message of the assistant is marked for Mistral to go on from, but for one that waits for its calls", () => {
    const last = (kind: Kind, ...parts: Extract<ChatRequest["messages"][number], { role: "assistant" }>["parts"]) => send(kind, chatRequest({ messages: [{ role: "user", parts: [{ type: "text", text: "?" }] }, { role: "assistant", parts }] })).sent.messages[1]?.prefix;
    assert.deepEqual([last("mistral", { type: "text", text: "Once" }), last("mistral", { type: "tool-call", id: "a", name: "time", arguments: "" }), last("openai", { type: "text", text: "Once" })], [true, undefined, undefined]);
  });
});

describe("protocols whose bytes pass", () => {
  it("responses and completions are read on the side, whole and streamed", () => {
    const response = { id: "resp_1", object: "response", model: "gpt-5", status: "completed", output: [{ type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }] }, { type: "message", content: [{ type: "output_text", text: "Hi" }] }, { type: "function_call", call_id: "call_1", name: "time", arguments: "{}" }], usage: { input_tokens: 5, output_tokens: 3, input_tokens_details: { cached_tokens: 2 } } };
    const whole = chatOf("openai").answer(Buffer.from(JSON.stringify(response)), {});
    const events = [
      { type: "response.created", response: { ...response, status: "in_progress", output: [], usage: null } }, { type: "response.reasoning_summary_text.delta", delta: "Hm." }, { type: "response.output_text.delta", output_index: 1, delta: "Hi" },
      { type: "response.output_item.added", output_index: 2, item: { type: "function_call", call_id: "call_1", name: "time", arguments: "" } }, { type: "response.function_call_arguments.delta", output_index: 2, delta: "{}" }, { type: "response.completed", response },
    ];
    const stream = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
    assert.deepEqual(collectStream(open("openai")(), stream), whole);
    assert.deepEqual([whole.finish, whole.usage.inputTokens, whole.usage.cacheReadTokens], ["tool-calls", 5, 2]);
    assertSameEventsWhereverCut(open("openai"), stream);
    assertSurvivesJunk(open("openai"), stream);
    assert.throws(() => readEvents(open("openai")(), stream, `data: ${JSON.stringify({ type: "error", message: "late" })}\n\n`), failsWith("PROVIDER_STREAM_FAILED"));
    assert.throws(() => readEvents(open("openai")(), stream.slice(0, stream.indexOf("event: response.completed"))), failsWith("PROVIDER_STREAM_FAILED"));

    // What a search then opens is no search.
    const searches = ["search", "open_page", undefined].map((type) => ({ type: "web_search_call", status: "completed", ...(type === undefined ? {} : { action: { type } }) }));
    const searched = { ...response, output: [...searches, ...response.output] };
    assert.equal(chatOf("openai").answer(Buffer.from(JSON.stringify(searched)), {}).usage.webSearches, 2);
    assert.equal(collectStream(open("openai")(), stream.replace(JSON.stringify({ type: "response.completed", response }), JSON.stringify({ type: "response.completed", response: searched }))).usage.webSearches, 2);
    assert.equal("webSearches" in whole.usage, false);
    const done = searches.map((item) => `data: ${JSON.stringify({ type: "response.output_item.done", item })}\n\n`).join("");
    const cut = open("openai")().push(Buffer.from(stream.slice(0, stream.indexOf("event: response.reasoning")) + done));
    assert.deepEqual(cut.flatMap((event) => (event.type === "usage" ? [event.usage.webSearches] : [])), [1, 2]);

    // How often a chat searched is told by nobody, but for OpenRouter: that it did is seen by the model or by what is cited.
    const chat = (model: string, more: object = {}, usage: object = {}) => ({ id: "c1", object: "chat.completion", model, choices: [{ index: 0, message: { role: "assistant", content: "Hi", ...more }, finish_reason: "stop" }], usage: { prompt_tokens: 5, completion_tokens: 3, ...usage } });
    const seen = (...given: Parameters<typeof chat>) => {
      const { usage } = chatOf("openai").answer(Buffer.from(JSON.stringify(chat(...given))), {});
      const { choices: [{ message, ...choice }], usage: told, ...document } = chat(...given) as unknown as { choices: [{ message: object }]; usage: object };
      const pieces = [{ ...document, choices: [{ ...choice, delta: message, finish_reason: null }] }, { ...document, choices: [{ ...choice, delta: {} }] }, { ...document, choices: [], usage: told }];
      assert.deepEqual(collectStream(open("openai")(), `${pieces.map((piece) => `data: ${JSON.stringify(piece)}\n\n`).join("")}data: [DONE]\n\n`).usage, usage);
      return [usage.webSearches, usage.searchesEstimated];
    };
    const cites = { annotations: [{ type: "url_citation", url_citation: { url: "https://a.test" } }] };
    assert.deepEqual(seen("gpt-4o-search-preview-2025-03-11"), [1, true]);
    assert.deepEqual(seen("openai/gpt-5-search-api"), [1, true]);
    assert.deepEqual(seen("gpt-5", cites), [1, true]);
    assert.deepEqual(seen("openai/gpt-5", cites, { server_tool_use: { web_search_requests: 3 } }), [3, undefined]);
    assert.deepEqual(seen("gpt-5"), [undefined, undefined]);

    const completion = { id: "cmpl-1", object: "text_completion", model: "m", choices: [{ index: 0, text: "Hi", finish_reason: "length" }] };
    assert.deepEqual(chatOf("compatible").answer(Buffer.from(JSON.stringify(completion)), {}).parts, [{ type: "text", text: "Hi" }]);
    assert.deepEqual(collectStream(open("compatible")(), `data: ${JSON.stringify(completion)}\n\ndata: [DONE]\n\n`).parts, [{ type: "text", text: "Hi" }]);
  });
});

describe("Azure OpenAI", () => {
  it("names the deployment in the path of the dated API, and in the body of the undated one", () => {
    const path = (apiVersion: string | undefined, baseUrl = "https://r.openai.azure.com") => {
      const written = chatOf("azure").request(chatRequest({ sampling: { maxOutputTokens: 3 } }), { model: "my gpt", settings: ProviderSettings.parse({ kind: "azure", baseUrl, ...(apiVersion === undefined ? {} : { apiVersion }) }) });
      return [written.path, Object.keys(JSON.parse(String(written.body)) as object).find((name) => name.startsWith("max_"))];
    };
    assert.deepEqual(path(undefined), ["/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21", "max_tokens"]);
    assert.deepEqual(path("2025-04-01-preview"), ["/openai/deployments/my%20gpt/chat/completions?api-version=2025-04-01-preview", "max_completion_tokens"]);
    assert.deepEqual(path("v1"), ["/openai/v1/chat/completions", "max_completion_tokens"]);
    assert.deepEqual(path(undefined, "https://r.openai.azure.com/openai/v1/"), ["/chat/completions", "max_completion_tokens"]);
    const authorize = (secret: string | null) => providerMappings.azure?.authorize({ method: "POST", url: new URL("https://r.openai.azure.com"), headers: {}, body: "" }, secret, ProviderSettings.parse({ kind: "azure" }), 0);
    assert.deepEqual([authorize("abc"), authorize("eyJ0.e.s"), authorize(null)], [{ "api-key": "abc" }, { authorization: "Bearer eyJ0.e.s" }, {}]);
  });
});
