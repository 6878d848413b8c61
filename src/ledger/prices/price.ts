import type { BilledTokens } from "../ledger-entry.ts";

/** US dollars for a million tokens. Tokens of a kind without a rate cost what plain input costs. */
export interface Rates {
  input: number;
  cacheRead?: number | undefined;
  /** Kept for minutes. */
  cacheWrite?: number | undefined;
  /** Kept for an hour, where a provider asks more for it. */
  cacheWriteHour?: number | undefined;
  output: number;
}

/** A line of a list of prices. */
export interface ListedPrice extends Rates {
  models: readonly string[];
  /** Day (UTC) from which it holds; always where it is not said. */
  from?: string;
  /** Rates of the whole call when its input, cached tokens included, is larger than this. */
  above?: ({ inputTokens: number } & Rates) | undefined;
}

/** What one model costs at one moment. */
export interface Price {
  /** Stands in each ledger entry: the day of the built-in table, or `set/` and the id of an administrator's price. */
  version: string;
  rates: Rates;
  above: ({ inputTokens: number } & Rates) | null;
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
 * Whole billionths of a US dollar, rounded up once at the end. `inputTokensTotal` (cached tokens included) chooses the tier. Tokens that were not told count as none. Exact for rates with up to
 * six decimals and calls below 90 million tokens at 100 dollars a million.
 */
export function costOf(price: Price, tokens: BilledTokens, inputTokensTotal: number): number {
  const rates = ratesFor(price, inputTokensTotal);
  return nanoOf(
    (tokens.input ?? 0) * perMillion(rates.input) + (tokens.cacheRead ?? 0) * perMillion(rates.cacheRead ?? rates.input) +
      (tokens.cacheWrite ?? 0) * perMillion(rates.cacheWrite ?? rates.input) + (tokens.cacheWriteHour ?? 0) * perMillion(rates.cacheWriteHour ?? rates.cacheWrite ?? rates.input) +
      (tokens.output ?? 0) * perMillion(rates.output),
  );
}

/** The most that a call can cost: all of its input at the dearest rate of input, and as much output as it may have. Whole billionths of a US dollar. */
export function worstCase(price: Price, inputTokens: number, maxOutputTokens: number): number {
  const rates = ratesFor(price, inputTokens);
  const dearest = Math.max(rates.input, rates.cacheRead ?? 0, rates.cacheWrite ?? 0, rates.cacheWriteHour ?? 0);
  return nanoOf(inputTokens * perMillion(dearest) + maxOutputTokens * perMillion(rates.output));
}

function ratesFor({ rates, above }: Price, inputTokens: number): Rates {
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
