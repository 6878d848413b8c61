/** Tables of the gateway; conventions as in database-schema.ts. */
export interface GatewaySchema {
  gateway_settings: GatewaySettingsRow;
  gateway_revisions: { kind: string; name: string; revision: number; settings_json: string | null; reason: string; changed_at: number; changed_by: string };
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
