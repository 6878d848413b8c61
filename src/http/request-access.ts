import type { IncomingMessage } from "node:http";
import type { Caller } from "../core/caller.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import type { AuditFacts, Route } from "../core/route.ts";

/** Whether what came of the route is written to the audit log when it was allowed; `facts` are what its handler told of it. */
export function isAudited(route: Route, facts: AuditFacts | undefined): boolean {
  return route.method !== "GET" && (route.audited !== false || facts !== undefined);
}

/** What a request is on, in the audit log: the object that it is judged on, else its first parameter, such as `key:key_01...`. */
export function auditedObject(route: Route, params: Readonly<Record<string, string | undefined>>): string {
  if (typeof route.on === "object") return `${route.on.kind}:${params[route.on.parameter] ?? ""}`;
  const [first] = Object.entries(params);
  return first?.[1] === undefined ? "" : `${first[0]}:${first[1]}`;
}

/** The key that a request shows; clients of Anthropic, Azure and Gemini have headers of their own for it. */
export function authorizationOf({ headers }: IncomingMessage): string | undefined {
  if (headers.authorization !== undefined) return headers.authorization;
  const key = headers["x-api-key"] ?? headers["api-key"] ?? headers["x-goog-api-key"];
  return typeof key === "string" ? `Bearer ${key}` : undefined;
}

/** Where a request comes from. Behind a proxy that is trusted, it is the last address that this one added. */
export function callerAddress(request: IncomingMessage, trustedProxy: boolean): string {
  const forwarded = trustedProxy ? request.headers["x-forwarded-for"] : undefined;
  const last = String(forwarded ?? "").split(",").at(-1)!.trim();
  return last === "" ? (request.socket.remoteAddress ?? "unknown") : last;
}

/** Who holds the connection of a request: the key or user, else the address. On an open server all have the same name. */
export function holderOf(caller: Caller, address: string): string {
  return caller.actor.includes(":") ? caller.actor : address;
}

/**
 * What the answer 401 asks for. A browser would open its own dialog for Basic, in front of the console: requests of
 * pages, which say so in Sec-Fetch headers, get Bearer alone.
 */
export function challengeOf(request: IncomingMessage, code: ErrorCode): string {
  const { headers } = request;
  const ofPage = headers["sec-fetch-mode"] !== undefined || headers["sec-fetch-site"] !== undefined;
  return ofPage || code !== "UNAUTHENTICATED" ? "Bearer" : 'Basic realm="slipway", Bearer';
}
