import type { CostRow, CostSums } from "../../../../src/ledger/schemas.ts";

/** What answers from the cache spared. */
export interface Savings {
  hits: number;
  /** Of input and output, as they were when the answers were made. */
  tokens: number;
  /** Billionths of a dollar; null where nothing tells it. */
  cost: number | null;
  /** How many of the hits a release wrote down that did not keep what they saved: that is derived. */
  derived: number;
  /** Of how many nobody knows it: they are not in `cost`. */
  unknown: number;
}

/** What became of the calls of one route, or of all. */
export interface CallsTold extends Pick<CostSums, "calls" | "failed" | "cached" | "cost" | "unpriced"> {
  saved: Savings;
}

/**
 * Sums of routes out of rows by route and outcome. An answer from the cache is an entry of the ledger that tells what the answer cost when it was made. Entries of older releases tell its tokens alone: of these, what was
 * saved is about what as many tokens of the route's answered calls cost in that time.
 */
export function callsByRoute(rows: readonly CostRow[]): { routes: ReadonlyMap<string, CallsTold>; all: CallsTold } {
  const ofRoutes = new Map<string, CostRow[]>();
  for (const row of rows) ofRoutes.set(row.group.route ?? "", [...(ofRoutes.get(row.group.route ?? "") ?? []), row]);
  const routes = new Map([...ofRoutes].map(([name, own]) => [name, toldOf(own)]));
  return { routes, all: sumOf([...routes.values()]) };
}

function toldOf(rows: readonly CostRow[]): CallsTold {
  const answered = rows.filter(({ group }) => group.outcome === "ok");
  const hits = rows.filter(({ group }) => group.outcome === "cached");
  const plus = (name: "calls" | "failed" | "cached" | "cost" | "unpriced" | "savedCost" | "savedUnpriced" | "savedUntold"): number => rows.reduce((sum, row) => sum + row[name], 0);
  const [paid, tokens] = [tokensOf(answered), tokensOf(hits)];
  const [cached, untold, unpriced] = [plus("cached"), plus("savedUntold"), plus("savedUnpriced")];
  // A provider that tells no tokens told none of the kept answer either.
  const canDerive = answered.some(({ calls, unpriced: without }) => calls > without) && paid > 0 && tokens > 0;
  const derived = canDerive ? untold : 0;
  const isKnown = cached === 0 || cached > unpriced + untold - derived;
  const cost = plus("savedCost") + (derived === 0 ? 0 : Math.round((answered.reduce((sum, row) => sum + row.cost, 0) * tokens * derived) / (paid * cached)));
  return {
    calls: plus("calls"), failed: plus("failed"), cached, cost: plus("cost"), unpriced: plus("unpriced"),
    saved: { hits: cached, tokens, cost: isKnown ? cost : null, derived, unknown: unpriced + untold - derived },
  };
}

function sumOf(told: readonly CallsTold[]): CallsTold {
  const plus = (read: (each: CallsTold) => number): number => told.reduce((sum, each) => sum + read(each), 0);
  const costs = told.flatMap(({ cached, saved: { cost } }) => (cached === 0 || cost === null ? [] : [cost]));
  const cached = plus((each) => each.cached);
  return {
    calls: plus(({ calls }) => calls), failed: plus(({ failed }) => failed), cached, cost: plus(({ cost }) => cost), unpriced: plus(({ unpriced }) => unpriced),
    saved: { hits: cached, tokens: plus(({ saved }) => saved.tokens), cost: cached === 0 ? 0 : costs.length === 0 ? null : costs.reduce((sum, cost) => sum + cost, 0), derived: plus(({ saved }) => saved.derived), unknown: plus(({ saved }) => saved.unknown) },
  };
}

function tokensOf(rows: readonly CostRow[]): number {
  return rows.reduce((sum, { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens }) => sum + inputTokens + cacheReadTokens + cacheWriteTokens + outputTokens, 0);
}
