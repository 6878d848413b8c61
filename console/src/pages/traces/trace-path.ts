import type { TraceSummary } from "../../data/types.ts";

/** What tells a trace from another team's of the same id. */
export type TraceName = Pick<TraceSummary, "traceId" | "team">;

/** The page of a trace. Without a team it is the one of `default`. */
export function tracePath({ traceId, team }: TraceName): string {
  return team === "default" ? `/traces/${traceId}` : `/traces/${traceId}?team=${encodeURIComponent(team)}`;
}
