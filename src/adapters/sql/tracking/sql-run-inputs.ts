import { sql, type CompiledQuery, type Kysely } from "kysely";
import type { DatasetInput, ModelOutput } from "../../../tracking/schemas.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { experimentNumber } from "./sql-experiments.ts";
import type { SqlRunLog } from "./sql-run-log.ts";

const contextTag = "mlflow.data.context";

/** What runs read and made: datasets and logged models. */
export class SqlRunInputs {
  readonly #queries: Kysely<DatabaseSchema>;
  readonly #log: SqlRunLog;

  constructor(queries: Kysely<DatabaseSchema>, log: SqlRunLog) {
    this.#queries = queries;
    this.#log = log;
  }

  async logInputs(id: string, { datasets, models }: { datasets: readonly DatasetInput[]; models: readonly string[] }): Promise<void> {
    const statements = [this.#log.stateOf(id), ...datasets.flatMap((input) => this.#datasetStatements(id, input)), ...models.map((model) => this.#model(id, "input", { model, step: 0 }))];
    await this.#log.write(id, statements);
  }

  async logOutputs(id: string, models: readonly ModelOutput[]): Promise<void> {
    await this.#log.write(id, [this.#log.stateOf(id), ...models.map((output) => this.#model(id, "output", output))]);
  }

  async searchDatasets(experiments: readonly string[]): Promise<{ experiment: string; name: string; digest: string; context: string | null }[]> {
    const numbers = experiments.map(experimentNumber).filter((number) => number !== null);
    const rows = await this.#queries
      .selectFrom("run_datasets").select(["experiment", "name", "digest", "context"]).distinct()
      .where("experiment", "in", [...numbers, -1]).orderBy("experiment").orderBy("name").orderBy("digest").orderBy("context").limit(1000).execute();
    return rows.map((row) => ({ ...row, experiment: String(row.experiment) }));
  }

  #datasetStatements(id: string, { dataset: { name, digest, sourceType, source, schema, profile }, tags }: DatasetInput): CompiledQuery[] {
    const context = tags.find(({ key }) => key === contextTag)?.value ?? null;
    return [
      sql`insert into datasets (experiment, name, digest, source_type, source, schema_text, profile_text, created_at)
        select experiment, ${name}, ${digest}, ${sourceType}, ${source}, ${schema ?? null}, ${profile ?? null}, start_time from runs
        where id = ${id} and lifecycle = 'active' on conflict (experiment, name, digest) do nothing`,
      sql`insert into run_datasets (run, name, digest, experiment, tags_json, context)
        select number, ${name}, ${digest}, experiment, ${JSON.stringify(tags)}, ${context} from runs where id = ${id} and lifecycle = 'active'
        on conflict (run, name, digest) do update set tags_json = excluded.tags_json, context = excluded.context`,
    ].map((statement) => statement.compile(this.#queries));
  }

  #model(id: string, direction: "input" | "output", { model, step }: { model: string; step: number }): CompiledQuery {
    return sql`insert into run_models (run, direction, model, step)
      select number, ${direction}, ${model}, ${step} from runs where id = ${id} and lifecycle = 'active'
      on conflict (run, direction, model) do update set step = excluded.step`.compile(this.#queries);
  }
}
