import type { LangsmithRun } from "./runs.ts";

/** Runs that are not whole, at most; the oldest is forgotten. */
const mostOpen = 20_000;

/** Of a run: `post` is its beginning, `patch` what changed. Clients send them in any order, and whole runs as either. */
export type RunPart = "post" | "patch";

interface OpenRun {
  post?: LangsmithRun;
  patch?: LangsmithRun;
}

/** Puts together what clients say of a run at its beginning and at its end: kept in memory until both are there. */
export class OpenRuns {
  readonly #open = new Map<string, OpenRun>();

  /** The run with all that was said of it; null where that is not yet enough for a span. What is absent or null in a change stays, and a beginning that comes late takes back nothing. */
  merge(team: string, run: LangsmithRun, part: RunPart): LangsmithRun | null {
    const key = `${team} ${run.id}`;
    const before = this.#open.get(key);
    const open: OpenRun = { ...before, [part]: { ...before?.[part], ...Object.fromEntries(Object.entries(run).filter(([, value]) => value !== null && value !== undefined)), id: run.id } };
    const merged: LangsmithRun = { ...open.post, ...open.patch, id: run.id };
    this.#open.delete(key);
    const whole = open.post !== undefined && merged.end_time !== undefined;
    if (!whole) this.#open.set(key, open);
    if (this.#open.size > mostOpen) this.#open.delete(this.#open.keys().next().value!);
    const hasTrace = merged.trace_id !== undefined || open.post !== undefined;
    const hasStart = merged.start_time !== undefined || merged.dotted_order !== undefined;
    return open.post !== undefined || (hasTrace && hasStart) ? merged : null;
  }
}
