import { mayInTeam, type Caller } from "../../core/caller.ts";
import type { CallBudget } from "../../ledger/index.ts";
import type { GatewayRoute, KeyPolicy } from "../schemas.ts";

interface Settings {
  /** All of them. */
  policies: readonly KeyPolicy[];
  /** Those that the caller may call. */
  routes: readonly GatewayRoute[];
  /** Keys that the caller sees: its own, and those that it made or administers. */
  keys: readonly { id: string; name: string; team: string }[];
}

/** Budgets of keys of teams that the caller sees the whole of, and of its own key: who is refused for a budget is to see how far it is used. Of routes those that it may call, for it shares them. */
export function callBudgets(caller: Caller, { policies, routes, keys }: Settings): Omit<CallBudget, "use">[] {
  const found: Omit<CallBudget, "use">[] = [];
  for (const { key, settings: { budget } } of policies) {
    if (budget === undefined) continue;
    const held = keys.find(({ id }) => id === key);
    if (held !== undefined && (`key:${key}` === caller.actor || mayInTeam(caller, "viewer", held.team))) found.push({ scope: "key", name: key, keyName: held.name, team: held.team, limits: budget });
  }
  for (const { name, team, settings: { budget } } of routes) if (budget !== undefined) found.push({ scope: "route", name, keyName: null, team, limits: budget });
  return found;
}
