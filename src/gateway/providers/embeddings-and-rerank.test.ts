import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { ProviderSettings, type ProviderKind } from "../schemas.ts";
import type { EmbeddingsRequest } from "./provider-mapping.ts";
import { providerMappings } from "./provider-mappings.ts";

const asked: EmbeddingsRequest = { input: ["a", "b"], dimensions: 2, encoding: "base64", inputType: "search_query", user: "u", extra: {} };
const invalid = (error: unknown) => error instanceof AppError && error.code === "PROVIDER_ANSWER_INVALID";

function embeddingsOf(kind: ProviderKind) {
  const { embeddings } = providerMappings[kind] ?? {};
  assert.ok(embeddings !== undefined);
  const send = (request: EmbeddingsRequest) => {
    const { path, body, dropped } = embeddings.request(request, { model: "m", settings: ProviderSettings.parse({ kind }) });
    return { path, dropped, sent: JSON.parse(String(body)) as Record<string, unknown> };
  };
  return { send, read: (document: unknown) => embeddings.answer(Buffer.from(JSON.stringify(document)), {}) };
}

describe("embeddings", () => {
  it("are asked for in each provider's words", () => {
    assert.deepEqual(embeddingsOf("openai").send(asked), { path: "/embeddings", dropped: ["input_type"], sent: { model: "m", input: ["a", "b"], dimensions: 2, user: "u" } });
    assert.deepEqual(embeddingsOf("mistral").send(asked), { path: "/embeddings", dropped: ["input_type", "user"], sent: { model: "m", input: ["a", "b"], output_dimension: 2 } });
    assert.deepEqual(embeddingsOf("ollama").send(asked), { path: "/api/embed", dropped: ["input_type", "user"], sent: { model: "m", input: ["a", "b"], truncate: false, dimensions: 2 } });
    for (const kind of ["mistral", "ollama"] as const) assert.throws(() => embeddingsOf(kind).send({ ...asked, input: [[1, 2]] }), (error) => error instanceof AppError && error.problems[0]?.path === "input", kind);
    assert.deepEqual(embeddingsOf("openai").send({ ...asked, input: [[1, 2]] }).sent.input, [[1, 2]]);
  });

  it("are read in the order of the texts, as numbers or in base64", () => {
    const floats = Buffer.alloc(8);
    floats.writeFloatLE(0.5, 0);
    floats.writeFloatLE(-2, 4);
    const { vectors, usage } = embeddingsOf("openai").read({ model: "m", data: [{ index: 1, embedding: floats.toString("base64") }, { index: 0, embedding: [1, 2] }], usage: { prompt_tokens: 3, total_tokens: 3 } });
    assert.deepEqual([vectors, usage.inputTokens, usage.outputTokens], [[[1, 2], [0.5, -2]], 3, 0]);
    assert.deepEqual(embeddingsOf("ollama").read({ model: "m", embeddings: [[1, 2]], prompt_eval_count: 4 }), { model: "m", vectors: [[1, 2]], usage: { inputTokens: 4, outputTokens: 0, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null } });
  });

  it("that are incomplete or no numbers are refused", () => {
    for (const data of [[{ index: 0, embedding: ["x"] }], [{ index: 1, embedding: [1] }], [{ index: 0, embedding: [] }], [{ index: 0, embedding: [1] }, { index: 0, embedding: [1] }]]) assert.throws(() => embeddingsOf("openai").read({ data }), invalid, JSON.stringify(data));
    assert.throws(() => embeddingsOf("openai").read({ error: "loading" }), invalid);
    assert.throws(() => embeddingsOf("ollama").read({ embeddings: [["x"]] }), invalid);
  });
});

describe("reranking by compatible servers", () => {
  const rerank = providerMappings.compatible?.rerank;
  it("sends what was asked and reads all shapes of answers, best first", () => {
    const { path, body } = rerank?.request({ query: "q", documents: ["a", "b"], topN: 1, extra: { truncate_prompt_tokens: 5 } }, { model: "m", settings: ProviderSettings.parse({ kind: "compatible" }) }) ?? assert.fail();
    assert.deepEqual([path, JSON.parse(String(body))], ["/rerank", { model: "m", query: "q", documents: ["a", "b"], top_n: 1, truncate_prompt_tokens: 5 }]);
    for (const document of [{ model: "m", results: [{ index: 0, relevance_score: 0.1 }, { index: 1, relevance_score: 0.9 }] }, [{ index: 0, score: 0.1 }, { index: 1, score: 0.9 }]]) {
      assert.deepEqual(rerank?.answer(Buffer.from(JSON.stringify(document)), {}).results, [{ index: 1, score: 0.9 }, { index: 0, score: 0.1 }]);
    }
    for (const text of ["[]", "no", '{"results":[{"index":0}]}', '{"error":"busy"}']) assert.throws(() => rerank?.answer(Buffer.from(text), {}), invalid, text);
  });
});

describe("lists of models", () => {
  it("are asked for where each provider has them", () => {
    assert.deepEqual(Object.fromEntries(Object.entries(providerMappings).map(([kind, { models }]) => [kind, models?.path ?? null])), {
      openai: "/models", azure: null, anthropic: "/v1/models?limit=1000", gemini: "/v1beta/models?pageSize=1000", bedrock: null, mistral: "/models", cohere: "/v1/models?page_size=1000", ollama: "/api/tags", compatible: "/models", echo: "/models", scripted: "/models",
    });
  });

  it("are read in each provider's form", () => {
    assert.deepEqual(providerMappings.openai?.models?.read({ data: [{ id: "gpt-5" }, {}, null] }), ["gpt-5"]);
    assert.deepEqual(providerMappings.ollama?.models?.read({ models: [{ name: "llama3:8b" }] }), ["llama3:8b"]);
    for (const { models } of Object.values(providerMappings)) assert.deepEqual(models?.read("junk") ?? [], []);
  });
});
