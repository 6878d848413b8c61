import { unknownUsage } from "../../conversation/chat-answer.ts";
import { FieldReport } from "../field-report.ts";
import { answerInvalid, errorWords } from "../openai/openai-words.ts";
import type { Operation, RerankAnswer, RerankRequest } from "../provider-mapping.ts";
import { countOf, fieldsOf, listOf, parseFields, textOf } from "../wire-value.ts";

/** POST /rerank as Jina, vLLM, llama.cpp and Infinity have it. */
export const compatibleRerank: Operation<RerankRequest, RerankAnswer> = {
  request({ query, documents, topN, extra }, { model }) {
    const body: Record<string, unknown> = { ...extra, model, query, documents };
    if (topN !== null) body.top_n = topN;
    const report = new FieldReport();
    return { path: "/rerank", headers: { "content-type": "application/json" }, body: JSON.stringify(body), dropped: report.dropped, emulated: report.emulated };
  },
  answer(body) {
    const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
    // Text Embeddings Inference answers with the bare list.
    const document = parseFields(text) ?? parseFields(`{"results":${text}}`) ?? {};
    const error = errorWords(document);
    if (error !== null) throw answerInvalid(`The provider answered with an error: ${error}`);
    const results = listOf(document.results ?? document.data).map(fieldsOf).map((result) => ({ index: countOf(result.index) ?? -1, score: Number(result.relevance_score ?? result.score ?? Number.NaN) }));
    if (results.length === 0 || results.some(({ index, score }) => index < 0 || Number.isNaN(score))) throw answerInvalid("The provider's answer has no results with index and score.");
    const usage = fieldsOf(document.usage);
    // Cohere's own servers, and those that do as they do.
    const searches = countOf(fieldsOf(fieldsOf(document.meta).billed_units).search_units);
    return { model: textOf(document.model), results: results.sort((left, right) => right.score - left.score), usage: { ...unknownUsage, ...(searches === null ? {} : { searchUnits: searches }), inputTokens: countOf(usage.prompt_tokens ?? usage.total_tokens), outputTokens: 0 } };
  },
};
