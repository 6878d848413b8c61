import type { EpochMs } from "../core/clock.ts";

/** Whom a cost belongs to. Null where nobody said. */
export interface Attribution {
  /** Actor of the caller, such as `key:key_01...`. */
  actor: string;
  team: string;
  project: string | null;
  route: string | null;
  /** The caller's own user. */
  user: string | null;
  session: string | null;
  traceId: string | null;
  /** An agent's run that the call is part of. */
  agentRun: string | null;
  tags: Readonly<Record<string, string>>;
}

/** Tokens that are billed apart; null was not told. `input` is without what came from or went to a cache, `output` includes reasoning. */
export interface BilledTokens {
  input: number | null;
  cacheRead: number | null;
  cacheWrite: number | null;
  /** Written to be kept for an hour, where a provider bills that apart; not in `cacheWrite`. */
  cacheWriteHour?: number | null;
  output: number | null;
}

/** What is billed beside tokens, or apart from others; absent where there was none, or nobody told. */
export interface BilledUse {
  /** Of the tokens of input, and of output, those of audio. */
  audioInput?: number;
  audioOutput?: number;
  /** Of reranking. */
  searchUnits?: number;
  /** Of the web, by the provider. */
  webSearches?: number;
}

/** One thing that cost something: a call of a provider, successful or not. Serving and training come with other kinds. */
export interface LedgerEntry {
  id: string;
  time: EpochMs;
  kind: "llm";
  /** `trace`: another program made the call and told of it in a span; budgets do not count it. Absent is the gateway. */
  source?: "gateway" | "trace";
  attribution: Attribution;
  provider: string;
  model: string;
  /**
   * `failed-over` and `outrun` are of attempts beside a call's own entry: another was made in their place, or was quicker. `interrupted`: the server was killed while the call was under way, and nobody saw its
   * end.
   */
  outcome: "ok" | "failed" | "failed-over" | "outrun" | "cancelled" | "cached" | "interrupted";
  /** The provider told no usage, so tokens were counted here. */
  estimated: boolean;
  tokens: BilledTokens;
  /** Absent where nothing of it was told. */
  units?: BilledUse;
  /** Whole billionths of a US dollar; null where the price is not known. */
  cost: number | null;
  /** Of an answer from the cache: what the call cost that the answer was made for, null where that is not known. Absent for other calls, and in what a release without it wrote. */
  savedCost?: number | null;
  /** Of the price table that made the cost; `reported` where the program that told of the call told its cost too. */
  priceVersion: string | null;
  /** Milliseconds. */
  totalMs: number;
  firstByteMs: number | null;
}

/** 1 US dollar. Money is whole numbers of these everywhere: sums are exact up to 9 million dollars. */
export const nanoDollars = 1e9;
