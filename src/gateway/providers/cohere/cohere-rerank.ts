import { AppError } from "../../../core/errors.ts";
import { FieldReport } from "../field-report.ts";
import type { Operation, RerankAnswer, RerankRequest } from "../provider-mapping.ts";
import { countOf, fieldsOf, listOf, readAnswer } from "../wire-value.ts";
import { cohereUsage } from "./cohere-words.ts";

const own: ReadonlySet<string> = new Set(["max_tokens_per_doc", "priority"]);

/** `v2/rerank`. It is billed in searches, so that tokens are seldom told. */
export const cohereRerank: Operation<RerankRequest, RerankAnswer> = {
  request({ query, documents, topN, extra }, { model }) {
    const report = new FieldReport();
    report.foreign(extra, own);
    report.settle("Cohere");
    const body = { model, query, documents, ...(topN === null ? {} : { top_n: topN }), ...Object.fromEntries(Object.entries(extra).filter(([name]) => own.has(name))) };
    return { path: "/v2/rerank", headers: { "content-type": "application/json" }, body: JSON.stringify(body), dropped: report.dropped, emulated: report.emulated };
  },
  answer(body) {
    const answer = readAnswer(body);
    if (!Array.isArray(answer.results)) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider's answer has no ranked documents.");
    const results = listOf(answer.results).map((result) => {
      const { index, relevance_score: score } = fieldsOf(result);
      const place = countOf(index);
      if (place === null || typeof score !== "number") throw new AppError("PROVIDER_ANSWER_INVALID", "The provider ranked something that is no document.");
      return { index: place, score };
    });
    return { model: "", results, usage: cohereUsage(answer.meta) };
  },
};
