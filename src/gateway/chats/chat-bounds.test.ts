import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AppError } from "../../core/errors.ts";
import { askedTier } from "../calls/service-tier.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import { addedTokensOf, boundedOutput, boundsOfChat, boundsOfRounds, unboundedSearches, unseenTokens } from "./chat-bounds.ts";
import { chatProtocols } from "../protocols/index.ts";
import { RouteSettings } from "../schemas.ts";

const settings = (more: object = {}): RouteSettings => RouteSettings.parse({ targets: [{ provider: "openai", model: "m" }], ...more });
const chat = (more: object = {}) => chatProtocols["openai-chat"].parse({ model: "m", messages: [{ role: "user", content: "hello" }], max_tokens: 100, ...more });
const response = (more: object) => chatProtocols["openai-responses"].parse({ model: "m", input: "hello", max_output_tokens: 100, ...more });
const completion = (more: object) => chatProtocols["openai-completions"].parse({ model: "m", max_tokens: 100, ...more });
const message = (more: object) => chatProtocols["anthropic-messages"].parse({ model: "m", max_tokens: 100, messages: [{ role: "user", content: "hello" }], ...more });
const outputOf = (request: ReturnType<typeof chat>, more: object = {}): number => boundsOfRounds(boundsOfChat(request, true), request, settings(more)).outputTokens;
const inputOf = (request: ReturnType<typeof chat>): number => boundsOfChat(request, true).inputTokens;

describe("bounds of chats", () => {
  it("hold as much output as the caller asked for, or what is asked for in its place", () => {
    assert.equal(outputOf(chat()), 100);
    assert.equal(outputOf(chat({ max_tokens: undefined })), boundedOutput);
    // What servers of open models take before OpenAI's name for it.
    assert.equal(outputOf(chat({ n_predict: 5000 })), 5000);
    assert.equal(outputOf(chat({ max_new_tokens: 50 })), 100);
    assert.equal(outputOf(chat({ prediction: { type: "content", content: "x".repeat(1000) } })) > 1000, true);
  });

  it("hold each of several answers at its full length", () => {
    assert.equal(outputOf(chat({ n: 7 })), 700);
    assert.equal(outputOf(completion({ prompt: "a", n: 2, best_of: 5 })), 500);
    assert.equal(outputOf(completion({ prompt: ["a", "b", "c"], n: 2 })), 600);
    assert.equal(outputOf(completion({ prompt: [[1, 2], [3]] })), 200);
    assert.equal(outputOf(completion({ prompt: [1, 2, 3] })), 100);
  });

  it("hold rounds of repair, with the broken answer in their input, and a hedge", () => {
    const format = { response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } } };
    const asked = chat(format);
    const one = boundsOfChat(asked, true);
    const all = boundsOfRounds(one, asked, settings({ repair: 2, hedgeAfterMs: 100 }));
    assert.equal(all.outputTokens, 2 * 3 * 100);
    assert.ok(all.inputTokens >= 2 * (3 * one.inputTokens + 2 * 100), String(all.inputTokens));
    assert.equal(outputOf(chat({ response_format: { type: "json_object" } }), { repair: 3 }), 400);
    // Nothing is asked for again of a stream, or where any text will do.
    assert.equal(outputOf(chat({ ...format, stream: true }), { repair: 3 }), 100);
    assert.equal(outputOf(chat(), { repair: 3 }), 100);
  });

  it("hold all text, also that which only the provider of the same protocol reads", () => {
    const long = "é".repeat(500);
    assert.ok(inputOf(chat({ messages: [{ role: "user", content: long }] })) >= 1000);
    assert.ok(inputOf(chat({ functions: [{ name: "f", description: long }] })) >= 1000);
    assert.ok(inputOf(completion({ prompt: Array.from({ length: 900 }, () => 7) })) >= 900);
    assert.ok(inputOf(response({ tools: [{ type: "custom", name: "c", description: long }] })) >= 1000);
    assert.ok(inputOf(chat()) < 100);
  });

  it("hold what a provider adds by itself: earlier answers, results of its own tools, documents behind an address", () => {
    const document = { messages: [{ role: "user", content: [{ type: "document", source: { type: "url", url: "https://example.com/a.pdf" } }] }] };
    const adding = [
      response({ previous_response_id: "resp_1" }), response({ conversation: "conv_1" }), response({ prompt: { id: "pmpt_1" } }), response({ tools: [{ type: "web_search" }] }), response({ tools: [{ type: "mcp", server_label: "a" }] }),
      message({ tools: [{ type: "web_search_20250305", name: "web_search" }] }), message({ mcp_servers: [{ type: "url", url: "https://example.com", name: "a" }] }), message(document), chat({ web_search_options: {} }), chat({ data_sources: [{ type: "azure_search" }] }), chat({ plugins: [{ id: "web" }] }), chat({ search_parameters: { mode: "on" } }),
    ];
    for (const request of adding) assert.ok(inputOf(request) >= unseenTokens, JSON.stringify(request.extra));
    const bare = [
      response({ tools: [{ type: "custom", name: "patch" }, { type: "local_shell" }, { type: "function", name: "f", parameters: {} }] }), message({ tools: [{ type: "bash_20250124", name: "bash" }, { type: "text_editor_20250728", name: "edit" }] }),
    ];
    for (const request of bare) assert.ok(inputOf(request) < 1000, JSON.stringify(request.extra));
  });

  it("hold of it as many tokens as route or key say, and say whose they are", () => {
    const search = response({ tools: [{ type: "web_search" }] });
    const { added, inputTokens } = boundsOfChat(search, true, 20_000);
    assert.deepEqual(added, { tokens: 20_000, by: ["the tool web_search"] });
    assert.ok(inputTokens >= 20_000 && inputTokens < 21_000, String(inputTokens));
    assert.equal(boundsOfChat(chat(), true, 20_000).added, undefined);
    assert.equal(addedTokensOf({}, null), unseenTokens);
    assert.equal(addedTokensOf({ addedTokens: 5 }, null), 5);
    assert.equal(addedTokensOf({ addedTokens: 5 }, { addedTokens: 0 }), 5);
    assert.equal(addedTokensOf({}, { addedTokens: 0 }), 0);
    const rounds = boundsOfRounds(boundsOfChat(search, true, 20_000), search, settings({ hedgeAfterMs: 100 }));
    assert.equal(rounds.added?.tokens, 40_000);
  });

  it("hold images, PDFs and audio by the rules of who reads them, in each round and hedge", () => {
    const image = { type: "image_url", image_url: { url: "https://example.com/a.png" } };
    const pictured = chat({ messages: [{ role: "user", content: [{ type: "text", text: "what is this" }, image] }] });
    const bounds = boundsOfChat(pictured, true);
    assert.equal(bounds.mediaTokens!("openai", "gpt-4o").tokens, 85 + 8 * 170);
    assert.equal(bounds.mediaTokens!("anthropic", "claude-opus-5").tokens, 4784);
    assert.equal(boundsOfRounds(bounds, pictured, settings({ hedgeAfterMs: 100 })).mediaTokens!("openai", "gpt-4o").tokens, 2 * (85 + 8 * 170));
    assert.equal(boundsOfChat(pictured, false).mediaTokens, undefined);
    const pdf = (text: string) => message({ messages: [{ role: "user", content: [{ type: "document", source: { type: "base64", media_type: "application/pdf", data: Buffer.from(text).toString("base64") } }] }] });
    assert.equal(boundsOfChat(pdf("%PDF-1.4 << /Type /Page >> << /Type /Page >>"), true).mediaTokens!("anthropic", "claude-sonnet-4-5").tokens, 2 * 4600);
    const unread = boundsOfChat(pdf("%PDF-1.4 /Encrypt << /Type /Page >>"), true, 7000);
    assert.deepEqual([unread.mediaTokens, unread.added], [undefined, { tokens: 7000, by: ["a document that cannot be measured here"] }]);
  });

  it("say without a budget too what makes a call dearer, for guardrails and targets that judge by its cost", () => {
    const { tierOf, webSearches, speaks } = boundsOfChat(chat({ service_tier: "priority", web_search_options: {}, modalities: ["text", "audio"], audio: { voice: "a", format: "wav" } }), false);
    assert.deepEqual([tierOf("openai", null), webSearches("openai", "m"), speaks], ["priority", 1, true]);
  });

  it("say which dearer way of being served was asked for, by kind of provider", () => {
    const ways = (request: ChatRequest, byDefault: string | null = null) => ["openai", "anthropic", "bedrock"].map((kind) => boundsOfChat(request, true).tierOf!(kind, byDefault));
    for (const asked of [{}, { service_tier: "default" }, { service_tier: "flex" }, { service_tier: "batch" }]) assert.deepEqual(ways(chat(asked)), [null, null, null]);
    assert.equal(ways(chat({ service_tier: "priority" }))[0], "priority");
    assert.deepEqual(ways(chat({ service_tier: "auto" })), ["auto", null, null]);
    assert.deepEqual(ways(message({ speed: "fast" })).slice(0, 2), [null, "fast"]);
    assert.equal(ways(message({ speed: "fast", inference_geo: "us" }))[1], "fast+us");
    // What a provider is set up for counts where the call asks for nothing in its place.
    for (const asked of [{}, { service_tier: "auto" }]) assert.deepEqual(ways(chat(asked), "own"), ["own", "own", "own"]);
    for (const asked of ["default", "flex"]) assert.equal(ways(chat({ service_tier: asked }), "own")[0], null);
    assert.equal(ways(chat({ service_tier: "priority" }), "own")[0], "priority");
    assert.deepEqual([{ speed: "fast" }, { inference_geo: "global" }, { speed: "fast", inference_geo: "global" }].map((asked) => ways(message(asked), "us")[1]), ["fast+us", null, "fast"]);
    assert.deepEqual([{ serviceTier: { type: "default" } }, { performanceConfig: { latency: "optimized" } }, {}].map((asked) => askedTier(asked)("bedrock", "own")), [null, "optimized", "own"]);
    assert.equal(boundsOfChat(chat({ modalities: ["text", "audio"], audio: { voice: "a", format: "wav" } }), true).speaks, true);
  });

  it("refuse what goes on in the background under a budget, and only there", () => {
    const request = response({ background: true });
    assert.throws(() => boundsOfChat(request, true), { code: "GATEWAY_FIELD_UNSUPPORTED" });
    assert.ok(boundsOfChat(request, false).inputTokens > 0);
  });

  it("refuse under a budget that the provider chooses among models, and only there", () => {
    for (const request of [chat({ models: ["a/b", "c/d"] }), message({ models: ["a/b"] }), response({ models: ["a/b"] })]) {
      assert.throws(() => boundsOfChat(request, true), (error: AppError) => error.code === "GATEWAY_FIELD_UNSUPPORTED" && error.problems[0]!.path === "models");
      assert.ok(boundsOfChat(request, false).inputTokens > 0);
    }
    assert.ok(boundsOfChat(chat({ models: [] }), true).inputTokens > 0);
  });

  it("hold as many searches of the web as the call allows, in each round and hedge", () => {
    const searchesOf = (request: ReturnType<typeof chat>, model = "gpt-5", kind = "openai"): number | undefined => boundsOfChat(request, true).webSearches!(kind, model);
    assert.equal(searchesOf(chat()), 0);
    assert.equal(searchesOf(chat(), "gpt-4o-search-preview"), 1);
    const grounded = chat({ tools: [{ googleSearch: {} }] });
    assert.deepEqual([searchesOf(grounded, "gemini-2.5-pro", "gemini"), searchesOf(grounded, "gemini-3-pro-preview", "gemini"), searchesOf(chat(), "gemini-3-pro-preview", "gemini")], [1, unboundedSearches, 0]);
    assert.deepEqual(boundsOfChat(grounded, true).added?.by, ["google_search"]);
    assert.equal(searchesOf(message({ tools: [{ type: "web_search_20250305", name: "web_search", max_uses: 3 }] })), 3);
    assert.equal(searchesOf(message({ tools: [{ type: "web_search_20250305", name: "web_search" }] })), unboundedSearches);
    assert.equal(searchesOf(response({ tools: [{ type: "web_search" }], max_tool_calls: 2 })), 2);
    assert.equal(searchesOf(chat({ web_search_options: {} })), 1);
    const request = response({ tools: [{ type: "web_search" }], max_tool_calls: 2 });
    assert.equal(boundsOfRounds(boundsOfChat(request, true), request, settings({ hedgeAfterMs: 100 })).webSearches!("openai", "gpt-5"), 4);
  });

  it("are estimates for limits of rates, whether a budget holds the call or not", () => {
    const request = chat({ messages: [{ role: "user", content: "The quick brown fox jumps over the lazy dog. ".repeat(50) }] });
    const [held, free] = [boundsOfChat(request, true), boundsOfChat(request, false)];
    assert.equal(held.rateTokens, free.rateTokens);
    assert.equal(free.rateTokens, free.inputTokens + 100);
    assert.ok(held.inputTokens > 2 * free.inputTokens);
  });
});
