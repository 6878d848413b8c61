import { useResource, type Resource } from "./resource.ts";
import type { Schedule, WorkflowSummary } from "./types.ts";

export function useWorkflows(): Resource<{ workflows: WorkflowSummary[] }> {
  return useResource("/api/workflows", { refreshMs: 10_000 });
}

export function useSchedules(): Resource<{ schedules: Schedule[] }> {
  return useResource("/api/schedules", { refreshMs: 10_000 });
}
