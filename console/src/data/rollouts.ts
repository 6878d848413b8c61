import { useState } from "react";
import { apiPath, call } from "./api.ts";
import { invalidate, useResource, type Resource } from "./resource.ts";
import { rememberStartNotes } from "./start-notes.ts";
import type { NewRollout, Rollout, RolloutStatus, RolloutSummary, RolloutVerdict, StartedOnRoute } from "./types.ts";

const openStates: readonly Rollout["state"][] = ["preparing", "running", "paused"];

/** Whether it has not ended. */
export function isOpen({ state }: Pick<Rollout, "state">): boolean {
  return openStates.includes(state);
}

/** While one is under way its figures move each second; else one may be started elsewhere. */
const openMs = 1000;
const restMs = 15_000;
const verdictPage = 200;

export interface RolloutList {
  /** Newest first. */
  rollouts: RolloutSummary[];
  /** `before` of the next page; null at the end. */
  next: string | null;
}

export function useRollouts(filter: { model?: string; open?: boolean; before?: string | null; limit?: number } = {}): Resource<RolloutList> {
  const query = new URLSearchParams({ limit: String(filter.limit ?? 50) });
  if (filter.model !== undefined) query.set("model", filter.model);
  if (filter.open !== undefined) query.set("open", String(filter.open));
  if (filter.before) query.set("before", filter.before);
  return useFollowed(`/api/rollouts?${query}`, ({ rollouts }: RolloutList) => rollouts.some(isOpen), 2000);
}

export function useRollout(id: string): Resource<RolloutStatus> {
  return useFollowed(apiPath`/api/rollouts/${id}`, ({ rollout }) => isOpen(rollout));
}

/** Newest first. */
export function useVerdicts(rollout: Rollout): Resource<{ verdicts: RolloutVerdict[] }> {
  return useResource(`${apiPath`/api/rollouts/${rollout.id}/verdicts`}?limit=${verdictPage}`, { refreshMs: isOpen(rollout) ? openMs * 2 : restMs });
}

/** Asked for often while what it answers goes on. */
function useFollowed<Data>(path: string, goesOn: (data: Data) => boolean, often = openMs): Resource<Data> {
  const [underWay, setUnderWay] = useState(false);
  const resource = useResource<Data>(path, { refreshMs: underWay ? often : restMs });
  const now = resource.data !== undefined && goesOn(resource.data);
  if (now !== underWay) setUnderWay(now);
  return resource;
}

/** The name of a route of the gateway; null for a model. */
export function routeOf(subject: string): string | null {
  return subject.startsWith("route:") ? subject.slice("route:".length) : null;
}

/** `churn`, `the route support`. */
export function subjectWords(subject: string): string {
  const route = routeOf(subject);
  return route === null ? subject : `the route ${route}`;
}

/** What is rolled out, in short: `v3` of a model, `revision 3` of a route. */
export function versionMark(subject: string, version: string): string {
  return `${routeOf(subject) === null ? "v" : "revision "}${version}`;
}

export function subjectPath(subject: string): string {
  const route = routeOf(subject);
  return route === null ? apiPath`/api/models/${subject}` : apiPath`/api/gateway/routes/${route}`;
}

/** Tries other settings of a route on a part of its calls. */
export async function startRouteRollout(route: string, request: { settings: unknown; canary?: number; reason: string }): Promise<Rollout> {
  const rollout = await call<StartedOnRoute>(apiPath`/api/gateway/routes/${route}/rollouts`, { method: "POST", body: JSON.stringify(request) });
  rememberStartNotes(rollout.id, rollout.notes);
  refreshRollouts(`route:${route}`);
  return rollout;
}

export type RolloutAction = "promote" | "pause" | "resume" | "approve" | "abort";

/** The server has taken the request when this is done; the rollout may need a moment to carry it out. */
export async function askRollout(model: string, action: RolloutAction, reason: string): Promise<void> {
  await call(`${subjectPath(model)}/rollout/${action}`, { method: "POST", body: JSON.stringify({ reason }) });
  refreshRollouts(model);
}

export async function startRollout(model: string, request: Partial<NewRollout>): Promise<Rollout> {
  const rollout = await call<Rollout>(apiPath`/api/models/${model}/rollouts`, { method: "POST", body: JSON.stringify(request) });
  refreshRollouts(model);
  return rollout;
}

/** Gives the traffic back to the version that had it before, or to `to`. */
export async function rollBack(model: string, request: { to?: string; reason: string }): Promise<void> {
  await call(`${subjectPath(model)}/rollback`, { method: "POST", body: JSON.stringify(request) });
  refreshRollouts(model);
}

/** After anything that moves the traffic of a model or a route. */
export function refreshRollouts(model: string): void {
  invalidate((key) => key.startsWith("/api/rollouts") || key === "/api/models" || key.startsWith(subjectPath(model)) || (routeOf(model) !== null && key.startsWith("/api/gateway/routes")));
}
