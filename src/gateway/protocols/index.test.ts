import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { unknownUsage } from "../conversation/chat-answer.ts";
import { refusedPaths } from "../providers/refused-fields.fixture.ts";
import { frame } from "./answer-streams.fixture.ts";
import { chatProtocols, embeddingsDocument, modelsDocument, parseEmbeddings, parseRerank, rerankDocument, speaksAnthropic } from "./index.ts";

describe("text completions", () => {
  const parse = (body: Record<string, unknown>) => chatProtocols["openai-completions"].parse({ model: "m", prompt: "Once", ...body });

  it("become a chat of one message", () => {
    const { messages, sampling, extra, nativeOnly, stream } = parse({ prompt: ["Once"], max_tokens: 5, stop: "END", stream: true, n: 2, logit_bias: { 1: 2 }, best_of: 2 });
    assert.deepEqual(messages, [{ role: "user", parts: [{ type: "text", text: "Once" }] }]);
    assert.deepEqual([sampling.maxOutputTokens, sampling.stop, stream, extra, nativeOnly], [5, ["END"], true, { n: 2, logit_bias: { 1: 2 } }, undefined]);
  });

  it("name what a chat cannot do", () => {
    const paths = (body: Record<string, unknown>) => parse(body).nativeOnly?.map(({ path }) => path);
    assert.deepEqual(paths({ echo: true, suffix: "s", logprobs: 0, best_of: 3 }), ["echo", "suffix", "logprobs", "best_of"]);
    assert.deepEqual(paths({ echo: false, suffix: "", best_of: 1 }), undefined);
    assert.deepEqual([paths({ prompt: ["a", "b"] }), paths({ prompt: [1, 2] }), paths({ prompt: [[1], [2]] })], [["prompt"], ["prompt"], ["prompt"]]);
    assert.deepEqual([parse({ prompt: [1, 2] }).extra, parse({ suffix: "s" }).extra], [{ prompt: [1, 2] }, { suffix: "s" }]);
    assert.deepEqual(refusedPaths("INVALID_REQUEST", () => parse({ prompt: [], echo: 1, temperature: 9 })), ["echo", "prompt", "temperature"]);
    assert.deepEqual(refusedPaths("INVALID_REQUEST", () => parse({ prompt: ["a", {}] })), ["prompt"]);
  });
});

describe("embeddings", () => {
  const parse = (body: Record<string, unknown>) => parseEmbeddings({ model: "m", input: "x", ...body });

  it("take a text, texts, tokens and lists of tokens", () => {
    assert.deepEqual([["a"], ["a", "b"], [[0, 2]], [[0], [2]]], ["a", ["a", "b"], [0, 2], [[0], [2]]].map((input) => parse({ input }).input));
    assert.deepEqual(parse({}), { input: ["x"], dimensions: null, encoding: "float", inputType: null, user: null, extra: {} });
    assert.deepEqual(refusedPaths("INVALID_REQUEST", () => parse({ user: 1, input_type: 2, input: [[-1]] })), ["input[0]", "input_type", "user"]);
    assert.deepEqual(parse({ dimensions: 3, encoding_format: "base64", input_type: "query", user: "u", truncate: "END" }), { input: ["x"], dimensions: 3, encoding: "base64", inputType: "query", user: "u", extra: { truncate: "END" } });
    assert.deepEqual(refusedPaths("INVALID_REQUEST", () => parse({ input: ["a", "", 3, []], dimensions: 0, encoding_format: "hex" })), ["input[1]", "input[2]", "input[3]", "dimensions", "encoding_format"]);
    assert.deepEqual(refusedPaths("INVALID_REQUEST", () => parse({ input: [] })), ["input"]);
  });

  it("answer with numbers, or with 32-bit floats in base64, the least significant byte first", () => {
    const answer = { model: "p", vectors: [[1, -2.5]], usage: { ...unknownUsage, inputTokens: 4 } };
    assert.deepEqual(embeddingsDocument(answer, frame, "float"), { object: "list", data: [{ object: "embedding", index: 0, embedding: [1, -2.5] }], model: "a-route", usage: { prompt_tokens: 4, total_tokens: 4 } });
    const { data } = embeddingsDocument(answer, frame, "base64") as { data: [{ embedding: string }] };
    assert.equal(Buffer.from(data[0].embedding, "base64").toString("hex"), "0000803f000020c0");
  });
});

describe("reranking", () => {
  it("takes texts and objects with a text, and gives back as many as were asked for", () => {
    const { request, returnDocuments } = parseRerank({ model: "m", query: "q", documents: ["a", { text: "b" }], top_n: 1, return_documents: true, max_tokens_per_doc: 9 });
    assert.deepEqual(request, { query: "q", documents: ["a", "b"], topN: 1, extra: { max_tokens_per_doc: 9 } });
    const answer = { model: "p", results: [{ index: 1, score: 0.9 }, { index: 0, score: 0.1 }], usage: unknownUsage };
    assert.deepEqual(rerankDocument(answer, frame, request, returnDocuments).results, [{ index: 1, relevance_score: 0.9, document: { text: "b" } }]);
    assert.deepEqual(rerankDocument(answer, frame, { ...request, topN: null }, false).results, [{ index: 1, relevance_score: 0.9 }, { index: 0, relevance_score: 0.1 }]);
    const used = { ...answer, usage: { ...unknownUsage, inputTokens: 0, searchUnits: 1 } };
    assert.deepEqual([answer, used].map((one) => rerankDocument(one, frame, request, false).usage), [undefined, { prompt_tokens: 0, total_tokens: 0 }]);
    assert.deepEqual([answer, used].map((one) => rerankDocument(one, { ...frame, id: "" }, request, false)).map(({ id, meta }) => ({ id, meta })), [{ id: undefined, meta: { api_version: { version: "2" } } }, { id: undefined, meta: { api_version: { version: "2" }, billed_units: { search_units: 1 } } }]);
    assert.deepEqual(refusedPaths("INVALID_REQUEST", () => parseRerank({ documents: [4, {}], top_n: 0 })), ["model", "documents[0]", "documents[1].text", "query", "top_n"]);
  });
});

describe("lists of models", () => {
  it("are in the protocol that the client speaks", () => {
    const models = [{ name: "a", created: 1_700_000_000, owner: "team" }];
    assert.deepEqual(modelsDocument(models, speaksAnthropic({})), { object: "list", data: [{ id: "a", object: "model", created: 1_700_000_000, owned_by: "team" }] });
    assert.deepEqual(modelsDocument(models, speaksAnthropic({ "anthropic-version": "2023-06-01" })), {
      data: [{ type: "model", id: "a", display_name: "a", created_at: "2023-11-14T22:13:20Z" }], has_more: false, first_id: "a", last_id: "a",
    });
  });
});

describe("errors", () => {
  it("have the shape and the words of each protocol, and name problems with their paths", () => {
    const openAi = (error: AppError) => (chatProtocols["openai-chat"].error(error, "req_1") as { error: Record<string, unknown> }).error;
    const anthropic = (error: AppError) => chatProtocols["anthropic-messages"].error(error, "req_1") as { type: string; error: Record<string, unknown>; request_id: string };
    const rows = (["INVALID_REQUEST", "UNAUTHENTICATED", "BUDGET_EXCEEDED", "FORBIDDEN", "GATEWAY_MODEL_NOT_FOUND", "BODY_TOO_LARGE", "RATE_LIMITED", "PROVIDER_LIMITED", "CONTEXT_TOO_LONG", "PROVIDER_UNAVAILABLE", "PROVIDER_TIMEOUT", "INTERNAL"] as const).map((code) => {
      const error = new AppError(code, "It failed.", code === "PROVIDER_LIMITED" ? { retryAfterSeconds: 1 } : {});
      return [openAi(error).type, openAi(error).code, anthropic(error).error.type];
    });
    assert.deepEqual(rows, [
      ["invalid_request_error", "invalid_request", "invalid_request_error"],
      ["authentication_error", "invalid_api_key", "authentication_error"],
      ["insufficient_quota", "insufficient_quota", "billing_error"],
      ["permission_error", "forbidden", "permission_error"],
      ["invalid_request_error", "model_not_found", "not_found_error"],
      ["invalid_request_error", "body_too_large", "request_too_large"],
      ["rate_limit_error", "rate_limit_exceeded", "rate_limit_error"],
      ["rate_limit_error", "rate_limit_exceeded", "rate_limit_error"],
      ["invalid_request_error", "context_length_exceeded", "invalid_request_error"],
      ["server_error", "provider_unavailable", "overloaded_error"],
      ["server_error", "provider_timeout", "timeout_error"],
      ["server_error", "internal", "api_error"],
    ]);
    // No word of when to come back: a quota that is used up.
    assert.deepEqual([openAi(new AppError("PROVIDER_LIMITED", "No more.")).code, anthropic(new AppError("PROVIDER_LIMITED", "No more.")).error.type], ["insufficient_quota", "rate_limit_error"]);
    const error = new AppError("INVALID_REQUEST", "The request is not valid.", { cause: new Error("secret"), problems: Array.from({ length: 10 }, (_, index) => ({ path: `messages[${index}]`, message: "is wrong" })) });
    assert.equal(openAi(error).param, "messages[0]");
    assert.match(String(openAi(error).message), /^The request is not valid\. messages\[0\]: is wrong; .*messages\[7\]: is wrong; and 2 more\. Correct the problems/);
    const troubles = [{ path: "a/m", message: "Status 500." }, { path: "b/m", message: "It did not answer in time." }];
    const failed = new AppError("PROVIDER_UNAVAILABLE", "a/m: Status 500. b/m: It did not answer in time.", { problems: troubles });
    for (const { message } of [openAi(failed), anthropic(failed).error]) assert.equal(message, `${failed.message} ${failed.hint}`);
    assert.equal(anthropic(error).request_id, "req_1");
    assert.doesNotMatch(JSON.stringify([openAi(error), anthropic(error)]), /secret/);
  });
});
