import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import type { ChatMessage, ChatRequest, ToolDefinition } from "../../conversation/chat-request.ts";
import { refusedPaths } from "../refused-fields.fixture.ts";
import { ProviderSettings } from "../../schemas.ts";
import { chatRequest, conformanceCase } from "../conformance.fixture.ts";
import type { MappingTarget } from "../provider-mapping.ts";
import { assertSameEventsWhereverCut, assertSurvivesJunk, collectStream, readEvents } from "../stream-cuts.fixture.ts";
import { bedrock } from "./bedrock.ts";
import { eventFrame as frame } from "./event-frame.fixture.ts";
import { EventFrameReader } from "./event-frames.ts";

const chat = bedrock.chat!;
const target = (model: string): MappingTarget => ({ model, settings: ProviderSettings.parse({ kind: "bedrock", region: "eu-west-1" }) });
const claude = target("eu.anthropic.claude-sonnet-4-20250514-v1:0");
const newest = target("eu.anthropic.claude-sonnet-4-6");
const nova = target("amazon.nova-pro-v1:0");
const llama = target("meta.llama3-1-70b-instruct-v1:0");

interface Body {
  messages: { role: string; content: Record<string, unknown>[] }[];
  system?: Record<string, unknown>[];
  toolConfig?: { tools: Record<string, { name?: string; inputSchema?: { json: unknown } }>[]; toolChoice?: unknown };
  [field: string]: unknown;
}

function sent(change: Omit<Partial<ChatRequest>, "sampling"> & { sampling?: Partial<ChatRequest["sampling"]> }, to = claude): { body: Body; path: string; dropped: readonly string[]; emulated: readonly string[] } {
  const { body, ...rest } = chat.request(chatRequest(change as Partial<ChatRequest>), to);
  return { body: JSON.parse(String(body)) as Body, ...rest };
}

const refused = (change: Partial<ChatRequest>, to = claude): string[] => refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => chat.request(chatRequest(change), to));

const weather: ToolDefinition = { name: "weather", description: "Looks outside", parameters: { type: "object", properties: { city: { type: "string" } } } };
const text = (words: string) => ({ type: "text" as const, text: words });
const user = (words: string): ChatMessage => ({ role: "user", parts: [text(words)] });
const call = (id: string, args: string): ChatMessage => ({ role: "assistant", parts: [{ type: "tool-call", id, name: "weather", arguments: args }] });
const result = (callId: string, words: string, isError = false): ChatMessage => ({ role: "tool", callId, parts: [text(words)], isError });
const png = { type: "image" as const, source: { kind: "data" as const, mediaType: "image/png", base64: "AAAA" } };
const answer = (content: object[], stopReason = "end_turn", more: object = {}) => chat.answer(Buffer.from(JSON.stringify({ output: { message: { role: "assistant", content } }, stopReason, usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 }, ...more })), { "x-amzn-requestid": "r-1" });

const event = (type: string, payload: object) => frame({ ":event-type": type, ":content-type": "application/json", ":message-type": "event" }, { ...payload, p: "abcd" });
const delta = (contentBlockIndex: number, change: object) => event("contentBlockDelta", { contentBlockIndex, delta: change });
const usage = { inputTokens: 10, outputTokens: 7, totalTokens: 27, cacheReadInputTokens: 8, cacheWriteInputTokens: 2 };
const stream = Buffer.concat([
  event("messageStart", { role: "assistant" }), delta(0, { reasoningContent: { text: "Hm 🤔" } }), delta(0, { reasoningContent: { signature: "c2ln" } }), event("contentBlockStop", { contentBlockIndex: 0 }),
  delta(1, { text: "Zwölf" }), delta(1, { text: " 日本" }), event("contentBlockStop", { contentBlockIndex: 1 }),
  event("contentBlockStart", { contentBlockIndex: 2, start: { toolUse: { toolUseId: "a", name: "weather" } } }), event("contentBlockStart", { contentBlockIndex: 3, start: { toolUse: { toolUseId: "b", name: "now" } } }),
  delta(2, { toolUse: { input: '{"city":' } }), delta(2, { toolUse: { input: '"Köln"}' } }), event("contentBlockStop", { contentBlockIndex: 2 }), event("contentBlockStop", { contentBlockIndex: 3 }),
  event("messageStop", { stopReason: "tool_use" }), event("metadata", { usage, metrics: { latencyMs: 5 } }),
]);

conformanceCase("bedrock", 1, "arguments go as an object, and come back as text", () => {
  const { body, emulated } = sent({ tools: [weather], messages: [user("?"), call("a", '{"city":"Rome"}'), result("a", "sun"), call("b", ""), result("b", "sun"), call("c", "[1"), result("c", "?")] });
  assert.deepEqual(body.messages.flatMap(({ content }) => content).flatMap(({ toolUse }) => (toolUse === undefined ? [] : [(toolUse as { input: unknown }).input])), [{ city: "Rome" }, {}, { INVALID_JSON: "[1" }]);
  assert.deepEqual(emulated, ["messages[5].content[0].arguments (no JSON object, wrapped in one)"]);
  assert.deepEqual(answer([{ toolUse: { toolUseId: "a", name: "weather", input: { city: "Rome" } } }], "tool_use").parts, [{ type: "tool-call", id: "a", name: "weather", arguments: '{"city":"Rome"}' }]);
});

conformanceCase("bedrock", 2, "results of one turn and what the user says next are one message; errors have a status", () => {
  const messages: ChatMessage[] = [user("?"), { role: "assistant", parts: [{ type: "tool-call", id: "a", name: "weather", arguments: "{}" }, { type: "tool-call", id: "toolu:β", name: "weather", arguments: "{}" }] },
    result("a", "no network", true), { role: "tool", callId: "toolu:β", parts: [text("here"), png], isError: false }, user("And?")];
  const { body } = sent({ tools: [weather], messages });
  const ids = body.messages[1]!.content.map(({ toolUse }) => (toolUse as { toolUseId: string }).toolUseId);
  assert.match(ids[1]!, /^toolu___[\w-]+$/);
  assert.deepEqual(body.messages[2]!.content, [
    { toolResult: { toolUseId: "a", content: [{ text: "no network" }], status: "error" } }, { toolResult: { toolUseId: ids[1], content: [{ text: "here" }, { image: { format: "png", source: { bytes: "AAAA" } } }] } }, { text: "And?" },
  ]);
  assert.deepEqual(sent({ tools: [weather], messages }, llama).emulated, ["messages[2].is_error (in words)"]);
});

conformanceCase("bedrock", 3, "tool choice; what Converse cannot say is emulated and named", () => {
  const config = (toolChoice: ChatRequest["toolChoice"], messages = [user("?")]) => sent({ tools: [weather], toolChoice, messages });
  assert.equal(config({ type: "auto" }).body.toolConfig!.toolChoice, undefined);
  assert.deepEqual(config({ type: "required" }).body.toolConfig!.toolChoice, { any: {} });
  assert.deepEqual(config({ type: "tool", name: "weather" }).body.toolConfig!.toolChoice, { tool: { name: "weather" } });
  assert.equal(config({ type: "none" }).body.toolConfig, undefined);
  assert.deepEqual(config({ type: "none" }).emulated, ["tool_choice (none, by leaving the tools out)"]);
  assert.equal(config({ type: "none" }, [user("?"), call("a", ""), result("a", "x")]).body.toolConfig!.tools.length, 1);
  assert.deepEqual(sent({ tools: [weather], parallelToolCalls: false }).emulated, ["parallel_tool_calls (by an instruction)"]);
  const undeclared = sent({ messages: [user("?"), call("a", ""), result("a", "x")] });
  assert.deepEqual([undeclared.body.toolConfig!.tools[0]!.toolSpec!.name, undeclared.emulated], ["weather", ["tools (declared for the calls of the conversation)"]]);
}, "emulated");

conformanceCase("bedrock", 4, "system messages and cache marks", () => {
  const messages: ChatMessage[] = [{ role: "system", parts: [{ ...text("Be brief."), cache: { ttl: "1h" } }] }, { role: "system", parts: [text("Be kind.")] }, { role: "user", parts: [{ ...text("Hi"), cache: {} }] }, { role: "system", parts: [text("Now French.")] }];
  const { body, emulated } = sent({ messages, tools: [{ ...weather, cache: {} }] });
  assert.deepEqual(body.system, [{ text: "Be brief." }, { cachePoint: { type: "default" } }, { text: "Be kind." }]);
  assert.deepEqual(body.messages, [{ role: "user", content: [{ text: "Hi" }, { cachePoint: { type: "default" } }, { text: "Now French." }] }]);
  assert.deepEqual(body.toolConfig!.tools[1], { cachePoint: { type: "default" } });
  assert.deepEqual(emulated, ["messages[3] (a system message as the user's)"]);
  assert.deepEqual(sent({ messages }, llama).dropped, ["messages[0].content[0].cache_control", "messages[2].content[0].cache_control"]);
});

conformanceCase("bedrock", 5, "sampling within the limits of Converse", () => {
  const { body, emulated, dropped } = sent({ sampling: { maxOutputTokens: 9, temperature: 1.7, topP: 0.5, topK: 7, stop: ["END"], seed: 3 } });
  assert.deepEqual(body.inferenceConfig, { maxTokens: 9, temperature: 1, topP: 0.5, stopSequences: ["END"] });
  assert.deepEqual([body.additionalModelRequestFields, body.additionalModelResponseFieldPaths], [{ top_k: 7 }, ["/stop_sequence"]]);
  assert.deepEqual([emulated, dropped], [["temperature (1, the most here)"], ["seed"]]);
  const { sampling } = chatRequest();
  assert.deepEqual(refused({ sampling: { ...sampling, topK: 4, frequencyPenalty: 1, presencePenalty: 0 } }, llama), ["top_k", "frequency_penalty"]);
});

conformanceCase("bedrock", 6, "images and documents by data; addresses are refused by name", () => {
  const pdf = { type: "document" as const, name: "a_b.pdf", source: { kind: "data" as const, mediaType: "application/pdf", base64: "AA==" } };
  const { body, emulated } = sent({ messages: [{ role: "user", parts: [png, pdf, { ...pdf, name: "Plan 1" }, text("?")] }] });
  assert.deepEqual(body.messages[0]!.content.slice(0, 3), [{ image: { format: "png", source: { bytes: "AAAA" } } }, { document: { format: "pdf", name: "a-b-pdf", source: { bytes: "AA==" } } }, { document: { format: "pdf", name: "Plan 1 2", source: { bytes: "AA==" } } }]);
  assert.deepEqual(emulated, ["messages[0].content[1].name (a-b-pdf)", "messages[0].content[2].name (Plan 1 2)"]);
  for (const source of [{ kind: "url" as const, url: "https://example.com/a.png" }, { kind: "data" as const, mediaType: "image/tiff", base64: "" }]) assert.deepEqual(refused({ messages: [{ role: "user", parts: [{ type: "image", source }] }] }), ["messages[0].content[0]"]);
});

const tree = { type: "object", $defs: { node: { anyOf: [{ type: "null" }, { type: "object", properties: { next: { $ref: "#/$defs/node" } } }] } }, properties: { root: { $ref: "#/$defs/node" } }, required: ["root"], additionalProperties: false };

conformanceCase("bedrock", 7, "schemas pass as they are", () => {
  assert.deepEqual(sent({ tools: [{ name: "grow", parameters: tree }] }).body.toolConfig!.tools[0]!.toolSpec!.inputSchema, { json: tree });
  assert.deepEqual(sent({ tools: [{ name: "now", parameters: {} }] }).body.toolConfig!.tools[0]!.toolSpec!.inputSchema, { json: { type: "object", properties: {} } });
}, "native");

conformanceCase("bedrock", 8, "answers by schema: native, by a tool whose arguments become the text, or refused", () => {
  const output = { type: "schema" as const, name: "t", schema: tree, strict: true };
  assert.deepEqual(sent({ output }, newest).body.outputConfig, { textFormat: { type: "json_schema", structure: { jsonSchema: { schema: JSON.stringify(tree), name: "t" } } } });
  const byTool = sent({ output });
  assert.deepEqual([byTool.body.toolConfig!.toolChoice, byTool.emulated], [{ tool: { name: "slipway_answer" } }, ["response_format (by a tool)"]]);
  assert.deepEqual(sent({ output, tools: [weather] }).body.toolConfig!.toolChoice, { any: {} });
  assert.deepEqual(refused({ output }, llama), ["response_format"]);
  const { parts, finish } = answer([{ toolUse: { toolUseId: "x", name: "slipway_answer", input: { root: null } } }], "tool_use");
  assert.deepEqual([parts, finish], [[{ type: "text", text: '{"root":null}' }], "stop"]);
  const streamed = collectStream(chat.stream(), Buffer.concat([event("messageStart", {}), event("contentBlockStart", { contentBlockIndex: 0, start: { toolUse: { toolUseId: "x", name: "slipway_answer" } } }), delta(0, { toolUse: { input: '{"root":' } }), delta(0, { toolUse: { input: "null}" } }), event("messageStop", { stopReason: "tool_use" })]));
  assert.deepEqual([streamed.parts, streamed.finish], [parts, "stop"]);
  assert.deepEqual(sent({ output: { type: "json" } }).emulated, ["response_format (by an instruction)"]);
}, "emulated");

conformanceCase("bedrock", 9, "Claude's thinking goes and comes back with its signature; what others signed does not", () => {
  const blocks = [{ reasoningContent: { reasoningText: { text: "Hm", signature: "c2ln" } } }, { reasoningContent: { redactedContent: "cmVk" } }, { text: "Sun" }];
  const { parts } = answer(blocks);
  assert.deepEqual(parts, [{ type: "thinking", text: "Hm", signature: "c2ln" }, { type: "redacted-thinking", data: "cmVk" }, { type: "text", text: "Sun" }]);
  assert.deepEqual(sent({ messages: [user("?"), { role: "assistant", parts }, user("!")] }).body.messages[1]!.content, blocks);
  assert.deepEqual(sent({ messages: [user("?"), { role: "assistant", parts }, user("!")] }, nova).dropped, ["messages[1].content[0]", "messages[1].content[1]"]);
  assert.deepEqual(sent({ messages: [user("?"), { role: "assistant", parts: [{ type: "thinking", text: "Hm", signature: "gemini:x" }, text("Sun")] }] }).dropped, ["messages[1].content[0]"]);
  const fields = (reasoning: object, to = claude, sampling = {}) => sent({ reasoning, sampling }, to).body.additionalModelRequestFields;
  assert.deepEqual(fields({ budgetTokens: 2000 }), { thinking: { type: "enabled", budget_tokens: 2000 } });
  assert.deepEqual(fields({ effort: "high" }, claude, { maxOutputTokens: 4000 }), { thinking: { type: "enabled", budget_tokens: 3999 } });
  assert.deepEqual(refused({ reasoning: { effort: "constructor" } }), ["reasoning_effort"]);
  assert.deepEqual(fields({ effort: "high" }, newest), { thinking: { type: "adaptive" }, output_config: { effort: "high" } });
  assert.deepEqual(fields({ effort: "low" }, target("openai.gpt-oss-120b-1:0")), { reasoning_effort: "low" });
  assert.deepEqual(sent({ reasoning: { effort: "low" }, sampling: { temperature: 0.2, topK: 3 } }).dropped, ["temperature", "top_k"]);
  for (const [to, toolChoice] of [[llama, { type: "auto" }], [claude, { type: "required" }]] as const) assert.deepEqual(sent({ reasoning: { effort: "low" }, tools: [weather], toolChoice }, to).dropped, ["reasoning"]);
});

conformanceCase("bedrock", 10, "a stream of frames gives the same events wherever it is cut, and throws nothing else for junk", () => {
  assertSameEventsWhereverCut(chat.stream, stream);
  assertSurvivesJunk(chat.stream, stream);
});

conformanceCase("bedrock", 11, "streamed calls are counted as calls, not as blocks", () => {
  assert.deepEqual(readEvents(chat.stream(), stream).filter(({ type }) => type.startsWith("tool")), [
    { type: "tool-call", index: 0, id: "a", name: "weather" }, { type: "tool-call", index: 1, id: "b", name: "now" }, { type: "tool-arguments", index: 0, text: '{"city":' }, { type: "tool-arguments", index: 0, text: '"Köln"}' },
  ]);
  assert.throws(() => readEvents(chat.stream(), delta(5, { toolUse: { input: "{" } })), { code: "PROVIDER_STREAM_FAILED" });
});

conformanceCase("bedrock", 12, "a stream starts once, also where its first message is lost", () => {
  collectStream(chat.stream(), stream);
  assert.deepEqual(readEvents(chat.stream(), delta(0, { text: "x" }), event("messageStop", { stopReason: "end_turn" })).map(({ type }) => type), ["start", "text", "finish"]);
});

conformanceCase("bedrock", 13, "thinking stays apart from the text", () => {
  assert.deepEqual(collectStream(chat.stream(), stream).parts.slice(0, 2), [{ type: "thinking", text: "Hm 🤔", signature: "c2ln" }, { type: "text", text: "Zwölf 日本" }]);
});

conformanceCase("bedrock", 14, "usage comes last, and what is absent is not 0", () => {
  assert.equal(readEvents(chat.stream(), stream).at(-1)!.type, "usage");
  assert.deepEqual(answer([{ text: "x" }]).usage, { inputTokens: 3, outputTokens: 4, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null });
  assert.equal(answer([{ text: "x" }], "end_turn", { usage: {} }).usage.inputTokens, null);
});

conformanceCase("bedrock", 15, "input tokens are summed with those of the cache", () => {
  assert.deepEqual(collectStream(chat.stream(), stream).usage, { inputTokens: 20, outputTokens: 7, cacheReadTokens: 8, cacheWriteTokens: 2, reasoningTokens: null });
  const kept = event("metadata", { usage: { ...usage, cacheDetails: [{ ttl: "1h", inputTokens: 2 }, { ttl: "5m", inputTokens: 0 }] }, metrics: { latencyMs: 1 } });
  const told = readEvents(chat.stream(), Buffer.concat([event("messageStart", { role: "assistant" }), delta(0, { text: "a" }), event("messageStop", { stopReason: "end_turn" }), kept])).find(({ type }) => type === "usage");
  assert.ok(told?.type === "usage" && told.usage.cacheWriteHourTokens === 2 && told.usage.cacheWriteTokens === 2);
  for (const [served, tier] of [[{ serviceTier: { type: "flex" } }, "flex"], [{ serviceTier: { type: "default" } }, null], [{ serviceTier: { type: "priority" }, performanceConfig: { latency: "optimized" } }, "priority+optimized"], [{ performanceConfig: { latency: "standard" } }, null]] as const) {
    assert.equal(answer([{ text: "x" }], "end_turn", served).usage.tier, tier);
  }
});

conformanceCase("bedrock", 16, "streams tell usage unasked, once", () => {
  assert.equal(sent({ stream: true }).path, "/model/eu.anthropic.claude-sonnet-4-20250514-v1%3A0/converse-stream");
  assert.equal(readEvents(chat.stream(), stream).filter(({ type }) => type === "usage").length, 1);
}, "native");

conformanceCase("bedrock", 17, "an end without a stop, a damaged frame and an exception in the middle are errors", () => {
  const last = event("metadata", { usage, metrics: { latencyMs: 5 } }).length + event("messageStop", { stopReason: "tool_use" }).length;
  for (const bytes of [stream.subarray(0, -last), stream.subarray(0, -1), Buffer.from(stream).fill(0x58, 200, 201), Buffer.alloc(0)]) assert.throws(() => readEvents(chat.stream(), bytes), { code: "PROVIDER_STREAM_FAILED" });
  const exception = frame({ ":exception-type": "throttlingException", ":message-type": "exception", ":content-type": "application/json" }, { message: "Too many requests" });
  assert.throws(() => readEvents(chat.stream(), exception), { code: "PROVIDER_STREAM_FAILED", message: "The provider broke off with throttlingException: Too many requests" });
  assert.throws(() => answer([{ text: "{" }], "malformed_tool_use"), { code: "PROVIDER_ANSWER_INVALID" });
  assert.throws(() => chat.answer(Buffer.from("[]"), {}), { code: "PROVIDER_ANSWER_INVALID" });
});

conformanceCase("bedrock", 18, "before the first piece of content comes the start alone", () => {
  assert.deepEqual(readEvents(chat.stream(), stream).slice(0, 2).map(({ type }) => type), ["start", "thinking"]);
});

conformanceCase("bedrock", 19, "reasons to stop", () => {
  for (const [word, finish] of [["end_turn", "stop"], ["stop_sequence", "stop"], ["max_tokens", "length"], ["model_context_window_exceeded", "length"], ["guardrail_intervened", "content-filter"], ["content_filtered", "content-filter"]] as const) assert.equal(answer([{ text: "x" }], word).finish, finish);
  assert.equal(answer([{ toolUse: { toolUseId: "a", name: "now", input: {} } }], "tool_use").finish, "tool-calls");
  assert.equal(answer([{ text: "x" }], "stop_sequence", { additionalModelResponseFields: { stop_sequence: "END" } }).stopSequence, "END");
});

conformanceCase("bedrock", 20, "errors by the exception's name", () => {
  const failure = (status: number, type: string, message: string, headers = {}) => bedrock.failure(status, { "x-amzn-errortype": type, ...headers }, Buffer.from(JSON.stringify({ message })));
  const limited = failure(429, "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/", "Too many tokens, please wait before trying again.", { "retry-after": "2" });
  assert.deepEqual([limited.kind, limited.code, limited.retryAfterMs], ["rate-limited", "ThrottlingException", 2000]);
  assert.equal(failure(429, "ThrottlingException", "Too many tokens per day, please wait before trying again.").kind, "quota");
  assert.equal(failure(400, "ValidationException", "Input is too long for requested model.").kind, "context-length");
  assert.equal(failure(400, "ValidationException", "Malformed input request").kind, "invalid");
  assert.equal(failure(400, "ValidationException", "The provided model identifier is invalid.").kind, "not-found");
  const denied = failure(403, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/x is not authorized to perform: bedrock:InvokeModel");
  assert.deepEqual([denied.kind, denied.message], ["unauthorized", "User: arn:... is not authorized to perform: bedrock:InvokeModel"]);
  for (const [status, kind] of [[429, "rate-limited"], [503, "overloaded"], [404, "not-found"], [413, "context-length"], [500, "failed"], [424, "failed"]] as const) assert.equal(bedrock.failure(status, {}, Buffer.from("<html>")).kind, kind);
  assert.equal(bedrock.failure(400, {}, Buffer.from('{"__type":"com.amazon.coral#ExpiredTokenException","Message":"x"}')).kind, "unauthorized");
});

describe("bedrock", () => {
  const now = Date.UTC(2026, 10, 21, 21, 50, 3);
  const signed = (model: string, secret: string) => {
    const { path } = chat.request(chatRequest(), target(model));
    return bedrock.authorize({ method: "POST", url: new URL(`https://bedrock-runtime.eu-west-1.amazonaws.com${path}`), headers: { "content-type": "application/json", accept: "*/*" }, body: '{"messages":[{"role":"user","content":[{"text":"Grüße"}]}]}' }, secret, claude.settings, now);
  };

  it("signs as botocore 1.44.5 signs the same request", () => {
    assert.deepEqual(signed("anthropic.claude-3-7-sonnet-20250219-v1:0", "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), {
      "x-amz-date": "20261121T215003Z",
      authorization: "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/eu-west-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=9c992ce0b4d0006f6c518dc92871f5658818f2f5f96843ff0b189efd6f06963b",
    });
    assert.deepEqual(signed("arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY:SESSION/token+x=="), {
      "x-amz-date": "20261121T215003Z", "x-amz-security-token": "SESSION/token+x==",
      authorization: "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/eu-west-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=cd24ffe2e01d66482b5e0a21a29113a741fab2ff858f39e4b0e65995d04c14fc",
    });
  });

  it("takes a Bedrock API key as it is", () => {
    assert.deepEqual(signed("amazon.nova-pro-v1:0", "ABSKQmVkcm9ja0FQSUtleS0=\n"), { authorization: "Bearer ABSKQmVkcm9ja0FQSUtleS0=" });
    for (const model of ["..", "a?b", "a b"]) assert.throws(() => chat.request(chatRequest(), target(model)), { code: "INVALID_REQUEST" });
  });

  it("ends a frame that says it is larger than anything", () => {
    const prelude = Buffer.alloc(12);
    prelude.writeUInt32BE(0x7fffffff, 0);
    prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
    assert.throws(() => new EventFrameReader().push(prelude), { code: "PROVIDER_STREAM_FAILED" });
  });

  it("ends a frame whose lengths cannot be, and waits for one of 8 MiB", () => {
    const read = (total: number, headers: number) => {
      const prelude = Buffer.alloc(16);
      prelude.writeUInt32BE(total, 0);
      prelude.writeUInt32BE(headers, 4);
      prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
      return new EventFrameReader().push(prelude);
    };
    for (const [total, headers] of [[0, 0], [12, 0], [15, 0], [16, 1], [40, 25], [(8 << 20) + 1, 0]] as const) assert.throws(() => read(total, headers), { code: "PROVIDER_STREAM_FAILED", message: /impossible lengths|more than 8 MiB/ }, `${total} ${headers}`);
    for (const [total, headers] of [[17, 0], [40, 24], [8 << 20, 0]] as const) assert.deepEqual(read(total, headers), [], `${total} ${headers}`);
  });

  it("passes its own fields, and refuses others by name", () => {
    const guardrailConfig = { guardrailIdentifier: "g", guardrailVersion: "1" };
    const { body, dropped } = sent({ user: "ada", extra: { guardrailConfig, additionalModelRequestFields: { anthropic_beta: ["x"] }, store: true } });
    assert.deepEqual([body.guardrailConfig, body.additionalModelRequestFields, dropped], [guardrailConfig, { anthropic_beta: ["x"] }, ["user", "store"]]);
    assert.deepEqual(refused({ extra: { logit_bias: { 1: 1 } } }), ["logit_bias"]);
  });

  it("embeds with Titan and Cohere", () => {
    const embeddings = bedrock.embeddings!;
    const request = { input: ["a"], dimensions: 256, encoding: "float" as const, inputType: null, user: null, extra: {} };
    const titan = embeddings.request(request, target("amazon.titan-embed-text-v2:0"));
    assert.deepEqual([titan.path, titan.body], ["/model/amazon.titan-embed-text-v2%3A0/invoke", '{"inputText":"a","dimensions":256}']);
    const cohere = embeddings.request({ ...request, input: ["a", "b"], dimensions: null }, target("cohere.embed-english-v3"));
    assert.deepEqual([cohere.body, cohere.emulated], ['{"texts":["a","b"],"input_type":"search_document"}', ["input_type (search_document)"]]);
    assert.throws(() => embeddings.request({ ...request, input: ["a", "b"] }, target("amazon.titan-embed-text-v2:0")), { code: "GATEWAY_FIELD_UNSUPPORTED" });
    assert.deepEqual(embeddings.answer(Buffer.from('{"embedding":[1,0],"inputTextTokenCount":1}'), {}), { model: "", vectors: [[1, 0]], usage: { inputTokens: 1, outputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null } });
    assert.deepEqual(embeddings.answer(Buffer.from('{"embeddings":{"float":[[1],[2]]}}'), { "x-amzn-bedrock-input-token-count": "5" }).usage.inputTokens, 5);
    assert.throws(() => embeddings.answer(Buffer.from("{}"), {}), { code: "PROVIDER_ANSWER_INVALID" });
  });
});
