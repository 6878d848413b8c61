import { type Kysely, sql } from "kysely";
import type { DatasetStore } from "../../../datasets/dataset-store.ts";
import type { LoggedDataset } from "../../../datasets/schemas.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { experimentNumber } from "./sql-experiments.ts";

const keyOf = (row: { experiment: number; name: string; digest: string }): string => JSON.stringify([row.experiment, row.name, row.digest]);

/** What runs logged as their datasets, newest first. Runs that were deleted do not count. */
export async function loggedDatasets(queries: Kysely<DatabaseSchema>, request: Parameters<DatasetStore["listLogged"]>[0]): Promise<LoggedDataset[]> {
  const { visible, experiment, name, offset, limit } = request;
  let query = queries
    .selectFrom("datasets").innerJoin("experiments", "experiments.id", "datasets.experiment").selectAll("datasets")
    .where("experiments.lifecycle", "=", "active")
    .orderBy("datasets.created_at", "desc").orderBy("datasets.experiment", "desc").orderBy("datasets.name").orderBy("datasets.digest").offset(offset).limit(limit);
  if (experiment !== undefined) query = query.where("datasets.experiment", "=", experimentNumber(experiment) ?? -1);
  if (name !== undefined) query = query.where("datasets.name", "=", name);
  if (visible !== "all") {
    const numbers = visible.experiments.map(experimentNumber).filter((number) => number !== null);
    query = query.where(({ or, eb }) => or([...(visible.teams.length === 0 ? [] : [eb("experiments.team", "in", [...visible.teams])]), eb("experiments.id", "in", [...numbers, -1])]));
  }
  const datasets = await query.execute();
  if (datasets.length === 0) return [];
  const uses = await queries
    .selectFrom("run_datasets").innerJoin("runs", "runs.number", "run_datasets.run")
    .select(["run_datasets.experiment", "run_datasets.name", "run_datasets.digest", "context"]).select(({ fn }) => fn.countAll().as("runs"))
    .where("runs.lifecycle", "=", "active")
    .where(({ or, and, eb }) =>
      or(datasets.map((dataset) => and([eb("run_datasets.experiment", "=", dataset.experiment), eb("run_datasets.name", "=", dataset.name), eb("run_datasets.digest", "=", dataset.digest)]))))
    .groupBy(["run_datasets.experiment", "run_datasets.name", "run_datasets.digest", "context"])
    .orderBy(sql.ref("context"))
    .execute();
  const usesOf = Map.groupBy(uses, keyOf);
  return datasets.map((dataset) => {
    const used = usesOf.get(keyOf(dataset)) ?? [];
    return {
      name: dataset.name, digest: dataset.digest, experiment: String(dataset.experiment), sourceType: dataset.source_type, source: dataset.source,
      schema: dataset.schema_text, profile: dataset.profile_text,
      // One row of a run and a dataset: a run is counted once, whatever its context.
      runs: used.reduce((sum, { runs }) => sum + Number(runs), 0),
      contexts: used.flatMap(({ context }) => (context === null ? [] : [context])),
    };
  });
}
