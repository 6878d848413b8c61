import { sql, type Kysely } from "kysely";
import type { IdGenerator } from "../../../core/ids.ts";
import type { TrackingStore } from "../../../tracking/tracking-store.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { SharedBatches } from "../shared-batches.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { experimentNumber, SqlExperiments } from "./sql-experiments.ts";
import { SqlMetricHistory } from "./sql-metric-history.ts";
import { SqlRunInputs } from "./sql-run-inputs.ts";
import { SqlRunLog } from "./sql-run-log.ts";
import { RunReader } from "./sql-run-rows.ts";
import { SqlRunSearch } from "./sql-run-search.ts";
import { SqlRuns } from "./sql-runs.ts";

const mostKeys = 5000;

type Method<Name extends keyof TrackingStore> = TrackingStore[Name];

/** Experiments and runs in SQL: the parts of the port, each in a file of its own, over one database. */
export class SqlTrackingStore implements TrackingStore {
  readonly #experiments: SqlExperiments;
  readonly #runs: SqlRuns;
  readonly #log: SqlRunLog;
  readonly #inputs: SqlRunInputs;
  readonly #history: SqlMetricHistory;
  readonly #search: SqlRunSearch;
  readonly #queries: Kysely<DatabaseSchema>;

  /** `ids` names the events that are written along. */
  constructor(database: SqlDatabase, ids: IdGenerator) {
    const batches = new SharedBatches(database);
    this.#queries = database.queries;
    const reader = new RunReader(database.queries);
    this.#search = new SqlRunSearch(database.queries, reader);
    this.#experiments = new SqlExperiments(database, ids);
    this.#log = new SqlRunLog(database, batches);
    this.#runs = new SqlRuns(database, { batches, log: this.#log, reader, ids });
    this.#inputs = new SqlRunInputs(database.queries, this.#log);
    this.#history = new SqlMetricHistory(database.queries);
  }

  createExperiment: Method<"createExperiment"> = (request) => this.#experiments.createExperiment(request);
  findExperiment: Method<"findExperiment"> = (id) => this.#experiments.findExperiment(id);
  findExperimentByName: Method<"findExperimentByName"> = (name) => this.#experiments.findExperimentByName(name);
  searchExperiments: Method<"searchExperiments"> = (search) => this.#experiments.searchExperiments(search);
  listExperiments: Method<"listExperiments"> = (request) => this.#experiments.listExperiments(request);
  renameExperiment: Method<"renameExperiment"> = (id, name, now) => this.#experiments.renameExperiment(id, name, now);
  setExperimentLifecycle: Method<"setExperimentLifecycle"> = (id, lifecycle, by) => this.#experiments.setExperimentLifecycle(id, lifecycle, by);
  setExperimentTag: Method<"setExperimentTag"> = (id, tag, now) => this.#experiments.setExperimentTag(id, tag, now);
  deleteExperimentTag: Method<"deleteExperimentTag"> = (id, key, now) => this.#experiments.deleteExperimentTag(id, key, now);
  createRun: Method<"createRun"> = (request) => this.#runs.createRun(request);
  importRun: Method<"importRun"> = (request) => this.#runs.importRun(request);
  findRun: Method<"findRun"> = (id) => this.#runs.findRun(id);
  findRuns: Method<"findRuns"> = (ids) => this.#runs.findRuns(ids);
  experimentOfRun: Method<"experimentOfRun"> = (id) => this.#runs.experimentOfRun(id);
  updateRun: Method<"updateRun"> = (id, changes, by) => this.#runs.updateRun(id, changes, by);
  setRunLifecycle: Method<"setRunLifecycle"> = (id, lifecycle, now) => this.#runs.setRunLifecycle(id, lifecycle, now);
  logToRun: Method<"logToRun"> = (id, changes) => this.#log.log(id, changes);
  appendToRunTag: Method<"appendToRunTag"> = (id, key, element) => this.#log.append(id, key, element);
  deleteRunTag: Method<"deleteRunTag"> = (id, key) => this.#runs.deleteRunTag(id, key);
  logInputs: Method<"logInputs"> = (id, inputs) => this.#inputs.logInputs(id, inputs);
  logOutputs: Method<"logOutputs"> = (id, models) => this.#inputs.logOutputs(id, models);
  searchRuns: Method<"searchRuns"> = (search) => this.#search.search(search);
  searchDatasets: Method<"searchDatasets"> = (experiments) => this.#inputs.searchDatasets(experiments);
  metricHistory: Method<"metricHistory"> = (run, key, page) => this.#history.metricHistory(run, key, page);
  metricExtent: Method<"metricExtent"> = (run, key) => this.#history.metricExtent(run, key);
  sampleMetric: Method<"sampleMetric"> = (request) => this.#history.sampleMetric(request);
  metricSteps: Method<"metricSteps"> = (runs, key) => this.#history.metricSteps(runs, key);
  metricsAtSteps: Method<"metricsAtSteps"> = (run, key, steps) => this.#history.metricsAtSteps(run, key, steps);

  async listRunKeys(experiments: readonly string[]): Promise<{ metrics: string[]; params: string[]; tags: string[] }> {
    const numbers = experiments.map(experimentNumber).filter((number) => number !== null);
    const [metrics, params, tags] = await Promise.all((["latest_metrics", "run_params", "run_tags"] as const).map((table) => this.#keysOf(table, numbers)));
    return { metrics: metrics!, params: params!, tags: tags! };
  }

  /** Leaps from key to key through the index, which has every run's entry of each. */
  async #keysOf(table: "latest_metrics" | "run_params" | "run_tags", experiments: readonly number[]): Promise<string[]> {
    const keys = new Set<string>();
    for (const experiment of experiments) {
      const least = sql`select min(key) from ${sql.table(table)} where experiment = ${experiment}`;
      const leaps = sql<{ key: string | null }>`(
        with recursive leaps(key) as (${least} union all select (${least} and key > leaps.key) from leaps where leaps.key is not null)
        select key from leaps where key is not null limit ${mostKeys})`;
      for (const { key } of await this.#queries.selectFrom(leaps.as("keys")).select("key").execute()) keys.add(key!);
    }
    return [...keys].sort().slice(0, mostKeys);
  }
}
