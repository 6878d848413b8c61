import type { Kysely, Selectable } from "kysely";
import { AppError } from "../../../core/errors.ts";
import { RouteSettings, type GatewayRoute, type RevisionOfRoute } from "../../../gateway/schemas.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import type { GatewayRevisionRow, GatewaySettingsRow } from "./gateway-schema.ts";

type Queries = Kysely<DatabaseSchema>;
export type SettingsKind = "provider" | "route" | "key";

/** Written first, so that two changes of one thing follow each other on every dialect. */
export function heldRow(transaction: Queries, kind: SettingsKind, name: string): Promise<GatewaySettingsRow | undefined> {
  return transaction
    .updateTable("gateway_settings").set(({ ref }) => ({ revision: ref("revision") })).where("kind", "=", kind).where("name", "=", name).returningAll().executeTakeFirst();
}

/** Of a thing whose row is held: above the one that answers and above every draft. */
export async function nextRevision(transaction: Queries, kind: SettingsKind, { name, revision }: Pick<GatewaySettingsRow, "name" | "revision">): Promise<number> {
  const { last } = await transaction.selectFrom("gateway_revisions").select(({ fn }) => fn.max("revision").as("last")).where("kind", "=", kind).where("name", "=", name).executeTakeFirstOrThrow();
  return Math.max(revision, Number(last ?? 0)) + 1;
}

/** The revision of a route, whose row is held, answers from now on. */
export async function takeTurn(transaction: Queries, { name, revision, updated_at: since, updated_by: actor }: Pick<GatewaySettingsRow, "name" | "revision" | "updated_at" | "updated_by">, reason: string): Promise<void> {
  const { last } = await transaction.selectFrom("gateway_turns").select(({ fn }) => fn.max("turn").as("last")).where("name", "=", name).executeTakeFirstOrThrow();
  await transaction.insertInto("gateway_turns").values({ name, turn: Number(last ?? 0) + 1, revision, since, actor, reason }).execute();
}

export function conflict(kind: SettingsKind, name: string, current: number): AppError {
  const state = current === 0 ? "is not there" : `has revision ${current}`;
  return new AppError("GATEWAY_CONFLICT", `The ${kind} ${name} ${state}: give revision ${current} with the change.`);
}

export function routeOf(row: GatewaySettingsRow): GatewayRoute {
  return { name: row.name, team: row.team, settings: RouteSettings.parse(JSON.parse(row.settings_json!)), revision: row.revision, updatedAt: row.updated_at, updatedBy: row.updated_by };
}

export function revisionOf(row: Selectable<GatewayRevisionRow>): RevisionOfRoute {
  const settings = row.settings_json === null ? null : RouteSettings.parse(JSON.parse(row.settings_json));
  return { revision: row.revision, settings, reason: row.reason, changedAt: row.changed_at, changedBy: row.changed_by, draft: row.is_draft === 1 };
}
