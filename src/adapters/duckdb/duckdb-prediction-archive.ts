import { AppError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import type { Prediction, PredictionFilter } from "../../serving/index.ts";
import type { PredictionArchive, StagedFile } from "../filesystem/prediction-log/prediction-archive.ts";
import { DuckdbChild, DuckdbChildError, type DuckdbChildOptions } from "./duckdb-child.ts";
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

  /** Throws PREDICTION_LOG_UNAVAILABLE when it takes too long or too much, SHUTTING_DOWN once the archive is closed. */
  find(files: readonly string[], id: string): Promise<Prediction | null> {
    return this.#read("findPrediction", { files, id });
  }

  /** Throws as `find` does. */
  list(files: DuckdbTasks["listPredictions"]["request"]["files"], filter: PredictionFilter): Promise<Prediction[]> {
    return this.#read("listPredictions", { files, filter });
  }

  hasten(): void {
    this.#writer.hasten();
  }

  async close(): Promise<void> {
    await Promise.all([this.#writer.close(), this.#reader.close()]);
  }

  async #read<Name extends "findPrediction" | "listPredictions">(task: Name, request: DuckdbTasks[Name]["request"]): Promise<DuckdbTasks[Name]["answer"]> {
    try {
      return await this.#reader.run(task, request, this.#readTimeoutMs);
    } catch (cause) {
      if (!(cause instanceof DuckdbChildError) || cause.reason === "failed") throw cause;
      if (cause.reason === "closed") throw new AppError("SHUTTING_DOWN", "The prediction log is closed.", { cause });
      const how = cause.reason === "timeout" ? `took longer than ${this.#readTimeoutMs / 1000} seconds` : cause.reason === "still" ? "stood still" : "was too much for its process";
      throw new AppError("PREDICTION_LOG_UNAVAILABLE", `The search in the prediction log ${how}.`, { cause });
    }
  }
}
