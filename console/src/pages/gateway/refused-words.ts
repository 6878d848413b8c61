import { formatCount } from "../../format.ts";
import type { RefusedOnRoute } from "./gateway-data.ts";

/** `BUDGET_EXCEEDED: 12, RATE_LIMITED: 3`: the most first, of all teams together. */
export function refusedWords(refused: readonly RefusedOnRoute[]): string {
  const sums = new Map<string, number>();
  for (const { reason, calls } of refused) sums.set(reason, (sums.get(reason) ?? 0) + calls);
  return [...sums].toSorted(([, one], [, another]) => another - one).map(([reason, calls]) => `${reason}: ${formatCount(calls)}`).join(", ");
}

export function refusedCount(refused: readonly RefusedOnRoute[]): number {
  return refused.reduce((sum, { calls }) => sum + calls, 0);
}

/** Where their traces stand; of models that were called past all routes nothing narrows them. */
export function tracesOfRefused(route: string): string {
  return `/traces?status=error${route === "other" ? "" : `&attributes=${encodeURIComponent(`slipway.route=${route}`)}`}`;
}
