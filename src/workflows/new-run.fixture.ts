import { epochMs, type EpochMs } from "../core/clock.ts";
import type { NewRun, StepRecord } from "./workflow-store.ts";

export const storeNow = epochMs(1_700_000_000_000);

export const later = (milliseconds: number): EpochMs => epochMs(storeNow + milliseconds);

/** For tests: ids sort by their number. */
export function newRunOf(number: number, change: Partial<NewRun> = {}): NewRun {
  return {
    id: `wfr_${String(number).padStart(26, "0")}`, workflow: "train", version: 1, input: { model: "flights" }, idempotencyKey: null, priority: 0,
    concurrencyKey: null, team: "default", owner: "key:a", schedule: null, now: storeNow, dueAt: storeNow, ...change,
  };
}

export function stepOf(step: string, change: Partial<StepRecord> = {}): StepRecord {
  return {
    step, kind: "function", position: 1, state: "succeeded", attempts: 1, startedAt: storeNow, endedAt: later(5), wakeAt: null, result: { rows: 3 }, error: null,
    ...change,
  };
}

const train = [{ name: "train", version: 1, concurrencyLimit: null }];

export function leaseBy(owner: string, now: EpochMs, change: { limit?: number; workflows?: { name: string; version: number; concurrencyLimit: number | null }[] } = {}) {
  return { owner, now, leaseMs: 10_000, limit: 10, workflows: train, ...change };
}
