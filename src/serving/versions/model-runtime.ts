import type { Tensor } from "../../core/tensor.ts";
import type { HeldAnswer } from "../batching/held-answer.ts";
import type { Contract } from "../../registry/index.ts";

export interface RunResult {
  outputs: Tensor[];
  /** Microseconds inside the model. */
  runUs: number;
  /** Of a large answer that counts in the memory of such answers: whoever ran it releases it. */
  held?: HeldAnswer;
}

/**
 * One loaded copy of a model that runs one batch at a time. A runner in a process of its own can be killed while it
 * runs; an inline one cannot and is only for models that were measured tiny.
 */
export interface ModelRunner {
  readonly placement: "inline" | "runner";
  readonly executionProvider: string;
  /** Operating-system process id, for people; undefined inline. */
  readonly processId: number | undefined;
  /** Rejects with MODEL_RUN_FAILED when the model refuses the values, RUNNER_CRASHED when its process died. Inputs are not changed. */
  run(inputs: readonly Tensor[]): Promise<RunResult>;
  /** Calls back once, when the process ends by itself or by `kill`. */
  onExit(listener: (reason: string) => void): void;
  /** Ends it at once, also in the middle of a run. */
  kill(reason: string): void;
  /** Ends it after the run under way; answers when its memory is returned. */
  close(): Promise<void>;
  /** Why a run would fail now whatever its values are, in words for people; null or absent when it would not. It becomes null again by itself. */
  readonly unavailable?: string | null;
  /** Whether the run under way waits for memory of this server, for which nothing of the model is to blame. */
  readonly isHeldUp?: boolean;
  /** Whether its last answer was large, and those under way take all the memory that large answers have. */
  readonly hasNoRoom?: boolean;
}

/** Of versions whose runners are no processes: they cost nothing to have and are not warmed up, and to kill one ends its run alone. */
export interface LightRunners {
  /** In the place of the number in the policy. */
  count: number;
  /** Whether requests of several callers may share a run as the policy says. */
  joinsRequests: boolean;
}

/** Loads models; one implementation per kind of runtime. */
export interface ModelRuntime {
  readonly kind: Contract["runtime"]["kind"];
  /** Starts a runner and loads the model; rejects with VERSION_FAILED and the reason. `path` was verified against its digest. */
  start(path: string, contract: Contract, placement: "inline" | "runner"): Promise<ModelRunner>;
  /** Null, as where it is absent, for versions whose runners are processes. */
  lightRunners?(contract: Contract): LightRunners | null;
  /** Whether the graph alone allows running inline (no loops, no cost that depends on values). */
  inlineAllowed(path: string): Promise<boolean>;
}
