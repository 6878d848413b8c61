import type { BilledTokens } from "../ledger-entry.ts";

/** US dollars for a million tokens. Tokens of a kind without a rate cost what plain input, or output, costs. */
export interface Rates {
  input: number;
  cacheRead?: number | undefined;
  /** Kept for minutes. */
  cacheWrite?: number | undefined;
  /** Kept for an hour, where a provider asks more for it. */
  cacheWriteHour?: number | undefined;
  output: number;
  /** Where audio that is heard, or spoken, has a rate of its own. */
  audioInput?: number | undefined;
  audioOutput?: number | undefined;
  /** US dollars for a thousand search units of a reranking model: a question and up to 100 pieces of documents. */
  searchUnits?: number | undefined;
  /** US dollars for a thousand searches of the web that the provider makes for a call. */
  webSearches?: number | undefined;
}

/** A line of a list of prices. */
export interface ListedPrice extends Rates {
  models: readonly string[];
  /** Day (UTC) from which it holds; always where it is not said. */
  from?: string;
  /** Rates of the whole call when its input, cached tokens included, is larger than this. */
  above?: ({ inputTokens: number } & Rates) | undefined;
  /** Rates of other ways to be served, dearer and cheaper ones, by the provider's word for them, such as `priority`. */
  tiers?: Readonly<Record<string, Rates>> | undefined;
}

/** What one model costs at one moment. */
export interface Price {
  /** Stands in each ledger entry: the day of the built-in table, or `set/` and the id of an administrator's price. */
  version: string;
  rates: Rates;
  above: ({ inputTokens: number } & Rates) | null;
  tiers?: Readonly<Record<string, Rates>> | undefined;
}

/** What is billed beside tokens, or apart from them. */
export interface BilledUnits {
  /** Of the tokens of input, and of output, those of audio. */
  audioInput?: number | undefined;
  audioOutput?: number | undefined;
  searchUnits?: number | undefined;
  webSearches?: number | undefined;
  /** The way that the call was served, where it was not the usual one. One without a rate costs what the usual one does. */
  tier?: string | null | undefined;
}

/** The most that a call may use. */
export interface MostUse {
  inputTokens: number;
  outputTokens: number;
  /** Of `inputTokens`. */
  audioInput?: number | undefined;
  /** Whether the answer may be spoken. */
  speaks?: boolean | undefined;
  searchUnits?: number | undefined;
  webSearches?: number | undefined;
  tier?: string | null | undefined;
}

/** The tokens of a call as a provider told them; input includes what was read from and written to its cache, output includes reasoning. */
interface ToldTokens {
  inputTokens: number | null;
  outputTokens: number | null;
  cacheReadTokens: number | null;
  cacheWriteTokens: number | null;
  /** Of those written, what is kept for an hour. */
  cacheWriteHourTokens?: number | undefined;
}

/** Splits what was told into what is billed apart, so that nothing is billed twice. Contradicting counts never make negative ones. */
export function billedTokens({ inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, cacheWriteHourTokens = 0 }: ToldTokens): BilledTokens {
  const hour = Math.min(cacheWriteHourTokens, cacheWriteTokens ?? 0);
  const cached = (cacheReadTokens ?? 0) + (cacheWriteTokens ?? 0);
  return { input: inputTokens === null ? null : Math.max(0, inputTokens - cached), cacheRead: cacheReadTokens, cacheWrite: hour === 0 ? cacheWriteTokens : cacheWriteTokens! - hour, ...(hour === 0 ? {} : { cacheWriteHour: hour }), output: outputTokens };
}

/**
 * Whole billionths of a US dollar, rounded up once at the end. `inputTokensTotal` (cached tokens included) chooses the rates of long calls. Tokens that were not told count as none. Exact for rates with up to
 * six decimals and calls below 90 million tokens at 100 dollars a million.
 */
export function costOf(price: Price, tokens: BilledTokens, inputTokensTotal: number, { audioInput = 0, audioOutput = 0, searchUnits = 0, webSearches = 0, tier = null }: BilledUnits = {}): number {
  const rates = ratesFor(price, inputTokensTotal, tier);
  const [heard, spoken] = [Math.min(audioInput, tokens.input ?? 0), Math.min(audioOutput, tokens.output ?? 0)];
  return nanoOf(
    ((tokens.input ?? 0) - heard) * perMillion(rates.input) + (tokens.cacheRead ?? 0) * perMillion(rates.cacheRead ?? rates.input) +
      (tokens.cacheWrite ?? 0) * perMillion(rates.cacheWrite ?? rates.input) + (tokens.cacheWriteHour ?? 0) * perMillion(rates.cacheWriteHour ?? rates.cacheWrite ?? rates.input) +
      ((tokens.output ?? 0) - spoken) * perMillion(rates.output) + heard * perMillion(rates.audioInput ?? rates.input) + spoken * perMillion(rates.audioOutput ?? rates.output) +
      feesOf(price, rates, { searchUnits, webSearches }),
  );
}

/** The most that a call can cost: all of its input at the dearest rate of input, and as much output as it may have. A dearer way may turn out to be the usual one. Whole billionths of a US dollar. */
export function worstCase(price: Price, { tier = null, ...use }: MostUse): number {
  const usual = worstOf(price, ratesFor(price, use.inputTokens, null), use);
  const ways = tier === null ? [] : tier === anyTier ? Object.keys(price.tiers ?? {}) : [tier];
  return Math.max(usual, ...ways.map((way) => worstOf(price, ratesFor(price, use.inputTokens, way), use)));
}

/** The provider chooses the way: a call may be served in each that it has, and what it costs is told with its answer. */
export const anyTier = "auto";

/** Whether what a call costs that is served in this way is known. What is free is so in every way. */
export function knowsTier({ rates, above, tiers }: Price, tier: string): boolean {
  return tier === anyTier || (tiers !== undefined && Object.hasOwn(tiers, tier)) || (above === null && Object.values(rates).every((rate) => rate === 0 || rate === undefined));
}

function worstOf(price: Price, rates: Rates, { inputTokens, outputTokens, audioInput = 0, speaks = false, searchUnits = 0, webSearches = 0 }: Omit<MostUse, "tier">): number {
  const dearest = Math.max(rates.input, rates.cacheRead ?? 0, rates.cacheWrite ?? 0, rates.cacheWriteHour ?? 0);
  const heard = Math.min(audioInput, inputTokens);
  const output = speaks ? Math.max(rates.output, rates.audioOutput ?? 0) : rates.output;
  return nanoOf((inputTokens - heard) * perMillion(dearest) + heard * perMillion(Math.max(dearest, rates.audioInput ?? 0)) + outputTokens * perMillion(output) + feesOf(price, rates, { searchUnits, webSearches }));
}

/** By use and not by tokens; those of searches are the same in every way to be served, where it does not say otherwise. In thousandths of a billionth. */
function feesOf({ rates: usual }: Price, rates: Rates, { searchUnits, webSearches }: { searchUnits: number; webSearches: number }): number {
  return (searchUnits * perMillion(rates.searchUnits ?? 0) + webSearches * perMillion(rates.webSearches ?? usual.webSearches ?? 0)) * 1000;
}

/** Another way has one set of rates, for long calls too: providers that serve it give it to shorter calls alone. */
function ratesFor({ rates, above, tiers }: Price, inputTokens: number, tier: string | null): Rates {
  if (tier !== null && tiers !== undefined && Object.hasOwn(tiers, tier)) return tiers[tier]!;
  return above !== null && inputTokens > above.inputTokens ? above : rates;
}

/** Millionths of a dollar for a million tokens, a whole number; so a token costs that many thousandths of a billionth. */
function perMillion(dollars: number): number {
  return Math.round(dollars * 1e6);
}

/** Whole arithmetic: a division first would round where the sum is large. */
function nanoOf(thousandths: number): number {
  const whole = Math.ceil(thousandths);
  const rest = whole % 1000;
  return (whole - rest) / 1000 + (rest > 0 ? 1 : 0);
}
