import { z } from "zod";
import type { ObjectKind, ObjectReference } from "./caller.ts";
import { isRegistryName } from "./names.ts";

/** What begins the name of a route where a model may stand too: no name of a model holds a colon. */
const routePrefix = "route:";

/** What a rollout is of: a model by its name, or a route of the gateway as `route:NAME`. */
export const TrafficSubject = z
  .string()
  .refine((text) => isRegistryName(text.startsWith(routePrefix) ? text.slice(routePrefix.length) : text), "the name of a model, or route: and the name of a route")
  .meta({ id: "TrafficSubject", description: "A model by its name, or a route of the gateway as route:NAME", example: "flight-delay" });
export type TrafficSubject = z.infer<typeof TrafficSubject>;

export function routeSubject(route: string): string {
  return routePrefix + route;
}

/** The route's name; null for a model. */
export function routeOfSubject(subject: string): string | null {
  return subject.startsWith(routePrefix) ? subject.slice(routePrefix.length) : null;
}

/** What is rolled out of it, as people call it: `version 3` of a model, `revision 3` of a route. */
export function versionWords(subject: string, version: string): string {
  return `${routeOfSubject(subject) === null ? "version" : "revision"} ${version}`;
}

/** As access is judged on it. */
export function subjectReference(subject: string, team: string | null): ObjectReference & { kind: Extract<ObjectKind, "model" | "route"> } {
  const route = routeOfSubject(subject);
  return route === null ? { kind: "model", name: subject, team } : { kind: "route", name: route, team };
}

/** As events and the audit log name it. */
export function subjectObject(subject: string): string {
  const route = routeOfSubject(subject);
  return route === null ? `model:${subject}` : `gateway-route:${route}`;
}

/** Below it are the requests about its rollout. */
export function subjectPath(subject: string): string {
  const route = routeOfSubject(subject);
  return route === null ? `/api/models/${encodeURIComponent(subject)}` : `/api/gateway/routes/${encodeURIComponent(route)}`;
}
