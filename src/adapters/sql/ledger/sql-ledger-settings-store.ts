import type { Selectable } from "kysely";
import type { ChangeBy } from "../../../access/index.ts";
import type { DomainEvent } from "../../../core/domain-event.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import { Budget, SetPrice, type BudgetName, type LedgerSettingsStore, type SpendLimits } from "../../../ledger/index.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { holdTeam } from "../access/hold-team.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { writeEvents } from "../events/write-events.ts";

/** Budgets, prices and alerts in SQL. */
export class SqlLedgerSettingsStore implements LedgerSettingsStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  /** `ids` names the events that are written along. */
  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  async budgets(): Promise<Budget[]> {
    const rows = await this.#database.queries.selectFrom("ledger_budgets").selectAll().orderBy("team").orderBy("scope").orderBy("name").execute();
    return rows.map(budgetOf);
  }

  putBudget({ scope, team, name }: BudgetName, limits: SpendLimits, { actor, now }: ChangeBy): Promise<Budget> {
    return this.#database.transaction(async (transaction) => {
      await holdTeam(transaction, team);
      const change = { limits_json: JSON.stringify(limits), updated_at: now, updated_by: actor };
      const row = await transaction
        .insertInto("ledger_budgets")
        .values({ scope, team, name, ...change })
        .onConflict((conflict) => conflict.columns(["team", "scope", "name"]).doUpdateSet(change))
        .returningAll()
        .executeTakeFirstOrThrow();
      await writeEvents(transaction, this.#ids, [budgetEvent("budget.changed", { scope, team, name }, { actor, now })]);
      return budgetOf(row);
    });
  }

  removeBudget({ scope, team, name }: BudgetName, by: ChangeBy): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      const removed = await transaction.deleteFrom("ledger_budgets").where("team", "=", team).where("scope", "=", scope).where("name", "=", name).returning("name").executeTakeFirst();
      if (removed === undefined) return false;
      await writeEvents(transaction, this.#ids, [budgetEvent("budget.removed", { scope, team, name }, by)]);
      return true;
    });
  }

  async prices(): Promise<SetPrice[]> {
    // Ids are in the order of their making.
    const rows = await this.#database.queries.selectFrom("ledger_prices").selectAll().orderBy("id").execute();
    return rows.map(({ price_json: text }) => SetPrice.parse(JSON.parse(text)));
  }

  addPrice(price: SetPrice): Promise<void> {
    const { id, provider, model, createdAt, createdBy } = price;
    return this.#database.transaction(async (transaction) => {
      const added = await transaction.insertInto("ledger_prices").values({ id, price_json: JSON.stringify(price) }).onConflict((conflict) => conflict.column("id").doNothing()).returning("id").executeTakeFirst();
      if (added === undefined) return;
      await writeEvents(transaction, this.#ids, [{ type: "price.set", object: `price:${provider}/${model}`, team: "*", actor: createdBy, time: createdAt as DomainEvent["time"], payload: { provider, model, price: id } }]);
    });
  }

  alertOnce(scope: string, threshold: number, event: DomainEvent): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      const added = await transaction.insertInto("ledger_alerts").values({ scope, threshold, written_at: event.time }).onConflict((conflict) => conflict.columns(["scope", "threshold"]).doNothing()).returning("scope").executeTakeFirst();
      if (added === undefined) return false;
      await writeEvents(transaction, this.#ids, [event]);
      return true;
    });
  }
}

function budgetOf({ scope, team, name, limits_json: limits, updated_at: updatedAt, updated_by: updatedBy }: Selectable<DatabaseSchema["ledger_budgets"]>): Budget {
  return Budget.parse({ scope, team, name, limits: JSON.parse(limits), updatedAt, updatedBy });
}

function budgetEvent(type: string, { scope, team, name }: BudgetName, { actor, now }: ChangeBy): DomainEvent {
  return { type, object: scope === "team" ? `team:${team}` : `project:${team}/${name}`, team, actor, time: now, payload: { scope, team, name } };
}
