import type { WorkflowRun } from "../../data/types.ts";
import { Chip } from "../../parts/chip.tsx";
import { hasEnded, runStateWords, runTones } from "./run-words.ts";

/** State of a run; what was asked to stop says so. */
export function RunMark({ run }: { run: Pick<WorkflowRun, "state" | "cancelRequested"> }) {
  const cancelling = run.cancelRequested && !hasEnded(run);
  return <Chip tone={cancelling ? "warning" : runTones[run.state]} title={runStateWords[run.state]}>{cancelling ? `${run.state}, cancelling` : run.state}</Chip>;
}
