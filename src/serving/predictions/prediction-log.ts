import type { EpochMs } from "../../core/clock.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Prediction, PredictionTiming } from "../schemas.ts";
import type { Assignment } from "../traffic/traffic-route.ts";

/** What serving hands to the log; redaction and sampling were applied before. */
export interface PredictionEntry {
  id: string;
  time: EpochMs;
  model: string;
  version: string;
  requestId: string | null;
  rows: number;
  outcome: string;
  timing: PredictionTiming;
  inputs: readonly LogTensor[];
  outputs: readonly LogTensor[];
  /** Why it went to this version, where the model had a route. */
  assignment?: Assignment | null;
  /** Of the trace that has its span, where it has one. */
  traceId?: string | null;
}

/** A tensor, or what stands for it when its values are withheld. */
export type LogTensor = Tensor | (Omit<Tensor, "data"> & { data: null; digest?: string; redacted?: boolean });

export interface PredictionFilter {
  model: string;
  version?: string;
  outcome?: "ok" | "error";
  /** Only predictions with an id before this one; for paging. */
  before?: string;
  /** Only predictions with an id after this one. */
  after?: string;
  /** With the answers of shadows, which are left out otherwise. */
  shadow?: boolean;
  /** Only the answers of shadows to the request of this prediction. */
  shadowOf?: string;
  limit: number;
}

/**
 * Append-only log of predictions. `append` answers when the entry has reached the operating system: it survives the
 * death of the process, and power loss but for the last `syncEveryMs`. Entries of one moment share one write. Sealed
 * segments become Parquet, one row for each row of a request.
 */
export interface PredictionLog {
  append(entry: PredictionEntry): Promise<void>;
  /** Searches memory, segments and Parquet. */
  find(id: string): Promise<Prediction | null>;
  /** Newest first. */
  list(filter: PredictionFilter): Promise<Prediction[]>;
  /** Seals the active segment and turns everything sealed into Parquet; for tests, backups and `stop`. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}
