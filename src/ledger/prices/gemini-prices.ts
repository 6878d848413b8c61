import type { ListedPrice } from "./price.ts";

// Facts of the project genai-prices (https://github.com/pydantic/genai-prices), commit 47df840a of 2026-08-21, and of the providers' own price pages that it names.

/** Fees of grounding with Google's search: https://ai.google.dev/gemini-api/docs/pricing, as of 2026-11-22, without what is free of them in a day or a month. Up to 2.5 a prompt that was grounded is one, later each query of the model. */
const [byPrompt, byQuery] = [{ webSearches: 35 }, { webSearches: 14 }];

/** US dollars for a million tokens. */
export const geminiPrices: readonly ListedPrice[] = [
  { models: ["gemini-2.0-flash", "gemini-2.0-flash-0", "gemini-2.0-flash-exp"], input: 0.1, cacheRead: 0.025, output: 0.4, audioInput: 0.7, ...byPrompt },
  { models: ["gemini-2.0-flash-lite"], input: 0.075, output: 0.3, ...byPrompt },
  { models: ["gemini-2.5-flash", "gemini-2.5-flash-preview-09-2025"], input: 0.3, cacheRead: 0.03, output: 2.5, audioInput: 1, ...byPrompt },
  { models: ["gemini-2.5-flash-lite", "gemini-2.5-flash-lite-preview"], input: 0.1, cacheRead: 0.01, output: 0.4, audioInput: 0.3, ...byPrompt },
  { models: ["gemini-2.5-flash-preview-05-20", "gemini-2.5-flash-preview-04-17", "gemini-2.5-flash-preview"], input: 0.15, output: 0.6, ...byPrompt },
  { models: ["gemini-2.5-pro", "gemini-2.5-pro-preview-05-06", "gemini-2.5-pro-preview-06-05"], input: 1.25, cacheRead: 0.125, output: 10, above: { inputTokens: 200_000, input: 2.5, cacheRead: 0.25, output: 15 }, ...byPrompt },
  { models: ["gemini-3-flash-preview"], input: 0.5, cacheRead: 0.05, output: 3, audioInput: 1, ...byQuery },
  { models: ["gemini-3-pro-preview", "gemini-3-pro-text-preview"], input: 2, cacheRead: 0.2, output: 12, above: { inputTokens: 200_000, input: 4, cacheRead: 0.4, output: 18 }, ...byQuery },
  { models: ["gemini-3.1-flash-lite", "gemini-3.1-flash-lite-preview"], input: 0.25, cacheRead: 0.025, output: 1.5, audioInput: 0.5, ...byQuery },
  { models: ["gemini-3.1-pro-preview"], input: 2, cacheRead: 0.2, output: 12, above: { inputTokens: 200_000, input: 4, cacheRead: 0.4, output: 18 }, ...byQuery },
  { models: ["gemini-3.5-flash", "gemini-3.5-flash-preview"], input: 1.5, cacheRead: 0.15, output: 9, ...byQuery },
  { models: ["gemini-3.5-flash-lite"], input: 0.3, cacheRead: 0.03, output: 2.5, ...byQuery },
  { models: ["gemini-3.6-flash"], input: 0.75, cacheRead: 0.075, output: 3.75, ...byQuery },
  { models: ["gemini-3.6-flash"], from: "2027-01-01", input: 1.5, cacheRead: 0.15, output: 7.5, ...byQuery },
  { models: ["gemini-3.7-flash"], input: 0.75, cacheRead: 0.075, output: 3.75, ...byQuery },
  { models: ["gemini-3.7-flash"], from: "2027-01-01", input: 1.5, cacheRead: 0.15, output: 7.5, ...byQuery },
  { models: ["gemini-embedding-001"], input: 0.15, output: 0 },
  { models: ["gemini-embedding-2"], input: 0.2, output: 0, audioInput: 6.5 },
];
