import type { z } from "zod";
import type { EpochMs } from "../core/clock.ts";
import type { Role } from "../core/caller.ts";
import type { CommandResult, CommandSpec } from "./command-runner.ts";

/** When a failed step is tried again: after a random part of `initialDelayMs * factor^n`, at most `maxDelayMs` (full jitter). */
export interface RetryPolicy {
  /** Attempts in all; 3 by default, 1 never tries again. */
  maxAttempts?: number;
  /** 1,000 ms by default. */
  initialDelayMs?: number;
  /** 2 by default. */
  factor?: number;
  /** 60,000 ms by default. */
  maxDelayMs?: number;
}

export interface StepOptions<Result> {
  retry?: RetryPolicy;
  /** Of one attempt; the signal aborts then, and the attempt has failed. 10 minutes by default. */
  timeoutMs?: number;
  /** The signal aborts as soon as the process is to end, not after the grace: for steps that wait and can begin again elsewhere. */
  endsAtStop?: boolean;
  /** Undoes the step when a later one fails for good or the run is cancelled; called in the reverse order of completion, with retries. */
  compensate?: (result: Result, step: StepContext) => Promise<void>;
}

/** What a step is given. */
export interface StepContext {
  /** From 1. */
  readonly attempt: number;
  /** The same for every attempt of this step of this run: what a receiver may deduplicate by. */
  readonly idempotencyKey: string;
  /** Aborted at the step's timeout, when the run is cancelled, and when this process lost the run to another. */
  readonly signal: AbortSignal;
  /** A line in the run's log. */
  log(line: string): void;
  /** Share of the run that is done, from 0 to 1, and what is going on. */
  progress(share: number, note?: string): void;
}

/**
 * What a workflow is written with. Everything that it does to the world, and everything that may differ when it is run
 * again (time, randomness, what others answer), belongs into a step: after a restart the function runs again from its
 * top, and every step that has finished answers at once with what it answered before. Names are unique within a run.
 */
export interface WorkflowContext {
  readonly runId: string;
  /** When the run was first picked up; the same in every replay, another after a retry by hand. */
  readonly startedAt: EpochMs;
  /** Runs `work` unless the journal has its result, which must be JSON. Throws STEP_FAILED when all attempts failed. */
  step<Result>(name: string, work: (step: StepContext) => Promise<Result> | Result, options?: StepOptions<Result>): Promise<Result>;
  /** Runs a program in a process group of its own: inputs by files and environment, output by a file. */
  command(name: string, command: CommandSpec, options?: StepOptions<CommandResult>): Promise<CommandResult>;
  /** The run leaves memory until then. */
  sleep(name: string, milliseconds: number): Promise<void>;
  sleepUntil(name: string, time: EpochMs): Promise<void>;
  /** The payload of a signal with this name and key, sent before or after; null at the timeout. The run leaves memory until then. */
  waitForSignal<Payload = unknown>(name: string, signal: { signal: string; key?: string; timeoutMs?: number }): Promise<Payload | null>;
}

/** A workflow: a function of its input, defined in TypeScript and registered by name. */
export interface WorkflowDefinition<Input = unknown, Output = unknown> {
  name: string;
  /** Runs go on with the version that they were started with. */
  version: number;
  description: string;
  input: z.ZodType<Input>;
  /** How many runs of this workflow, or of this workflow with the same key, may be under way at once in all replicas. */
  concurrency?: { limit: number; key?(input: Input): string };
  /** Time from the first pick-up to the end; 24 hours by default, sleeping included. */
  timeoutMs?: number;
  /** Role on the whole server that starting and scheduling it needs; without it, contributors start it for their teams. */
  starter?: Role;
  /** Its runs wait and look for most of their time: they take no place among the runs that a process has in memory at once. */
  isWatching?: boolean;
  run(context: WorkflowContext, input: Input): Promise<Output>;
}

/** Declares a workflow with its types inferred from its schema. */
export function workflow<Input, Output>(definition: WorkflowDefinition<Input, Output>): WorkflowDefinition<Input, Output> {
  return definition;
}
