import { sql, type SqlBool, type Transaction } from "kysely";
import type { ChangeBy, TeamStore } from "../../../access/access-store.ts";
import type { Team } from "../../../access/schemas.ts";
import type { Grant } from "../../../core/caller.ts";
import type { EpochMs } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import { signalKey } from "../workflow-ports.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { teamNotFound } from "./hold-team.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { openStates } from "../workflows/sql-workflow-rows.ts";
import { writeEvents } from "../events/write-events.ts";

export class SqlTeamStore implements TeamStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  async list(now: EpochMs): Promise<Team[]> {
    const rows = await this.#database.queries
      .selectFrom("teams")
      .select(["name", "description", "created_at"])
      .select(({ selectFrom }) => selectFrom("models").whereRef("models.team", "=", "teams.name").select(({ fn }) => fn.countAll().as("count")).as("models"))
      .select(({ selectFrom }) =>
        selectFrom("api_keys")
          .whereRef("api_keys.team", "=", "teams.name")
          .where("revoked_at", "is", null)
          .where(({ eb, or }) => or([eb("expires_at", "is", null), eb("expires_at", ">", now)]))
          .select(({ fn }) => fn.countAll().as("count"))
          .as("keys"),
      )
      .orderBy("name")
      .execute();
    return rows.map(({ name, description, created_at: createdAt, models, keys }) => ({ name, description, createdAt, models: Number(models), keys: Number(keys) }));
  }

  async exists(name: string): Promise<boolean> {
    return (await this.#database.queries.selectFrom("teams").select("name").where("name", "=", name).executeTakeFirst()) !== undefined;
  }

  async add({ name, description }: { name: string; description: string }, { actor, now }: ChangeBy): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      const added = await transaction
        .insertInto("teams")
        .values({ name, description, created_at: now })
        .onConflict((conflict) => conflict.column("name").doNothing())
        .returning("name")
        .executeTakeFirst();
      if (added === undefined) throw new AppError("TEAM_EXISTS", `There is a team named ${name} already.`);
      await writeEvents(transaction, this.#ids, [{ type: "team.created", object: `team:${name}`, team: name, actor, time: now, payload: { team: name } }]);
    });
  }

  async remove(name: string, { actor, now }: ChangeBy): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      // First, so that whoever adds something to the team waits for the end of this, or this for theirs.
      const removed = await transaction.deleteFrom("teams").where("name", "=", name).returning("name").executeTakeFirst();
      if (removed === undefined) throw teamNotFound(name);
      const left = await remains(transaction, name, now);
      if (left.length > 0) throw new AppError("TEAM_NOT_EMPTY", `The team ${name} still has ${left.join(", ")}.`);
      // Signals that nobody took: a run of a later team of the name must not get them.
      const prefix = signalKey(name, "");
      await transaction.deleteFrom("workflow_signals").where(sql<SqlBool>`substr(key, 1, ${sql.lit(prefix.length)}) = ${prefix}`).execute();
      await writeEvents(transaction, this.#ids, [{ type: "team.removed", object: `team:${name}`, team: name, actor, time: now, payload: { team: name } }]);
    });
  }
}

/** What of the database still names the team, in words. */
async function remains(transaction: Transaction<DatabaseSchema>, name: string, now: EpochMs): Promise<string[]> {
  const left: string[] = [];
  for (const [table, word] of [["models", "models"], ["webhooks", "webhooks"], ["workflow_schedules", "schedules"], ["experiments", "experiments"], ["held_datasets", "datasets"]] as const) {
    if ((await transaction.selectFrom(table).select("team").where("team", "=", name).limit(1).executeTakeFirst()) !== undefined) left.push(word);
  }
  if ((await transaction.selectFrom("gateway_settings").select("team").where("kind", "=", "route").where("team", "=", name).where("settings_json", "is not", null).limit(1).executeTakeFirst()) !== undefined) left.push("routes of the gateway");
  const runs = await transaction.selectFrom("workflow_runs").select("id").where("team", "=", name).where("state", "in", openStates).limit(1).executeTakeFirst();
  if (runs !== undefined) left.push("workflow runs that have not ended");
  const keys = await transaction
    .selectFrom("api_keys")
    .select(["team", "grants_json"])
    .where("revoked_at", "is", null)
    .where(({ eb, or }) => or([eb("expires_at", "is", null), eb("expires_at", ">", now)]))
    .execute();
  if (keys.some(({ team, grants_json: grants }) => team === name || names(grants, name))) left.push("keys");
  const users = await transaction.selectFrom("users").select("grants_json").execute();
  if (users.some(({ grants_json: grants }) => names(grants, name))) left.push("members");
  return left;
}

function names(grants: string, team: string): boolean {
  return (JSON.parse(grants) as Grant[]).some((grant) => grant.team === team);
}
