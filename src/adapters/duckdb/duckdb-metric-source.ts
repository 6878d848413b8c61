import { epochMs, type EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import type { Signature } from "../../registry/index.ts";
import type { MetricQuestion, MetricSource } from "../../rollouts/metrics/metric-source.ts";
import type { StoredTruth, TruthStore } from "../../serving/index.ts";
import type { PredictionPlaces, PredictionRange } from "../filesystem/prediction-log/prediction-places.ts";
import { DuckdbChild, DuckdbChildError, type DuckdbChildOptions } from "./duckdb-child.ts";

export interface MetricSourceParts extends Pick<DuckdbChildOptions, "environment" | "logger"> {
  log: { within<Result>(range: PredictionRange, read: (places: PredictionPlaces) => Promise<Result>): Promise<Result> };
  truth: Pick<TruthStore, "readSince">;
  signatureOf(model: string, version: string): Promise<Signature | null> | Signature | null;
  timeoutMs?: number;
  maxResidentBytes?: number;
}

/** Truth beyond this is left out: that of the phase that arrived first counts. */
const mostTruth = 200_000;
const truthPage = 5000;

/**
 * Answers SQL of users in a process of its own at low priority, one question after the other: it is killed when it takes too long or too much memory, and DuckDB in it
 * reaches no file, no network and no extension by then. Sees the predictions that this server logged.
 */
export class DuckdbMetricSource implements MetricSource {
  readonly #parts: MetricSourceParts;
  readonly #child: DuckdbChild;
  readonly #timeoutMs: number;

  constructor(parts: MetricSourceParts) {
    const { environment = {}, logger = silentLogger, maxResidentBytes = 1200 * 2 ** 20, timeoutMs = 20_000 } = parts;
    this.#parts = parts;
    this.#timeoutMs = timeoutMs;
    this.#child = new DuckdbChild({ environment, logger, niceness: 10, maxResidentBytes });
  }

  async check(sql: string): Promise<void> {
    await this.#run(() => this.#child.run("checkMetric", { sql }, this.#timeoutMs));
  }

  async ask(question: MetricQuestion): Promise<number | null> {
    const { log, signatureOf } = this.#parts;
    const signature = await signatureOf(question.model, question.version);
    const truth = /truth/i.test(question.sql) ? await this.#truthSince(question.from) : [];
    return this.#run(() => log.within(question, (places) => this.#child.run("answerMetric", { question, ...places, signature, truth }, this.#timeoutMs)));
  }

  close(): Promise<void> {
    return this.#child.close();
  }

  /** A prediction's truth arrives after the prediction. */
  async #truthSince(from: EpochMs): Promise<Pick<StoredTruth, "predictionId" | "row" | "value">[]> {
    const found: Pick<StoredTruth, "predictionId" | "row" | "value">[] = [];
    let last: StoredTruth | undefined;
    while (found.length < mostTruth) {
      const page: StoredTruth[] = await this.#parts.truth.readSince(epochMs(last?.receivedAt ?? from), last ?? null, truthPage);
      for (const { predictionId, row, value } of page) found.push({ predictionId, row, value });
      if (page.length < truthPage) break;
      last = page.at(-1);
    }
    return found;
  }

  async #run<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await work();
    } catch (cause) {
      if (!(cause instanceof DuckdbChildError) || cause.reason === "failed") throw cause;
      if (cause.reason === "closed") throw new AppError("SHUTTING_DOWN", "Metrics are answered no more.", { cause });
      const how = cause.reason === "timeout" ? `took longer than ${this.#timeoutMs / 1000} seconds` : cause.reason === "still" ? "stood still" : "needed more memory than it may have";
      throw new AppError("PREDICTION_LOG_UNAVAILABLE", `The SQL of the metric ${how}.`, { cause });
    }
  }
}
