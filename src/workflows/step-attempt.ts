import { AppError } from "../core/errors.ts";
import type { Timers } from "./timers.ts";

export type AttemptOutcome = { state: "succeeded"; result: unknown } | { state: "failed"; error: unknown } | { state: "aborted" };

/** How long an attempt that must be waited for may take to end after the abort of its signal. */
const endingMs = 10_000;
const mostResultCharacters = 16 * 1024 * 1024;

/**
 * One attempt. It is `failed` at its timeout and `aborted` with `signal`, whether it obeys its own signal or not: what it
 * answers afterwards is dropped. With `waitForEnd` it is given some seconds to end first.
 */
export async function runAttempt(
  work: (signal: AbortSignal) => unknown,
  options: { signal: AbortSignal; timeoutMs: number; timers: Timers; waitForEnd: boolean },
): Promise<AttemptOutcome> {
  if (options.signal.aborted) return { state: "aborted" };
  const controller = new AbortController();
  const settled = Promise.withResolvers<AttemptOutcome>();
  let timedOut = false;
  let cancelEnding: (() => void) | undefined;
  const stop = (outcome: AttemptOutcome, reason: unknown): void => {
    controller.abort(reason);
    if (options.waitForEnd) cancelEnding = options.timers.after(endingMs, () => settled.resolve(outcome));
    else settled.resolve(outcome);
  };
  const timeout = new AppError("STEP_TIMEOUT", `It took longer than ${options.timeoutMs} ms.`);
  const cancelTimer = options.timers.after(options.timeoutMs, () => {
    timedOut = true;
    stop({ state: "failed", error: timeout }, timeout);
  });
  const aborted = (): void => stop({ state: "aborted" }, options.signal.reason);
  options.signal.addEventListener("abort", aborted, { once: true });
  void attempt(work, controller.signal).then((outcome) => {
    if (options.signal.aborted) settled.resolve({ state: "aborted" });
    else settled.resolve(timedOut ? { state: "failed", error: timeout } : outcome);
  });
  try {
    return await settled.promise;
  } finally {
    cancelTimer();
    cancelEnding?.();
    options.signal.removeEventListener("abort", aborted);
  }
}

async function attempt(work: (signal: AbortSignal) => unknown, signal: AbortSignal): Promise<AttemptOutcome> {
  try {
    return { state: "succeeded", result: jsonCopy(await work(signal)) };
  } catch (error) {
    return { state: "failed", error };
  }
}

/** As it will come out of the journal: so a workflow cannot come to depend on what a replay does not give. */
export function jsonCopy(value: unknown): unknown {
  if (value === undefined) return null;
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError("The result of a step must be JSON.");
  if (text.length > mostResultCharacters) throw new RangeError("The result of a step is larger than 16 MiB: store it elsewhere, and answer where.");
  return JSON.parse(text);
}
