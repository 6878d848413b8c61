import { silentLogger } from "../../core/logger.ts";
import type { Prediction, PredictionFilter } from "../../serving/index.ts";
import type { PredictionArchive, StagedFile } from "../filesystem/prediction-log/prediction-archive.ts";
import { DuckdbChild, type DuckdbChildOptions } from "./duckdb-child.ts";
import type { DuckdbTasks } from "./duckdb-tasks.ts";

/**
 * Writes and reads the prediction log's Parquet files with DuckDB. Two processes: one at low priority for conversions,
 * which may take seconds, and one for the searches that somebody waits for.
 */
export class DuckdbPredictionArchive implements PredictionArchive {
  readonly #writer: DuckdbChild;
  readonly #reader: DuckdbChild;
  readonly #writeTimeoutMs: number;
  readonly #readTimeoutMs: number;

  constructor(options: Pick<DuckdbChildOptions, "environment" | "logger"> & { writeTimeoutMs?: number; readTimeoutMs?: number } = {}) {
    const { environment = {}, logger = silentLogger } = options;
    this.#writer = new DuckdbChild({ environment, logger, niceness: 10 });
    this.#reader = new DuckdbChild({ environment, logger });
    this.#writeTimeoutMs = options.writeTimeoutMs ?? 300_000;
    this.#readTimeoutMs = options.readTimeoutMs ?? 30_000;
  }

  convert(request: DuckdbTasks["convertSegment"]["request"]): Promise<StagedFile[]> {
    return this.#writer.run("convertSegment", request, this.#writeTimeoutMs);
  }

  merge(request: DuckdbTasks["mergePredictions"]["request"]): Promise<StagedFile> {
    return this.#writer.run("mergePredictions", request, this.#writeTimeoutMs);
  }

  find(files: readonly string[], id: string): Promise<Prediction | null> {
    return this.#reader.run("findPrediction", { files, id }, this.#readTimeoutMs);
  }

  list(files: DuckdbTasks["listPredictions"]["request"]["files"], filter: PredictionFilter): Promise<Prediction[]> {
    return this.#reader.run("listPredictions", { files, filter }, this.#readTimeoutMs);
  }

  async close(): Promise<void> {
    await Promise.all([this.#writer.close(), this.#reader.close()]);
  }
}
