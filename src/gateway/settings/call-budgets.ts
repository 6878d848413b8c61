import { mayInTeam, type Caller } from "../../core/caller.ts";
import type { CallBudget } from "../../ledger/index.ts";
import type { GatewayRoute, KeyPolicy } from "../schemas.ts";

interface Settings {
  /** All of them. */
  policies: readonly KeyPolicy[];
  /** Those that the caller may call. */
  routes: readonly GatewayRoute[];
  /** Keys that the caller sees: its own, and those that it made or administers. */
  keys: readonly { id: string; team: string }[];
}

/** Budgets of keys of teams that the caller sees the whole of, and of its own key: who is refused for a budget is to see how far it is used. Of routes those that it may call, for it shares them. */
export function callBudgets(caller: Caller, { policies, routes, keys }: Settings): Omit<CallBudget, "use">[] {
  const found: Omit<CallBudget, "use">[] = [];
  for (const { key, settings: { budget } } of policies) {
    if (budget === undefined) continue;
    const team = keys.find(({ id }) => id === key)?.team;
    if (team !== undefined && (`key:${key}` === caller.actor || mayInTeam(caller, "viewer", team))) found.push({ scope: "key", name: key, team, limits: budget });
  }
  for (const { name, team, settings: { budget } } of routes) if (budget !== undefined) found.push({ scope: "route", name, team, limits: budget });
  return found;
}
