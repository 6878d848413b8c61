import { AppError } from "../../core/errors.ts";
import type { ImportSource, SourceArtifacts, SourceExperiment, SourceLoggedModel, SourceModel, SourcePage, SourceRun } from "../../importing/import-source.ts";
import type { DatasetInput, LoggedModelStatus, Metric, Tag } from "../../tracking/schemas.ts";
import type { LocalArtifacts } from "./local-artifacts.ts";
import { lifecycleOf, loggedModelOf, runStatusOf, textOf, numberOf } from "./mlflow-values.ts";
import type { Row, SqliteReader } from "./sqlite-reader.ts";

const among = "(select value from json_each(?))";
const metricPage = 1000;

/** Tables of what has no place here yet, and what a person calls it. */
const leftTables: readonly (readonly [string, string])[] = [
  ["trace_info", "traces"], ["assessments", "assessments"], ["evaluation_datasets", "evaluation datasets"], ["scorers", "scorers"],
  ["webhooks", "webhooks"], ["entity_associations", "links between objects"], ["endpoints", "gateway endpoints"], ["jobs", "jobs"],
];

/** The database of an MLflow server, of any version of its schema from 2.0 on: what a version does not have is taken as empty. */
export class SqliteSource implements ImportSource {
  readonly #reader: SqliteReader;
  readonly #artifacts: LocalArtifacts;

  constructor(reader: SqliteReader, artifacts: LocalArtifacts) {
    this.#reader = reader;
    this.#artifacts = artifacts;
  }

  async experiments(): Promise<SourceExperiment[]> {
    const needed = await this.#reader.columns("runs");
    if (!needed.has("run_uuid")) throw new AppError("IMPORT_SOURCE_INVALID", "The database has no table of MLflow's runs.");
    const columns = await this.#reader.selection("experiments", ["experiment_id", "name", "lifecycle_stage", "creation_time", "last_update_time"]);
    const rows = await this.#reader.all(`select ${columns} from experiments order by experiment_id`);
    const tags = await this.#tags("experiment_tags", "experiment_id", rows.map(({ experiment_id: id }) => id!));
    return rows.map((row) => ({
      id: textOf(row.experiment_id), name: textOf(row.name), lifecycle: lifecycleOf(row.lifecycle_stage),
      createdAt: numberOf(row.creation_time), updatedAt: numberOf(row.last_update_time), tags: tags.get(textOf(row.experiment_id)) ?? [],
    }));
  }

  async runs({ id }: SourceExperiment, after: string | null, limit: number): Promise<SourcePage<SourceRun>> {
    const columns = await this.#reader.selection("runs", ["run_uuid", "name", "user_id", "status", "start_time", "end_time", "lifecycle_stage", "artifact_uri"]);
    const rows = await this.#reader.all(`select ${columns} from runs where experiment_id = ? and run_uuid > ? order by run_uuid limit ?`, Number(id), after ?? "", limit);
    const ids = rows.map(({ run_uuid: run }) => textOf(run));
    const [params, tags, datasets, models] = await Promise.all([this.#tags("params", "run_uuid", ids), this.#tags("tags", "run_uuid", ids), this.#datasets(ids), this.#models(ids)]);
    const items = rows.map((row): SourceRun => {
      const run = textOf(row.run_uuid);
      const own = tags.get(run) ?? [];
      return {
        id: run, name: textOf(row.name) || (own.find(({ key }) => key === "mlflow.runName")?.value ?? ""), user: textOf(row.user_id),
        status: runStatusOf(row.status), startTime: numberOf(row.start_time) ?? 0, endTime: numberOf(row.end_time), lifecycle: lifecycleOf(row.lifecycle_stage),
        artifactUri: textOf(row.artifact_uri), params: params.get(run) ?? [], tags: own, datasets: datasets.get(run) ?? [],
        modelInputs: models.filter((each) => each.run === run && !each.made).map(({ model }) => model),
        modelOutputs: models.filter((each) => each.run === run && each.made).map(({ model, step }) => ({ model, step })), notes: [],
      };
    });
    return { items, next: items.length < limit ? null : ids.at(-1)! };
  }

  async *metrics(_experiment: SourceExperiment, run: SourceRun): AsyncGenerator<Metric[]> {
    for (let last = 0; ; ) {
      const rows = await this.#reader.all(
        "select rowid as place, key, value, is_nan, timestamp, step from metrics where run_uuid = ? and rowid > ? order by rowid limit ?", run.id, last, metricPage,
      );
      if (rows.length > 0) yield rows.map(metricOf);
      if (rows.length < metricPage) return;
      last = Number(rows.at(-1)!.place);
    }
  }

  artifacts({ id }: SourceExperiment, of: { run: SourceRun } | { model: SourceLoggedModel }): Promise<SourceArtifacts> {
    const path = "run" in of ? `${id}/${of.run.id}/artifacts` : `${id}/models/${of.model.id}/artifacts`;
    return this.#artifacts.of("run" in of ? of.run.artifactUri : of.model.artifactUri, [`mlruns/${path}`, `mlartifacts/${path}`]);
  }

  async loggedModels({ id }: SourceExperiment, after: string | null, limit: number): Promise<SourcePage<SourceLoggedModel>> {
    if ((await this.#reader.columns("logged_models")).size === 0) return { items: [], next: null };
    const rows = await this.#reader.all(
      "select * from logged_models where experiment_id = ? and model_id > ? and lifecycle_stage <> 'deleted' order by model_id limit ?", Number(id), after ?? "", limit,
    );
    const ids = rows.map(({ model_id: model }) => textOf(model));
    const [params, tags, metrics] = await Promise.all([
      this.#tags("logged_model_params", "model_id", ids, ["param_key", "param_value"]), this.#tags("logged_model_tags", "model_id", ids, ["tag_key", "tag_value"]),
      this.#reader.all(`select * from logged_model_metrics where model_id in ${among}`, JSON.stringify(ids)),
    ]);
    const items = rows.map((row): SourceLoggedModel => {
      const model = textOf(row.model_id);
      return {
        id: model, name: textOf(row.name), status: loggedModelStatusOf(row.status), createdAt: numberOf(row.creation_timestamp_ms) ?? 0,
        updatedAt: numberOf(row.last_updated_timestamp_ms) ?? 0, modelType: textOf(row.model_type), sourceRun: textOf(row.source_run_id) || null,
        artifactUri: textOf(row.artifact_location), params: params.get(model) ?? [], tags: tags.get(model) ?? [],
        metrics: metrics.filter((metric) => metric.model_id === model).map((metric) => ({
          key: textOf(metric.metric_name), value: metric.metric_value === null ? Number.NaN : Number(metric.metric_value), timestamp: numberOf(metric.metric_timestamp_ms) ?? 0,
          step: numberOf(metric.metric_step) ?? 0, run: textOf(metric.run_id),
          ...(metric.dataset_name === null ? {} : { datasetName: textOf(metric.dataset_name) }), ...(metric.dataset_digest === null ? {} : { datasetDigest: textOf(metric.dataset_digest) }),
        })),
      };
    });
    return { items, next: items.length < limit ? null : ids.at(-1)! };
  }

  async modelNames(): Promise<string[]> {
    if ((await this.#reader.columns("registered_models")).size === 0) return [];
    return (await this.#reader.all("select name from registered_models order by name")).map(({ name }) => textOf(name));
  }

  async model(name: string): Promise<SourceModel> {
    const [model] = await this.#reader.all("select * from registered_models where name = ?", name);
    if (model === undefined) throw new AppError("IMPORT_SOURCE_INVALID", `The source has no registered model ${JSON.stringify(name)} any more.`);
    const tags = await this.#tags("registered_model_tags", "name", [name]);
    const hasAliases = (await this.#reader.columns("registered_model_aliases")).size > 0;
    const aliases = hasAliases ? await this.#reader.all("select alias, version from registered_model_aliases where name = ?", name) : [];
    // A version that is deleted stays in the table, with this stage.
    const versions = await this.#reader.all("select * from model_versions where name = ? and current_stage <> 'Deleted_Internal' order by version", name);
    const versionTags = await this.#reader.all("select version, key, value from model_version_tags where name = ?", name);
    return {
      name, createdAt: numberOf(model.creation_time) ?? 0, description: textOf(model.description), tags: tags.get(name) ?? [],
      aliases: Object.fromEntries(aliases.map(({ alias, version }) => [textOf(alias), textOf(version)])),
      versions: versions.map((row) => ({
        version: Number(row.version), createdAt: numberOf(row.creation_time) ?? 0, description: textOf(row.description), stage: textOf(row.current_stage),
        source: textOf(row.source), runId: textOf(row.run_id) || null, runLink: textOf(row.run_link), loggedModel: loggedModelOf(textOf(row.source)),
        tags: versionTags.filter(({ version }) => version === row.version).map(tagOf),
      })),
    };
  }

  async cannotCome(): Promise<string[]> {
    const found: string[] = [];
    for (const [table, name] of leftTables) {
      if ((await this.#reader.columns(table)).size === 0) continue;
      const [row] = await this.#reader.all(`select count(*) as count from "${table}"`);
      if (Number(row!.count) > 0) found.push(`${Number(row!.count)} ${name} stay: there is no place for them here.`);
    }
    if ((await this.#reader.columns("experiments")).has("workspace")) {
      const [row] = await this.#reader.all("select count(distinct workspace) as count from experiments");
      if (Number(row!.count) > 1) found.push("It has several workspaces: experiments of the same name become one here.");
    }
    return found;
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  async #tags(table: string, owner: string, ids: readonly (string | number | Uint8Array)[], [key, value]: readonly [string, string] = ["key", "value"]): Promise<Map<string, Tag[]>> {
    if ((await this.#reader.columns(table)).size === 0) return new Map();
    const rows = await this.#reader.all(`select "${owner}" as owner, "${key}" as key, "${value}" as value from "${table}" where "${owner}" in ${among} order by 2`, JSON.stringify(ids));
    const tags = new Map<string, Tag[]>();
    for (const row of rows) {
      const own = tags.get(textOf(row.owner)) ?? [];
      own.push(tagOf(row));
      tags.set(textOf(row.owner), own);
    }
    return tags;
  }

  async #datasets(runs: readonly string[]): Promise<Map<string, DatasetInput[]>> {
    const inputs = new Map<string, DatasetInput[]>();
    if ((await this.#reader.columns("inputs")).size === 0) return inputs;
    const rows = await this.#reader.all(
      `select i.input_uuid, i.destination_id, d.* from inputs i join datasets d on d.dataset_uuid = i.source_id
       where i.source_type = 'DATASET' and i.destination_type = 'RUN' and i.destination_id in ${among} order by i.input_uuid`, JSON.stringify(runs),
    );
    const tags = await this.#tags("input_tags", "input_uuid", rows.map(({ input_uuid: id }) => textOf(id)), ["name", "value"]);
    for (const row of rows) {
      const own = inputs.get(textOf(row.destination_id)) ?? [];
      own.push({
        tags: tags.get(textOf(row.input_uuid)) ?? [],
        dataset: {
          name: textOf(row.name), digest: textOf(row.digest), sourceType: textOf(row.dataset_source_type), source: textOf(row.dataset_source),
          ...(row.dataset_schema === null ? {} : { schema: textOf(row.dataset_schema) }), ...(row.dataset_profile === null ? {} : { profile: textOf(row.dataset_profile) }),
        },
      });
      inputs.set(textOf(row.destination_id), own);
    }
    return inputs;
  }

  async #models(runs: readonly string[]): Promise<{ run: string; made: boolean; model: string; step: number }[]> {
    if ((await this.#reader.columns("inputs")).size === 0) return [];
    const step = await this.#reader.selection("inputs", ["step"]);
    const rows = await this.#reader.all(
      `select source_type, source_id, destination_id, ${step} from inputs where source_type in ('RUN_INPUT', 'RUN_OUTPUT') and source_id in ${among} order by input_uuid`,
      JSON.stringify(runs),
    );
    return rows.map((row) => ({ run: textOf(row.source_id), made: row.source_type === "RUN_OUTPUT", model: textOf(row.destination_id), step: numberOf(row.step) ?? 0 }));
  }
}

function metricOf({ key, value, is_nan: isNan, timestamp, step }: Row): Metric {
  return { key: textOf(key), value: Number(isNan) === 1 ? Number.NaN : Number(value), timestamp: numberOf(timestamp) ?? 0, step: numberOf(step) ?? 0 };
}

function tagOf({ key, value }: Row): Tag {
  return { key: textOf(key), value: textOf(value) };
}

function loggedModelStatusOf(status: unknown): LoggedModelStatus {
  return Number(status) === 2 ? "LOGGED_MODEL_READY" : Number(status) === 3 ? "LOGGED_MODEL_UPLOAD_FAILED" : "LOGGED_MODEL_PENDING";
}
