import type { Kysely } from "kysely";
import type { ChangeBy } from "../../../access/access-store.ts";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import { missingObject } from "../../../core/request-gate.ts";
import { routeSubject } from "../../../core/traffic-subject.ts";
import type { RouteRevisionStore } from "../../../gateway/settings/route-revision-store.ts";
import type { GatewayRoute, RevisionOfRoute, RouteSettings, RouteTurn } from "../../../gateway/schemas.ts";
import type { AbTestSpec } from "../../../rollouts/ab-tests/schemas.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import type { GatewaySettingsRow } from "./gateway-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { heldRow, nextRevision, revisionOf, routeOf, takeTurn } from "./sql-gateway-rows.ts";
import { writeEvents } from "../events/write-events.ts";

/** Revisions of routes of the gateway in SQL. */
export class SqlRouteRevisionStore implements RouteRevisionStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  async find(name: string): Promise<GatewayRoute | null> {
    const row = await this.#database.queries.selectFrom("gateway_settings").selectAll().where("kind", "=", "route").where("name", "=", name).where("settings_json", "is not", null).executeTakeFirst();
    return row === undefined ? null : routeOf(row);
  }

  revision(name: string, revision: number): Promise<RevisionOfRoute | null> {
    return revisionIn(this.#database.queries, name, revision);
  }

  addDraft(name: string, { settings, reason }: { settings: RouteSettings; reason: string }, { actor, now }: ChangeBy): Promise<number> {
    return this.#database.transaction(async (transaction) => {
      const held = await holdRoute(transaction, name);
      const former = await draftsOf(transaction, name).select("revision").where("changed_at", "<=", now - startedWithinMs).execute();
      await dropUnused(transaction, name, former.map(({ revision }) => revision));
      const revision = await nextRevision(transaction, "route", held);
      await transaction
        .insertInto("gateway_revisions").values({ kind: "route", name, revision, settings_json: JSON.stringify(settings), reason, changed_at: now, changed_by: actor, is_draft: 1 }).execute();
      return revision;
    });
  }

  dropDrafts(name: string, revisions: readonly number[]): Promise<void> {
    return this.#database.transaction(async (transaction) => {
      // Rollouts are added while its row is held: one that begins at this moment is there, or finds no draft.
      if ((await heldRow(transaction, "route", name)) === undefined) return;
      await dropUnused(transaction, name, revisions);
    });
  }

  answerWith(name: string, revision: number, reason: string, { actor, now }: ChangeBy): Promise<void> {
    return this.#database.transaction(async (transaction) => {
      const held = await holdRoute(transaction, name);
      if (held.revision === revision) return;
      const found = await revisionIn(transaction, name, revision);
      if (found === null || found.settings === null) throw missingRevision(name, revision);
      await transaction
        .updateTable("gateway_settings").set({ revision, settings_json: JSON.stringify(found.settings), updated_at: now, updated_by: actor }).where("kind", "=", "route").where("name", "=", name).execute();
      await transaction
        .updateTable("gateway_revisions").set({ is_draft: 0, ...(found.draft ? { reason, changed_at: now, changed_by: actor } : {}) })
        .where("kind", "=", "route").where("name", "=", name).where("revision", "=", revision).execute();
      await takeTurn(transaction, { name, revision, updated_at: now, updated_by: actor }, reason);
      await writeEvents(transaction, this.#ids, [{ type: "gateway.route.changed", object: `gateway-route:${name}`, team: held.team, actor, time: now, payload: { name, revision } }]);
    });
  }

  async turns(name: string, limit: number): Promise<RouteTurn[]> {
    return this.#database.queries.selectFrom("gateway_turns").select(["revision", "since", "actor", "reason"]).where("name", "=", name).orderBy("turn", "desc").limit(limit).execute();
  }
}

/** Between a draft and the rollout that it is for lies a moment. */
const startedWithinMs = 3_600_000;

function draftsOf(queries: Kysely<DatabaseSchema>, name: string) {
  return queries.selectFrom("gateway_revisions").where("kind", "=", "route").where("name", "=", name).where("is_draft", "=", 1);
}

/** The route's row is held. */
async function dropUnused(transaction: Kysely<DatabaseSchema>, name: string, revisions: readonly number[]): Promise<void> {
  if (revisions.length === 0) return;
  const tried = await transaction.selectFrom("rollouts").select(["candidate", "test_json"]).where("model", "=", routeSubject(name)).execute();
  const used = new Set(tried.flatMap(({ candidate, test_json: test }) => [candidate, ...(test === null ? [] : (JSON.parse(test) as Pick<AbTestSpec, "variants">).variants.map(({ version }) => Number(version)))]));
  const unused = revisions.filter((revision) => !used.has(revision));
  if (unused.length === 0) return;
  await transaction.deleteFrom("gateway_revisions").where("kind", "=", "route").where("name", "=", name).where("is_draft", "=", 1).where("revision", "in", unused).execute();
}

/** The row of a route that is there, kept from changing until the transaction ends. */
export async function holdRoute(transaction: Kysely<DatabaseSchema>, name: string): Promise<GatewaySettingsRow> {
  const held = await heldRow(transaction, "route", name);
  if (held === undefined || held.settings_json === null) throw missingObject("route", name);
  return held;
}

export function missingRevision(name: string, revision: number | string): AppError {
  return new AppError("VERSION_NOT_FOUND", `The route ${name} has no revision ${revision} with settings.`);
}

export async function revisionIn(queries: Kysely<DatabaseSchema>, name: string, revision: number): Promise<RevisionOfRoute | null> {
  const row = await queries.selectFrom("gateway_revisions").selectAll().where("kind", "=", "route").where("name", "=", name).where("revision", "=", revision).executeTakeFirst();
  return row === undefined ? null : revisionOf(row);
}
