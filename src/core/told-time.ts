import { AppError } from "./errors.ts";

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const ago = /^(\d{1,6})([mhd])$/;

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

/** A time as people tell it to a command, 30m, 24h, 7d ago or such as 2026-01-31, in milliseconds since 1970. `now` likewise. Throws INVALID_REQUEST. */
export function toldTime(text: string, now: number): number {
  const [, amount, unit] = ago.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * unitMs[unit!]!;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new AppError("INVALID_REQUEST", `${text} is neither how long ago (30m, 24h, 7d) nor a time such as 2026-01-31.`);
  return time;
}
