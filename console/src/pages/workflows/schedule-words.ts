import type { Schedule } from "../../data/types.ts";
import { formatAge } from "../../format.ts";

/** What a schedule is made of, as the server takes it. */
export function specOf({ workflow, cron, timeZone, missed, input, team, paused }: Schedule): Omit<Schedule, "name" | "owner" | "createdAt" | "nextAt" | "lastAt"> {
  return { workflow, cron, timeZone, missed, input, team, paused };
}

/** `Sun 29 Mar 03:00 CEST`: a moment as the clocks of the zone show it; in UTC where this browser does not know the zone. */
export function timeInZone(time: number, timeZone: string): string {
  const options = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false, timeZoneName: "short" } as const;
  try {
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone }).format(time).replaceAll(",", "");
  } catch {
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }).format(time).replaceAll(",", "");
  }
}

/** `in 3 h 20 min`, or that it is due. */
export function untilWords(time: number, now: number): string {
  return time <= now ? "due" : `in ${formatAge(time - now)}`;
}
