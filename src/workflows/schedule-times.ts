import { Cron } from "croner";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { MissedPolicy } from "./schemas.ts";

interface Times {
  cron: string;
  timeZone: string;
}

/** A time that comes this late, because the server was busy or just starting, still counts as on time. */
const punctualMs = 60_000;
const mostMissed = 100;

/**
 * The first time after `after`, or null when there is none. In a time zone with daylight saving, one fixed time a day that
 * falls into the skipped hour comes right after it, and one in the repeated hour comes once. Throws SCHEDULE_INVALID.
 */
export function nextTime(times: Times, after: EpochMs): EpochMs | null {
  try {
    const next = cronOf(times).nextRun(new Date(after));
    return next === null ? null : epochMs(next.getTime());
  } catch (cause) {
    throw new AppError("SCHEDULE_INVALID", `${JSON.stringify(times.cron)} in ${JSON.stringify(times.timeZone)} is no schedule.`, { cause });
  }
}

/**
 * Which of the times from `nextAt`, the first that has not been fired, to `now` are to be fired, oldest first, and the one
 * to wait for after them. Everything is computed from the schedule's own times, so that nothing is left out or twice.
 */
export function dueTimes(schedule: Times & { missed: MissedPolicy }, nextAt: EpochMs, now: EpochMs): { fire: EpochMs[]; nextAt: EpochMs | null } {
  const following = nextTime(schedule, now);
  // Backwards from now, so that years of missed minutes cost no more than the hundred that may run.
  const latest = cronOf(schedule)
    .previousRuns(mostMissed, new Date(now + 1))
    .map((time) => epochMs(time.getTime()))
    .filter((time) => time >= nextAt && time <= now)
    .sort((left, right) => left - right);
  if (latest.length === 0) latest.push(nextAt);
  if (schedule.missed === "all") return { fire: latest, nextAt: following };
  const last = latest.at(-1)!;
  if (schedule.missed === "once") return { fire: [last], nextAt: following };
  return { fire: now - last <= punctualMs ? [last] : [], nextAt: following };
}

function cronOf({ cron, timeZone }: Times): Cron {
  return new Cron(cron, { timezone: timeZone, mode: "5-part", paused: true });
}
