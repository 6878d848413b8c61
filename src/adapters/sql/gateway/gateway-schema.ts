import type { Generated } from "kysely";

/** Tables of the gateway; conventions as in database-schema.ts. */
export interface GatewaySchema {
  gateway_settings: GatewaySettingsRow;
  gateway_revisions: GatewayRevisionRow;
  /** Which revision of a route answered from when; they go with the route. */
  gateway_turns: { name: string; turn: number; revision: number; since: number; actor: string; reason: string };
}

export interface GatewayRevisionRow {
  kind: string;
  name: string;
  revision: number;
  settings_json: string | null;
  reason: string;
  changed_at: number;
  changed_by: string;
  /** 1 for settings of a route that a rollout tries, until they answer all calls. */
  is_draft: Generated<number>;
}

/** Stays when the thing is removed, with NULL settings: revisions of a name never start over. */
export interface GatewaySettingsRow {
  /** `provider`, `route` or `key`. */
  kind: string;
  name: string;
  team: string;
  revision: number;
  settings_json: string | null;
  /** Where a provider's secret comes from; `{"from":"value"}` has it in `sealed_secret`. */
  secret_json: string | null;
  sealed_secret: Uint8Array | null;
  updated_at: number;
  updated_by: string;
}
