import { z } from "zod";
import { mayInTeam } from "../core/caller.ts";
import { route, type Route } from "../core/route.ts";
import type { RefusedCalls } from "./calls/refused-calls.ts";
import type { GatewaySettingsService } from "./settings/gateway-settings-service.ts";
import { RefusedOnRoute } from "./refused-schemas.ts";
import type { ProviderHealth } from "./routing/provider-health.ts";
import { ChangedKeyPolicy, ChangedProvider, GatewayName, GatewayRoute, KeyPolicy, KeyPolicySettings, ListedProvider, ProviderRequest, RouteHistory, RouteRequestBody } from "./schemas.ts";

const tag = "Gateway";
const ProviderParams = z.strictObject({ provider: GatewayName });
const RouteParams = z.strictObject({ route: GatewayName });
const KeyParams = z.strictObject({ key: z.string().min(1).max(100) });
const TargetHealth = z
  .object({
    provider: z.string(), model: z.string(), state: z.enum(["closed", "open", "half-open"]), failures: z.number().int(),
    limited: z.number().int().meta({ description: "Attempts that the provider turned away for its rate limit (429), in a row, the last ones" }),
    turnedAway: z.number().int().meta({ description: "All of them since the start" }), waitMs: z.number(), ewmaMs: z.number().nullable(),
    calls: z.number().int(), answers: z.number().int().meta({ description: "Of the calls, those that were answered" }), errors: z.number().int(),
  })
  .meta({ id: "GatewayTargetHealth" });

const GuardrailTrouble = z.object({ route: z.string(), guardrail: z.string(), model: z.string(), message: z.string() }).meta({ id: "GuardrailTrouble" });

/** What people set and look at; calls come by the routes of their protocols. */
export function gatewayRoutes({ settings, health, refused, server }: { settings: GatewaySettingsService; health: ProviderHealth; refused: RefusedCalls; server: string }): Route[] {
  return [
    route({
      method: "GET", path: "/api/gateway/providers", access: "viewer", on: "some", operationId: "listGatewayProviders", tag, summary: "The providers of language models, without their secrets, and which secrets cannot be read",
      response: z.object({ providers: z.array(ListedProvider) }), handle: ({ caller }) => ({ providers: settings.providers(caller) }),
    }),
    route({
      method: "PUT", path: "/api/gateway/providers/:provider", access: "admin", operationId: "putGatewayProvider", tag, summary: "Add or change a provider", params: ProviderParams, body: { kind: "json", schema: ProviderRequest },
      response: ChangedProvider,
      handle: ({ params, body, caller, now, auditAs }) => {
        auditAs({ object: `gateway-provider:${params.provider}`, detail: { kind: body.settings.kind, secret: body.secret === undefined ? "kept" : (body.secret?.from ?? "none") } });
        return settings.putProvider(params.provider, body, { actor: caller.actor, now });
      },
    }),
    route({
      method: "DELETE", path: "/api/gateway/providers/:provider", access: "admin", operationId: "removeGatewayProvider", tag, summary: "Remove a provider that no route has as a target", params: ProviderParams, response: z.object({}),
      handle: async ({ params, caller, now, auditAs }) => {
        auditAs({ object: `gateway-provider:${params.provider}` });
        await settings.removeProvider(params.provider, { actor: caller.actor, now });
        return {};
      },
    }),
    route({
      method: "POST", path: "/api/gateway/providers/:provider/test", access: "admin", audited: false, operationId: "testGatewayProvider", tag, summary: "Ask a provider for its models: whether it is there and takes its secret", params: ProviderParams,
      response: z.object({ ok: z.boolean(), ms: z.number(), code: z.string().nullable().meta({ description: "Of the error that a call would end with; null where it answered" }), message: z.string(), models: z.array(z.string()) }), handle: ({ params }) => settings.testProvider(params.provider),
    }),
    route({
      method: "GET", path: "/api/gateway/routes", access: "viewer", on: "some", operationId: "listGatewayRoutes", tag, summary: "The routes that the caller may call",
      response: z.object({ routes: z.array(GatewayRoute) }), handle: ({ caller }) => ({ routes: settings.routes(caller) }),
    }),
    route({
      method: "GET", path: "/api/gateway/routes/:route", access: "viewer", on: "some", operationId: "getGatewayRoute", tag, summary: "One route as it is now", params: RouteParams,
      response: GatewayRoute, handle: ({ params, caller }) => settings.route(caller, params.route),
    }),
    route({
      method: "PUT", path: "/api/gateway/routes/:route", access: "deployer", on: "some", operationId: "putGatewayRoute", tag, summary: "Add or change a route", params: RouteParams, body: { kind: "json", schema: RouteRequestBody }, response: GatewayRoute,
      handle: ({ params, body, caller, now, auditAs }) => {
        auditAs({ object: `gateway-route:${params.route}`, detail: { revision: body.revision, reason: body.reason } });
        return settings.putRoute(caller, params.route, body, now);
      },
    }),
    route({
      method: "DELETE", path: "/api/gateway/routes/:route", access: "deployer", on: "some", operationId: "removeGatewayRoute", tag, summary: "Remove a route", params: RouteParams, response: z.object({}),
      handle: async ({ params, caller, now, auditAs }) => {
        auditAs({ object: `gateway-route:${params.route}` });
        await settings.removeRoute(caller, params.route, now);
        return {};
      },
    }),
    route({
      method: "GET", path: "/api/gateway/routes/:route/revisions", access: "viewer", on: "some", operationId: "listGatewayRouteRevisions", tag, summary: "What a route was, newest first, which revision answered since when and why, and which answers now", params: RouteParams,
      response: RouteHistory, handle: ({ params, caller }) => settings.routeHistory(caller, params.route),
    }),
    route({
      method: "GET", path: "/api/gateway/keys", access: "viewer", on: "some", operationId: "listKeyPolicies", tag, summary: "Routes, limits and budgets of API keys of the caller's teams",
      response: z.object({ policies: z.array(KeyPolicy) }), handle: async ({ caller }) => ({ policies: await settings.keyPolicies(caller) }),
    }),
    route({
      method: "PUT", path: "/api/gateway/keys/:key", access: "admin", on: "some", operationId: "putKeyPolicy", tag, summary: "Set routes, limits and budgets of an API key", params: KeyParams,
      body: { kind: "json", schema: z.strictObject({ revision: z.number().int().min(0), settings: KeyPolicySettings }) }, response: ChangedKeyPolicy,
      handle: ({ params, body, caller, now, auditAs }) => {
        auditAs({ object: `key:${params.key}` });
        return settings.putKeyPolicy(caller, params.key, body.revision, body.settings, now);
      },
    }),
    route({
      method: "DELETE", path: "/api/gateway/keys/:key", access: "admin", on: "some", operationId: "removeKeyPolicy", tag, summary: "Take routes, limits and budgets from an API key", params: KeyParams, response: z.object({}),
      handle: async ({ params, caller, now, auditAs }) => {
        auditAs({ object: `key:${params.key}` });
        await settings.removeKeyPolicy(caller, params.key, now);
        return {};
      },
    }),
    route({
      method: "GET", path: "/api/gateway/health", access: "viewer", on: "some", operationId: "getGatewayHealth", tag, summary: "How the targets answered this server of late, which are left alone, which guardrails cannot ask their model, and which calls ended before any provider was asked",
      response: z.object({
        server: z.string().meta({ description: "The server that tells this: of several on one database each has breakers, latencies and counts of its own, and answers of its own here" }),
        targets: z.array(TargetHealth), guardrails: z.array(GuardrailTrouble).meta({ description: "Each lets no call of its route pass" }),
        refused: z.array(RefusedOnRoute).meta({ description: "Calls that ended with an error before any provider was asked, of teams that the caller sees the whole of, the most first; sums of costs do not have them" }),
      }),
      handle: ({ caller, now }) => ({
        server, targets: [...settings.visibleTargets(caller, health.views())], guardrails: settings.guardrailTroubles(caller),
        refused: refused.lately((team) => mayInTeam(caller, "viewer", team), now),
      }),
    }),
  ];
}
