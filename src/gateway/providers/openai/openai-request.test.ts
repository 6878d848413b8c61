import assert from "node:assert/strict";
import { it } from "node:test";
import type { AssistantPart, ChatMessage, ChatRequest, ContentPart } from "../../conversation/chat-request.ts";
import { conformanceCase } from "../conformance.fixture.ts";
import { data, hello, mappingCases, said } from "../mapping-cases.fixture.ts";
import { providerMappings } from "../provider-mappings.ts";

const kinds = ["openai", "azure", "compatible", "mistral", "ollama"] as const;
const text = (words: string) => ({ type: "text" as const, text: words });
const tool = { name: "weather", description: "Of a city", parameters: { type: "object" } };

for (const kind of kinds) {
  const { sent, refused } = mappingCases(kind);
  const messages = (given: readonly ChatMessage[]) => {
    const { body, dropped, emulated } = sent({ messages: given }, "m");
    return { messages: body.messages as Record<string, unknown>[], dropped, emulated };
  };
  const content = (...parts: ContentPart[]) => (sent(said(...parts), "m").body.messages as { content: unknown }[])[0]!.content;
  const assistant = (...parts: AssistantPart[]) => messages([hello, { role: "assistant", parts }, hello]);
  const isPlain = kind === "openai" || kind === "azure";
  const own = isPlain ? "native" as const : "mapped" as const;

  conformanceCase(kind, 1, "a call is written with its id and name; its signature and mark are named", () => {
    const { messages: [, answer], dropped } = assistant(text("I "), text("look."), { type: "tool-call", id: "a2345678b", name: "weather", arguments: "{}", signature: "s", cache: {} }, { type: "tool-call", id: "b2345678b", name: "time", arguments: " " });
    assert.deepEqual(answer, { role: "assistant", content: "I look.", tool_calls: [{ id: "a2345678b", type: "function", function: { name: "weather", arguments: "{}" } }, { id: "b2345678b", type: "function", function: { name: "time", arguments: "{}" } }] });
    assert.deepEqual(dropped, ["messages[1].tool_calls.signature", "cache_control"]);
    const bare = assistant({ type: "tool-call", id: "a2345678b", name: "weather", arguments: "{}" });
    assert.deepEqual([bare.messages[1]!.content, bare.dropped], [null, []]);
  }, own);

  conformanceCase(kind, 2, "results of several texts, and images of several results behind all of them", () => {
    const image = { type: "image" as const, source: { kind: "data" as const, mediaType: "image/png", base64: "AAAA" } };
    const written = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
    const result = (callId: string, ...parts: ContentPart[]): ChatMessage => ({ role: "tool", callId, parts, isError: false });
    const { messages: [first, second, ...rest] } = messages([result("a2345678b", text("one "), text("two")), result("b2345678b", text("see"), image)]);
    assert.deepEqual(first, { role: "tool", tool_call_id: "a2345678b", content: "one two" });
    if (kind === "mistral") assert.deepEqual([second, rest], [{ role: "tool", tool_call_id: "b2345678b", content: [{ type: "text", text: "see" }, written] }, []]);
    else assert.deepEqual([second, rest], [{ role: "tool", tool_call_id: "b2345678b", content: "see" }, [{ role: "user", content: [{ type: "text", text: "Result of the tool call b2345678b:" }, written] }]]);
    if (kind !== "mistral") assert.equal(messages([result("a2345678b", image)]).messages[0]!.content, "The result follows in the next message of the user.");
  }, kind === "mistral" ? "mapped" : "emulated");

  conformanceCase(kind, 3, "tools with all that they say; their marks are named", () => {
    const { body, dropped } = sent({ tools: [{ ...tool, strict: true, cache: {} }, { name: "bare", parameters: {}, strict: false }] }, "m");
    assert.deepEqual([body.tools, dropped], [[{ type: "function", function: { ...tool, strict: true } }, { type: "function", function: { name: "bare", parameters: {}, strict: false } }], ["cache_control"]]);
    if (kind !== "ollama") assert.equal(sent({ tools: [tool], parallelToolCalls: true }, "m").body.parallel_tool_calls, true);
    else assert.deepEqual([sent({ tools: [tool], parallelToolCalls: true }, "m").body.parallel_tool_calls, sent({ tools: [tool], toolChoice: { type: "none" } }, "m").emulated], [undefined, ["tool_choice (none: without tools)"]]);
    assert.deepEqual(Object.keys(sent({ parallelToolCalls: false, toolChoice: { type: "required" } }, "m").body), ["model", "messages"]);
  }, own);

  conformanceCase(kind, 4, "names of speakers, parts side by side, nothing at all, and marks of every kind of part", () => {
    const spoken = messages([{ role: "system", name: "s", parts: [text("Be kind.")] }, { role: "user", name: "u", parts: [text("a"), text("b")] }, { role: "assistant", name: "a", parts: [text("c")] }, { role: "user", parts: [] }]);
    const names = kind === "mistral" ? {} : { s: { name: "s" }, u: { name: "u" }, a: { name: "a" } };
    assert.deepEqual(spoken.messages, [{ role: "system", content: "Be kind.", ...names.s }, { role: "user", content: [text("a"), text("b")], ...names.u }, { role: "assistant", content: "c", ...names.a }, { role: "user", content: "" }]);
    assert.deepEqual(spoken.dropped, kind === "mistral" ? ["messages[0].name", "messages[1].name", "messages[2].name"] : []);
    const marked = sent(said({ ...text("a"), cache: {} }, { ...data("image", "image/png"), cache: { ttl: "1h" } } as ContentPart), "m");
    assert.deepEqual(marked.dropped, kind === "compatible" ? [] : ["cache_control"]);
    if (kind === "compatible") assert.deepEqual((marked.body.messages as { content: { cache_control: unknown }[] }[])[0]!.content.map(({ cache_control: mark }) => mark), [{ type: "ephemeral" }, { type: "ephemeral", ttl: "1h" }]);
    assert.deepEqual(assistant({ ...text("a"), cache: {} }).dropped, ["cache_control"]);
  }, own);

  conformanceCase(kind, 5, "nothing is said of sampling that the caller did not say", () => {
    assert.deepEqual(sent({}, "m").body, { model: "m", messages: [{ role: "user", content: "Hello" }] });
    assert.deepEqual([sent({ sampling: { frequencyPenalty: -1 } }, "m").body.frequency_penalty, sent({ sampling: { presencePenalty: 0 } }, "m").body.presence_penalty], [-1, 0]);
  }, own);

  conformanceCase(kind, 6, "each type of image and sound, and documents by data, file and address", () => {
    const url = (mediaType: string) => (content(data("image", mediaType)) as { image_url: { url: string } }[])[0]!.image_url;
    for (const type of ["image/png", "image/jpeg", "image/gif", "image/webp"]) assert.deepEqual(url(type), { url: `data:${type};base64,AAAA` });
    if (kind === "compatible") assert.deepEqual(url("image/HEIC"), { url: "data:image/heic;base64,AAAA" });
    else assert.deepEqual(refused(said(data("image", "image/heic")), "m"), ["messages[0].content[0]"]);
    assert.deepEqual(refused(said(text("?"), { type: "image", source: { kind: "file", id: "file-1" } }), "m"), ["messages[0].content[1]"]);
    assert.deepEqual(content(data("document", "Text/CSV", "a.csv")), "a.csv:\n\0\0\0");
    assert.deepEqual(sent(said(data("document", "text/csv")), "m").emulated, ["document (a text document as text)"]);

    for (const [mediaType, format] of [["audio/wav", "wav"], ["audio/x-wav", "wav"], ["audio/wave", "wav"], ["audio/mpeg", "mp3"], ["audio/mp3", "mp3"], ["audio/flac", "flac"]] as const) {
      const sound = { type: "audio" as const, mediaType, base64: "AAAA" };
      if (kind === "ollama") assert.deepEqual(refused(said(sound), "m"), ["messages[0].content[0]"]);
      else assert.deepEqual(content(sound), [{ type: "input_audio", input_audio: kind === "mistral" ? "AAAA" : { data: "AAAA", format } }]);
    }

    const byFile = { type: "document" as const, source: { kind: "file" as const, id: "file-1" } };
    const byAddress = { type: "document" as const, source: { kind: "url" as const, url: "https://a.test/a.pdf" } };
    if (kind === "mistral") assert.deepEqual([content(byFile), content(byAddress), content(data("document", "application/pdf"))], [[{ type: "file", file_id: "file-1" }], [{ type: "document_url", document_url: "https://a.test/a.pdf" }], [{ type: "document_url", document_url: "data:application/pdf;base64,AAAA" }]]);
    else {
      assert.deepEqual(refused(said(byAddress), "m"), ["messages[0].content[0]"]);
      if (kind === "ollama") assert.deepEqual(refused(said(byFile), "m"), ["messages[0].content[0]"]);
      else assert.deepEqual([content(byFile), content(data("document", "Application/PDF"))], [[{ type: "file", file: { file_id: "file-1" } }], [{ type: "file", file: { filename: "document.pdf", file_data: "data:application/pdf;base64,AAAA" } }]]);
    }
  }, own);

  conformanceCase(kind, 7, "a schema that says of which dialect it is", () => {
    const schema = { $schema: "http://json-schema.org/draft-07/schema#", $id: "https://a.test/s", type: "object", properties: { $schema: { type: "string" } }, additionalProperties: false };
    const { $schema: _dialect, $id: _id, ...plain } = schema;
    assert.deepEqual((sent({ tools: [{ name: "f", parameters: schema }] }, "m").body.tools as { function: { parameters: unknown } }[])[0]!.function.parameters, kind === "mistral" ? plain : schema);
  }, "native");

  conformanceCase(kind, 9, "refusals, thoughts without signatures and hidden ones of earlier turns; efforts by word and budget", () => {
    const { messages: [, refusal], emulated } = assistant({ type: "refusal", text: "N" }, { type: "refusal", text: "o." });
    if (kind === "mistral") assert.deepEqual([refusal, emulated], [{ role: "assistant", content: "No." }, ["refusal (as text of the assistant)"]]);
    else assert.deepEqual([refusal, emulated], [{ role: "assistant", content: null, refusal: "No." }, []]);
    const thought = assistant({ type: "thinking", text: "H", signature: null }, { type: "thinking", text: "m", signature: null }, { type: "redacted-thinking", data: "x" }, text("Yes"));
    const said: Record<typeof kind, [object, string[]]> = {
      openai: [{ content: "Yes" }, ["messages[1].thinking", "messages[1].redacted_thinking"]], azure: [{ content: "Yes" }, ["messages[1].thinking", "messages[1].redacted_thinking"]],
      compatible: [{ content: "Yes", reasoning_content: "Hm" }, ["messages[1].redacted_thinking"]], ollama: [{ content: "Yes", reasoning_content: "Hm" }, ["messages[1].redacted_thinking"]],
      mistral: [{ content: [{ type: "thinking", thinking: [text("H")] }, { type: "thinking", thinking: [text("m")] }, text("Yes")] }, ["messages[1].redacted_thinking"]],
    };
    assert.deepEqual([thought.messages[1], thought.dropped], [{ role: "assistant", ...said[kind][0] }, said[kind][1]]);
    assert.deepEqual(assistant().messages[1], { role: "assistant", content: "" });
    const effort = (reasoning: ChatRequest["reasoning"]) => {
      const { body, dropped, emulated: named } = sent({ reasoning }, "m");
      return [body.reasoning_effort, dropped, named];
    };
    for (const [budgetTokens, word] of [[1023, "minimal"], [1024, "low"], [4096, "low"], [4097, "medium"], [16_384, "medium"], [16_385, "high"]] as const) assert.deepEqual(effort({ budgetTokens }), [word, [], ["thinking.budget_tokens (as reasoning_effort)"]]);
    assert.deepEqual([effort({ effort: "low" }), effort({}), effort(null)], [["low", [], []], [undefined, [], []], [undefined, [], []]]);
    // The word says as much as the number.
    assert.deepEqual(effort({ effort: "low", budgetTokens: 9 }), ["low", ["thinking.budget_tokens"], []]);
    if (kind === "mistral") assert.deepEqual(assistant({ type: "thinking", text: "H", signature: null }, { type: "refusal", text: "No." }).messages[1]!.content, [{ type: "thinking", thinking: [text("H")] }, text("No.")]);
  }, isPlain ? "emulated" : "mapped");
}

it("Mistral's models that always think take neither words nor budgets", () => {
  const { sent } = mappingCases("mistral");
  assert.deepEqual([sent({ reasoning: { effort: "low" } }, "magistral-medium-latest").dropped, sent({ reasoning: { budgetTokens: 9 } }, "magistral-small").dropped], [["reasoning_effort"], ["thinking.budget_tokens"]]);
  assert.deepEqual(sent({ reasoning: { effort: "low", budgetTokens: 9 } }, "magistral-small").dropped, ["reasoning_effort", "thinking.budget_tokens"]);
  assert.equal(sent({ reasoning: { effort: "low" } }, "magistral-medium-latest").body.reasoning_effort, undefined);
  for (const id of ["a2345678b", "a2345678", "a2345678bc", "a-345678b"]) {
    const [call] = (sent({ messages: [{ role: "assistant", parts: [{ type: "tool-call", id, name: "time", arguments: "" }] }] }, "m").body.messages as { tool_calls: { id: string }[] }[])[0]!.tool_calls;
    assert.match(call!.id, /^[A-Za-z0-9]{9}$/);
    assert.equal(call!.id === id, id === "a2345678b");
  }
});

it("each field of Mistral's and Ollama's own passes, and no other", () => {
  const own = { mistral: ["metadata", "n", "prediction", "guardrails", "prompt_cache_key", "service_tier", "safe_prompt", "prompt_mode"], ollama: ["logprobs", "top_logprobs", "keep_alive"] };
  for (const kind of ["mistral", "ollama"] as const) {
    const { sent, refused } = mappingCases(kind);
    const extra = Object.fromEntries(own[kind].map((name) => [name, 2]));
    assert.deepEqual(sent({ extra }, "m").body, { model: "m", messages: [{ role: "user", content: "Hello" }], ...extra });
    assert.deepEqual(refused({ extra: { logit_bias: { 1: 1 }, other: 1 } }, "m"), ["logit_bias", "other"]);
    const { body, dropped } = sent({ user: "u", stream: true, extra: { stream_options: { include_usage: true } } }, "m");
    assert.deepEqual([body.user, dropped], [undefined, ["user"]]);
  }
});

it("words of other protocols are not handed to servers that judge for themselves", () => {
  const { sent, refused } = mappingCases("compatible");
  const foreign = [
    "truncation", "include", "previous_response_id", "conversation", "prompt", "max_tool_calls", "text", "container", "mcp_servers", "context_management", "output_config", "thinking", "cache_control", "diagnostics", "best_of", "echo", "suffix", "betas", "google_search",
  ];
  assert.deepEqual(refused({ extra: Object.fromEntries(foreign.map((name) => [name, "x"])) }, "m"), foreign);
  const harmless = ["background", "inference_geo", "speed", "client_metadata", "prompt_cache_options"];
  const { body, dropped } = sent({ extra: Object.fromEntries([...harmless, "store", "min_p"].map((name) => [name, "x"])), user: "u" }, "m");
  assert.deepEqual([dropped, body.store, body.min_p, body.user], [harmless, "x", "x", "u"]);
});

it("keys are bearers, Azure's have their own header, and its addresses name the deployment or do not", () => {
  const request = { method: "POST" as const, url: new URL("https://a.test/"), headers: {}, body: "" };
  for (const kind of kinds) {
    const { authorize } = providerMappings[kind];
    const { settings } = mappingCases(kind).target("m");
    assert.deepEqual([authorize(request, "k", settings, 0), authorize(request, null, settings, 0)], [kind === "azure" ? { "api-key": "k" } : { authorization: "Bearer k" }, {}], kind);
  }
  const { sent, target } = mappingCases("azure");
  assert.deepEqual(providerMappings.azure.authorize(request, "eyJh.b.c", target("m").settings, 0), { authorization: "Bearer eyJh.b.c" });
  for (const [settings, path, field] of [
    [{}, "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21", "max_tokens"], [{ apiVersion: "2024-12-01-preview" }, "/openai/deployments/my%20gpt/chat/completions?api-version=2024-12-01-preview", "max_completion_tokens"],
    [{ apiVersion: "v1" }, "/openai/v1/chat/completions", "max_completion_tokens"], [{ baseUrl: "https://a.test/openai/v1/" }, "/chat/completions", "max_completion_tokens"],
  ] as const) {
    const given = sent({ sampling: { maxOutputTokens: 5 } }, "my gpt", settings);
    assert.deepEqual([given.path, given.body[field]], [path, 5]);
  }
  const native = (kind: (typeof kinds)[number]) => Object.entries(providerMappings[kind].native).map(([name, { path }]) => `${name} ${path(mappingCases(kind).target("m"))}`);
  assert.deepEqual(native("openai"), ["openai-chat /chat/completions", "openai-completions /completions", "openai-responses /responses", "openai-embeddings /embeddings"]);
  assert.deepEqual(native("azure"), ["chat/completions", "completions", "embeddings"].map((name) => `openai-${name === "chat/completions" ? "chat" : name} /openai/deployments/m/${name}?api-version=2024-10-21`));
  assert.deepEqual(native("ollama"), ["openai-chat /v1/chat/completions", "openai-completions /v1/completions", "openai-embeddings /v1/embeddings"]);
  assert.deepEqual([sent({}, "m").headers, mappingCases("ollama").sent({}, "m").path, native("mistral")], [{ "content-type": "application/json" }, "/v1/chat/completions", []]);
});
