import type { EpochMs } from "../../core/clock.ts";
import type { Problem } from "../../core/errors.ts";
import type { ErrorCode } from "../../core/error-catalogue.ts";
import type { CellValue } from "../../datasets/index.ts";
import type { ColumnProfile, ProfileRequest, Signature, TableColumn } from "../../registry/index.ts";
import type { MetricQuestion } from "../../rollouts/metrics/metric-source.ts";
import type { Prediction, PredictionFilter, StoredTruth } from "../../serving/index.ts";
import type { LookupShape } from "../lookup/lookup-file.ts";
import type { StagedFile } from "../filesystem/prediction-log/prediction-archive.ts";

/** What the child process does, by name: the request that it takes and the answer that it gives. */
export interface DuckdbTasks {
  describeReference: {
    request: { path: string; format: "parquet" | "csv" };
    answer: { rows: number; columns: TableColumn[] };
  };
  profileReference: {
    request: { path: string; format: "parquet" | "csv"; requests: readonly ProfileRequest[] };
    answer: ColumnProfile[];
  };
  readRows: {
    request: { path: string; format: "parquet" | "csv"; columns: readonly string[]; page: { offset: number; limit: number } };
    answer: CellValue[][];
  };
  writeLookup: {
    request: { path: string; format: "parquet" | "csv"; keys: readonly string[]; to: string };
    answer: LookupShape;
  };
  convertSegment: {
    request: { segmentPath: string; bytes: number; staging: string; signatures: readonly { model: string; version: string; signature: Signature | null }[] };
    answer: StagedFile[];
  };
  mergePredictions: {
    request: { files: readonly string[]; staging: string; model: string; version: string };
    answer: StagedFile;
  };
  findPrediction: {
    request: { files: readonly string[]; id: string };
    answer: Prediction | null;
  };
  listPredictions: {
    request: { files: readonly { path: string; version: string; lastTime: EpochMs }[]; filter: PredictionFilter };
    answer: Prediction[];
  };
  checkMetric: {
    request: { sql: string };
    answer: null;
  };
  answerMetric: {
    request: {
      question: MetricQuestion;
      files: readonly string[];
      segments: readonly { path: string; bytes: number }[];
      signature: Signature | null;
      /** Of the time of the question; empty when the SQL does not speak of it. */
      truth: readonly Pick<StoredTruth, "predictionId" | "row" | "value">[];
    };
    answer: number | null;
  };
}

export type DuckdbTaskName = keyof DuckdbTasks;

export interface DuckdbCall {
  number: number;
  task: DuckdbTaskName;
  request: unknown;
}

export type DuckdbReply =
  | { number: number; answer: unknown }
  | { number: number; failure: { code: ErrorCode; message: string; problems: readonly Problem[]; cause: string } | { code: null; message: string } };
