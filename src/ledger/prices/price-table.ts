import { anthropicPrices } from "./anthropic-prices.ts";
import { bedrockPrices } from "./bedrock-prices.ts";
import { coherePrices } from "./cohere-prices.ts";
import { geminiPrices } from "./gemini-prices.ts";
import { mistralPrices } from "./mistral-prices.ts";
import { openaiPrices } from "./openai-prices.ts";
import type { ListedPrice, Price } from "./price.ts";

/** Day of the facts of the table. It changes with every change of a list. */
export const priceTableVersion = "2026-11-23";

/** What Azure asks for its own dearer ways, and for searches, is not what OpenAI asks. */
function tokensAlone(lines: readonly ListedPrice[]): ListedPrice[] {
  return lines.map(({ tiers: _tiers, webSearches: _webSearches, ...line }) => line);
}

/** Searches of the web that a provider makes cost the same whichever of its models asks for them, where its line says nothing else. */
function withSearches(lines: readonly ListedPrice[], webSearches: number): ListedPrice[] {
  return lines.map((line) => (line.output === 0 ? line : { webSearches, ...line }));
}

/** By kind of provider. Searches of the web: "Pricing" of OpenAI and Anthropic, as of 2026-11-22; those of OpenAI's older tool web_search_preview cost more with models that do not reason. Deployments of Azure are found by the name of their model where they have it; others want a price of their own. */
export const priceTable: Readonly<Record<string, readonly ListedPrice[]>> = {
  openai: withSearches(openaiPrices, 10), azure: tokensAlone(openaiPrices), anthropic: withSearches(anthropicPrices, 10), gemini: geminiPrices, mistral: mistralPrices, cohere: coherePrices, bedrock: bedrockPrices,
};

/** What runs here or answers by itself. */
const freeKinds = new Set(["echo", "scripted", "ollama", "local"]);
const free: Price = { version: priceTableVersion, rates: { input: 0, output: 0 }, above: null };

const byModel = new Map(
  Object.entries(priceTable).map(([kind, lines]) => {
    const models = new Map<string, { from: number; price: Price }[]>();
    for (const { models: names, from, above, tiers, ...rates } of lines) {
      const price = { version: priceTableVersion, rates, above: above ?? null, ...(tiers === undefined ? {} : { tiers }) };
      for (const name of names) models.set(name, [...(models.get(name) ?? []), { from: from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(from), price }]);
    }
    return [kind, models];
  }),
);

/** Null where nothing is known: a guess would be worse, since budgets rely on it. */
export function listedPrice(kind: string, model: string, at: number): Price | null {
  if (freeKinds.has(kind)) return free;
  const models = byModel.get(kind);
  if (models === undefined) return null;
  for (const name of namesOf(kind, model)) {
    // Lines of one model are in the order of their days.
    const found = models.get(name)?.findLast(({ from }) => from <= at);
    if (found !== undefined) return found.price;
  }
  return null;
}

const snapshot = /-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$/;

/** The name itself, and without what says which snapshot of the same model is meant, and in which region it runs. */
function namesOf(kind: string, model: string): string[] {
  if (model.length > 256) return [];
  const names = [model];
  const last = (): string => names.at(-1)!;
  if (kind === "bedrock") names.push(last().replace(/-v\d{1,3}(?::\d{1,3})?$|:\d{1,3}$/, ""));
  if (kind === "gemini") names.push(last().replace(/^models\//, ""), last().replace(/^models\//, "").replace(/-0\d\d$/, ""));
  names.push(last().replace(/@(?:\d{8}|default|latest)$/, ""));
  names.push(last().replace(snapshot, ""));
  if (kind === "bedrock") names.push(last().replace(/^(?:us|eu|apac|jp|au|ca|us-gov|global)\./, ""));
  return names;
}
