import { sql } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import type { AbTestStore } from "../../../rollouts/ab-tests/ab-test-store.ts";
import { AbTestFigures, type AbTestOutcome, type StoredOutcome } from "../../../rollouts/ab-tests/schemas.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Values that one statement writes: three parameters each, and databases take some thousands. */
const chunk = 500;

/** Figures and reported values of A/B tests in SQL. */
export class SqlAbTestStore implements AbTestStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async writeFigures(test: string, replica: string, figures: AbTestFigures, now: EpochMs): Promise<void> {
    const figuresJson = JSON.stringify(figures);
    const write = this.#database.queries
      .insertInto("ab_test_figures")
      .columns(["test", "replica", "written_at", "figures_json"])
      .expression(({ selectFrom, val }) =>
        selectFrom("rollouts").where("id", "=", test)
          .select(["id as test", val(replica).as("replica"), val<number>(now).as("written_at"), val(figuresJson).as("figures_json")]))
      .onConflict((conflict) => conflict.columns(["test", "replica"]).doUpdateSet({ written_at: now, figures_json: figuresJson }));
    await this.#database.writeBatch([write.compile()], { idempotent: true });
  }

  async readFigures(test: string): Promise<{ replica: string; figures: AbTestFigures }[]> {
    const rows = await this.#database.queries.selectFrom("ab_test_figures").select(["replica", "figures_json"]).where("test", "=", test).orderBy("replica").execute();
    return rows.map(({ replica, figures_json: text }) => {
      const figures = AbTestFigures.safeParse(JSON.parse(text));
      // Missing figures must not be taken for none.
      if (!figures.success) throw new AppError("INTERNAL", "The figures of another server cannot be read; it may be of another release.", { cause: figures.error });
      return { replica, figures: figures.data };
    });
  }

  addOutcomes(test: string, outcomes: readonly AbTestOutcome[], now: EpochMs): Promise<void> {
    // One statement cannot write a row twice: the last value of a prediction counts.
    const last = [...new Map(outcomes.map((outcome) => [`${outcome.metric}\n${outcome.predictionId}`, outcome])).values()];
    return this.#database.transaction(async (transaction) => {
      for (let from = 0; from < last.length; from += chunk) {
        const rows = last.slice(from, from + chunk).map(({ predictionId, metric, value }) => ({ test, metric, prediction_id: predictionId, value, received_at: now }));
        await transaction
          .insertInto("ab_test_outcomes")
          .values(rows)
          .onConflict((conflict) =>
            conflict.columns(["test", "metric", "prediction_id"])
              .doUpdateSet({ value: sql`excluded.value`, received_at: sql`excluded.received_at` })
              .where(sql<boolean>`ab_test_outcomes.value <> excluded.value`))
          .execute();
      }
    });
  }

  async outcomesSince(test: string, receivedAt: number, after: string | null, limit: number): Promise<StoredOutcome[]> {
    let query = this.#database.queries.selectFrom("ab_test_outcomes").selectAll().where("test", "=", test).where("received_at", ">=", receivedAt);
    if (after !== null) query = query.where(({ or, eb }) => or([eb("received_at", ">", receivedAt), eb("prediction_id", ">", after)]));
    const rows = await query.orderBy("received_at").orderBy("prediction_id").limit(limit).execute();
    return rows.map((row) => ({ predictionId: row.prediction_id, metric: row.metric, value: row.value, receivedAt: row.received_at }));
  }
}
