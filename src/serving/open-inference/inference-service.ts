import type { EpochMs } from "../../core/clock.ts";
import type { Caller } from "../../core/caller.ts";
import type { ErrorCode } from "../../core/error-catalogue.ts";
import { toAppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { StopSignal } from "../../core/stop-signal.ts";
import type { Signature } from "../../registry/index.ts";

export type InferenceDoor = "rest" | "grpc" | "v1" | "invocations";

/** What a request came on. */
export interface CallConnection {
  readonly signal: StopSignal | undefined;
  /** Of HTTP, or the metadata of gRPC; by names in small letters. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** That header of `headers`, where reading them all costs more. */
  readonly traceparent?: string | undefined;
  /** Absent where the server asks itself. */
  readonly caller?: Caller;
  /** `told` is called when who asks has the answer, or has gone. Absent where the server asks itself. */
  readonly whenAnswered?: ((told: () => void) => void) | undefined;
}

/** A span of this server below which that of a prediction belongs. */
export interface SpanAround {
  team: string;
  traceId: string;
  spanId: string;
  /** Whose call it is of. */
  caller?: string;
}

export interface InferenceCall {
  model: string;
  /** Undefined = the version that the model's `champion` alias names. */
  version: string | undefined;
  /** The caller's own id, logged and echoed. */
  id: string | null;
  /** Checked against the signature; in its order. Arrays may be views of the request's body and must not be written to. */
  inputs: Tensor[];
  /** Names of the outputs wanted; undefined = all. */
  outputs: readonly string[] | undefined;
  /** Milliseconds from `now` within which the caller wants the answer; the policy's own deadline may be shorter. */
  deadlineMs: number | undefined;
  /**
   * The request as the door gave it: `signal` is aborted when the caller has gone. It is made when it is first read, so
   * read it only for a call that has to wait. Not a getter of the call itself: an object literal with a getter gets a
   * hidden class of its own each time, which keeps the request alive until the next full garbage collection.
   */
  connection: CallConnection;
  /** What keeps the caller with one version of a model that has a route, where the request's body says so; else a header of the route's choice does. */
  routingKey: string | undefined;
  now: EpochMs;
  door: InferenceDoor;
  /** What of this server asks; absent for callers from outside, who say it in the header `traceparent`. */
  within?: SpanAround | undefined;
}

export interface InferenceResult {
  predictionId: string;
  model: string;
  version: string;
  /** At least the outputs that were asked for. */
  outputs: Tensor[];
  /** Who answered of a model with a route: `stable` or the name of an arm. `fallback model` or `default answer` where the version could not. */
  arm?: string;
  /** Nobody reads the call's inputs any more: whoever made them may give up their memory. */
  inputsAreFree?: true;
}

/** What one served version tells of itself. */
export interface ModelDescription {
  model: string;
  /** The version described: the one asked for, or the active one. */
  version: string;
  /** All that may be asked for by number, oldest first. */
  versions: readonly string[];
  signature: Signature;
  kind: "onnx" | "python" | "upstream" | "lookup" | "none";
  /** Rows that one run may have; 1 for a model that does not batch. */
  maxBatchRows: number;
  maxBatchDelayMs: number;
  maxQueueRows: number;
  deadlineMs: number;
  /** Processes that run the model, and on what. */
  runners: number;
  executionProvider: string;
  cacheEnabled: boolean;
}

export interface RepositoryEntry {
  model: string;
  version: string;
  state: "loading" | "ready" | "failed" | "draining" | "unloaded";
  /** Why it is in this state; null when there is nothing to say. */
  reason: string | null;
  /** Whether callers who name no version get this one. */
  active: boolean;
}

/** Counts and their summed microseconds, since the version was loaded. */
export interface DurationTotal {
  count: number;
  totalUs: number;
}

export interface VersionStatistics {
  model: string;
  version: string;
  lastInferenceAt: EpochMs | null;
  /** Rows predicted, without those from the cache. */
  rows: number;
  /** Runs of the model. */
  runs: number;
  /** Requests, those from the cache included. */
  success: DurationTotal;
  fail: DurationTotal;
  queue: DurationTotal;
  run: DurationTotal;
  cacheHit: DurationTotal;
  cacheMiss: DurationTotal;
  /** Runs by the number of rows that each had. */
  batches: readonly { rows: number; run: DurationTotal }[];
}

/**
 * What the inference wires ask of serving. Everything that names a model throws MODEL_NOT_FOUND, VERSION_NOT_FOUND,
 * VERSION_NOT_READY or VERSION_FAILED when there is no such thing to answer for.
 */
export interface InferenceService {
  /** Whose the model is; null when there is none. */
  teamOf(model: string): string | null | Promise<string | null>;
  /** Decides on the version before its first await, so that inputs checked in the same turn belong to that version. */
  infer(call: InferenceCall): Promise<InferenceResult>;
  /** The same object for as long as the version is loaded: what is derived from it is kept by its identity. */
  signature(model: string, version?: string): Signature;
  describe(model: string, version?: string): ModelDescription | Promise<ModelDescription>;
  /** Never throws; without a model, whether the server takes requests. */
  ready(model?: string, version?: string): boolean;
  /** Every version that is known, loaded or not. */
  index(): readonly RepositoryEntry[] | Promise<readonly RepositoryEntry[]>;
  /** Loads the version (the active one when none is named); answers when it is ready. */
  load(model: string, version?: string): Promise<void>;
  /** Drains and unloads the version, or every version of the model. */
  unload(model: string, version?: string): Promise<void>;
  /** Counts a request that was refused before it reached a model; `model` may be anything that a caller wrote. */
  refused(model: string, code: ErrorCode): void;
  /** Of one version, of all of a model, or of everything that is loaded. */
  statistics(model?: string, version?: string): readonly VersionStatistics[] | Promise<readonly VersionStatistics[]>;
}

/** Runs what comes before the model, and counts it as refused when it throws. */
export function counted<Result>(service: InferenceService, model: string, run: () => Result): Result {
  try {
    return run();
  } catch (thrown) {
    service.refused(model, toAppError(thrown).code);
    throw thrown;
  }
}
