import type { RerankAnswer, RerankRequest } from "../providers/provider-mapping.ts";
import type { AnswerFrame } from "./client-protocol.ts";
import type { Fields } from "./request-fields.ts";
import { isFields, RequestFields } from "./request-fields.ts";

const known = new Set(["model", "query", "documents", "top_n", "return_documents"]);

/** The body of POST /v1/rerank, as Cohere, Jina, Voyage and vLLM take it; `return_documents` is for the answer alone. Throws INVALID_REQUEST with every problem. */
export function parseRerank(body: Fields): { request: RerankRequest; returnDocuments: boolean } {
  const fields = new RequestFields();
  fields.name(body.model, "model");
  const documents = fields.list(body.documents, "documents").map((document, index) =>
    isFields(document) ? fields.text(document.text, `documents[${index}].text`) : fields.text(document, `documents[${index}]`));
  if (Array.isArray(body.documents) && documents.length === 0) fields.problem("documents", "must have at least one document");
  const request: RerankRequest = { query: fields.name(body.query, "query"), documents, topN: fields.count(body.top_n, "top_n", 1), extra: fields.extra(body, known) };
  const returnDocuments = fields.flag(body.return_documents, "return_documents") ?? false;
  fields.finish(request.extra);
  return { request, returnDocuments };
}

/** From the best; at most `topN`, also where a provider gave more. */
export function rerankDocument(answer: RerankAnswer, frame: AnswerFrame, request: RerankRequest, returnDocuments: boolean): Record<string, unknown> {
  const { inputTokens: tokens, searchUnits } = answer.usage;
  const results = request.topN === null ? answer.results : answer.results.slice(0, request.topN);
  return {
    ...(frame.id !== "" && { id: frame.id }),
    model: frame.model,
    results: results.map(({ index, score }) => ({ index, relevance_score: score, ...(returnDocuments && { document: { text: request.documents[index] ?? "" } }) })),
    ...(tokens !== null && { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
    meta: { api_version: { version: "2" }, ...(searchUnits !== undefined && { billed_units: { search_units: searchUnits } }) },
  };
}
