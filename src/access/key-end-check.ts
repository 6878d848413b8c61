import { ok, skipped, warning, type DoctorCheck } from "../core/doctor-check.ts";
import type { KeyStore } from "./access-store.ts";

const dayMs = 86_400_000;
/** Days before its end in which a key is named. */
const noticeDays = 14;
/** A key that nobody used for so many days is missed by nobody. */
const usedDays = 30;
const mostNamed = 10;

/** Keys that are in use and about to end, or ended of late: their programs are refused from then on. */
export function keyEndCheck(keys: Pick<KeyStore, "list">): DoctorCheck {
  return {
    name: "keys that end soon",
    async run(now) {
      const used = (await keys.list()).filter(({ revokedAt, lastUsedAt }) => revokedAt === null && lastUsedAt !== null && lastUsedAt > now - usedDays * dayMs);
      if (used.length === 0) return skipped("No key was used of late.");
      const ending = used
        .flatMap(({ id, name, expiresAt }) => (expiresAt === null ? [] : [{ id, name, days: (expiresAt - now) / dayMs }]))
        .filter(({ days }) => Math.abs(days) < noticeDays)
        .sort((one, other) => one.days - other.days);
      if (ending.length === 0) return ok(used.length === 1 ? `The one in use does not end within ${noticeDays} days.` : `None of the ${used.length} in use ends within ${noticeDays} days.`);
      const named = ending.slice(0, mostNamed).map(({ id, name, days }) => `${name} (${id}) ${days < 0 ? `ended ${daysText(-days)} ago` : `ends in ${daysText(days)}`}`);
      return warning(`${named.join(", ")}${ending.length > mostNamed ? `, and ${ending.length - mostNamed} more` : ""}.`, "Rotate those that are still in use (`slipway keys rotate KEY --expires-days 90 --grace 7d`), or make new ones and revoke these.");
    },
  };
}

function daysText(days: number): string {
  const whole = Math.floor(days);
  return whole === 0 ? "less than a day" : whole === 1 ? "a day" : `${whole} days`;
}
