import { mayOn, type Caller } from "../../core/caller.ts";
import type { GatewayCatalog } from "./gateway-catalog.ts";

/** What in the routes of a key's policy does nothing yet, in sentences: they may name what is made later, but a mistyped name looks the same. What the caller may not see is told as what is not there. */
export function policyNotes(routes: readonly string[], caller: Caller, catalog: Pick<GatewayCatalog, "resolve">): string[] {
  return routes.flatMap((name) => {
    if (name.endsWith("*")) return [];
    const route = catalog.resolve(name);
    if (route === null || !mayOn(caller, "viewer", { kind: "route", name: route.name, team: route.team })) return [`There is no route ${name}: look whether the name is right, or make it; the key may call it from then on, and no other that is not named.`];
    return route.name === name ? [] : [`Policies know ${name} as ${route.name}: this key may not call it. Name ${route.name}.`];
  });
}
