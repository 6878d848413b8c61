import { epochMs, type EpochMs } from "../core/clock.ts";
import type { Attribution } from "./ledger-entry.ts";
import type { SpendWindow } from "./schemas.ts";

const dayMs = 86_400_000;

/** A day or a month of UTC. */
export interface CalendarWindow {
  window: SpendWindow;
  /** `2026-11-21` or `2026-11`. */
  name: string;
  startsAt: EpochMs;
  endsAt: EpochMs;
}

let latest: { day: CalendarWindow; month: CalendarWindow } | null = null;

/** The day and the month that a moment is in. The last answer is kept, for nearly all moments are of today. */
export function windowsAt(at: EpochMs): { day: CalendarWindow; month: CalendarWindow } {
  if (latest !== null && at >= latest.day.startsAt && at < latest.day.endsAt) return latest;
  const start = Math.floor(at / dayMs) * dayMs;
  const text = new Date(start).toISOString();
  const [year, month] = [Number(text.slice(0, 4)), Number(text.slice(5, 7))];
  latest = {
    day: { window: "day", name: text.slice(0, 10), startsAt: epochMs(start), endsAt: epochMs(start + dayMs) },
    month: { window: "month", name: text.slice(0, 7), startsAt: epochMs(Date.UTC(year, month - 1, 1)), endsAt: epochMs(Date.UTC(year, month, 1)) },
  };
  return latest;
}

/** What a budget can be of, as it stands in the ids of its scopes: `key:ID`, `team:NAME`, `project:TEAM/NAME`, `route:NAME`. */
export function ownersOf({ actor, team, project, route }: Pick<Attribution, "actor" | "team" | "project" | "route">): string[] {
  const owners = [actor, teamOwner(team)];
  if (project !== null) owners.push(projectOwner(team, project));
  // One model of a provider, asked for by PROVIDER/MODEL, is no route and can have no budget; callers choose its name, and what is kept of it must not grow with that.
  if (route !== null && !route.includes("/")) owners.push(routeOwner(route));
  return owners;
}

export const teamOwner = (team: string): string => `team:${team}`;
export const projectOwner = (team: string, project: string): string => `project:${team}/${project}`;
export const keyOwner = (key: string): string => `key:${key}`;
export const routeOwner = (route: string): string => `route:${route}`;

/** Such as `key:key_01.../day/2026-11-21`. */
export function scopeId(owner: string, { window, name }: CalendarWindow): string {
  return `${owner}/${window}/${name}`;
}
