export * from "./schemas.ts";
export type { CommandResult, CommandRunner, CommandSpec } from "./command-runner.ts";
export { DefinitionCatalogue } from "./definition-catalogue.ts";
export { workflow, type RetryPolicy, type StepContext, type StepOptions, type WorkflowContext, type WorkflowDefinition } from "./definition.ts";
export { systemTimers, type Timers } from "./timers.ts";
export { WorkflowService, type RunEvent } from "./workflow-service.ts";
export { LeaseLost } from "./workflow-store.ts";
export type { LeasedRun, NewRun, RunDirectory, RunRelease, ScheduleStore, SignalStore, StepRecord, WorkflowStore } from "./workflow-store.ts";
