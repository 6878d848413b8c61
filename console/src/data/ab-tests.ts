import { apiPath, call } from "./api.ts";
import { invalidate, useResource, type Resource } from "./resource.ts";
import { isOpen, refreshRollouts, subjectPath } from "./rollouts.ts";
import { rememberStartNotes } from "./start-notes.ts";
import type { AbTestReport, Rollout, StartedOnRoute } from "./types.ts";

/** What is known of a test now; asked for often while it goes on. */
export function useAbTest(rollout: Rollout): Resource<AbTestReport> {
  return useResource(apiPath`/api/ab-tests/${rollout.id}`, { refreshMs: isOpen(rollout) ? 2000 : 60_000 });
}

/** Of versions of a model, or of settings of a route (`route:NAME`). What comes back is listed with the rollouts. */
export async function startAbTest(subject: string, request: unknown): Promise<Rollout> {
  const rollout = await call<Rollout & Partial<StartedOnRoute>>(`${subjectPath(subject)}/ab-tests`, { method: "POST", body: JSON.stringify(request) });
  rememberStartNotes(rollout.id, rollout.notes ?? []);
  refreshRollouts(subject);
  return rollout;
}

/** All traffic is the champion's when this is done: the former, or the variant that is promoted. */
export async function stopAbTest({ id, model }: Rollout, request: { promote?: string; reason: string }): Promise<void> {
  await call(apiPath`/api/ab-tests/${id}/stop`, { method: "POST", body: JSON.stringify(request) });
  invalidate((key) => key.startsWith("/api/ab-tests"));
  refreshRollouts(model);
}
