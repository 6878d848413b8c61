import { now } from "../../clock.ts";
import { call } from "../../data/api.ts";
import { useResource, type Resource } from "../../data/resource.ts";
import type { BudgetStatus, CallBudget, CostEntry, CostFilter, CostRow, CostSums } from "../../../../src/ledger/schemas.ts";
import { beginOf, windowStarts, type CostRange } from "./spend-days.ts";

export type { BudgetStatus, CallBudget, CostEntry, CostRow, CostSums } from "../../../../src/ledger/schemas.ts";

export interface Costs {
  rows: CostRow[];
  total: CostSums;
}

/** By what the page can be narrowed; each is a parameter of its address. */
export const filterNames = ["route", "provider", "model", "key", "team", "project", "user", "session", "agentRun", "outcome", "source", "trace", "tag"] as const satisfies readonly (keyof CostFilter)[];
export type Filters = Partial<Record<(typeof filterNames)[number], string>>;

const refreshMs = 10_000;

function queryOf(parts: Record<string, string | number | undefined>): string {
  return new URLSearchParams(Object.entries(parts).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))).toString();
}

/** `limit`: of rows, the dearest first. */
export function useCosts(by: string, range: CostRange, filters: Filters, limit?: number): Resource<Costs> {
  return useResource(`costs:${range.id}:${queryOf({ by, ...filters })}`, { load: () => call(`/api/costs?${queryOf({ by, ...filters, limit, since: beginOf(range, now()) })}`), refreshMs });
}

export function useNewestCalls(range: CostRange, filters: Filters): Resource<{ entries: CostEntry[] }> {
  return useResource(`calls:${range.id}:${queryOf(filters)}`, { load: () => call(`/api/costs/entries?${queryOf({ ...filters, since: beginOf(range, now()), limit: 25 })}`), refreshMs });
}

export function useBudgets(): Resource<{ budgets: BudgetStatus[]; callBudgets: CallBudget[] }> {
  return useResource("/api/budgets", { refreshMs });
}

/** What was spent by each route or key in the day or month of now; null asks for nothing. */
export function useWindowSpend(by: "route" | "key" | null, window: "day" | "month"): CostRow[] {
  return useResource<Costs>(by === null ? null : `window:${by}:${window}`, { load: () => call(`/api/costs?by=${by}&since=${windowStarts(now())[window]}`), refreshMs }).data?.rows ?? [];
}
