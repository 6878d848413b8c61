import type { ChangeBy } from "../../../access/access-store.ts";
import { defaultTeam } from "../../../access/index.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import { routeSubject } from "../../../core/traffic-subject.ts";
import type { GatewayStore, StoredProvider } from "../../../gateway/settings/gateway-store.ts";
import { KeyPolicySettings, ProviderSettings, type GatewayRoute, type KeyPolicy, type RevisionInHistory, type RouteSettings } from "../../../gateway/schemas.ts";
import type { GatewaySettingsRow } from "./gateway-schema.ts";
import { conflict, heldRow, nextRevision, revisionOf, routeOf, takeTurn, type SettingsKind } from "./sql-gateway-rows.ts";
import { holdTeam } from "../access/hold-team.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { deleteRollouts, refuseWhileOpen } from "../rollouts/sql-rollout-rows.ts";
import { writeEvents } from "../events/write-events.ts";

interface Change {
  team: string;
  settings: unknown;
  reason: string;
  secret?: StoredProvider["secret"];
}

/** Settings of the gateway in SQL. */
export class SqlGatewayStore implements GatewayStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  async providers(): Promise<StoredProvider[]> {
    return (await this.#rows("provider")).map(providerOf);
  }

  async putProvider(name: string, revision: number, { settings, secret }: { settings: ProviderSettings; secret?: StoredProvider["secret"] }, by: ChangeBy): Promise<StoredProvider> {
    return providerOf(await this.#put("provider", name, revision, { team: defaultTeam, settings, reason: "", ...(secret === undefined ? {} : { secret }) }, by));
  }

  removeProvider(name: string, by: ChangeBy): Promise<boolean> {
    return this.#remove("provider", name, by);
  }

  async routes(): Promise<GatewayRoute[]> {
    return (await this.#rows("route")).map(routeOf);
  }

  async putRoute(name: string, revision: number, change: { team: string; settings: RouteSettings; reason: string }, by: ChangeBy): Promise<GatewayRoute> {
    return routeOf(await this.#put("route", name, revision, change, by));
  }

  removeRoute(name: string, by: ChangeBy): Promise<boolean> {
    return this.#remove("route", name, by);
  }

  async routeRevisions(name: string, limit: number): Promise<RevisionInHistory[]> {
    const rows = await this.#database.queries
      .selectFrom("gateway_revisions").selectAll().where("kind", "=", "route").where("name", "=", name).orderBy("revision", "desc").limit(limit).execute();
    const tried = await this.#database.queries
      .selectFrom("rollouts").select(["id", "candidate", "state", "reason", "ended_at"]).where("model", "=", routeSubject(name)).where("kind", "=", "rollout").orderBy("started_at").orderBy("id").execute();
    const latest = new Map(tried.map(({ candidate, id, state, reason, ended_at: endedAt }) => [candidate, { id, state, reason, endedAt }]));
    return rows.map((row) => ({ ...revisionOf(row), rollout: latest.get(row.revision) ?? null }));
  }

  async keyPolicies(): Promise<KeyPolicy[]> {
    return (await this.#rows("key")).map(keyPolicyOf);
  }

  async putKeyPolicy(key: string, revision: number, settings: KeyPolicySettings, by: ChangeBy): Promise<KeyPolicy> {
    return keyPolicyOf(await this.#put("key", key, revision, { team: defaultTeam, settings, reason: "" }, by));
  }

  removeKeyPolicy(key: string, by: ChangeBy): Promise<boolean> {
    return this.#remove("key", key, by);
  }

  #rows(kind: SettingsKind): Promise<GatewaySettingsRow[]> {
    return this.#database.queries.selectFrom("gateway_settings").selectAll().where("kind", "=", kind).where("settings_json", "is not", null).orderBy("name").execute();
  }

  #put(kind: SettingsKind, name: string, revision: number, { team, settings, reason, secret }: Change, { actor, now }: ChangeBy): Promise<GatewaySettingsRow> {
    return this.#database.transaction(async (transaction) => {
      if (kind === "route") await holdTeam(transaction, team);
      const found = await heldRow(transaction, kind, name);
      const current = found?.settings_json === undefined || found.settings_json === null ? 0 : found.revision;
      if (current !== revision) throw conflict(kind, name, current);
      if (kind === "route") await refuseWhileOpen(transaction, routeSubject(name));
      const text = JSON.stringify(settings);
      const stored = secretColumns(secret);
      const row: GatewaySettingsRow = {
        kind, name, team, revision: found === undefined ? 1 : await nextRevision(transaction, kind, found), settings_json: text, updated_at: now, updated_by: actor,
        secret_json: found?.secret_json ?? null, sealed_secret: found?.sealed_secret ?? null, ...stored,
      };
      if (found === undefined) {
        const added = await transaction.insertInto("gateway_settings").values(row).onConflict((clash) => clash.columns(["kind", "name"]).doNothing()).returning("name").executeTakeFirst();
        // Another made it between the look and the insertion.
        if (added === undefined) throw conflict(kind, name, 1);
      }
      else await transaction.updateTable("gateway_settings").set(row).where("kind", "=", kind).where("name", "=", name).execute();
      await transaction.insertInto("gateway_revisions").values({ kind, name, revision: row.revision, settings_json: text, reason, changed_at: now, changed_by: actor }).execute();
      if (kind === "route") await takeTurn(transaction, row, reason);
      await writeEvents(transaction, this.#ids, [{ type: `gateway.${kind}.changed`, object: `gateway-${kind}:${name}`, team, actor, time: now, payload: { name, revision: row.revision } }]);
      return row;
    });
  }

  #remove(kind: SettingsKind, name: string, { actor, now }: ChangeBy): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      const found = await heldRow(transaction, kind, name);
      if (found === undefined || found.settings_json === null) return false;
      const revision = await nextRevision(transaction, kind, found);
      await transaction
        .updateTable("gateway_settings").set({ revision, settings_json: null, secret_json: null, sealed_secret: null, updated_at: now, updated_by: actor })
        .where("kind", "=", kind).where("name", "=", name).execute();
      await transaction.insertInto("gateway_revisions").values({ kind, name, revision, settings_json: null, reason: "", changed_at: now, changed_by: actor }).execute();
      if (kind === "route") {
        await transaction.deleteFrom("gateway_turns").where("name", "=", name).execute();
        await deleteRollouts(transaction, this.#ids, routeSubject(name), { team: found.team, actor, now });
      }
      await writeEvents(transaction, this.#ids, [{ type: `gateway.${kind}.removed`, object: `gateway-${kind}:${name}`, team: found.team, actor, time: now, payload: { name } }]);
      return true;
    });
  }
}

function secretColumns(secret: StoredProvider["secret"] | undefined): Partial<GatewaySettingsRow> {
  if (secret === undefined) return {};
  if (secret === null) return { secret_json: null, sealed_secret: null };
  return secret.from === "value" ? { secret_json: JSON.stringify({ from: "value" }), sealed_secret: secret.sealed } : { secret_json: JSON.stringify(secret), sealed_secret: null };
}

function providerOf(row: GatewaySettingsRow): StoredProvider {
  const source = row.secret_json === null ? null : (JSON.parse(row.secret_json) as { from: "value" } | { from: "environment"; name: string } | { from: "file"; path: string });
  const secret = source?.from === "value" ? { from: "value" as const, sealed: row.sealed_secret ?? new Uint8Array(0) } : source;
  return { name: row.name, settings: ProviderSettings.parse(JSON.parse(row.settings_json!)), secret, revision: row.revision, updatedAt: row.updated_at, updatedBy: row.updated_by };
}

function keyPolicyOf(row: GatewaySettingsRow): KeyPolicy {
  return { key: row.name, settings: KeyPolicySettings.parse(JSON.parse(row.settings_json!)), revision: row.revision, updatedAt: row.updated_at, updatedBy: row.updated_by };
}
