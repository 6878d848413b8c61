import assert from "node:assert/strict";
import { it } from "node:test";
import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import { conformanceCase } from "../conformance.fixture.ts";
import { mappingCases } from "../mapping-cases.fixture.ts";
import type { UpstreamFailure } from "../provider-mapping.ts";
import { collectStream, readEvents } from "../stream-cuts.fixture.ts";
import { bedrock } from "./bedrock.ts";
import { eventFrame as frame, eventFrameOf } from "./event-frame.fixture.ts";
import { EventFrameReader, type EventFrame } from "./event-frames.ts";

const { chat, answer, target } = mappingCases("bedrock");
const event = (type: string, payload: object) => frame({ ":event-type": type, ":content-type": "application/json", ":message-type": "event" }, payload);
const delta = (contentBlockIndex: number, change: object) => event("contentBlockDelta", { contentBlockIndex, delta: change });
const opened = (contentBlockIndex: number, toolUseId: string, name: string) => event("contentBlockStart", { contentBlockIndex, start: { toolUse: { toolUseId, name } } });
const stop = (stopReason: string, more: object = {}) => event("messageStop", { stopReason, ...more });
const streamed = (...events: Buffer[]): Omit<ChatAnswer, "id" | "model"> => {
  const { id: _, model: _model, ...rest } = collectStream(chat.stream(), Buffer.concat([event("messageStart", { role: "assistant" }), ...events]));
  return rest;
};
const unknown = { inputTokens: null, outputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null };

conformanceCase("bedrock", 1, "numbers of arguments stay as they are written, whole and streamed", () => {
  const input = '{"big":12345678901234567890,"one":1.0}';
  const whole = chat.answer(Buffer.from(`{"output":{"message":{"content":[{"toolUse":{"toolUseId":"a","name":"weather","input":${input}}},{"toolUse":{"toolUseId":"b","name":"now"}}]}},"stopReason":"tool_use"}`), { "x-amzn-requestid": "r-1" });
  const parts = [{ type: "tool-call" as const, id: "a", name: "weather", arguments: input }, { type: "tool-call" as const, id: "b", name: "now", arguments: "" }];
  assert.deepEqual(whole, { id: "r-1", model: "", parts, finish: "tool-calls", finishWord: "tool_use", stopSequence: null, usage: unknown });
  assert.deepEqual(streamed(opened(1, "a", "weather"), delta(1, { toolUse: { input: '{"big":12345678901234567890,' } }), delta(1, { toolUse: { input: '"one":1.0}' } }), opened(2, "b", "now"), delta(2, { toolUse: { input: "" } }), stop("tool_use")), { parts, finish: "tool-calls", finishWord: "tool_use", stopSequence: null, usage: unknown });
});

it("opens no call where another kind of block begins", () => {
  const began = (start: object) => event("contentBlockStart", { contentBlockIndex: 0, start });
  for (const start of [{}, { image: { format: "png" } }]) assert.deepEqual(streamed(began(start), delta(0, { text: "a" }), stop("end_turn")).parts, [{ type: "text", text: "a" }]);
});

it("takes a call whose pieces do not say which block they are for the first one", () => {
  const pieces = [{ start: { toolUse: { toolUseId: "a", name: "weather" } } }, { delta: { toolUse: { input: "{}" } } }];
  assert.deepEqual(streamed(event("contentBlockStart", pieces[0]!), event("contentBlockDelta", pieces[1]!), stop("tool_use")).parts, [{ type: "tool-call", id: "a", name: "weather", arguments: "{}" }]);
});

it("tells nothing of pieces of arguments without a letter: the tool that answers has said nothing yet", () => {
  const tell = (name: string) => chat.stream().push(Buffer.concat([opened(0, "a", name), delta(0, { toolUse: { input: "" } }), delta(0, { toolUse: { input: "{" } })])).map(({ type }) => type);
  assert.deepEqual([tell("slipway_answer"), tell("weather")], [["start", "text"], ["start", "tool-call", "tool-arguments"]]);
});

conformanceCase("bedrock", 9, "every block of an answer, whole and streamed", () => {
  const parts = [{ type: "thinking" as const, text: "Hm", signature: "c2ln" }, { type: "redacted-thinking" as const, data: "cmVk" }, { type: "text" as const, text: "Sun" }];
  const usage = { ...unknown, inputTokens: 5, outputTokens: 4, cacheReadTokens: 2 };
  const told = { inputTokens: 3, outputTokens: 4, cacheReadInputTokens: 2 };
  const content = [{ reasoningContent: { reasoningText: { text: "Hm", signature: "c2ln" } } }, { reasoningContent: { redactedContent: "cmVk" } }, { citationsContent: { content: [{ text: "Sun" }], citations: [] } }];
  const whole = answer({ output: { message: { role: "assistant", content } }, stopReason: "stop_sequence", additionalModelResponseFields: { stop_sequence: "END" }, usage: told });
  assert.deepEqual(whole, { id: "", model: "", parts, finish: "stop", finishWord: "stop_sequence", stopSequence: "END", usage });
  assert.deepEqual(streamed(
    delta(0, { reasoningContent: { text: "" } }), delta(0, { reasoningContent: { text: "Hm" } }), delta(0, { reasoningContent: { signature: "" } }), delta(0, { reasoningContent: { signature: "c2ln" } }), delta(1, { reasoningContent: { redactedContent: "cmVk" } }), delta(2, { text: "" }), delta(2, { text: "Sun" }),
    stop("stop_sequence", { additionalModelResponseFields: { delta: { stop_sequence: "END" } } }), event("metadata", { usage: told }),
  ), { parts, finish: "stop", finishWord: "stop_sequence", stopSequence: "END", usage });
  assert.deepEqual(answer({ output: { message: { content: [{ reasoningContent: { reasoningText: { text: "Hm" } } }, { image: {} }] } }, stopReason: "end_turn" }).parts, [{ type: "thinking", text: "Hm", signature: null }]);
});

conformanceCase("bedrock", 17, "errors of every kind in the middle, and what stands behind the stop", () => {
  const broken = (headers: Record<string, string>, payload: object) => () => readEvents(chat.stream(), frame(headers, payload));
  assert.throws(broken({ ":message-type": "error", ":error-code": "InternalFailure", ":error-message": "It broke" }, {}), { code: "PROVIDER_STREAM_FAILED", message: "The provider broke off with InternalFailure: It broke" });
  assert.throws(broken({ ":message-type": "exception" }, { message: "late" }), { code: "PROVIDER_STREAM_FAILED", message: "The provider broke off with an error: late" });
  for (const word of ["malformed_model_output", "malformed_tool_use"]) {
    const message = `The model's answer cannot be read (${word}).`;
    assert.throws(() => streamed(stop(word)), { code: "PROVIDER_STREAM_FAILED", message });
    assert.throws(() => answer({ stopReason: word }), { code: "PROVIDER_ANSWER_INVALID", message });
  }
  assert.throws(() => streamed(delta(5, { toolUse: { input: "{" } }), stop("tool_use")), { code: "PROVIDER_STREAM_FAILED" });
  assert.deepEqual(streamed(delta(0, { text: "a" }), stop("end_turn"), delta(0, { text: "late" }), stop("max_tokens")), { parts: [{ type: "text", text: "a" }], finish: "stop", finishWord: "end_turn", stopSequence: null, usage: unknown });
});

conformanceCase("bedrock", 19, "each reason to stop, whole and streamed, with calls and without", () => {
  for (const [word, plain, calling] of [
    ["end_turn", "stop", "tool-calls"], ["stop_sequence", "stop", "tool-calls"], ["tool_use", "stop", "tool-calls"], ["max_tokens", "length", "length"], ["model_context_window_exceeded", "length", "length"], ["guardrail_intervened", "content-filter", "content-filter"],
    ["content_filtered", "content-filter", "content-filter"], ["refusal", "content-filter", "content-filter"], ["toString", "stop", "tool-calls"],
  ] as const) {
    const content = [{ toolUse: { toolUseId: "a", name: "now", input: {} } }];
    assert.deepEqual([answer({ stopReason: word }).finish, answer({ stopReason: word, output: { message: { content } } }).finish], [plain, calling], word);
    assert.deepEqual([streamed(stop(word)).finish, streamed(opened(0, "a", "now"), stop(word)).finish], [plain, calling], word);
  }
});

conformanceCase("bedrock", 20, "each exception and each status, in both places where its name may stand", () => {
  const kinds: Readonly<Record<string, UpstreamFailure["kind"]>> = {
    ThrottlingException: "rate-limited", TooManyRequestsException: "rate-limited", ServiceQuotaExceededException: "quota", ServiceUnavailableException: "overloaded", ServiceUnavailable: "overloaded", ModelNotReadyException: "overloaded",
    AccessDeniedException: "unauthorized", UnrecognizedClientException: "unauthorized", ExpiredTokenException: "unauthorized", InvalidSignatureException: "unauthorized", IncompleteSignatureException: "unauthorized",
    MissingAuthenticationTokenException: "unauthorized", InvalidClientTokenId: "unauthorized", OptInRequired: "unauthorized", ResourceNotFoundException: "not-found", ModelTimeoutException: "failed", ModelErrorException: "failed",
    ModelStreamErrorException: "failed", InternalServerException: "failed", InternalFailure: "failed", ValidationException: "invalid", NewException: "invalid",
  };
  for (const [name, kind] of Object.entries(kinds)) {
    assert.equal(bedrock.failure(400, { "x-amzn-errortype": `${name}:http://x/` }, Buffer.from("{}")).kind, kind, name);
    assert.deepEqual(bedrock.failure(400, {}, Buffer.from(JSON.stringify({ __type: `com.amazon#${name}`, Message: "why" }))), { status: 400, kind, message: "why", code: name, retryAfterMs: null });
  }
  for (const [status, kind] of [[400, "invalid"], [401, "unauthorized"], [402, "quota"], [403, "unauthorized"], [404, "not-found"], [408, "failed"], [409, "invalid"], [413, "context-length"], [424, "failed"], [429, "rate-limited"], [500, "failed"], [502, "failed"], [503, "overloaded"], [529, "overloaded"]] as const) {
    assert.deepEqual(bedrock.failure(status, {}, Buffer.from("<html>")), { status, kind, message: `The provider answered with status ${status}.`, code: null, retryAfterMs: null });
  }
  const kindOf = (message: string, status = 400) => bedrock.failure(status, { "retry-after": "2" }, Buffer.from(JSON.stringify({ message })));
  for (const words of ["prompt is too long", "Too many tokens", "too many input tokens", "exceeds the context window", "over the context length", "maximum number of tokens", "maximum input tokens", "exceed the limit of 9 tokens"]) assert.equal(kindOf(words).kind, "context-length", words);
  for (const words of ["The provided model identifier is invalid", "Invocation with on-demand throughput isn't supported", "isn't supported in this region", "isn’t supported in this region"]) assert.equal(kindOf(words).kind, "not-found", words);
  assert.deepEqual([kindOf("reset daily").kind, kindOf("Daily limit reached", 429).kind], ["invalid", "quota"]);
  const used = kindOf("Too many tokens per day", 429);
  assert.deepEqual([used.kind, used.retryAfterMs, kindOf("Too many requests", 429).retryAfterMs], ["quota", null, 2000]);
});

it("refuses arguments that nobody could read, they are nested so deeply", () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  const body = `{"output":{"message":{"content":[{"toolUse":{"toolUseId":"a","name":"f","input":{"a":${deep}}}}]}},"stopReason":"tool_use"}`;
  assert.throws(() => chat.answer(Buffer.from(body), {}), { code: "PROVIDER_ANSWER_INVALID" });
});

it("passes over headers of other kinds, and ends frames that are damaged within", () => {
  const headers = (...bytes: (number | string)[]) => Buffer.concat(bytes.map((one) => (typeof one === "string" ? Buffer.from(one) : Buffer.from([one]))));
  const read = (written: Buffer) => {
    const [{ headers: found, payload }] = new EventFrameReader().push(eventFrameOf(written, Buffer.from("{}"))) as [EventFrame];
    return [found, payload.toString()];
  };
  const others = headers(1, "a", 0, 1, "b", 1, 1, "c", 2, 9, 1, "d", 3, 0, 9, 1, "e", 4, 0, 0, 0, 9, 1, "f", 5, "12345678", 1, "g", 6, 0, 2, "xy", 1, "h", 8, "12345678", 1, "i", 9, "1234567890123456", 1, "j", 7, 0, 2, "ok");
  assert.deepEqual(read(others), [{ j: "ok" }, "{}"]);
  for (const bad of [headers(1, "a", 10), headers(1, "a", 10, 0, 1, "x"), headers(9, "a"), headers(1, "a", 7, 0, 9, "x")]) assert.throws(() => read(bad), { code: "PROVIDER_STREAM_FAILED" });
});

it("signs for the region that the address names, over what is asked", () => {
  const { settings } = target("amazon.nova-pro-v1:0");
  const { region: _, ...regionless } = settings;
  const request = { method: "POST" as const, url: new URL("https://bedrock-runtime-fips.us-west-2.amazonaws.com/model/a/converse"), headers: { "content-type": "application/json" }, body: "{}" };
  const signed = (change: object = {}, secret: string | null = " AKIDEXAMPLE:wJalrXUtnFEMI \n", given: typeof settings | typeof regionless = regionless) => bedrock.authorize({ ...request, ...change }, secret, given as typeof settings, 0);
  const scope = (...given: Parameters<typeof signed>) => /Credential=AKIDEXAMPLE\/(\S+), SignedHeaders=(\S+),/.exec(signed(...given).authorization ?? "")?.slice(1);
  assert.deepEqual(scope(), ["19700101/us-west-2/bedrock/aws4_request", "content-type;host;x-amz-date"]);
  assert.deepEqual(scope({ url: new URL("https://proxy.test/") }), ["19700101/us-east-1/bedrock/aws4_request", "content-type;host;x-amz-date"]);
  assert.deepEqual(scope({}, undefined, settings), ["19700101/eu-west-1/bedrock/aws4_request", "content-type;host;x-amz-date"]);
  assert.deepEqual(scope({ method: "GET", headers: {} }), ["19700101/us-west-2/bedrock/aws4_request", "host;x-amz-date"]);
  const signatures = [{}, { method: "GET" }, { body: "{} " }, { url: new URL(`${request.url.href}?a=b`) }].map((change) => signed(change).authorization);
  assert.equal(new Set(signatures).size, 4);
  assert.equal(signed({ body: Buffer.from("{}") }).authorization, signatures[0]);
  assert.deepEqual([signed({}, null), signed({}, "ABSK:short")], [{}, { authorization: "Bearer ABSK:short" }]);
});
