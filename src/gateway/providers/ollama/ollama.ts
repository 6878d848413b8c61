import { unknownUsage } from "../../conversation/chat-answer.ts";
import { FieldReport } from "../field-report.ts";
import { readHttpFailure } from "../http-failure.ts";
import { openAIDialect } from "../openai/openai.ts";
import type { OpenAIDialect } from "../openai/openai-dialect.ts";
import { openAIChat, bearer } from "../openai/openai-mapping.ts";
import { answerInvalid } from "../openai/openai-words.ts";
import type { EmbeddingsAnswer, EmbeddingsRequest, Operation, ProviderMapping } from "../provider-mapping.ts";
import { countOf, fieldsOf, listOf, readAnswer, textOf } from "../wire-value.ts";

/**
 * Ollama's OpenAI-compatible endpoint, which gives calls ids and takes bytes of callers as they are; its own /api/chat has neither. It passes over `tool_choice` and `parallel_tool_calls` without a word, so these are
 * refused here.
 */
const ollamaDialect: OpenAIDialect = {
  ...openAIDialect, name: "Ollama", path: () => "/v1/chat/completions", maxTokens: () => "max_tokens", toolRequired: null, parallelToolCalls: false, user: false, imageUrls: false, documents: null, audio: null,
  thinking: "reasoning_content", parsesArguments: true, lenient: true, extra: new Set(["logprobs", "top_logprobs", "keep_alive"]),
};

/** Its own endpoint: texts that are too long are an error instead of being cut. */
const embeddings: Operation<EmbeddingsRequest, EmbeddingsAnswer> = {
  request(request, { model }) {
    const report = new FieldReport();
    if (request.input.some((text) => typeof text !== "string")) report.refuse("input", "this provider takes texts, not numbers of tokens");
    if (request.inputType !== null) report.drop("input_type");
    if (request.user !== null) report.drop("user");
    report.foreign(request.extra);
    report.settle("Ollama");
    const body = JSON.stringify({ model, input: request.input, truncate: false, ...(request.dimensions === null ? {} : { dimensions: request.dimensions }) });
    return { path: "/api/embed", headers: { "content-type": "application/json" }, body, dropped: report.dropped, emulated: report.emulated };
  },
  answer(body) {
    const document = readAnswer(body);
    const vectors = listOf(document.embeddings).map(listOf);
    if (vectors.length === 0 || !vectors.every((vector) => vector.length > 0 && vector.every((number) => typeof number === "number"))) throw answerInvalid("The provider's answer has no vectors.");
    return { model: textOf(document.model), vectors: vectors as number[][], usage: { ...unknownUsage, inputTokens: countOf(document.prompt_eval_count), outputTokens: 0 } };
  },
};

export const ollama: ProviderMapping = {
  native: { "openai-chat": { path: () => "/v1/chat/completions" }, "openai-completions": { path: () => "/v1/completions" }, "openai-embeddings": { path: () => "/v1/embeddings" } },
  chat: openAIChat(ollamaDialect),
  embeddings,
  authorize: bearer,
  failure: readHttpFailure,
  models: { path: "/api/tags", read: (body) => listOf(fieldsOf(body).models).map((model) => textOf(fieldsOf(model).name)).filter((name) => name !== "") },
};
