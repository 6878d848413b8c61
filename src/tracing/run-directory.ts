import type { TraceKey, VisibleTraces } from "./trace-store.ts";

/** A service with traces that are seen: what LangSmith calls a project. */
export interface TracedService {
  name: string;
  /** When its first and its last trace began that are seen: milliseconds since 1970. */
  first: number;
  last: number;
}

/** Services that are listed at most, by their names. */
export const mostServices = 5000;

/** Finds traces by what clients of LangSmith name them by. Adapters prove themselves with `run-directory.conformance.ts`. */
export interface RunDirectory {
  /** Of traces that are seen, by their names: those with one of these names, or all there are, up to `mostServices`. */
  services(visible: VisibleTraces, names?: readonly string[]): Promise<TracedService[]>;
  /**
   * Traces that are seen with a span of such a run, whose id is a UUID without dashes: those of this id, those with a span that was sent with `langsmith.run_id`, and those whose id begins with its first
   * half and that have the second as a span.
   */
  tracesOf(runs: readonly string[], visible: VisibleTraces): Promise<TraceKey[]>;
}
