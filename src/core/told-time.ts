import { AppError } from "./errors.ts";

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const ago = /^(\d{1,6})([mhd])$/;
/** A day, with a time or without, with its zone or without. */
const moment = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:\d{2})?)?$/i;

/** Whether a time is told by how long ago it was: then `toldTime` needs to know what time it is. */
export function isAgo(text: string): boolean {
  return ago.test(text);
}

/** How long something is, as people tell it to a command: 30m, 24h, 7d or 0, in milliseconds. Throws INVALID_REQUEST. */
export function toldDuration(text: string): number {
  const [, amount, unit] = ago.exec(text) ?? [];
  if (amount === undefined && text !== "0") throw new AppError("INVALID_REQUEST", `${text} is no time such as 30m, 24h or 7d.`);
  return amount === undefined ? 0 : Number(amount) * unitMs[unit!]!;
}

/**
 * A time as people tell it to a command, 30m, 24h, 7d ago or such as 2026-01-31 or 2026-01-31T12:00, in milliseconds since 1970; of UTC where it names no zone, as what commands print. `now` likewise. Throws INVALID_REQUEST: what
 * Date.parse makes of other texts (7 is July 2001, 05/11/2026 the 11th of May) is seldom what was meant.
 */
export function toldTime(text: string, now: number): number {
  const [, amount, unit] = ago.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * unitMs[unit!]!;
  const [, day, clock = "00:00", zone = "Z"] = moment.exec(text) ?? [];
  const time = day === undefined || !isDay(day) ? Number.NaN : Date.parse(`${day}T${clock}${zone.toUpperCase()}`);
  if (Number.isNaN(time)) throw new AppError("INVALID_REQUEST", `${text} is neither how long ago (30m, 24h, 7d) nor a time such as 2026-01-31 or 2026-01-31T12:00 (UTC).`);
  return time;
}

/** The 31st of February is none, though Date.parse takes it for one of March. */
function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
