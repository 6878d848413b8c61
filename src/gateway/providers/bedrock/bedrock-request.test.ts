import assert from "node:assert/strict";
import { it } from "node:test";
import type { AssistantPart, ChatMessage, ChatRequest, ContentPart } from "../../conversation/chat-request.ts";
import { chatRequest, conformanceCase } from "../conformance.fixture.ts";
import { noCalls, oneCallAtATime } from "../instructions.ts";
import { data, hello, mappingCases, said } from "../mapping-cases.fixture.ts";
import { bedrock } from "./bedrock.ts";

const { chat, sent, refused, target } = mappingCases("bedrock");
const manual = "eu.anthropic.claude-sonnet-4-20250514-v1:0";
const newer = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const adaptive = "anthropic.claude-opus-4-6-v1";
const unsampled = "us.anthropic.claude-opus-4-7";
const nova = "amazon.nova-2-lite-v1:0";
const llama = "meta.llama3-1-70b-instruct-v1:0";
const time = { name: "time", description: "Tells the time", parameters: { type: "object", properties: {} } };
const called = (...before: AssistantPart[]): ChatMessage[] => [hello, { role: "assistant", parts: [...before, { type: "tool-call", id: "a", name: "time", arguments: "" }] }, { role: "tool", callId: "a", parts: [{ type: "text", text: "12" }], isError: false }];
const message = (parts: object[]) => [{ role: "user", content: parts }];

conformanceCase("bedrock", 1, "calls keep their order, and what cannot go along is named", () => {
  const { body, dropped } = sent({ messages: [hello, { role: "assistant", parts: [{ type: "text", text: "I look." }, { type: "tool-call", id: "a", name: "time", arguments: "{}", signature: "s", cache: {} }, { type: "tool-call", id: "b", name: "time", arguments: '{"big":12345678901234567890}' }] }], tools: [time] }, manual);
  assert.deepEqual((body.messages as { content: object[] }[])[1]!.content, [{ text: "I look." }, { toolUse: { toolUseId: "a", name: "time", input: {} } }, { cachePoint: { type: "default" } }, { toolUse: { toolUseId: "b", name: "time", input: { big: 12345678901234567000 } } }]);
  assert.deepEqual(dropped, ["messages[1].content[1].signature"]);
  const text = String(chat.request(chatRequest({ messages: [hello, { role: "assistant", parts: [{ type: "tool-call", id: "b", name: "time", arguments: '{"big":12345678901234567890}' }] }], tools: [time] }), target(manual)).body);
  assert.ok(text.includes('"big":12345678901234567890'));
});

conformanceCase("bedrock", 2, "ids that Converse does not take become such, each another, the same for call and result", () => {
  const ids = ["call:1", "call:2", "call_1", `toolu_${"x".repeat(70)}a`, `toolu_${"x".repeat(70)}b`, ""].map((id) => {
    const messages: ChatMessage[] = [hello, { role: "assistant", parts: [{ type: "tool-call", id, name: "time", arguments: "" }] }, { role: "tool", callId: id, parts: [], isError: false }];
    const [, call, result] = sent({ messages, tools: [time] }, manual).body.messages as { content: { toolUse: { toolUseId: string }; toolResult: { toolUseId: string } }[] }[];
    assert.equal(call!.content[0]!.toolUse.toolUseId, result!.content[0]!.toolResult.toolUseId);
    return call!.content[0]!.toolUse.toolUseId;
  });
  for (const id of ids) assert.match(id, /^[\w-]{1,64}$/);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(ids[2], "call_1");
});

conformanceCase("bedrock", 2, "marks within a result are named, sound in one is refused, and errors are told in words where there is no status for them", () => {
  const result = (isError: boolean, ...parts: ContentPart[]): ChatMessage[] => [...called().slice(0, 2), { role: "tool", callId: "a", parts, isError }];
  assert.deepEqual(sent({ messages: result(false, { type: "text", text: "12", cache: {} }), tools: [time] }, manual).dropped, ["messages[2].cache_control"]);
  assert.deepEqual(sent({ messages: result(false, { type: "text", text: "12" }), tools: [time] }, manual).dropped, []);
  assert.deepEqual(refused({ messages: result(false, { type: "audio", mediaType: "audio/wav", base64: "AAAA" }), tools: [time] }, manual), ["messages[2].content[0]"]);
  const told = sent({ messages: result(true, { type: "text", text: "no clock" }), tools: [time] }, llama);
  assert.deepEqual((told.body.messages as object[])[2], { role: "user", content: [{ toolResult: { toolUseId: "a", content: [{ text: "The tool failed:" }, { text: "no clock" }] } }] });
});

conformanceCase("bedrock", 3, "tools are written out, and calls that may not be made are forbidden in words", () => {
  const { body, emulated } = sent({ tools: [{ ...time, strict: true }, { name: "bare", description: "", parameters: { properties: { a: {} } } }], messages: called() }, adaptive);
  assert.deepEqual(body.toolConfig, { tools: [{ toolSpec: { name: "time", description: "Tells the time", inputSchema: { json: time.parameters }, strict: true } }, { toolSpec: { name: "bare", inputSchema: { json: { type: "object", properties: { a: {} } } } } }] });
  assert.deepEqual(emulated, []);
  assert.deepEqual(sent({ tools: [{ ...time, strict: true }] }, manual).dropped, ["tools[0].strict"]);
  const off = sent({ tools: [time], toolChoice: { type: "none" }, parallelToolCalls: false, messages: called() }, manual);
  assert.deepEqual([off.body.system, off.emulated, (off.body.toolConfig as { tools: object[] }).tools.length], [[{ text: noCalls }], ["tool_choice (none, by an instruction)"], 1]);
  assert.deepEqual(sent({ tools: [time], parallelToolCalls: false }, manual).body.system, [{ text: oneCallAtATime }]);
  assert.deepEqual(sent({ toolChoice: { type: "none" } }, manual).emulated, []);
  assert.deepEqual(sent({ messages: called() }, manual).body.toolConfig, { tools: [{ toolSpec: { name: "time", inputSchema: { json: { type: "object", properties: {} } } } }] });
}, "emulated");

conformanceCase("bedrock", 4, "only models that are known to keep longer are told for how long; blank texts are left out with their marks", () => {
  const marked = (ttl?: string) => said({ type: "text", text: "Hi", cache: ttl === undefined ? {} : { ttl } });
  for (const [model, ttl, point, dropped] of [
    ...["opus", "sonnet", "haiku"].flatMap((size) => ["1h", "5m"].map((ttl) => [`eu.anthropic.claude-${size}-4-5-20251001-v1:0`, ttl, { type: "default", ttl }, []] as const)), [newer, "2h", { type: "default" }, []],
    ...[manual, adaptive, "anthropic.claude-opus-4-1-20250805-v1:0", "anthropic.claude-3-7-sonnet-20250219-v1:0"].map((model) => [model, "1h", { type: "default" }, ["messages[0].content[0].cache_control.ttl"]] as const), [manual, "5m", { type: "default" }, []],
    [nova, "1h", { type: "default" }, ["messages[0].content[0].cache_control.ttl"]], [nova, "5m", { type: "default" }, []],
  ] as const) {
    const { body, dropped: named } = sent(marked(ttl), model);
    assert.deepEqual([body.messages, named], [message([{ text: "Hi" }, { cachePoint: point }]), dropped], `${model} ${ttl}`);
  }
  for (const old of ["anthropic.claude-v2:1", "anthropic.claude-instant-v1", "anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-sonnet-20240229-v1:0", "anthropic.claude-3-opus-20240229-v1:0"]) assert.deepEqual(sent(marked(), old).dropped, ["messages[0].content[0].cache_control"], old);
  assert.deepEqual(sent({ messages: [{ role: "system", name: "s", parts: [{ type: "text", text: "Be kind." }] }, { ...hello, name: "Ada" }] }, manual).dropped, ["messages[0].name", "messages[1].name"]);
  const blank = sent(said({ type: "text", text: " \n" }, { type: "text", text: "", cache: {} }, { type: "text", text: "Hi" }), manual);
  assert.deepEqual([blank.body.messages, blank.dropped], [message([{ text: "Hi" }]), ["messages[0].content[1].cache_control"]]);
});

conformanceCase("bedrock", 5, "each family is told what it takes of the sampling, and nothing that it refuses", () => {
  const hot = { temperature: 0.4, topP: 0.9, topK: 5 };
  for (const [model, sampling, config, additional, dropped] of [
    [manual, hot, { temperature: 0.4, topP: 0.9 }, { top_k: 5 }, []],
    ["anthropic.claude-opus-4-1-20250805-v1:0", hot, { temperature: 0.4 }, { top_k: 5 }, ["top_p (beside temperature)"]],
    ["anthropic.claude-haiku-4-5-20251001-v1:0", { topP: 0.9 }, { topP: 0.9 }, undefined, []], ["anthropic.claude-haiku-4-5-20251001-v1:0", { temperature: 0.4 }, { temperature: 0.4 }, undefined, []],
    [adaptive, hot, { temperature: 0.4 }, { top_k: 5 }, ["top_p (beside temperature)"]],
    [unsampled, { ...hot, maxOutputTokens: 9 }, { maxTokens: 9 }, undefined, ["temperature", "top_p", "top_k"]],
    [unsampled, { temperature: 1 }, undefined, undefined, []],
    ["anthropic.claude-v2:1", hot, { temperature: 0.4, topP: 0.9 }, { top_k: 5 }, []],
    ["anthropic.claude-instant-v1", hot, { temperature: 0.4, topP: 0.9 }, { top_k: 5 }, []],
    [nova, hot, { temperature: 0.4, topP: 0.9 }, { inferenceConfig: { topK: 5 } }, []],
    ["mistral.mistral-large-2402-v1:0", hot, { temperature: 0.4, topP: 0.9 }, { top_k: 5 }, []],
    ["cohere.command-r-v1:0", hot, { temperature: 0.4, topP: 0.9 }, { k: 5 }, []],
    [llama, { temperature: 0.4, stop: ["x"] }, { temperature: 0.4, stopSequences: ["x"] }, undefined, []],
  ] as const) {
    const { body, dropped: named } = sent({ sampling }, model);
    assert.deepEqual([body.inferenceConfig, body.additionalModelRequestFields, named], [config, additional, dropped], model);
    assert.equal(body.additionalModelResponseFieldPaths, undefined, model);
  }
  assert.deepEqual(sent({ stream: true, sampling: { stop: ["x"] } }, manual).body.additionalModelResponseFieldPaths, ["/delta/stop_sequence"]);
  assert.deepEqual(refused({ sampling: { presencePenalty: 1 } }, manual), ["presence_penalty"]);
});

conformanceCase("bedrock", 6, "every kind of image, document and sound that Converse names, by data and in S3", () => {
  const part = (...parts: ContentPart[]) => (sent(said(...parts), manual).body.messages as { content: Record<string, unknown>[] }[])[0]!.content[0];
  for (const [mediaType, format] of [["image/png", "png"], ["image/jpeg", "jpeg"], ["image/jpg", "jpeg"], ["image/gif", "gif"], ["image/webp", "webp"]] as const) assert.deepEqual(part(data("image", mediaType)), { image: { format, source: { bytes: "AAAA" } } });
  const office = "application/vnd.openxmlformats-officedocument";
  for (const [mediaType, format] of [
    ["application/pdf", "pdf"], ["text/csv", "csv"], ["text/html", "html"], ["text/plain", "txt"], ["text/markdown", "md"], ["text/x-python", "txt"], ["application/msword", "doc"], ["application/vnd.ms-excel", "xls"],
    [`${office}.wordprocessingml.document`, "docx"], [`${office}.spreadsheetml.sheet`, "xlsx"],
  ] as const) assert.deepEqual(part(data("document", mediaType)), { document: { format, name: "document-1", source: { bytes: "AAAA" } } });
  for (const [mediaType, format] of [["audio/mpeg", "mp3"], ["audio/mp3", "mp3"], ["audio/wav", "wav"], ["audio/x-wav", "wav"], ["audio/aac", "aac"], ["audio/flac", "flac"], ["audio/ogg", "ogg"], ["audio/opus", "opus"], ["audio/mp4", "mp4"], ["audio/webm", "webm"]] as const) {
    assert.deepEqual(part({ type: "audio", mediaType, base64: "AAAA" }), { audio: { format, source: { bytes: "AAAA" } } });
  }
  for (const [uri, format] of [["s3://b/a.PNG", "png"], ["s3://b/a.jpg", "jpeg"], ["s3://b/a.webp", "webp"]] as const) for (const source of [{ kind: "url" as const, url: uri }, { kind: "file" as const, id: uri }]) assert.deepEqual(part({ type: "image", source }), { image: { format, source: { s3Location: { uri } } } });
  for (const format of ["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"]) for (const source of [{ kind: "url" as const, url: `s3://b/a.${format}` }, { kind: "file" as const, id: `s3://b/a.${format}` }]) assert.deepEqual(part({ type: "document", source }), { document: { format, name: "document-1", source: { s3Location: { uri: `s3://b/a.${format}` } } } });
  const notTaken: ContentPart[] = [{ type: "audio", mediaType: "audio/midi", base64: "AAAA" }, data("document", "application/zip"), ...["s3://b/a", "https://a.test/a.png"].map((url) => ({ type: "image" as const, source: { kind: "url" as const, url } })), ...["s3://b/a.zip", "https://a.test/a.pdf"].map((url) => ({ type: "document" as const, source: { kind: "url" as const, url } }))];
  assert.deepEqual(refused(said(...notTaken), manual), notTaken.map((_, index) => `messages[0].content[${index}]`));
  const image = { type: "image" as const, source: { kind: "data" as const, mediaType: "image/png", base64: "AAAA" } };
  assert.deepEqual(sent(said({ ...image, detail: "low" }, { ...image, detail: "auto" }, image), manual).dropped, ["messages[0].content[0].detail"]);
  assert.deepEqual(sent(said(data("document", "application/pdf", "Plan"), data("document", "application/pdf"), data("document", "application/pdf", ` a  b_${"x".repeat(200)}`)), manual).emulated, [`messages[0].content[2].name (a b-${"x".repeat(174)} 3)`]);
});

conformanceCase("bedrock", 8, "a schema goes with its name and what it says of itself, by a tool only where the model has no schemas", () => {
  const schema = { type: "object", properties: { a: { type: "string" } } };
  const output = { type: "schema" as const, name: "answer", description: "An a", schema, strict: true };
  for (const model of [adaptive, "anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-opus-5", "qwen.qwen3-32b-v1:0", "openai.gpt-oss-20b-1:0", "deepseek.v3-v1:0", "minimax.minimax-m2", "moonshot.kimi-k2", "nvidia.nemotron-nano", "google.gemma-3-27b"]) {
    assert.deepEqual(sent({ output }, model).body.outputConfig, { textFormat: { type: "json_schema", structure: { jsonSchema: { schema: JSON.stringify(schema), name: "answer", description: "An a" } } } }, model);
  }
  const tool = { toolSpec: { name: "slipway_answer", description: "An a", inputSchema: { json: schema } } };
  for (const model of [manual, nova, "mistral.mistral-large-2402-v1:0"]) assert.deepEqual(sent({ output }, model).body.toolConfig, { tools: [tool], toolChoice: { tool: { name: "slipway_answer" } } }, model);
  // A schema that is not strict is one of a tool also for models that have schemas, which insist.
  assert.deepEqual(sent({ output: { ...output, strict: false } }, adaptive).body.toolConfig, { tools: [tool], toolChoice: { tool: { name: "slipway_answer" } } });
  const { description: _, ...plain } = output;
  assert.deepEqual(sent({ output: plain }, manual).body.toolConfig, { tools: [{ toolSpec: { ...tool.toolSpec, description: "Gives the final answer." } }], toolChoice: { tool: { name: "slipway_answer" } } });
  assert.deepEqual((sent({ output, tools: [time], toolChoice: { type: "tool", name: "time" } }, manual).body.toolConfig as { toolChoice: object }).toolChoice, { tool: { name: "time" } });
  assert.deepEqual(sent({ output: { type: "json" } }, manual).body.system, [{ text: "Answer with one JSON object and nothing else: no explanation, no code fence." }]);
}, "emulated");

conformanceCase("bedrock", 9, "each word of effort for each family; beside thinking no sampling, and no thinking where a turn began without", () => {
  const think = (reasoning: ChatRequest["reasoning"], model: string, sampling: Partial<ChatRequest["sampling"]> = {}) => sent({ reasoning, sampling }, model);
  for (const [effort, budget, word] of [["minimal", 1024, "low"], ["low", 2048, "low"], ["medium", 8192, "medium"], ["high", 24_576, "high"], ["xhigh", 32_768, "high"], ["max", 32_768, "high"]] as const) {
    assert.deepEqual(think({ effort }, manual).body.additionalModelRequestFields, { thinking: { type: "enabled", budget_tokens: budget } });
    assert.deepEqual(think({ effort }, adaptive).body.additionalModelRequestFields, { thinking: { type: "adaptive" }, output_config: { effort: word } });
    assert.deepEqual(think({ effort }, nova).body.additionalModelRequestFields, { reasoningConfig: { type: "enabled", maxReasoningEffort: word } });
    assert.deepEqual(think({ effort }, nova).emulated, effort === word ? [] : [`reasoning (${word})`]);
  }
  for (const reasoning of [null, {}, { effort: "none" }, { budgetTokens: 0 }]) assert.equal(think(reasoning, manual).body.additionalModelRequestFields, undefined);
  assert.deepEqual(think({ budgetTokens: 10 }, manual).emulated, ["reasoning (1024 tokens)"]);
  assert.deepEqual(think({ budgetTokens: 5000 }, adaptive).emulated, ["reasoning (medium)"]);
  assert.deepEqual(think({ effort: "low" }, manual, { maxOutputTokens: 1024 }).dropped, ["reasoning"]);
  for (const old of ["anthropic.claude-v2:1", "anthropic.claude-instant-v1", "anthropic.claude-3-5-sonnet-20241022-v2:0", llama, "amazon.nova-pro-v1:0"]) assert.deepEqual(think({ effort: "low" }, old).dropped, ["reasoning"], old);
  assert.deepEqual(think({ effort: "low" }, "anthropic.claude-3-7-sonnet-20250219-v1:0").dropped, []);

  // Claude refuses other values while it thinks, by a budget as well as by itself.
  for (const model of [manual, adaptive]) {
    const held = think({ effort: "low" }, model, { temperature: 0.5, topP: 0.5, topK: 5 });
    assert.deepEqual([held.body.inferenceConfig, held.dropped], [undefined, ["temperature", "top_p", "top_k"]]);
    assert.deepEqual([think({ effort: "low" }, model, { temperature: 1, topP: 0.95 }).body.inferenceConfig, think({ effort: "low" }, model, { temperature: 1 }).dropped], [{ topP: 0.95 }, []]);
  }
  // Nova takes none with the highest effort, nor a limit of tokens, which counts for more than the effort.
  const highest = think({ effort: "high" }, nova, { temperature: 1, topP: 0.99, topK: 5 });
  assert.deepEqual([highest.body.inferenceConfig, highest.dropped], [undefined, ["temperature", "top_p", "top_k"]]);
  const limited = think({ effort: "high" }, nova, { temperature: 0.5, topK: 5, maxOutputTokens: 100 });
  assert.deepEqual([limited.body.inferenceConfig, limited.body.additionalModelRequestFields, limited.emulated], [{ maxTokens: 100, temperature: 0.5 }, { inferenceConfig: { topK: 5 }, reasoningConfig: { type: "enabled", maxReasoningEffort: "medium" } }, ["reasoning (medium)"]]);
  assert.deepEqual(think({ effort: "low" }, nova, { maxOutputTokens: 100 }).body.additionalModelRequestFields, { reasoningConfig: { type: "enabled", maxReasoningEffort: "low" } });

  const goesOn = (...before: AssistantPart[]) => sent({ messages: called(...before), tools: [time], reasoning: { effort: "low" } }, manual).dropped;
  assert.deepEqual(goesOn(), ["reasoning (the turn began without thinking)"]);
  assert.deepEqual(goesOn({ type: "thinking", text: "Hm", signature: null }), ["messages[1].content[0]", "reasoning (the turn began without thinking)"]);
  assert.deepEqual(goesOn({ type: "thinking", text: "Hm", signature: "s" }), []);
  assert.deepEqual(goesOn({ type: "redacted-thinking", data: "x" }), []);
  const refusal = sent({ messages: [hello, { role: "assistant", parts: [{ type: "refusal", text: "No." }, { type: "refusal", text: " " }, { type: "thinking", text: "Hm", signature: "" }] }, hello] }, manual);
  assert.deepEqual([(refusal.body.messages as object[])[1], refusal.dropped, refusal.emulated.filter((name) => name.includes("refusal"))], [{ role: "assistant", content: [{ text: "No." }] }, ["messages[1].content[2]"], ["messages[1].content[0] (a refusal as text)", "messages[1].content[1] (a refusal as text)"]]);
});

it("passes Converse's own fields, and asks in JSON", () => {
  const extra = { guardrailConfig: { guardrailIdentifier: "g" }, performanceConfig: { latency: "optimized" }, requestMetadata: { a: "b" }, serviceTier: { type: "flex" } };
  const { body, headers } = sent({ extra }, manual);
  assert.deepEqual(body, { messages: message([{ text: "Hello" }]), ...extra });
  assert.deepEqual(headers, { "content-type": "application/json" });
});

it("embeds in each family's words, and refuses the rest by name", () => {
  const embeddings = bedrock.embeddings!;
  const asked = { input: ["a"], dimensions: null, encoding: "float" as const, inputType: null, user: null, extra: {} };
  const body = (change: object, model: string) => {
    const { body: text, dropped, emulated, headers } = embeddings.request({ ...asked, ...change }, target(model));
    return { sent: JSON.parse(String(text)) as unknown, dropped, emulated, headers };
  };
  const [titan, first, cohere] = ["amazon.titan-embed-text-v2:0", "amazon.titan-embed-text-v1", "cohere.embed-multilingual-v3"];
  assert.deepEqual(body({ inputType: "query", user: "u", extra: { normalize: false } }, titan), { sent: { inputText: "a", normalize: false }, dropped: ["user", "input_type"], emulated: [], headers: { "content-type": "application/json", accept: "application/json" } });
  assert.deepEqual([body({}, titan).dropped, body({}, first).sent], [[], { inputText: "a" }]);
  for (const inputType of ["search_document", "search_query", "classification", "clustering"]) assert.deepEqual(body({ inputType, dimensions: 512, extra: { truncate: "END" } }, cohere), { ...body({}, cohere), sent: { texts: ["a"], input_type: inputType, output_dimension: 512, truncate: "END" }, emulated: [] });
  assert.equal(body({ input: Array.from({ length: 96 }, () => "a") }, cohere).emulated.length, 1);
  for (const [change, model, path] of [
    [{ dimensions: 256 }, first, "dimensions"], [{ dimensions: 256 }, "amazon.titan-embed-g1-text-02", "dimensions"], [{ inputType: "x" }, cohere, "input_type"], [{ input: Array.from({ length: 97 }, () => "a") }, cohere, "input"], [{ input: [[1]] }, cohere, "input[0]"],
    [{}, llama, "model"], [{ extra: { truncate: "END" } }, titan, "truncate"],
  ] as const) assert.throws(() => embeddings.request({ ...asked, ...change }, target(model)), (error: { problems?: { path: string }[] }) => error.problems?.[0]?.path === path, path);
  const count = (headers: Record<string, string>) => embeddings.answer(Buffer.from('{"embedding":[1]}'), headers).usage.inputTokens;
  assert.deepEqual([count({}), count({ "x-amzn-bedrock-input-token-count": "" }), count({ "x-amzn-bedrock-input-token-count": "7" })], [null, null, 7]);
});
