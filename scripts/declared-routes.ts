import { allRoutes } from "../src/all-routes.ts";
import type { Route } from "../src/core/route.ts";

/** Stands for every part of a server, and has itself as every part. */
const anything: object = new Proxy({}, { get: () => anything });

/** Every route of the server without a server behind it: declaring a route calls nothing. */
export function declaredRoutes(): Route[] {
  return allRoutes(anything as Parameters<typeof allRoutes>[0]);
}
