import type { Selectable } from "kysely";
import { epochMs } from "../../../core/clock.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { Evaluation } from "../../../evaluation/schemas.ts";
import type { EvaluationStore } from "../../../evaluation/evaluation-store.ts";
import type { VersionEvaluationRow } from "./dataset-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { holdModel, readVersion } from "../registry/sql-registry-rows.ts";
import { writeEvents } from "../events/write-events.ts";

/** Evaluations as JSON beside what they are found by. A renamed model's are under its new name. */
export class SqlEvaluationStore implements EvaluationStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  add(evaluation: Evaluation, { actor }: { actor: string }): Promise<void> {
    const { id, model, version, time, workflowRun, dataset, comparisons } = evaluation;
    return this.#database.transaction(async (transaction) => {
      // Held, so that the version is not removed in between.
      const { team } = await holdModel(transaction, model);
      await readVersion(transaction, model, version);
      const added = await transaction
        .insertInto("version_evaluations")
        .values({ id, model, version: Number(version), time, workflow_run: workflowRun, report_json: JSON.stringify(evaluation), dataset_digest: dataset.digest })
        .onConflict((conflict) => conflict.column("id").doNothing())
        .returning("id")
        .executeTakeFirst();
      if (added === undefined) return;
      await writeEvents(transaction, this.#ids, [{
        type: "model.version.evaluated", object: `model:${model}`, team, actor, time: epochMs(time),
        payload: { model, version, evaluation: id, dataset: dataset.name, verdicts: comparisons.map(({ role, verdict }) => ({ role, verdict })) },
      }]);
    });
  }

  async find(id: string): Promise<Evaluation | null> {
    const row = await this.#database.queries.selectFrom("version_evaluations").selectAll().where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : evaluationOf(row);
  }

  async list(model: string, version: string, limit: number): Promise<Evaluation[]> {
    const rows = await this.#database.queries
      .selectFrom("version_evaluations").selectAll()
      .where("model", "=", model).where("version", "=", Number(version))
      .orderBy("id", "desc").limit(limit).execute();
    return rows.map(evaluationOf);
  }
}

/** The row knows the model's name of today. */
function evaluationOf({ report_json: report, model }: Selectable<VersionEvaluationRow>): Evaluation {
  return { ...(JSON.parse(report) as Evaluation), model };
}
