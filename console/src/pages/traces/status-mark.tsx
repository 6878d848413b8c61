import type { TraceSummary } from "../../data/types.ts";
import { Chip } from "../../parts/chip.tsx";
import { formatCount } from "../../format.ts";

/** How a trace ended. A trace that ended well may have spans that failed: they are counted. */
export function StatusMark({ trace }: { trace: Pick<TraceSummary, "status" | "errors"> }) {
  const tone = trace.status === "error" ? "bad" : trace.status === "running" ? "accent" : "good";
  return (
    <span className="cell-line">
      <Chip tone={tone}>{trace.status}</Chip>
      {trace.errors > 0 && <span className="cell-bad small nowrap">{formatCount(trace.errors)} failed</span>}
    </span>
  );
}
