import type { ChangeBy } from "../../access/index.ts";
import type { GatewayProvider, GatewayRoute, KeyPolicy, KeyPolicySettings, ProviderSettings, RevisionInHistory, RouteSettings } from "../schemas.ts";

export type StoredProvider = Omit<GatewayProvider, "origin" | "secret"> & {
  /** Sealed by the secret box for purpose `provider` and the provider's name; or where it is read from; null for none. */
  secret: { from: "value"; sealed: Uint8Array } | { from: "environment"; name: string } | { from: "file"; path: string } | null;
};

/**
 * Providers, routes and policies of keys. Each change writes its event (`gateway.provider.changed`, `gateway.route.changed`, `gateway.key.changed`, and `...removed`) in the same transaction, and throws
 * GATEWAY_CONFLICT when `revision` is not that of what is stored (0: nothing is).
 */
export interface GatewayStore {
  providers(): Promise<StoredProvider[]>;
  putProvider(name: string, revision: number, change: { settings: ProviderSettings; /** Absent: as it is. */ secret?: StoredProvider["secret"] }, by: ChangeBy): Promise<StoredProvider>;
  /** False when there is none. */
  removeProvider(name: string, by: ChangeBy): Promise<boolean>;
  routes(): Promise<GatewayRoute[]>;
  putRoute(name: string, revision: number, change: { team: string; settings: RouteSettings; reason: string }, by: ChangeBy): Promise<GatewayRoute>;
  /** Newest first, each with the latest rollout that tried it since the route was made. */
  routeRevisions(name: string, limit: number): Promise<RevisionInHistory[]>;
  removeRoute(name: string, by: ChangeBy): Promise<boolean>;
  keyPolicies(): Promise<KeyPolicy[]>;
  putKeyPolicy(key: string, revision: number, settings: KeyPolicySettings, by: ChangeBy): Promise<KeyPolicy>;
  removeKeyPolicy(key: string, by: ChangeBy): Promise<boolean>;
}
