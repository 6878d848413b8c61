import type { ListedPrice } from "./price.ts";

// Facts of the project genai-prices (https://github.com/pydantic/genai-prices), commit 47df840a of 2026-08-21, and of the providers' own price pages that it names.

/** US dollars for a million tokens. */
export const mistralPrices: readonly ListedPrice[] = [
  { models: ["codestral", "codestral-2501"], input: 0.3, output: 0.9 },
  { models: ["codestral-2508"], input: 0.3, cacheRead: 0.03, output: 0.9 },
  { models: ["devstral-2512"], input: 0.4, cacheRead: 0.04, output: 2 },
  { models: ["devstral-small"], input: 0.06, output: 0.12 },
  { models: ["magistral-medium", "magistral-medium-2506", "magistral-medium-2507", "magistral-medium-2509"], input: 2, output: 5 },
  { models: ["magistral-small", "magistral-small-2506", "magistral-small-2507", "magistral-small-2509"], input: 0.5, output: 1.5 },
  { models: ["ministral-14b-2512"], input: 0.2, cacheRead: 0.02, output: 0.2 },
  { models: ["ministral-3b"], input: 0.04, output: 0.04 },
  { models: ["ministral-3b-2512"], input: 0.1, cacheRead: 0.01, output: 0.1 },
  { models: ["ministral-8b", "ministral-8b-2410"], input: 0.1, output: 1 },
  { models: ["mistral-7b", "open-mistral-7b"], input: 0.25, output: 0.25 },
  { models: ["mistral-embed"], input: 0.1, output: 0.1 },
  { models: ["mistral-large", "mistral-large-2407", "mistral-large-2411"], input: 2, output: 6 },
  { models: ["mistral-large-2512"], input: 0.5, cacheRead: 0.05, output: 1.5 },
  { models: ["mistral-medium", "mistral-medium-2505", "mistral-medium-2508"], input: 0.4, output: 2 },
  { models: ["mistral-nemo", "open-mistral-nemo"], input: 0.15, output: 0.15 },
  { models: ["mistral-small-2603"], input: 0.15, cacheRead: 0.015, output: 0.6 },
  { models: ["mistral-small"], input: 0.1, output: 0.3 },
  { models: ["mistral-tiny"], input: 0.25, output: 0.25 },
  { models: ["pixtral-12b"], input: 0.15, output: 0.15 },
  { models: ["pixtral-large", "pixtral-large-2411"], input: 2, output: 6 },
];
