import type { Selectable } from "kysely";
import { AppError } from "../../../core/errors.ts";
import { RunView } from "../../../tracking/schemas.ts";
import type { ViewStore } from "../../../tracking/view-store.ts";
import type { SqlDatabase } from "../sql-database.ts";
import type { RunViewRow } from "./tracking-schema.ts";

/** Saved views in SQL. */
export class SqlViewStore implements ViewStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async list(experiment: string): Promise<RunView[]> {
    const rows = await this.#database.queries.selectFrom("run_views").selectAll().where("experiment", "=", Number(experiment)).orderBy("name").execute();
    return rows.map(viewOf);
  }

  async put({ id, experiment, name, view, actor, now }: Parameters<ViewStore["put"]>[0]): Promise<RunView> {
    const row = await this.#database.queries
      .insertInto("run_views")
      .values({ id, experiment: Number(experiment), name, view_json: JSON.stringify(view), owner: actor, created_at: now, updated_at: now })
      .onConflict((conflict) => conflict.columns(["experiment", "name"]).doUpdateSet({ view_json: JSON.stringify(view), updated_at: now }))
      .returningAll()
      .executeTakeFirstOrThrow();
    return viewOf(row);
  }

  async remove(experiment: string, id: string): Promise<void> {
    const removed = await this.#database.queries
      .deleteFrom("run_views").where("experiment", "=", Number(experiment)).where("id", "=", id).returning("id").executeTakeFirst();
    if (removed === undefined) throw new AppError("VIEW_NOT_FOUND", "There is no such view of this experiment.");
  }
}

function viewOf(row: Selectable<RunViewRow>): RunView {
  const { id, name, owner } = row;
  // Parsed, so that fields which a later release adds get their defaults.
  return RunView.parse({ id, experiment: String(row.experiment), name, view: JSON.parse(row.view_json), owner, createdAt: row.created_at, updatedAt: row.updated_at });
}
