import type { ListedPrice } from "./price.ts";

// Facts of the project genai-prices (https://github.com/pydantic/genai-prices), commit 47df840a of 2026-08-21, and of the providers' own price pages that it names.

/** US dollars for a million tokens. */
export const coherePrices: readonly ListedPrice[] = [
  { models: ["command"], input: 1, output: 2 },
  { models: ["command-a", "command-a-03-2025"], input: 2.5, output: 10 },
  { models: ["command-r", "command-r-08-2024"], input: 0.15, output: 0.6 },
  { models: ["command-r-plus", "command-r-plus-08-2024"], input: 2.5, output: 10 },
  { models: ["command-r7b", "command-r7b-12-2024"], input: 0.0375, output: 0.15 },
  { models: ["embed-v4.0"], input: 0.12, output: 0 },
  // By the search unit; tokens cost nothing. Of cohere.com/pricing while it told prices of searches; of v4.0 as told of it in June 2026.
  { models: ["rerank-v3.5", "rerank-english-v3.0", "rerank-multilingual-v3.0", "rerank-v4.0-fast"], input: 0, output: 0, searchUnits: 2 },
  { models: ["rerank-v4.0-pro"], input: 0, output: 0, searchUnits: 2.5 },
];
