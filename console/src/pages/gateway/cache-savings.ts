import type { CostRow, CostSums } from "../../../../src/ledger/schemas.ts";

/** What answers from the cache spared. */
export interface Savings {
  hits: number;
  /** Of input and output, as they were when the answers were made. */
  tokens: number;
  /** Billionths of a dollar, about; null where nothing tells what the tokens would have cost. */
  cost: number | null;
}

/** What became of the calls of one route, or of all. */
export interface CallsTold extends Pick<CostSums, "calls" | "failed" | "cached" | "cost" | "unpriced"> {
  saved: Savings;
}

/**
 * Sums of routes out of rows by route and outcome. A call that was answered from the cache is an entry of the ledger with the tokens of the kept answer and without a cost: what it saved is what as many tokens of
 * the route's answered calls cost in that time.
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
  const [paid, tokens] = [tokensOf(answered), tokensOf(hits)];
  // A provider that tells no tokens told none of the kept answer either.
  const known = answered.some(({ calls, unpriced }) => calls > unpriced) && paid > 0 && tokens > 0;
  const plus = (name: "calls" | "failed" | "cached" | "cost" | "unpriced"): number => rows.reduce((sum, row) => sum + row[name], 0);
  const cached = plus("cached");
  return {
    calls: plus("calls"), failed: plus("failed"), cached, cost: plus("cost"), unpriced: plus("unpriced"),
    saved: { hits: cached, tokens, cost: cached === 0 ? 0 : known ? Math.round((answered.reduce((sum, { cost }) => sum + cost, 0) * tokens) / paid) : null },
  };
}

function sumOf(told: readonly CallsTold[]): CallsTold {
  const plus = (read: (each: CallsTold) => number): number => told.reduce((sum, each) => sum + read(each), 0);
  const costs = told.flatMap(({ cached, saved: { cost } }) => (cached === 0 || cost === null ? [] : [cost]));
  const cached = plus((each) => each.cached);
  return {
    calls: plus(({ calls }) => calls), failed: plus(({ failed }) => failed), cached, cost: plus(({ cost }) => cost), unpriced: plus(({ unpriced }) => unpriced),
    saved: { hits: cached, tokens: plus(({ saved }) => saved.tokens), cost: cached === 0 ? 0 : costs.length === 0 ? null : costs.reduce((sum, cost) => sum + cost, 0) },
  };
}

function tokensOf(rows: readonly CostRow[]): number {
  return rows.reduce((sum, { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens }) => sum + inputTokens + cacheReadTokens + cacheWriteTokens + outputTokens, 0);
}
