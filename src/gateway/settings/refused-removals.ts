import { mayOn, type Caller } from "../../core/caller.ts";
import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import type { GatewayProvider, GatewayRoute } from "../schemas.ts";
import { keyNamesOf } from "./provider-environment.ts";

/** Throws INVALID_REQUEST for a provider that a route has, or that is tried on one. */
export function assertProviderUnused(name: string, routes: readonly GatewayRoute[], tried: readonly string[]): void {
  const users = routes.filter(({ settings }) => settings.targets.some(({ provider }) => provider === name)).map((route) => route.name);
  const [it, first] = [users.length === 1 ? "it" : "them", users[0]];
  if (first !== undefined) throw new AppError("INVALID_REQUEST", `The provider ${name} is a target of the ${users.length === 1 ? "route" : "routes"} ${users.join(", ")}: give ${it} other targets first, such as with \`slipway gateway set-route ${first} --target PROVIDER/MODEL\`, or remove ${it}, such as with \`slipway gateway remove-route ${first}\`.`);
  if (tried.length > 0) throw new AppError("INVALID_REQUEST", `The provider ${name} answers calls of what is tried on ${tried.join(", ")}: end the rollout or A/B test first, such as with \`slipway rollout abort route:${tried[0]!}\` or \`slipway abtest stop route:${tried[0]!}\`.`);
}

/** Throws INVALID_REQUEST for a route by which the cache of another finds what means the same. Names those alone that the caller sees. */
export function assertRouteUnused(name: string, routes: readonly GatewayRoute[], caller: Caller): void {
  const users = routes.filter((route) => route.name !== name && route.settings.cache?.semantic?.route === name);
  if (users.length === 0) return;
  const seen = users.filter((route) => mayOn(caller, "viewer", { kind: "route", name: route.name, team: route.team })).map((route) => route.name);
  const others = users.length === seen.length ? [] : [counted(users.length - seen.length, "route of another team", "routes of other teams")];
  throw new AppError("INVALID_REQUEST", `The route ${name} finds what means the same for the cache of ${[...seen, ...others].join(", ")}: name another one there first, or none, such as with \`slipway gateway set-route ${seen[0] ?? "ROUTE"} --cache-meaning none\`.`);
}

/** Why a provider that is there cannot be taken out of the settings: it is not in them. */
export function notEntered(name: string, origin: Exclude<GatewayProvider["origin"], "stored">): AppError {
  const why = {
    environment: `Its key is in the server's environment (${keyNamesOf(name).join(" or ")}): start the server without it.`, found: "It was found on the server's machine: end it there, or start the server with SLIPWAY_FIND_PROVIDERS=false.", "built-in": "It is built in and stays.",
  };
  return new AppError("INVALID_REQUEST", `Nobody entered the provider ${name}. ${why[origin]}`);
}
