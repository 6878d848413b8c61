import assert from "node:assert/strict";
import { it } from "node:test";
import type { AssistantPart, ChatMessage, ChatRequest, ContentPart } from "../../conversation/chat-request.ts";
import { chatRequest, conformanceCase } from "../conformance.fixture.ts";
import { data, hello, mappingCases, said } from "../mapping-cases.fixture.ts";
import { anthropic } from "./anthropic.ts";
import { claudeModel } from "./claude-models.ts";
import { fitsStructuredOutput, objectSchema } from "./structured-schema.ts";

type Block = Record<string, unknown>;

const { sent, refused, target } = mappingCases("anthropic");
const [first, manual, schemas, adaptive, unsampled] = ["claude-3-5-haiku-latest", "claude-3-7-sonnet-latest", "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-7"];
const time = { name: "time", description: "Tells the time", parameters: { type: "object", properties: {} } };
const timeTool = { name: "time", description: "Tells the time", input_schema: time.parameters };
const turns = ({ body }: { body: Block }) => body.messages as { role: string; content: Block[] }[];
const called = (...before: AssistantPart[]): ChatMessage[] => [hello, { role: "assistant", parts: [...before, { type: "tool-call", id: "a", name: "time", arguments: "" }] }, { role: "tool", callId: "a", parts: [], isError: false }];

conformanceCase("anthropic", 2, "ids in Anthropic's letters, results without content, and what cannot stand within one", () => {
  const messages: ChatMessage[] = [
    { ...hello, name: "Ada" }, { role: "assistant", parts: [{ type: "tool-call", id: "call:β.1", name: "time", arguments: "{}", signature: "s", cache: { ttl: "1h" } }, { type: "tool-call", id: "", name: "time", arguments: "{}" }] },
    { role: "tool", callId: "call:β.1", parts: [], isError: false }, { role: "tool", callId: "", parts: [{ type: "text", text: "12", cache: { ttl: "5m" } }, { type: "text", text: "" }], isError: false },
  ];
  const given = sent({ messages, tools: [time] }, schemas);
  assert.deepEqual(turns(given).slice(1), [
    { role: "assistant", content: [{ type: "tool_use", id: "call___1", name: "time", input: {}, cache_control: { type: "ephemeral", ttl: "1h" } }, { type: "tool_use", id: "_", name: "time", input: {} }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "call___1" }, { type: "tool_result", tool_use_id: "_", content: [{ type: "text", text: "12" }], cache_control: { type: "ephemeral", ttl: "5m" } }] },
  ]);
  assert.deepEqual(given.dropped, ["messages[0].name", "messages[1].tool_calls.signature"]);
});

conformanceCase("anthropic", 3, "tools with all that they say, and which is demanded beside a schema", () => {
  const strict = { ...time, strict: true, cache: {} };
  assert.deepEqual(sent({ tools: [strict, { name: "bare", parameters: {} }] }, schemas).body.tools, [{ ...timeTool, strict: true, cache_control: { type: "ephemeral" } }, { name: "bare", input_schema: { type: "object" } }]);
  const older = sent({ tools: [{ ...time, strict: true }, { ...time, strict: false }] }, manual);
  assert.deepEqual([older.body.tools, older.dropped], [[timeTool, timeTool], ["tools.function.strict"]]);
  assert.deepEqual(sent({ tools: [time, { ...time, strict: false }] }, schemas).body.tools, [timeTool, timeTool]);
  const output = { type: "schema" as const, name: "n", description: "An a", schema: { type: "object" }, strict: true };
  const byTool = (toolChoice: ChatRequest["toolChoice"], tools = [time]) => {
    const { body, emulated } = sent({ output, tools, toolChoice }, manual);
    return [body.tool_choice, (body.tools as Block[]).map(({ name }) => name), emulated.filter((name) => name.startsWith("response_format"))];
  };
  assert.deepEqual(byTool({ type: "auto" }), [{ type: "any" }, ["time", "slipway_json_output"], ["response_format (by a tool)"]]);
  assert.deepEqual(byTool({ type: "none" }), [{ type: "tool", name: "slipway_json_output" }, ["time", "slipway_json_output"], ["response_format (by a tool)"]]);
  assert.deepEqual(byTool({ type: "required" }), [{ type: "any" }, ["time"], ["response_format (after the tool call that is asked for)"]]);
  assert.deepEqual(byTool({ type: "tool", name: "time" }), [{ type: "tool", name: "time" }, ["time"], ["response_format (after the tool call that is asked for)"]]);
  assert.deepEqual(byTool({ type: "required" }, []), [{ type: "tool", name: "slipway_json_output" }, ["slipway_json_output"], ["response_format (by a tool)"]]);
  assert.deepEqual(sent({ output }, manual).body.tools, [{ name: "slipway_json_output", description: "An a", input_schema: { type: "object" } }]);
  const earlier = sent({ messages: called() }, schemas);
  assert.deepEqual([earlier.body.tools, earlier.body.tool_choice, earlier.emulated.includes("tools (named after earlier calls, not to be called)")], [[{ name: "time", input_schema: { type: "object" } }], { type: "none" }, true]);
}, "emulated");

conformanceCase("anthropic", 4, "a system message in mid-conversation is one where the model knows them and no answer or question is next to it", () => {
  const system: ChatMessage = { role: "system", parts: [{ type: "text", text: "Rhyme." }] };
  const assistant: ChatMessage = { role: "assistant", parts: [{ type: "text", text: "Yes" }] };
  const roles = (...messages: ChatMessage[]) => turns(sent({ messages }, "claude-opus-5")).map(({ role }) => role);
  assert.deepEqual(roles(hello, system), ["user", "system"]);
  assert.deepEqual(roles(hello, system, assistant), ["user", "system", "assistant"]);
  assert.deepEqual(roles(hello, assistant, system), ["user", "assistant", "user"]);
  assert.deepEqual(roles(hello, system, hello), ["user"]);
  assert.deepEqual(roles(...called().slice(0, 2), system, called()[2]!), ["user", "assistant", "user"]);
}, "emulated");

conformanceCase("anthropic", 5, "what each generation of Claude takes of the sampling, with thinking and without", () => {
  const hot = { temperature: 0.4, topP: 0.9, topK: 5, maxOutputTokens: 9000 };
  const fields = (change: Parameters<typeof sent>[0], model: string) => {
    const { body: { temperature, top_p: topP, top_k: topK }, dropped } = sent(change, model);
    return [temperature, topP, topK, dropped];
  };
  for (const [model, expected] of [[first, [0.4, 0.9, 5, []]], [manual, [0.4, 0.9, 5, []]], [schemas, [0.4, undefined, 5, ["top_p (beside temperature)"]]], [adaptive, [0.4, undefined, 5, ["top_p (beside temperature)"]]], [unsampled, [undefined, undefined, undefined, ["temperature", "top_p", "top_k"]]]] as const) assert.deepEqual(fields({ sampling: hot }, model), expected, model);
  // Other values are refused while it thinks, by a budget as well as by itself.
  for (const model of [manual, schemas, adaptive]) {
    assert.deepEqual(fields({ sampling: hot, reasoning: { effort: "low" } }, model), [undefined, undefined, undefined, ["temperature", "top_p", "top_k"]], model);
    assert.deepEqual(fields({ sampling: { topP: 0.95, maxOutputTokens: 9000 }, reasoning: { effort: "low" } }, model), [undefined, 0.95, undefined, []], model);
    assert.deepEqual(fields({ sampling: { temperature: 0.4, topK: 5 }, reasoning: { effort: "none" } }, model), [0.4, undefined, 5, []], model);
  }
  assert.equal(sent({ sampling: { temperature: 1 } }, manual).body.temperature, 1);
  assert.deepEqual(sent({ sampling: { temperature: 1 } }, manual).emulated, ["max_tokens (64000, as nothing was said)"]);
  assert.deepEqual(refused({ sampling: { frequencyPenalty: -1, presencePenalty: 0 } }, manual), ["frequency_penalty"]);
  assert.deepEqual(sent({ sampling: { maxOutputTokens: 5 } }, manual).body, { model: manual, max_tokens: 5, messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }] });
  const old = { defaultMaxTokens: 4096, thinking: "none", sampling: true, bothSamplings: true, schema: false, systemMessages: false };
  const generations = {
    first: [old, "claude-2.1", "claude-instant-1.2", "claude-3-haiku-20240307", "claude-3-sonnet-20240229", "claude-3-opus-latest", "anthropic.claude-v2:1"], second: [{ ...old, defaultMaxTokens: 8192 }, "claude-3-5-sonnet-latest"],
    manual: [{ ...old, defaultMaxTokens: 64_000, thinking: "manual" }, "claude-3-7-sonnet-latest", "claude-sonnet-4-0", "claude-sonnet-4-20250514", "claude-sonnet-4"], opus: [{ ...old, defaultMaxTokens: 32_000, thinking: "manual" }, "claude-opus-4-0", "claude-opus-4-20250514", "claude-opus-4"],
    opus41: [{ ...old, defaultMaxTokens: 32_000, thinking: "manual", bothSamplings: false }, "claude-opus-4-1", "claude-opus-4-1-20250805"], schemas: [{ ...old, defaultMaxTokens: 64_000, thinking: "manual", bothSamplings: false, schema: true }, "claude-opus-4-5", "claude-sonnet-4-5-20250929", "claude-haiku-4-5"],
    adaptive: [{ ...old, defaultMaxTokens: 64_000, thinking: "adaptive", bothSamplings: false, schema: true }, "claude-opus-4-6", "claude-sonnet-4-6"], unsampled: [{ ...old, defaultMaxTokens: 64_000, thinking: "adaptive", bothSamplings: false, schema: true, sampling: false }, "claude-opus-4-7", "claude-opus-4-10", "another-model"],
    newest: [{ ...old, defaultMaxTokens: 64_000, thinking: "adaptive", bothSamplings: false, schema: true, sampling: false, systemMessages: true }, "claude-opus-4-8", "claude-opus-5"],
  } as const;
  for (const [abilities, ...names] of Object.values(generations)) for (const name of names) assert.deepEqual(claudeModel(name), abilities, name);
});

conformanceCase("anthropic", 6, "every type of image and document by data, address and file, with marks and names", () => {
  const content = (...parts: ContentPart[]) => turns(sent(said(...parts), schemas))[0]!.content;
  for (const type of ["image/png", "image/jpeg", "image/gif", "image/webp", "image/PNG"]) assert.deepEqual(content(data("image", type)), [{ type: "image", source: { type: "base64", media_type: type.toLowerCase(), data: "AAAA" } }]);
  assert.deepEqual(content({ type: "image", source: { kind: "url", url: "https://a.test/a.png" }, cache: {} }), [{ type: "image", source: { type: "url", url: "https://a.test/a.png" }, cache_control: { type: "ephemeral" } }]);
  assert.deepEqual(content({ type: "document", source: { kind: "url", url: "https://a.test/a.pdf" }, cache: { ttl: "1h" } }, { type: "document", source: { kind: "file", id: "file_1" }, name: "a" }), [{ type: "document", source: { type: "url", url: "https://a.test/a.pdf" }, cache_control: { type: "ephemeral", ttl: "1h" } }, { type: "document", source: { type: "file", file_id: "file_1" }, title: "a" }]);
  assert.deepEqual(content(data("document", "Application/PDF")), [{ type: "document", source: { type: "base64", media_type: "application/pdf", data: "AAAA" } }]);
  const image = { type: "image" as const, source: { kind: "url" as const, url: "https://a.test/a.png" } };
  assert.deepEqual([sent(said(image, { ...image, detail: "auto" }), schemas).dropped, sent(said({ ...image, detail: "low" }), schemas).dropped], [[], ["image_url.detail"]]);
});

conformanceCase("anthropic", 7, "which schemas are taken as they are, keyword by keyword, and which are those of an object", () => {
  const closed = { type: "object", additionalProperties: false };
  const taken: Block[] = [
    { type: "string", description: "d", title: "t", default: "x", $schema: "s", enum: ["x"], const: "x" }, ...["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"].map((format) => ({ type: "string", format })),
    { ...closed, properties: { a: { $ref: "#/definitions/b" }, c: { $ref: "#/definitions/b" } }, definitions: { b: { type: "string" } } }, { allOf: [{ type: "string" }, { const: "a" }] }, { type: "array", minItems: 0, items: {} }, { type: ["object", "null"], additionalProperties: false },
  ];
  const refusedThere: Block[] = [
    { type: "string", format: "color" }, { type: "string", pattern: "a" }, { ...closed, definitions: { b: { type: "object" } } }, { ...closed, $defs: { b: { pattern: "x" } } }, { type: "array", items: { maxLength: 1 } }, { anyOf: [{ type: "string" }, { minimum: 1 }] }, { allOf: [{ minimum: 1 }] }, { items: [] }, { items: null }, { items: "x" },
    { type: ["object", "null"] }, { ...closed, additionalProperties: true }, { ...closed, properties: { a: { uniqueItems: false } } }, { ...closed, properties: { a: { $ref: "#/$defs/none" } } }, { additionalProperties: true }, { type: "array", minItems: 3 }, Array.from({ length: 70 }).reduce<Block>((items) => ({ type: "array", items }), { type: "string" }),
    { ...closed, properties: { a: { $ref: "#/$defs/a" } }, $defs: { a: { ...closed, properties: { b: { $ref: "#/$defs/b" } } }, b: { ...closed, properties: { a: { $ref: "#/$defs/a" } } } } },
  ];
  for (const schema of taken) assert.equal(fitsStructuredOutput(schema), true, JSON.stringify(schema));
  for (const schema of refusedThere) assert.equal(fitsStructuredOutput(schema), false, JSON.stringify(schema));
  // However deep, and by whatever word: nothing but an answer comes of it.
  const deep = (within: (schema: Block) => Block) => Array.from({ length: 20_000 }).reduce<Block>(within, { type: "string" });
  for (const schema of [
    deep((items) => ({ items })), deep((one) => ({ anyOf: [one] })), deep((one) => ({ allOf: [one] })), deep((a) => ({ ...closed, properties: { a } })), deep((a) => ({ ...closed, $defs: { a } })), deep((a) => ({ ...closed, definitions: { a } })),
  ]) assert.equal(fitsStructuredOutput(schema), false);
  for (const [schema, object] of [
    [{}, { type: "object" }], [{ properties: {} }, { type: "object", properties: {} }], [{ description: "d" }, null], [{ type: "string", properties: {} }, null], [{ type: "object", oneOf: [] }, null], [{ type: "object", allOf: [] }, null], [{ type: "object", anyOf: [] }, null],
    [{ $ref: "#/definitions/a", definitions: { a: { type: "object", title: "A" } } }, { type: "object", title: "A", definitions: { a: { type: "object", title: "A" } } }], [{ $ref: "#/$defs/none" }, { type: "object" }],
  ] as const) assert.deepEqual(objectSchema(schema), object, JSON.stringify(schema));
});

conformanceCase("anthropic", 8, "JSON without a schema is asked for in words, beside the caller's own", () => {
  const { body } = sent({ output: { type: "json" }, messages: [{ role: "system", parts: [{ type: "text", text: "Be kind." }] }, hello] }, schemas);
  assert.deepEqual(body.system, [{ type: "text", text: "Be kind." }, { type: "text", text: "Answer with one JSON object and nothing else." }]);
}, "emulated");

conformanceCase("anthropic", 9, "each word of effort and each budget, where there is room and the turn began with thinking", () => {
  const think = (reasoning: ChatRequest["reasoning"], model: string, change: Parameters<typeof sent>[0] = {}) => {
    const { body, dropped, emulated } = sent({ reasoning, sampling: { maxOutputTokens: 64_000 }, ...change }, model);
    return [body.thinking, body.output_config, dropped, emulated];
  };
  for (const [effort, budget, word] of [["minimal", 1024, "low"], ["low", 2048, "low"], ["medium", 8192, "medium"], ["high", 16_384, "high"], ["xhigh", 32_768, "xhigh"], ["max", 32_768, "max"], ["toString", 8192, "toString"]] as const) {
    assert.deepEqual(think({ effort }, manual), [{ type: "enabled", budget_tokens: budget }, undefined, [], [`reasoning_effort (budget_tokens ${budget})`]]);
    assert.deepEqual(think({ effort }, adaptive), [{ type: "adaptive" }, { effort: word }, [], effort === word ? [] : [`reasoning_effort (effort ${word})`]]);
  }
  for (const [budgetTokens, word] of [[1000, "low"], [4096, "low"], [4097, "medium"], [16_384, "medium"], [16_385, "high"]] as const) assert.deepEqual(think({ budgetTokens }, adaptive), [{ type: "adaptive" }, { effort: word }, [], [`thinking.budget_tokens (effort ${word})`]]);
  assert.deepEqual(think({ budgetTokens: 10 }, manual), [{ type: "enabled", budget_tokens: 1024 }, undefined, [], ["thinking.budget_tokens (budget_tokens 1024)"]]);
  assert.deepEqual(think({ budgetTokens: 2000 }, manual), [{ type: "enabled", budget_tokens: 2000 }, undefined, [], []]);
  assert.deepEqual(think({ budgetTokens: 5000 }, manual, { sampling: { maxOutputTokens: 1025 } })[0], { type: "enabled", budget_tokens: 1024 });
  assert.deepEqual(think({ budgetTokens: 5000 }, manual, { sampling: { maxOutputTokens: 1024 } }), [undefined, undefined, ["thinking.budget_tokens (max_tokens leaves no room)"], []]);
  assert.deepEqual(think({ effort: "none" }, first), [undefined, undefined, [], []]);
  const schema = { type: "object", properties: {}, additionalProperties: false };
  assert.deepEqual(think({ effort: "low" }, adaptive, { output: { type: "schema", name: "n", schema, strict: true } })[1], { format: { type: "json_schema", schema }, effort: "low" });
  const goesOn = (...before: AssistantPart[]) => sent({ messages: called(...before), tools: [time], reasoning: { effort: "low" } }, manual).dropped;
  assert.deepEqual(goesOn(), ["reasoning_effort (the turn began without thinking)"]);
  assert.deepEqual(goesOn({ type: "thinking", text: "Hm", signature: null }), ["messages[1].thinking (unsigned)", "reasoning_effort (the turn began without thinking)"]);
  assert.deepEqual(goesOn({ type: "thinking", text: "Hm", signature: "gemini:s" }), ["messages[1].thinking (signed by another provider)", "reasoning_effort (the turn began without thinking)"]);
  assert.equal(goesOn({ type: "thinking", text: "Hm", signature: "" })[0], "messages[1].thinking (unsigned)");
  assert.deepEqual([goesOn({ type: "thinking", text: "Hm", signature: "s" }), goesOn({ type: "redacted-thinking", data: "x" })], [[], []]);
  assert.deepEqual(sent({ messages: [...called(), hello], tools: [time], reasoning: { effort: "low" } }, manual).dropped, []);
  const refusal = sent({ messages: [hello, { role: "assistant", parts: [{ type: "refusal", text: "No." }] }, hello] }, manual);
  assert.deepEqual([turns(refusal)[1], refusal.emulated[0]], [{ role: "assistant", content: [{ type: "text", text: "No." }] }, "refusal (as text of the assistant)"]);
}, "native");

it("passes Anthropic's own fields, and names or refuses the others", () => {
  const own = { container: "c", mcp_servers: [{ name: "m" }], context_management: { edits: [{}] }, inference_geo: "us", speed: "fast", cache_control: { type: "ephemeral" }, diagnostics: { a: 1 }, service_tier: "standard_only" };
  const { body, headers, path, dropped } = sent({ extra: { ...own, stream_options: { include_usage: true } }, stream: true, uncarried: ["messages[0].x"] }, schemas);
  for (const [name, value] of Object.entries(own)) assert.deepEqual(body[name], value, name);
  assert.deepEqual([path, headers["content-type"], body.stream_options, body.stream, dropped], ["/v1/messages", "application/json", undefined, true, ["messages[0].x"]]);
  assert.equal(sent({ extra: { service_tier: "auto" } }, schemas).body.service_tier, "auto");
  const other = sent({ extra: { service_tier: "flex", metadata: { a: "b" } }, uncarried: ["messages[0].x"] }, schemas);
  assert.deepEqual([other.body.service_tier, other.dropped], [undefined, ["messages[0].x", "service_tier", "metadata"]]);
  assert.deepEqual(refused({ extra: { logit_bias: { 1: 1 }, value: "auto" }, nativeOnly: [{ path: "tools[0]", message: "built in" }] }, schemas), ["tools[0]", "logit_bias", "value"]);
});

it("counts what is input, in the words in which it would be sent", () => {
  const asked = chatRequest({ tools: [time], toolChoice: { type: "required" }, messages: [{ role: "system", parts: [{ type: "text", text: "Be kind." }] }, hello], output: { type: "schema", name: "n", schema: { type: "object", additionalProperties: false }, strict: true }, sampling: { topK: 3 }, extra: { cache_control: { type: "ephemeral" }, speed: "fast", container: "c" }, user: "u", stream: true });
  const { path, body, headers } = anthropic.countTokens!.request(asked, target(schemas));
  assert.deepEqual([path, headers], ["/v1/messages/count_tokens", { "content-type": "application/json", "anthropic-version": "2023-06-01" }]);
  assert.deepEqual(JSON.parse(String(body)), {
    model: schemas, tools: [timeTool], tool_choice: { type: "any" }, system: [{ type: "text", text: "Be kind." }], messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }], output_config: { format: { type: "json_schema", schema: { type: "object", additionalProperties: false } } },
    cache_control: { type: "ephemeral" }, speed: "fast",
  });
  assert.deepEqual((JSON.parse(String(anthropic.countTokens!.request(chatRequest({ reasoning: { effort: "low" } }), target(manual)).body)) as Block).thinking, { type: "enabled", budget_tokens: 2048 });
  assert.equal(anthropic.countTokens!.answer(Buffer.from('{"input_tokens":7}'), {}), 7);
  assert.throws(() => anthropic.countTokens!.answer(Buffer.from('{"input_tokens":null}'), {}), { code: "PROVIDER_ANSWER_INVALID" });
  const { native } = anthropic;
  assert.deepEqual(Object.entries(native).map(([name, { path: where, headers: given }]) => [name, where(target(schemas)), given?.(target(schemas, { apiVersion: "2024-01-01" }))]), [
    ["anthropic-messages", "/v1/messages", { "anthropic-version": "2024-01-01" }], ["anthropic-count", "/v1/messages/count_tokens", { "anthropic-version": "2024-01-01" }],
  ]);
});
