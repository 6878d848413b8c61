import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { DuckdbChild } from "./adapters/duckdb/duckdb-child.ts";
import { DuckdbTableReader } from "./adapters/duckdb/duckdb-table-reader.ts";
import { SqlDatasetStore } from "./adapters/sql/datasets/sql-dataset-store.ts";
import { SqlEvaluationStore } from "./adapters/sql/datasets/sql-evaluation-store.ts";
import type { SqlDatabase } from "./adapters/sql/sql-database.ts";
import { AppError } from "./core/errors.ts";
import type { IdGenerator } from "./core/ids.ts";
import { EvaluationService, evaluationWorkflow, type EvaluatedRegistry, type Predictor } from "./evaluation/index.ts";
import type { BlobStore, Contract, RegistryService, RegistrySearch } from "./registry/index.ts";
import type { ModelRuntime } from "./serving/index.ts";
import type { WorkflowDefinition, WorkflowService } from "./workflows/index.ts";

interface Parts {
  database: SqlDatabase;
  ids: IdGenerator;
  registry: RegistryService;
  registryStore: Pick<RegistrySearch, "listChanges">;
  blobs: BlobStore;
  runtime: ModelRuntime;
  duckdb: DuckdbChild;
  /** Made after the definition. */
  workflows: () => WorkflowService;
}

export interface OpenedEvaluation {
  definition: WorkflowDefinition;
  evaluations: EvaluationService;
}

/** Evaluations of versions: the workflow, and what starts it. */
export function openEvaluation({ database, ids, registry, registryStore, blobs, runtime, duckdb, workflows }: Parts): OpenedEvaluation {
  const datasets = new SqlDatasetStore(database, ids);
  const store = new SqlEvaluationStore(database, ids);
  const evaluated: EvaluatedRegistry = {
    model: (name) => registry.model(name),
    version: (model, version) => registry.version(model, version),
    policy: (model) => registry.policy(model),
    changes: (model, limit) => registryStore.listChanges(model, { limit }),
  };
  const definition = evaluationWorkflow({
    registry: evaluated, datasets, tables: new DuckdbTableReader(duckdb), blobs, store, predictor: new RuntimePredictor(runtime, blobs),
    linesOf: (path) => createInterface({ input: createReadStream(path) }),
    runOf: (run) => workflows().find(run),
  });
  const evaluations = new EvaluationService({
    store, registry: evaluated, datasets,
    workflows: { start: (...request) => workflows().start(...request), list: (filter) => workflows().list(filter) },
  });
  return { definition, evaluations };
}

/** Versions in runners of their own, which serve nobody. */
class RuntimePredictor implements Predictor {
  readonly #runtime: ModelRuntime;
  readonly #blobs: BlobStore;

  constructor(runtime: ModelRuntime, blobs: BlobStore) {
    this.#runtime = runtime;
    this.#blobs = blobs;
  }

  async load(contract: Contract, signal: AbortSignal): ReturnType<Predictor["load"]> {
    const artifact = contract.runtime.artifacts[0];
    if (artifact === undefined) throw new AppError("VERSION_FAILED", "The version has no artifact.");
    const runner = await this.#runtime.start(await this.#blobs.verifiedPath(artifact.digest), contract, "runner");
    const stop = (): void => runner.kill("the evaluation was stopped");
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    return {
      predict: async (inputs) => {
        const { outputs, held } = await runner.run(inputs);
        held?.release();
        return outputs;
      },
      close: async () => {
        signal.removeEventListener("abort", stop);
        await runner.close();
      },
    };
  }
}
