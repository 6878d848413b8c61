import type { GatewayProvider, GatewayRoute } from "./gateway-data.ts";

/** What of the gateway the reader sees; undefined parts are not known yet, and nothing is said of them. */
export interface CallableThings {
  routes: readonly Pick<GatewayRoute, "name" | "team">[] | undefined;
  providers: readonly { name: string; settings: Pick<GatewayProvider["settings"], "models"> }[] | undefined;
}

/**
 * What of the named routes does nothing yet, in sentences, while they are chosen: a mistyped name looks like one that is made later. `team` is whose routes the
 * key may use, `*` for all; `patterns` says whether `PROVIDER/*` stands for all of a provider, as in a key's policy, or for nothing, as in its grants.
 */
export function routeNameNotes(names: readonly string[], { routes, providers }: CallableThings, { team, patterns }: { team: string; patterns: boolean }): string[] {
  return names.flatMap((name) => {
    const route = routes?.find((entry) => entry.name === name);
    if (route !== undefined) return team === "*" || route.team === team ? [] : [`The route ${name} is the team ${route.team}’s, and this key may use what the team ${team} has.`];
    if (name.endsWith("*")) {
      if (!patterns) return [`A key’s grants name each route by itself, and ${name} stands for none. Set it among the key’s routes under Gateway, Keys.`];
      if (name === "*") return [];
      if (!name.endsWith("/*")) return [`${name} stands for no route: a pattern is PROVIDER/* or *.`];
    }
    const slash = name.indexOf("/");
    if (slash <= 0) return routes === undefined ? [] : [`There is no route ${name}: look whether the name is right. The key may call it as soon as somebody makes it.`];
    if (providers === undefined) return [];
    const provider = providers.find((entry) => entry.name === name.slice(0, slash));
    if (provider === undefined) return [`There is no provider ${name.slice(0, slash)}: look whether the name is right, or add it under Gateway, Providers.`];
    const own = name.slice(slash + 1);
    if (own !== "*" && provider.settings.models !== undefined && !provider.settings.models.includes(own)) return [`The provider ${provider.name} is set to have no model ${own}.`];
    return team === "*" || team === "default" ? [] : [`${name} is the team default’s, as all PROVIDER/MODEL are, and this key may use what the team ${team} has.`];
  });
}
