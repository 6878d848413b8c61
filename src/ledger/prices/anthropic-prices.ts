import type { ListedPrice } from "./price.ts";

// Facts of the project genai-prices (https://github.com/pydantic/genai-prices), commit 47df840a of 2026-08-21, and of the providers' own price pages that it names.

/** US dollars for a million tokens. Of the tier `fast`: "Fast mode", platform.claude.com; what it asks for models that are not said there is not known here. */
export const anthropicPrices: readonly ListedPrice[] = [
  { models: ["claude-3-5-haiku"], input: 0.8, cacheRead: 0.08, cacheWrite: 1, cacheWriteHour: 1.6, output: 4 },
  { models: ["claude-3-5-sonnet"], input: 3, cacheRead: 0.3, cacheWrite: 3.75, cacheWriteHour: 6, output: 15 },
  { models: ["claude-3-7-sonnet"], input: 3, cacheRead: 0.3, cacheWrite: 3.75, cacheWriteHour: 6, output: 15 },
  { models: ["claude-3-haiku"], input: 0.25, cacheRead: 0.03, cacheWrite: 0.3, cacheWriteHour: 0.5, output: 1.25 },
  { models: ["claude-3-opus"], input: 15, cacheRead: 1.5, cacheWrite: 18.75, cacheWriteHour: 30, output: 75 },
  { models: ["claude-fable-5"], input: 10, cacheRead: 1, cacheWrite: 12.5, cacheWriteHour: 20, output: 50 },
  { models: ["claude-haiku-4-5", "claude-4-5-haiku"], input: 1, cacheRead: 0.1, cacheWrite: 1.25, cacheWriteHour: 2, output: 5 },
  { models: ["claude-opus-4-0", "claude-4-opus", "claude-opus-4"], input: 15, cacheRead: 1.5, cacheWrite: 18.75, cacheWriteHour: 30, output: 75 },
  { models: ["claude-opus-4-1"], input: 15, cacheRead: 1.5, cacheWrite: 18.75, cacheWriteHour: 30, output: 75 },
  { models: ["claude-opus-4-5", "claude-4-5-opus"], input: 5, cacheRead: 0.5, cacheWrite: 6.25, cacheWriteHour: 10, output: 25 },
  { models: ["claude-opus-4-6", "claude-4-6-opus"], input: 5, cacheRead: 0.5, cacheWrite: 6.25, cacheWriteHour: 10, output: 25, above: { inputTokens: 200_000, input: 10, cacheRead: 1, cacheWrite: 12.5, cacheWriteHour: 20, output: 37.5 } },
  { models: ["claude-opus-4-6", "claude-4-6-opus"], from: "2026-03-13", input: 5, cacheRead: 0.5, cacheWrite: 6.25, cacheWriteHour: 10, output: 25, tiers: { fast: { input: 30, cacheRead: 3, cacheWrite: 37.5, cacheWriteHour: 60, output: 150 } } },
  { models: ["claude-opus-4-7", "claude-4-7-opus"], input: 5, cacheRead: 0.5, cacheWrite: 6.25, cacheWriteHour: 10, output: 25 },
  { models: ["claude-opus-4-8", "claude-4-8-opus"], input: 5, cacheRead: 0.5, cacheWrite: 6.25, cacheWriteHour: 10, output: 25 },
  { models: ["claude-opus-5", "claude-opus-5.0", "claude-5-opus"], input: 5, cacheRead: 0.5, cacheWrite: 6.25, cacheWriteHour: 10, output: 25 },
  { models: ["claude-sonnet-4-0", "claude-sonnet-4", "claude-4-sonnet"], input: 3, cacheRead: 0.3, cacheWrite: 3.75, cacheWriteHour: 6, output: 15 },
  { models: ["claude-sonnet-4-5"], input: 3, cacheRead: 0.3, cacheWrite: 3.75, cacheWriteHour: 6, output: 15, above: { inputTokens: 200_000, input: 6, cacheRead: 0.6, cacheWrite: 7.5, cacheWriteHour: 12, output: 22.5 } },
  { models: ["claude-sonnet-4-6"], input: 3, cacheRead: 0.3, cacheWrite: 3.75, cacheWriteHour: 6, output: 15, above: { inputTokens: 200_000, input: 6, cacheRead: 0.6, cacheWrite: 7.5, cacheWriteHour: 12, output: 22.5 } },
  { models: ["claude-sonnet-4-6"], from: "2026-03-13", input: 3, cacheRead: 0.3, cacheWrite: 3.75, cacheWriteHour: 6, output: 15 },
  { models: ["claude-sonnet-5", "claude-sonnet-5.0", "claude-5-sonnet"], input: 2, cacheRead: 0.2, cacheWrite: 2.5, cacheWriteHour: 4, output: 10 },
  { models: ["claude-sonnet-5", "claude-sonnet-5.0", "claude-5-sonnet"], from: "2026-09-01", input: 3, cacheRead: 0.3, cacheWrite: 3.75, cacheWriteHour: 6, output: 15 },
];
