import { unknownUsage } from "../../conversation/chat-answer.ts";
import { countWords } from "../local-provider.ts";
import type { EmbeddingsAnswer, EmbeddingsRequest, RerankAnswer, RerankRequest } from "../provider-mapping.ts";

const usualDimensions = 256;

/**
 * A unit vector that holds which words a text has, and nothing of what they mean: each word, in small letters, adds 1 or -1 at a place that its FNV-1a hash names. The same on every machine. Enough to try things
 * out offline; texts without common words are about orthogonal.
 */
export function wordVector(text: string, dimensions: number): number[] {
  const vector = new Float64Array(dimensions);
  for (const word of text.toLowerCase().split(/[^\p{L}\p{N}]+/u)) {
    if (word === "") continue;
    let hash = 0x811c9dc5;
    for (let index = 0; index < word.length; index++) hash = Math.imul(hash ^ word.charCodeAt(index), 0x01000193);
    // The last step of MurmurHash3: FNV alone leaves the low bits of similar words alike.
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = (hash ^ (hash >>> 13)) >>> 0;
    const place = (hash >>> 1) % dimensions;
    vector[place] = (vector[place] ?? 0) + (hash & 1 ? 1 : -1);
  }
  const length = Math.hypot(...vector);
  if (length === 0) vector[0] = 1;
  return Array.from(vector, (value) => (length === 0 ? value : value / length));
}

export function wordEmbeddings({ input, dimensions }: EmbeddingsRequest, model: string): EmbeddingsAnswer {
  const texts = input.map((text) => (typeof text === "string" ? text : text.join(" ")));
  const inputTokens = texts.reduce((sum, text) => sum + countWords(text), 0);
  return { model, vectors: texts.map((text) => wordVector(text, dimensions ?? usualDimensions)), usage: { ...unknownUsage, inputTokens, outputTokens: 0 } };
}

/** By the cosine of the words' vectors; equal ones in the order of the documents. */
export function wordRerank({ query, documents, topN }: RerankRequest, model: string): RerankAnswer {
  const asked = wordVector(query, usualDimensions);
  const results = documents.map((text, index) => ({ index, score: wordVector(text, usualDimensions).reduce((sum, value, place) => sum + value * (asked[place] ?? 0), 0) }));
  results.sort((left, right) => right.score - left.score || left.index - right.index);
  const inputTokens = documents.reduce((sum, text) => sum + countWords(text), countWords(query));
  return { model, results: results.slice(0, topN ?? results.length), usage: { ...unknownUsage, inputTokens, outputTokens: 0 } };
}
