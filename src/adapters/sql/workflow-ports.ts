/** What the stores of workflows, and who tells runs of something, take from the module. */
export {
  LeaseLost, signalKey, type LeasedRun, type LogLine, type NewRun, type RunDirectory, type RunRelease, type RunState, type Schedule, type ScheduleStore, type SignalStore, type StepRecord, type WorkflowRun, type WorkflowStep, type WorkflowStore,
} from "../../workflows/index.ts";
