import { useState } from "react";
import { apiPath, call } from "./api.ts";
import { invalidate, useResource, type Resource } from "./resource.ts";
import type { Evaluation, WorkflowRun } from "./types.ts";

export interface VersionEvaluations {
  /** Newest first. */
  evaluations: Evaluation[];
  /** The newest run for the version, under way or ended. */
  run: WorkflowRun | null;
}

/** Asked often while an evaluation is under way, else now and then: one may be started elsewhere. */
export function useEvaluations(model: string, version: string): Resource<VersionEvaluations> {
  const [underWay, setUnderWay] = useState(false);
  const resource = useResource<VersionEvaluations>(apiPath`/api/models/${model}/versions/${version}/evaluations`, { refreshMs: underWay ? 1000 : 15_000 });
  const run = resource.data?.run ?? null;
  const now = run !== null && run.endedAt === null;
  if (now !== underWay) setUnderWay(now);
  return resource;
}

export async function startEvaluation(model: string, version: string, request: { dataset?: string; datasetVersion?: number; baseline?: string }): Promise<void> {
  const path = apiPath`/api/models/${model}/versions/${version}/evaluations`;
  await call<{ run: WorkflowRun }>(path, { method: "POST", body: JSON.stringify(request) });
  invalidate((key) => key === path || key.startsWith("/api/workflow-runs"));
}
