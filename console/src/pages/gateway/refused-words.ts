import { formatCount } from "../../format.ts";
import type { RefusedOnRoute } from "./gateway-data.ts";

/** What calls count on that are of no route. */
export const pastRoutes = "other";
/** Why a name is no route's, and no model's, that its caller may call. */
const missed = new Set(["GATEWAY_MODEL_NOT_FOUND", "FORBIDDEN"]);

/** Calls of names that stand for nothing belong to no model and have no traces. */
export function isUntraced({ route, reason }: Pick<RefusedOnRoute, "route" | "reason">): boolean {
  return route === pastRoutes && missed.has(reason);
}

/** `BUDGET_EXCEEDED: 12, RATE_LIMITED: 3`: the most first, of all teams together. */
export function refusedWords(refused: readonly RefusedOnRoute[]): string {
  const sums = new Map<string, number>();
  for (const { reason, calls } of refused) sums.set(reason, (sums.get(reason) ?? 0) + calls);
  return [...sums].toSorted(([, one], [, another]) => another - one).map(([reason, calls]) => `${reason}: ${formatCount(calls)}`).join(", ");
}

export function refusedCount(refused: readonly RefusedOnRoute[]): number {
  return refused.reduce((sum, { calls }) => sum + calls, 0);
}

/** Where their traces stand: of a route, for one reason, or both. The models that were called past all routes are not known. */
export function tracesOfRefused({ route, reason }: { route?: string; reason?: string | undefined }): string {
  const attributes = [...(route === undefined || route === pastRoutes ? [] : [`slipway.route=${route}`]), ...(reason === undefined ? [] : [`error.type=${reason}`])].join(",");
  return `/traces?status=error${attributes === "" ? "" : `&attributes=${encodeURIComponent(attributes)}`}`;
}
