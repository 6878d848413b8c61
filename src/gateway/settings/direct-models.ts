import { mayOn, type Caller } from "../../core/caller.ts";
import type { GatewayCatalog, ResolvedRoute } from "./gateway-catalog.ts";

/** Who may call PROVIDER/MODEL, which no route's limits and budgets hold: all who may call models of the team `default`, or only admins and those to whom it was given by name. */
export type DirectModels = "all" | "granted";

/** `chat`, `openai/gpt-4o`, `openai/*`, `*`. */
export function coversRoute(allowed: string, name: string): boolean {
  return allowed === name || allowed === "*" || (allowed.endsWith("/*") && name.startsWith(allowed.slice(0, -1)));
}

/** Whether a caller may go past all routes to this model, if they may call models at all. What their key's policy says goes before the server's setting; the built-in echo costs nothing and is everybody's. */
export function mayCallDirectly({ catalog, directModels }: { catalog: GatewayCatalog; directModels: DirectModels }, { name, team, settings }: ResolvedRoute, caller: Caller): boolean {
  const policy = catalog.policyOf(caller);
  if (policy?.direct !== undefined) return policy.direct;
  // A key whose routes are listed has this one by name: its policy was asked before.
  if (directModels === "all" || policy?.routes !== undefined) return true;
  if (mayOn(caller, "admin", { kind: "route", name, team }) || caller.grants.some(({ routes }) => routes?.includes(name) === true)) return true;
  return settings.targets.every(({ provider }) => catalog.provider(provider)?.settings.kind === "echo");
}
