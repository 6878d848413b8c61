import type { RerankRequest } from "../providers/provider-mapping.ts";
import { estimateTokens, mostTokens } from "../tokens/index.ts";

/** A search unit is one question with up to so many pieces of documents. */
const piecesOfUnit = 100;
/** A document is cut into pieces of so many tokens, the question included, which takes half of a piece at most. */
const tokensOfPiece = 500;
/** Of a document no more are read, where `max_tokens_per_doc` does not say otherwise. */
const tokensOfDocument = 4096;

/** Tokens that reranking reads, where it is billed by them: the question with each document. */
export function rerankTokens({ query, documents }: Pick<RerankRequest, "query" | "documents">, count: (text: string) => number): number {
  return documents.reduce((sum, text) => sum + count(text), documents.length * count(query));
}

/** Search units that Cohere bills for reranking: by estimate, and at most. Source: "How does Cohere's pricing work?" and the reference of `v2/rerank`, docs.cohere.com, as of 2026-11-22. */
export function searchUnitsOf({ query, documents, extra }: RerankRequest): { estimate: number; most: number } {
  return { estimate: unitsBy(estimateTokens), most: unitsBy(mostTokens) };

  function unitsBy(count: (text: string) => number): number {
    const { max_tokens_per_doc: told } = extra;
    const longest = typeof told === "number" && told > 0 ? told : tokensOfDocument;
    const room = Math.max(tokensOfPiece / 2, tokensOfPiece - count(query));
    const pieces = documents.reduce((sum, text) => sum + Math.max(1, Math.ceil(Math.min(count(text), longest) / room)), 0);
    return Math.max(1, Math.ceil(pieces / piecesOfUnit));
  }
}
