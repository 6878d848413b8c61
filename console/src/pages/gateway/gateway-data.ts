import { now } from "../../clock.ts";
import { call } from "../../data/api.ts";
import { invalidate, useResource, type Resource } from "../../data/resource.ts";
import type { GatewayRoute, KeyPolicy, ListedProvider } from "../../../../src/gateway/schemas.ts";
import type { RefusedOnRoute } from "../../../../src/gateway/refused-schemas.ts";
import type { CostRow } from "../../../../src/ledger/schemas.ts";

export type {
  BudgetLimits, GatewayProvider, GatewayRoute, KeyPolicy, KeyPolicySettings, Limits, ListedProvider, ProviderKind, ProviderSettings, RevisionInHistory, RevisionOfRoute, RouteHistory, RouteSettings, RouteTurn, RouteTarget, SecretSource,
} from "../../../../src/gateway/schemas.ts";
export type { RefusedOnRoute };

/** How a target did on this server of late, as `GET /api/gateway/health` tells it. */
export interface TargetHealth {
  provider: string;
  model: string;
  /** Of its circuit breaker: open is left alone, half-open is tried with one call. */
  state: "closed" | "open" | "half-open";
  /** In a row. */
  failures: number;
  /** Turned away by the provider's rate limit, in a row. */
  limited: number;
  /** So turned away since the server's start. */
  turnedAway: number;
  /** Until it is tried again. */
  waitMs: number;
  /** Moving mean of the time to the first byte; null before the first answer. */
  ewmaMs: number | null;
  calls: number;
  answers: number;
  errors: number;
}

/** A guardrail that lets no call of its route pass, since its model cannot be asked. */
export interface GuardrailTrouble {
  route: string;
  guardrail: string;
  model: string;
  message: string;
}

const dayMs = 86_400_000;

export function useGatewayRoutes(): Resource<{ routes: GatewayRoute[] }> {
  return useResource("/api/gateway/routes", { refreshMs: 15_000 });
}

export function useProviders(): Resource<{ providers: ListedProvider[] }> {
  return useResource("/api/gateway/providers", { refreshMs: 30_000 });
}

export function useKeyPolicies(): Resource<{ policies: KeyPolicy[] }> {
  return useResource("/api/gateway/keys", { refreshMs: 30_000 });
}

export function useHealth(): Resource<{ targets: TargetHealth[]; guardrails: GuardrailTrouble[]; refused: RefusedOnRoute[] }> {
  return useResource("/api/gateway/health", { refreshMs: 3000 });
}

/** Calls through the gateway in the last 24 hours, by route and outcome. */
export function useDayOfRoutes(): Resource<{ rows: CostRow[] }> {
  return useResource("gateway:routes-of-a-day", { load: () => call(`/api/costs?by=route,outcome&source=gateway&limit=10000&since=${now() - dayMs}`), refreshMs: 10_000 });
}

/** What can be called: routes, and PROVIDER/MODEL where the provider tells its models. */
export function useCallable(): Resource<{ data: { id: string }[] }> {
  return useResource("/v1/models", { refreshMs: 30_000 });
}

export function useCallableNames(): string[] {
  return (useCallable().data?.data ?? []).map(({ id }) => id);
}

/** After a change of what is set here. */
export function refreshGateway(): void {
  invalidate((key) => key.startsWith("/api/gateway") || key === "/v1/models");
}
