import type { LangsmithRun } from "./runs.ts";

/** Runs that have not ended, at most; the oldest is forgotten. */
const mostOpen = 20_000;

/** Puts together what clients say of a run at its beginning and at its end: kept in memory until it has ended. */
export class OpenRuns {
  readonly #open = new Map<string, LangsmithRun>();

  /** The run with all that was said of it. What is absent or null in a change stays. */
  merge(team: string, run: LangsmithRun): LangsmithRun {
    const key = `${team} ${run.id}`;
    const before = this.#open.get(key);
    const merged: LangsmithRun = { ...before, ...Object.fromEntries(Object.entries(run).filter(([, value]) => value !== null && value !== undefined)), id: run.id };
    this.#open.delete(key);
    if (merged.end_time === undefined) this.#open.set(key, merged);
    if (this.#open.size > mostOpen) this.#open.delete(this.#open.keys().next().value!);
    return merged;
  }
}
